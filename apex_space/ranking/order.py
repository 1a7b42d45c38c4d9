"""Orders songs by their reports, and tells whether the kept songs are clearly ahead of the others. Arithmetic only."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..core.axes import BY_KEY
from ..core.intervals import Z95
from ..core.text import join, message
from ..judges.passages import Passage, Passages
from ..judges.report import LEVEL, Report, Scores, error_of_difference
from ..preference.comparison import Speaker, basis, speaker
from ..preference.head import Preference, PreferenceHead
from ..preference.learned import LearnedModel
from ..preference.passages import preferred_by
from .songs import BatchSong

PREFERENCE = "preference"
BLOCK = 256
"""Number of songs that are compared with all others at once, so that memory grows only with the number of songs."""
NEVER = 1e-12
"""Minimum distance of a chance from 0 and from 1. Chances nearer to 0 or 1 are moved to this distance."""


@dataclass(frozen=True)
class Rules:
    """The judge, what songs are ranked by (PREFERENCE or the key of an axis), and how many of them are kept.

    The `model` that learned from votes, or that is known before any vote, predicts the preference; else the `head`
    does. If there is a model, `head` is the judge's own one or None. `outdated` is true if the head was fitted on other
    weights of its judge.
    """

    judge: str
    by: str
    keep: int
    head: PreferenceHead | None = None
    outdated: bool = False
    model: LearnedModel | None = None

    @property
    def by_preference(self) -> bool:
        """Return whether songs are ranked by what people would prefer."""
        return self.by == PREFERENCE

    @property
    def spoke(self) -> Speaker | None:
        """Return what the preference is from; None if songs are ranked by an axis."""
        return speaker(self.head, self.model) if self.by_preference else None

    @property
    def fallback(self) -> bool:
        """Return whether the judge has no preference head of its own.

        If so, the order is by the scores of `head.judge`.
        """
        return self.head is not None and self.head.judge != self.judge

    @property
    def level(self) -> float:
        """Return the level of the intervals of what songs are ranked by."""
        return 0.95 if self.by_preference else LEVEL

    @property
    def scale(self) -> dict[str, Any]:
        """Return the range and the unit of what songs are ranked by."""
        if self.by_preference:
            return {"low": 0, "high": 1, "unit": "probability"}
        return BY_KEY[self.by].scale


@dataclass(frozen=True)
class Outcome:
    """Result for a song: the judge's report and the report that the preference head uses, or the error."""

    song: BatchSong
    report: Report | None = None
    weighed: Report | None = None
    error: str = ""


