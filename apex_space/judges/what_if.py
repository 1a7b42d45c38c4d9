"""Tries changes on a song, and shows what each does to a judge's scores, against what harmless changes do.

A judge's scores move a little when nothing changes that anybody would mind, such as a start 0.1 s later. The largest
such movement of a score is its noise floor. What moves a score further, the judge hears; it ignores the rest. This
says what a model hears, not what people would prefer.

Of a judge that hears a song as a whole, the same way tells how much each part of the song carries (occlusion): the part
is left out, and the rest is scored. It is not replaced by silence, because the question is what the song would be
without it, as for the segments of other judges, and because a hole of 10 s is a fault of its own, wherever it is.
"""

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..audio.changes import (
    CHANGES,
    HARMLESS,
    HARMLESS_CUTS,
    MAX_PARTS,
    MAX_SECONDS,
    PART_SECONDS,
    Change,
    Sound,
    load_mono,
    load_sound,
    without_parts,
)
from ..audio.segments import SEGMENT_SECONDS
from ..core.axes import Axis
from ..core.errors import CannotChange
from .embedding_cache import EmbeddingCache
from .judge import Judge, ScoringProgress
from .manager import BEST, LoadProgress
from .panel import Load
from .registry import estimate_seconds
from .report import Report

TRIALS = (*HARMLESS, *CHANGES)
NEGLIGIBLE = 0.002
"""Share of an axis below which a difference means nothing, whatever harmless changes do."""


IN_SEGMENTS = (
    "{judge} does not hear this song as a whole. Its report has by how much each segment lifts or lowers the scores, "
    "exactly."
)


@dataclass(frozen=True)
class WhatIfRequest:
    """A song's file and the judge's name, or BEST. `name` is what the report shows instead of the file's name.

    If `parts` is true, the changes are that each part of the song is left out.
    """

    song: Path
    judge: str = BEST
    name: str | None = None
    parts: bool = False


@dataclass(frozen=True)
class Effect:
    """What a change does: how much higher each score is, by axis. `note` says what was done to this song.

    `part` is from and to which second the song was left out, if that was the change.
    """

    name: str
    title: str
    note: str
    differences: Mapping[str, float]
    part: tuple[float, float] | None = None


@dataclass(frozen=True)
class LeftOut:
    """A change that does not apply to this song, and the reason."""

    name: str
    title: str
    reason: str


