"""The panel: several judges on one song, where they agree and where they differ most."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .audio import Waveform
from .axes import AXES, Axis
from .errors import WeightsError
from .judges import Judge
from .report import Report


@dataclass(frozen=True)
class Panel:
    """What each judge made of one song, in the order of asking, and why others could not be asked.

    `unfinished` is the report, so far, of the judge that is listening.
    """

    reports: tuple[Report, ...]
    absent: Mapping[str, str]
    unfinished: Report | None = None

    def scores(self, axis: Axis) -> dict[str, float]:
        """Judge -> its score on `axis`, of those that predict it."""
        given = {report.judge: report.scores[axis.key] for report in self.reports}
        return {judge: score for judge, score in given.items() if score is not None}

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Those that at least one judge predicts."""
        return tuple(axis for axis in AXES if self.scores(axis))

    def range(self, axis: Axis) -> float | None:
        """From the lowest to the highest score, as a share of the axis; None where fewer than two judges predict it."""
        scores = self.scores(axis).values()
        return (max(scores) - min(scores)) / (axis.high - axis.low) if len(scores) > 1 else None

    @property
    def disputed(self) -> Axis | None:
        """Where the judges differ most; None where no two predict the same."""
        ranges = {axis: self.range(axis) or 0.0 for axis in self.axes if self.range(axis) is not None}
        return max(ranges, key=lambda axis: ranges[axis], default=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "reports": [report.as_dict() for report in self.reports],
            "range": {axis.key: self.range(axis) for axis in self.axes},
            "disputed": self.disputed.key if self.disputed else None,
            "absent": dict(self.absent),
        }


def steps(judges: Iterable[str], get: Callable[[str], Judge], song: Waveform, name: str) -> Iterator[Panel]:
    """One judge after another, so that only one has to be in memory; the panel so far after each segment."""
    reports: list[Report] = []
    absent: dict[str, str] = {}
    for judge in judges:
        try:
            for report in get(judge).steps(song, name):
                yield Panel(tuple(reports), dict(absent), report)
            reports.append(report)
        except WeightsError as error:
            absent[judge] = str(error)
    yield Panel(tuple(reports), absent)