@dataclass(frozen=True)
class RankedSong:
    """A song in a ranking.

    Songs that are equally good share a `rank`. It is None if the song has no rank; `error` then has the reason. If
    songs are ranked by preference, `value` is the mean chance to be preferred to another song of the batch, and `low`
    to `high` is its 95% interval, which reflects the uncertainty of the head's coefficients. If songs are ranked by an
    axis, `value` is the score, and the interval (if the judge knows one) held the truth for 80% of the songs that the
    judge had not been trained on. `same_as` names an earlier song with the same samples: such a copy is never kept.
    `undecided` is true if a kept song is not known to be better than the first song that is not kept, as it never is if
    the judge knows no interval, or if another song is not clearly worse than the last song that is kept. `passage` is
    the song's best 30 s by what songs are ranked by, if they differ from the rest of the song by more than noise.
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
    undecided: bool = False
    passage: Passage | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        names = ("rank", "value", "low", "high", "kept", "undecided", "same_as", "error")
        figures = {name: getattr(self, name) for name in names}
        report = self.report and self.report.as_dict()
        passage = self.passage and self.passage.as_dict()
        return {"file": self.song.name, "group": self.song.group, **figures, "best_passage": passage, "report": report}


@dataclass(frozen=True)
class Border:
    """The border between the `last` song that is kept and the `first` that is not.

    `clear` is true if `last` is better than `first` by more than the uncertainty, and None if the judge knows no
    uncertainty. `preference` is the prediction for `last` against `first`, if songs are ranked by preference. `unsure`
    is how many of the kept songs cannot be told from `first`. `rivals` is how many of the others cannot be told from
    `last`.
    """

    last: RankedSong
    first: RankedSong
    clear: bool | None
    preference: Preference | None
    unsure: int
    rivals: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        names = {"last": self.last.song.name, "first": self.first.song.name}
        answer = self.preference and asdict(self.preference)
        return {**names, "clear": self.clear, "preference": answer, "unsure": self.unsure, "rivals": self.rivals}


@dataclass(frozen=True)
class Ranking:
    """Songs with a rank, the best first, followed by the songs without a rank, with the reasons.

    `border` is None if all songs are kept.
    """

    rules: Rules
    rows: tuple[RankedSong, ...]
    border: Border | None

    @property
    def kept(self) -> tuple[RankedSong, ...]:
        """Return the songs to keep, the best first."""
        return tuple(row for row in self.rows if row.kept)

    @property
    def made(self) -> str:
        """Return when the last report was made (UTC, ISO 8601), or an empty text if there is none."""
        return max((row.report.made for row in self.rows if row.report), default="")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        rules = self.rules
        head = rules.head and {"judge": rules.head.judge, "revision_id": rules.head.revision_id}
        if head and rules.head and rules.head.source:
            head["source"] = rules.head.source
        reports = [row.report for row in self.rows if row.report]
        return {
            "version": reports[0].version if reports else "",
            "made": self.made,
            "judge": rules.judge,
            "weights": [asdict(weights) for weights in reports[0].weights] if reports else [],
            "by": rules.by,
            "scale": rules.scale,
            "level": rules.level,
            "keep": rules.keep,
            "head": head,
            **basis(rules.judge, rules.spoke, rules.model),
            "model": rules.model and rules.model.version,
            "fallback": rules.fallback,
            "outdated": rules.outdated,
            "border": self.border and self.border.as_dict(),
            "rows": [row.as_dict() for row in self.rows],
        }


Figures = tuple[float | None, float | None, float | None]
"""Value, low and high of a song, as in RankedSong."""


class _Measure(Protocol):
    """Measures how good songs are, by a score or by preference."""

    def lacks(self, outcome: Outcome) -> str:
        """Return the reason why a song has no rank, or an empty text."""

    def key(self, outcome: Outcome) -> float:
        """Return a number to sort by. It is higher for a better song, and equal for equally good songs."""

    def figures(self, outcomes: Sequence[Outcome]) -> Sequence[Figures]:
        """Return value, low and high of each song."""

    def between(self, better: Outcome, worse: Outcome) -> tuple[bool | None, Preference | None]:
        """Compare two songs.

        Return whether `better` is clearly ahead of `worse` (None if not known), and the prediction if it is by
        preference.
        """

    def passages(self, outcome: Outcome) -> Passages | None:
        """Return a song's best and weakest passage, or None if they are not known."""


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
        """Compare two songs by their scores and errors."""
        assert better.report is not None
        assert worse.report is not None
        error = error_of_difference(better.report, worse.report, self._axis)
        return None if error is None else self.key(better) - self.key(worse) > error, None

    def passages(self, outcome: Outcome) -> Passages | None:
        return outcome.report.passages.get(self._axis) if outcome.report else None

    def _spread(self, outcome: Outcome) -> float | None:
        return outcome.report.spread.get(self._axis) if outcome.report else None


class _ByPreference:
    def __init__(self, predictor: PreferenceHead | LearnedModel) -> None:
        self._predictor = predictor

    def lacks(self, outcome: Outcome) -> str:
        return _lacks(outcome.weighed, self._predictor.axes)

    def key(self, outcome: Outcome) -> float:
        """Return the song's part of the log-odds against any other song."""
        by = self._predictor
        parts = zip(by.coefficients, _scores(outcome.weighed, by.axes), by.scale, strict=True)
        return math.fsum(c * score / scale for c, score, scale in parts)

    def figures(self, outcomes: Sequence[Outcome]) -> Sequence[Figures]:
        """Return value, low and high of each song, or None for each if there is only one song."""
        if len(outcomes) < 2:
            return [(None, None, None)] * len(outcomes)
        return chances(self._predictor, [outcome.weighed.scores for outcome in outcomes if outcome.weighed])

    def between(self, better: Outcome, worse: Outcome) -> tuple[bool | None, Preference | None]:
        assert better.weighed is not None
        assert worse.weighed is not None
        by, scores = self._predictor, (better.weighed.scores, worse.weighed.scores)
        answer = by.of_songs(*scores, one_maker=True) if isinstance(by, LearnedModel) else by.of_scores(*scores)
        return answer.verdict != "close", answer

    def passages(self, outcome: Outcome) -> Passages | None:
        return preferred_by(self._predictor, outcome.weighed) if outcome.weighed else None


def chances(by: PreferenceHead | LearnedModel, scores: Sequence[Scores]) -> list[tuple[float, float, float]]:
    """Return each song's mean chance to be preferred to another one of these (two or more), with its 95% interval.

    All songs are by the same generator or artist. The interval is computed on the log-odds, to first order in the
    coefficients. For two songs it is the interval of the head or model.
    """
    steps = np.array([_finite(each, by.axes) for each in scores]) / by.scale
    odds, others, axes = steps @ by.coefficients, len(scores) - 1, len(by.axes)
    parts = [_against_all(odds, steps, slice(at, at + BLOCK)) for at in range(0, len(scores), BLOCK)]
    total, slopes = (np.concatenate(each) for each in zip(*parts, strict=True))
    mean, slopes = np.clip((total - 0.5) / others, NEVER, 1 - NEVER), slopes / others
    variance = np.einsum("na,ab,nb->n", slopes, np.array(by.covariance)[:axes, :axes], slopes)
    margin = Z95 * np.sqrt(np.maximum(variance, 0)) / (mean * (1 - mean))
    middle = np.log(mean / (1 - mean))
    low, high = (0.5 + 0.5 * np.tanh((middle + side * margin) / 2) for side in (-1, 1))
    return list(zip(mean.tolist(), low.tolist(), high.tolist(), strict=True))


