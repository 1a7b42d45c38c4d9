"""Reports -> ordered rows, and whether those kept can be told from the others. Arithmetic only."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..core.axes import BY_KEY
from ..core.intervals import Z95
from ..judges.report import Report, Scores
from ..preference.head import Preference, PreferenceHead
from .songs import BatchSong

PREFERENCE = "preference"
NEVER = 1e-12
"""A chance nearer to 0 or 1 is not told from it."""


@dataclass(frozen=True)
class Rules:
    """Who judges, what songs are ranked by (PREFERENCE or an axis' key) and how many of them are kept.

    `head` answers for the preference; it is `outdated` where it was fitted on other weights of its judge.
    """

    judge: str
    by: str
    keep: int
    head: PreferenceHead | None = None
    outdated: bool = False

    @property
    def fallback(self) -> bool:
        """The judge has no preference head of its own: the order is by the scores of `head.judge`."""
        return self.head is not None and self.head.judge != self.judge


@dataclass(frozen=True)
class Outcome:
    """What became of a song: the judge's report and the one that the preference head weighs, or the error."""

    song: BatchSong
    report: Report | None = None
    weighed: Report | None = None
    error: str = ""


@dataclass(frozen=True)
class RankedSong:
    """A song in a ranking.

    Equal songs share a `rank`; None where the song has none, with the reason in `error`. By preference `value` is the
    mean chance to be preferred to another song of the batch, and `low` to `high` its 95% interval, which holds what is
    uncertain in the head's coefficients. By an axis it is the score, and the interval held the truth for 80% of the
    songs the judge had not been trained on, where the judge knows one. `same_as` names the song before it that has the
    same samples: such a copy is never kept.
    """

    song: BatchSong
    report: Report | None
    rank: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    kept: bool = False
    same_as: str = ""
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        figures = {name: getattr(self, name) for name in ("rank", "value", "low", "high", "kept", "same_as", "error")}
        report = self.report and self.report.as_dict()
        return {"file": self.song.name, "group": self.song.group, **figures, "report": report}


@dataclass(frozen=True)
class Border:
    """Between the `last` song that is kept and the `first` that is not.

    `clear`: the one is ahead of the other by more than is uncertain; None where the judge knows no uncertainty.
    `preference` is for `last` over `first`, where songs are ranked so. `unsure` of the kept songs cannot be told from
    `first`, and `rivals` of the others not from `last`.
    """

    last: RankedSong
    first: RankedSong
    clear: bool | None
    preference: Preference | None
    unsure: int
    rivals: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = {"last": self.last.song.name, "first": self.first.song.name}
        answer = self.preference and asdict(self.preference)
        return {**names, "clear": self.clear, "preference": answer, "unsure": self.unsure, "rivals": self.rivals}


@dataclass(frozen=True)
class Ranking:
    """Songs, the best first; then those that have no rank, with the reason. `border` is None where all are kept."""

    rules: Rules
    rows: tuple[RankedSong, ...]
    border: Border | None

    @property
    def kept(self) -> tuple[RankedSong, ...]:
        """The songs to keep, the best first."""
        return tuple(row for row in self.rows if row.kept)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rules = self.rules
        head = rules.head and {"judge": rules.head.judge, "revision_id": rules.head.revision_id}
        return {
            "judge": rules.judge,
            "by": rules.by,
            "keep": rules.keep,
            "head": head,
            "fallback": rules.fallback,
            "outdated": rules.outdated,
            "border": self.border and self.border.as_dict(),
            "rows": [row.as_dict() for row in self.rows],
        }


Figures = tuple[float | None, float | None, float | None]
"""Value, low and high."""


class _Measure(Protocol):
    """What songs are ranked by."""

    def lacks(self, outcome: Outcome) -> str:
        """Why a song has no rank, or empty."""

    def key(self, outcome: Outcome) -> float:
        """More is better; equal for equal songs."""

    def figures(self, outcomes: Sequence[Outcome]) -> Sequence[Figures]:
        """Value, low and high of each."""

    def between(self, better: Outcome, worse: Outcome) -> tuple[bool | None, Preference | None]:
        """Whether the one is clearly ahead, and by preference how much."""


class _ByAxis:
    def __init__(self, axis: str) -> None:
        self._axis = axis

    def lacks(self, outcome: Outcome) -> str:
        return _lacks(outcome.report, (self._axis,))

    def key(self, outcome: Outcome) -> float:
        return _scores(outcome.report, (self._axis,))[0]

    def figures(self, outcomes: Sequence[Outcome]) -> Sequence[Figures]:
        return [self._figures(outcome) for outcome in outcomes]

    def _figures(self, outcome: Outcome) -> Figures:
        axis, value, spread = BY_KEY[self._axis], self.key(outcome), self._spread(outcome)
        if spread is None:
            return value, None, None
        return value, max(axis.low, value - spread), min(axis.high, value + spread)

    def between(self, better: Outcome, worse: Outcome) -> tuple[bool | None, Preference | None]:
        """Errors of two songs are taken to be independent: that of their difference is as the sum of their squares."""
        error, other = self._spread(better), self._spread(worse)
        if error is None or other is None:
            return None, None
        return self.key(better) - self.key(worse) > math.hypot(error, other), None

    def _spread(self, outcome: Outcome) -> float | None:
        return outcome.report.spread.get(self._axis) if outcome.report else None


class _ByPreference:
    def __init__(self, head: PreferenceHead) -> None:
        self._head = head

    def lacks(self, outcome: Outcome) -> str:
        return _lacks(outcome.weighed, self._head.axes)

    def key(self, outcome: Outcome) -> float:
        """The song's part of the log-odds against any other one."""
        head = self._head
        parts = zip(head.coefficients, _scores(outcome.weighed, head.axes), head.scale, strict=True)
        return math.fsum(c * score / scale for c, score, scale in parts)

    def figures(self, outcomes: Sequence[Outcome]) -> Sequence[Figures]:
        """None for a song that is alone."""
        if len(outcomes) < 2:
            return [(None, None, None)] * len(outcomes)
        return chances(self._head, [outcome.weighed.scores for outcome in outcomes if outcome.weighed])

    def between(self, better: Outcome, worse: Outcome) -> tuple[bool | None, Preference | None]:
        assert better.weighed is not None
        assert worse.weighed is not None
        answer = self._head(better.weighed, worse.weighed)
        return answer.verdict != "close", answer


def chances(head: PreferenceHead, scores: Sequence[Scores]) -> list[tuple[float, float, float]]:
    """Each song's mean chance to be preferred to another one of these (two or more), with its 95% interval.

    The interval is the head's own where there are two songs: that of the log-odds, to first order in the coefficients.
    """
    steps = np.array([_finite(each, head.axes) for each in scores]) / head.scale
    odds, others = steps @ head.coefficients, len(scores) - 1
    chance = 0.5 + 0.5 * np.tanh((odds[:, None] - odds) / 2)
    mean = np.clip((chance.sum(1) - 0.5) / others, NEVER, 1 - NEVER)
    weights = chance * (1 - chance)
    slopes = (weights.sum(1, keepdims=True) * steps - weights @ steps) / others
    variance = np.einsum("na,ab,nb->n", slopes, np.array(head.covariance), slopes)
    margin = Z95 * np.sqrt(np.maximum(variance, 0)) / (mean * (1 - mean))
    middle = np.log(mean / (1 - mean))
    low, high = (0.5 + 0.5 * np.tanh((middle + side * margin) / 2) for side in (-1, 1))
    return list(zip(mean.tolist(), low.tolist(), high.tolist(), strict=True))


def _lacks(report: Report | None, axes: Sequence[str]) -> str:
    """Why a song cannot be ranked by these axes, or empty."""
    if report is None:
        return "It was not heard."
    lacking = [axis for axis in axes if (score := report.scores.get(axis)) is None or not math.isfinite(score)]
    reasons = (
        f"no {BY_KEY[axis].label} by {report.judge} ({report.missing.get(axis, 'none was given')})" for axis in lacking
    )
    return f"It has no rank: {'; '.join(reasons)}." if lacking else ""


def _scores(report: Report | None, axes: Sequence[str]) -> list[float]:
    assert report is not None
    return _finite(report.scores, axes)


def _finite(scores: Mapping[str, float | None], axes: Sequence[str]) -> list[float]:
    return [score for axis in axes if (score := scores[axis]) is not None]


def order(outcomes: Sequence[Outcome], rules: Rules) -> Ranking:
    """The ranking of these songs. Equal ones stand as they came."""
    measure: _Measure = _ByPreference(rules.head) if rules.head else _ByAxis(rules.by)
    by_samples: dict[str, list[Outcome]] = {}
    unranked: list[RankedSong] = []
    for outcome in outcomes:
        error = outcome.error or measure.lacks(outcome)
        if error or outcome.report is None:
            unranked.append(RankedSong(outcome.song, outcome.report, error=error))
        else:
            by_samples.setdefault(outcome.report.sha256, []).append(outcome)
    songs = sorted(by_samples.values(), key=lambda same: -measure.key(same[0]))
    firsts = [same[0] for same in songs]
    best = _placed(firsts, measure, rules.keep)
    ranked = [row for same, first in zip(songs, best, strict=True) for row in (first, *_copies(same[1:], first))]
    unranked.sort(key=lambda row: row.report is None)
    return Ranking(rules, (*ranked, *unranked), _border(firsts, best, rules.keep, measure))


def _placed(outcomes: Sequence[Outcome], measure: _Measure, keep: int) -> list[RankedSong]:
    """Rows of different songs, the best first."""
    rows: list[RankedSong] = []
    keys = [measure.key(outcome) for outcome in outcomes]
    for place, (outcome, figures) in enumerate(zip(outcomes, measure.figures(outcomes), strict=True)):
        rank = keys.index(keys[place]) + 1
        rows.append(RankedSong(outcome.song, outcome.report, rank, *figures, kept=place < keep))
    return rows


def _copies(outcomes: Iterable[Outcome], first: RankedSong) -> Iterator[RankedSong]:
    for outcome in outcomes:
        yield replace(first, song=outcome.song, report=outcome.report, kept=False, same_as=first.song.name)


def _border(outcomes: Sequence[Outcome], rows: Sequence[RankedSong], keep: int, measure: _Measure) -> Border | None:
    """`outcomes` and `rows` of the songs that have a rank, without copies, the best first."""
    if len(rows) <= keep:
        return None
    last, first = outcomes[keep - 1], outcomes[keep]
    clear, preference = measure.between(last, first)
    unsure = sum(measure.between(outcome, first)[0] is False for outcome in outcomes[:keep])
    rivals = sum(measure.between(last, outcome)[0] is False for outcome in outcomes[keep:])
    return Border(rows[keep - 1], rows[keep], clear, preference, unsure, rivals)
