"""A song against another one by the same judge, the last one or one for reference: which scores differ, and by more
than the judge's error."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.axes import Axis
from .report import Report, error_of_difference


@dataclass(frozen=True)
class Change:
    """How much higher a song's score is than the `other` song's.

    `error` is the half-width of the 80% interval of the difference, or None if the judge knows none.
    """

    axis: Axis
    value: float
    other: float
    error: float | None

    @property
    def clear(self) -> bool | None:
        """Return whether the difference is more than the judge's error, or None if that is not known."""
        return None if self.error is None else abs(self.value) > self.error

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"value": self.value, "error": self.error, "clear": self.clear}


def changes(report: Report, before: Report) -> tuple[Change, ...]:
    """Return the changes of the scores that both reports of a judge have."""
    pairs = ((axis, report.scores[axis.key], before.scores[axis.key]) for axis in report.axes)
    found = ((axis, now, then) for axis, now, then in pairs if now is not None and then is not None)
    return tuple(
        Change(axis, now - then, then, error_of_difference(report, before, axis.key)) for axis, now, then in found
    )


def beside(report: Report, other: Report) -> dict[str, Any]:
    """Return the scores of another song by the same judge, and how much higher the report's are, for JSON."""
    differences = {each.axis.key: each.as_dict() for each in changes(report, other)}
    return {"file": other.file, "sha256": other.sha256, "scores": other.scores, "differences": differences}


@dataclass(frozen=True, eq=False)
class Takes:
    """By judge: the report on the song that was scored last, and the report with which it is compared, if any."""

    pairs: Mapping[str, tuple[Report, Report | None]] = field(default_factory=dict)

    def before(self, report: Report) -> Report | None:
        """Return the report of the same judge with which the report on the last song is compared."""
        return self.pairs.get(report.judge, (report, None))[1]

    def followed_by(self, reports: Iterable[Report], keep: bool) -> "Takes":
        """Return the takes after a song. If `keep` is true, it is compared with the same take as the song before.

        A song that is scored again is compared with the same take, too.
        """
        return Takes({**self.pairs, **{report.judge: (report, self._base(report, keep)) for report in reports}})

    def _base(self, report: Report, keep: bool) -> Report | None:
        if report.judge not in self.pairs:
            return None
        last, base = self.pairs[report.judge]
        return base if report.sha256 == last.sha256 or (keep and base is not None) else last

    def forgotten(self) -> "Takes":
        """Return the last songs without those that they are compared with."""
        return Takes({judge: (last, None) for judge, (last, _) in self.pairs.items()})