def _against_all(odds: np.ndarray, steps: np.ndarray, block: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of the chances of each song in `block` against all N songs [B], and its gradient [B, A].

    `odds` [N] are the songs' parts of the log-odds, and `steps` [N, A] their gradients by the coefficients.
    """
    chance = 0.5 + 0.5 * np.tanh((odds[block, None] - odds) / 2)
    weights = chance * (1 - chance)
    return chance.sum(1), weights.sum(1, keepdims=True) * steps[block] - weights @ steps


def _lacks(report: Report | None, axes: Sequence[str]) -> str:
    """Return the reason why a song cannot be ranked by these axes, or an empty text."""
    if report is None:
        return "It was not heard."
    lacking = [axis for axis in axes if (score := report.scores.get(axis)) is None or not math.isfinite(score)]
    reasons = [
        message(
            "no {axis} by {judge} ({reason})",
            axis=BY_KEY[axis].label,
            judge=report.judge,
            reason=report.missing.get(axis, "none was given"),
        )
        for axis in lacking
    ]
    return message("It has no rank: {reasons}.", reasons=join(reasons, "{first}; {second}")) if lacking else ""


def _scores(report: Report | None, axes: Sequence[str]) -> list[float]:
    assert report is not None
    return _finite(report.scores, axes)


def _finite(scores: Mapping[str, float | None], axes: Sequence[str]) -> list[float]:
    return [score for axis in axes if (score := scores[axis]) is not None]


def order(outcomes: Sequence[Outcome], rules: Rules) -> Ranking:
    """Return the ranking of these songs. Equally good songs stay in the order in which they came."""
    predictor = rules.model or rules.head
    measure: _Measure = _ByPreference(predictor) if predictor else _ByAxis(rules.by)
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
    clear = _clear(firsts, rules.keep, measure)
    best = _placed(firsts, measure, rules.keep, clear)
    ranked = [row for same, first in zip(songs, best, strict=True) for row in (first, *_copies(same[1:], first))]
    unranked.sort(key=lambda row: row.report is None)
    return Ranking(rules, (*ranked, *unranked), _border(firsts, best, rules.keep, measure, clear))


def _clear(outcomes: Sequence[Outcome], keep: int, measure: _Measure) -> list[bool | None]:
    """Return whether each song is clearly on its side of the border, or None if that is not known.

    `outcomes` are of different songs, the best first. Without a border, every song is clearly kept.
    """
    if len(outcomes) <= keep:
        return [True] * len(outcomes)
    last, first = outcomes[keep - 1], outcomes[keep]
    return [
        *(measure.between(outcome, first)[0] for outcome in outcomes[:keep]),
        *(measure.between(last, outcome)[0] for outcome in outcomes[keep:]),
    ]


def _placed(
    outcomes: Sequence[Outcome], measure: _Measure, keep: int, clear: Sequence[bool | None]
) -> list[RankedSong]:
    """Return a row for each song. `outcomes` are of different songs, the best first, and `clear` is as from _clear."""
    rows: list[RankedSong] = []
    ranks: dict[float, int] = {}
    for place, (outcome, figures) in enumerate(zip(outcomes, measure.figures(outcomes), strict=True)):
        rank, kept = ranks.setdefault(measure.key(outcome), place + 1), place < keep
        undecided = not clear[place] if kept else clear[place] is False
        found, passage = measure.passages(outcome), None
        if found and found.best.differs:
            passage = found.best
        rows.append(
            RankedSong(outcome.song, outcome.report, rank, *figures, kept=kept, undecided=undecided, passage=passage)
        )
    return rows


def _copies(outcomes: Iterable[Outcome], first: RankedSong) -> Iterator[RankedSong]:
    for outcome in outcomes:
        copy = replace(first, song=outcome.song, report=outcome.report, kept=False, undecided=False)
        yield replace(copy, same_as=first.song.name)


def _border(
    outcomes: Sequence[Outcome],
    rows: Sequence[RankedSong],
    keep: int,
    measure: _Measure,
    clear: Sequence[bool | None],
) -> Border | None:
    """Return the border, or None if all songs are kept.

    `outcomes`, `rows` and `clear` belong to the songs that have a rank, without copies, the best first.
    """
    if len(rows) <= keep:
        return None
    told, preference = measure.between(outcomes[keep - 1], outcomes[keep])
    unsure, rivals = clear[:keep].count(False), clear[keep:].count(False)
    return Border(rows[keep - 1], rows[keep], told, preference, unsure, rivals)
