"""Compares two songs by the panel of judges: which song each judge prefers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..core.axes import Axis
from ..core.errors import PreferenceError
from ..core.text import message
from ..judges.panel import Panel
from ..judges.registry import REGISTRY
from .comparison import Comparison, Models, compare_by_model, compare_reports, no_models
from .head_files import load


@dataclass(frozen=True)
class PanelComparison:
    """Comparisons of two songs, one by each judge of the panel that has a model or a preference head of its own.

    `without` gives the reason why each of the other judges has no comparison.
    """

    a: Panel
    b: Panel
    comparisons: tuple[Comparison, ...]
    without: Mapping[str, str]

    @property
    def judges(self) -> tuple[str, ...]:
        """Return the judges that scored both songs."""
        heard = {report.judge for report in self.b.reports}
        return tuple(report.judge for report in self.a.reports if report.judge in heard)

    @property
    def absent(self) -> dict[str, str]:
        """Return the judges that could not be asked about both songs, with the reasons."""
        return {**self.a.absent, **self.b.absent}

    def differences(self, axis: Axis) -> dict[str, float]:
        """Return A's score minus B's score by judge, for the judges that predict the axis."""
        b = self.b.scores(axis)
        return {judge: score - b[judge] for judge, score in self.a.scores(axis).items() if judge in b}

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "answers": {each.judge: asdict(each.answer) | each.basis for each in self.comparisons},
            "without": dict(self.without),
            "differences": {axis.key: self.differences(axis) for axis in self.a.axes},
            "absent": self.absent,
            "a": self.a.as_dict(),
            "b": self.b.as_dict(),
        }


def compare_panels(a: Panel, b: Panel, models: Models = no_models, one_maker: bool = True) -> PanelComparison:
    """Compare the songs by each judge that scored both."""
    comparisons: list[Comparison] = []
    without: dict[str, str] = {}
    others = {report.judge: report for report in b.reports}
    for one, other in ((report, others[report.judge]) for report in a.reports if report.judge in others):
        try:
            head = load(one.judge)
            if by_model := compare_by_model(head, (one, other), models, one_maker):
                comparisons.append(by_model)
            elif head.judge == one.judge:
                comparisons.append(compare_reports(head, (one, other), one_maker=one_maker))
            else:
                title = REGISTRY[head.judge].title
                without[one.judge] = message("no preference head was fitted; {title}’s is another judge’s", title=title)
        except PreferenceError as error:
            without[one.judge] = str(error)
    return PanelComparison(a, b, tuple(comparisons), without)
