"""A visitor's last songs: which scores changed from one to the next, and by more than the judge's error."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..core.axes import Axis
from .report import Report, error_of_difference


@dataclass(frozen=True)
class Change:
    """How much higher a song's score is than the other song's.

    `clear` is whether this is more than the judge's error. It is None if the judge knows no error of this score.
    """

    axis: Axis
    value: float
    clear: bool | None


def changes(report: Report, before: Report) -> tuple[Change, ...]:
    """Return the changes of the scores that both reports of a judge have."""
    pairs = ((axis, report.scores[axis.key], before.scores[axis.key]) for axis in report.axes)
    found = ((axis, now - then) for axis, now, then in pairs if now is not None and then is not None)
    return tuple(Change(axis, value, _clear(value, report, before, axis)) for axis, value in found)


def _clear(value: float, report: Report, before: Report, axis: Axis) -> bool | None:
    error = error_of_difference(report, before, axis.key)
    return None if error is None else abs(value) > error


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
