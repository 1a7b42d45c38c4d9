"""The panel: several judges score the same songs, which shows where they agree and where they differ most."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..audio.waveform import Waveform
from ..core.axes import AXES, Axis
from ..core.errors import WeightsError
from .judge import Judge, ScoringProgress
from .manager import LoadProgress
from .registry import REGISTRY, estimate_seconds
from .report import Report


@dataclass(frozen=True)
class Panel:
    """The judges' reports on one song, in the order of asking, and the reasons why other judges could not be asked."""

    reports: tuple[Report, ...]
    absent: Mapping[str, str]

    def scores(self, axis: Axis) -> dict[str, float]:
        """Return the scores on `axis` by judge, of the judges that predict it."""
        given = {report.judge: report.scores[axis.key] for report in self.reports}
        return {judge: score for judge, score in given.items() if score is not None}

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Return the axes that at least one judge predicts."""
        return tuple(axis for axis in AXES if self.scores(axis))

    def range(self, axis: Axis) -> float | None:
        """Return the highest score minus the lowest, as a share of the axis.

        Return None if fewer than two judges predict the axis.
        """
        scores = self.scores(axis).values()
        return (max(scores) - min(scores)) / (axis.high - axis.low) if len(scores) > 1 else None

    @property
    def disputed(self) -> Axis | None:
        """Return the axis on which the judges differ most, or None if no two judges predict the same axis."""
        ranges = {axis: self.range(axis) or 0.0 for axis in self.axes if self.range(axis) is not None}
        return max(ranges, key=lambda axis: ranges[axis], default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "reports": [report.as_dict() for report in self.reports],
            "range": {axis.key: self.range(axis) for axis in self.axes},
            "disputed": self.disputed.key if self.disputed else None,
            "absent": dict(self.absent),
        }


@dataclass(frozen=True)
class PanelProgress:
    """The panel of each song so far.

    `current` is what a judge does for the song with the index `song`; it is None at the end. `left` is how many seconds
    remain until every judge has scored every song, without the time for loading. It is None if that cannot be estimated
    yet.
    """

    panels: tuple[Panel, ...]
    current: LoadProgress | ScoringProgress | None = None
    song: int = 0
    left: float | None = None


NamedWaveform = tuple[Waveform, str]
"""A song's waveform and its name."""
Load = Callable[[str], Iterator[LoadProgress | Judge]]
"""Takes a judge's name; yields progress and at last the judge, as JudgeManager.load does."""


def score_songs(judges: Iterable[str], load: Load, *songs: NamedWaveform) -> Iterator[PanelProgress]:
    """Score all songs with one judge after another, so that only one judge has to be in memory.

    Yield progress; the last item has the complete panels.
    """
    names, durations = list(judges), [waveform.duration for waveform, _ in songs]
    panels = tuple(Panel((), {}) for _ in songs)
    for place, name in enumerate(names):
        before = names[:place]
        later = estimate_all_seconds(names[place + 1 :], durations, [*before, name])
        reports: list[Report] = []
        try:
            for current in _score(name, load, songs):
                rest = durations[len(reports) :]
                now = (
                    current.left
                    if isinstance(current, ScoringProgress)
                    else estimate_all_seconds([name], rest[:1], before)
                )
                yield PanelProgress(
                    panels, current, len(reports), _sum((now, estimate_all_seconds([name], rest[1:], before), later))
                )
                if isinstance(current, ScoringProgress) and current.done and current.report is not None:
                    reports.append(current.report)
            panels = tuple(replace(p, reports=(*p.reports, r)) for p, r in zip(panels, reports, strict=True))
        except WeightsError as error:
            panels = tuple(replace(p, absent={**p.absent, name: str(error)}) for p in panels)
    yield PanelProgress(panels)


def _score(name: str, load: Load, songs: Sequence[NamedWaveform]) -> Iterator[LoadProgress | ScoringProgress]:
    """Load a judge and score the songs. No reference to the judge is kept when this ends."""
    for step in load(name):
        if isinstance(step, LoadProgress):
            yield step
        else:
            for waveform, title in songs:
                yield from step.score(waveform, title)


def estimate_all_seconds(names: Iterable[str], durations: Sequence[float], before: Iterable[str] = ()) -> float | None:
    """Return how many seconds songs of `durations` take the judges together, or None if that cannot be estimated.

    Judges whose work is too little to be counted are left out. Judges of the same cost share their networks: the work
    is done once, by the first of them or by a judge in `before`.
    """
    done = {REGISTRY[name].cost for name in before if name in REGISTRY}
    counted = {REGISTRY[name].cost: name for name in reversed([*names]) if name in REGISTRY and REGISTRY[name].cost}
    return _sum(estimate_seconds(name, s) for work, name in counted.items() if work not in done for s in durations)


def _sum(parts: Iterable[float | None]) -> float | None:
    """Return the sum, or None if any part is None."""
    known = list(parts)
    return None if None in known else sum(part or 0.0 for part in known)