@dataclass(frozen=True)
class WhatIf:
    """The effects of all changes on a song's scores.

    `report` is on the song as it is, or on its first `seconds` if it is longer than what is changed.
    """

    report: Report
    duration: float
    harmless: tuple[Effect, ...] = ()
    effects: tuple[Effect, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Return the axes that have a score."""
        return tuple(axis for axis in self.report.axes if self.report.scores[axis.key] is not None)

    @property
    def seconds(self) -> float:
        """Return how much of the song is changed."""
        return self.report.duration

    @property
    def parts(self) -> tuple[tuple[tuple[float, float], Effect], ...]:
        """Return from and to which second each part is that was left out, and what that did."""
        return tuple((effect.part, effect) for effect in self.effects if effect.part)

    def floor(self, axis: Axis) -> float:
        """Return the noise floor of a score: the largest difference that a harmless change makes.

        It is at least NEGLIGIBLE of the axis, which is less than the pages show.
        """
        found = (abs(effect.differences[axis.key]) for effect in self.harmless)
        return max([NEGLIGIBLE * (axis.high - axis.low), *found])

    def heard(self, effect: Effect) -> tuple[Axis, ...]:
        """Return the axes on which a change makes a larger difference than every harmless one."""
        return tuple(axis for axis in self.axes if abs(effect.differences[axis.key]) > self.floor(axis))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "file": self.report.file,
            "judge": self.report.judge,
            "duration": self.duration,
            "seconds": self.seconds,
            "scores": {axis.key: self.report.scores[axis.key] for axis in self.axes},
            "noise_floor": {axis.key: self.floor(axis) for axis in self.axes},
            "changes": [self._plain(effect) for effect in self.effects],
            "harmless": [self._plain(effect) for effect in self.harmless],
            "left_out": [asdict(each) for each in self.left_out],
            "scales": {axis.key: axis.scale for axis in self.axes},
            "weights": [asdict(each) for each in self.report.weights],
            "sha256": self.report.sha256,
            "version": self.report.version,
            "made": self.report.made,
        }

    def _plain(self, effect: Effect) -> dict[str, Any]:
        return asdict(effect) | {"heard": [axis.key for axis in self.heard(effect)]}


@dataclass(frozen=True)
class WhatIfProgress:
    """How far the trials are. `share` is the share that is done, and `left` how many seconds the rest takes, if known.

    `current` is what the judge does, and `title` the change that it is done for, or nothing for the song as it is.
    `result` is there at the end.
    """

    judge: str
    share: float = 0.0
    left: float | None = None
    title: str = ""
    current: LoadProgress | ScoringProgress | None = None
    result: WhatIf | None = None


def hears_whole(report: Report) -> bool:
    """Return whether a report is of a judge that hears a song as a whole, and of a song that has two parts."""
    whole = len(report.segments) == 1 and report.segments[0].end - report.segments[0].start > SEGMENT_SECONDS
    return whole and report.duration >= 2 * PART_SECONDS


def estimate_what_if(judge: str, duration: float, parts: bool = False) -> float | None:
    """Return how many seconds the trials on a song of `duration` take at most, or None if that is not known yet."""
    count = len(HARMLESS_CUTS) + min(MAX_PARTS, int(duration / PART_SECONDS)) if parts else len(TRIALS)
    each = estimate_seconds(judge, duration if parts else min(duration, MAX_SECONDS))
    return None if each is None else (1 + count) * each


def what_if(request: WhatIfRequest, load: Load) -> Iterator[WhatIfProgress]:
    """Try all changes on a song. Yield progress; the last item has the result.

    Each trial waits in the judge's queue like a song, so that others are served in between. Closing the generator stops
    the work. Raises AudioError, Busy, UnknownJudge and WeightsError. It is CannotChange if parts are asked for of a
    judge that does not hear the song as a whole.
    """
    for step in load(request.judge):
        if isinstance(step, LoadProgress):
            yield WhatIfProgress(step.judge, current=step)
        else:
            sound, duration = load_mono(request.song) if request.parts else load_sound(request.song)
            trials = (*HARMLESS_CUTS, *without_parts(sound)) if request.parts else TRIALS
            yield from _Trials(step, sound, trials).run(duration, request.name or request.song.name)


@dataclass
class _Trials:
    """Scores a sound and its changes by a judge."""

    judge: Judge
    sound: Sound
    trials: tuple[Change, ...]
    began: float = field(default_factory=time.perf_counter)
    done: int = 0

    def run(self, duration: float, name: str) -> Iterator[WhatIfProgress]:
        report = yield from self._score(self.judge, self.sound, "", name)
        if self._parts and not hears_whole(report):
            raise CannotChange(IN_SEGMENTS, judge=self.judge.name)
        self.began = time.perf_counter()  # the song itself is known in most cases
        self.judge = replace(self.judge, cache=EmbeddingCache())  # nobody asks for these sounds again
        result = WhatIf(report, duration)
        for change in self.trials:
            result = yield from self._try(change, result)
            self.done += 1
        yield WhatIfProgress(self.judge.name, 1.0, 0.0, result=result)

    def _try(self, change: Change, result: WhatIf) -> Generator[WhatIfProgress, None, WhatIf]:
        """Make a change. Return the result with what it does, or why it is left out."""
        yield self._progress(change.title)
        try:
            changed = change(self.sound)
        except CannotChange as error:
            left_out = LeftOut(change.name, change.title, str(error))
            return replace(result, left_out=(*result.left_out, left_out))
        report = yield from self._score(self.judge, changed, change.title, "")
        before, after = _known(result.report), _known(report)
        differences = {axis.key: after[axis.key] - before[axis.key] for axis in result.axes}
        effect = Effect(change.name, change.title, changed.note, differences, change.part)
        if change in (*HARMLESS, *HARMLESS_CUTS):
            return replace(result, harmless=(*result.harmless, effect))
        return replace(result, effects=(*result.effects, effect))

    def _score(self, judge: Judge, sound: Sound, title: str, name: str) -> Generator[WhatIfProgress, None, Report]:
        for step in judge.score(sound.waveform(), name):
            yield self._progress(title, step)
        assert step.report is not None  # the last step has the whole sound's
        return step.report

    def _progress(self, title: str, current: ScoringProgress | None = None) -> WhatIfProgress:
        done = self.done + (current.share if current and title else 0)
        spent = time.perf_counter() - self.began
        first, count = estimate_what_if(self.judge.name, self.sound.duration, self._parts), len(self.trials)
        left = spent / done * (count - done) if done else first
        return WhatIfProgress(self.judge.name, done / count, left, title, current)

    @property
    def _parts(self) -> bool:
        return any(change.part for change in self.trials)


def _known(report: Report) -> dict[str, float]:
    return {axis: score for axis, score in report.scores.items() if score is not None}
