"""How well judges foresaw the votes, from the first vote to the last: whether predictions get better as they learn.

The curves are of the newest votes for A or B on the pool's songs that count. A judge's predictions were fixed before
the vote. They are held against a coin, against always naming B, and against a model of the generators alone, which is
learned again here from the votes before each vote. A judge is held against the latter two on the votes it predicted.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..core.intervals import ConfidenceInterval, hit, log_losses, wilson
from ..preference.learned import Outcomes, Prior, learn, mean_chance
from ..storage.records import Prediction, Vote
from ..storage.vote_counts import VoteCounts
from .agreement import mean_interval
from .learning import MIN_DECIDED
from .ratings import MIN_VOTES

MAX_CURVE_VOTES = 10_000
POINTS = 20
Picks = Mapping[tuple[str, str], int]
"""How often the first of two generators was preferred to the second."""


@dataclass(frozen=True)
class CurvePoint:
    """The share of right predictions and their mean log-loss, up to a number of votes.

    `votes` counts all votes up to then, `predicted` those that were predicted. An even prediction is half right.
    """

    votes: int
    predicted: int
    right: ConfidenceInterval
    loss: float | None


@dataclass(frozen=True)
class LearningCurve:
    """The curve of one way to predict votes.

    Of a judge, `name` is the judge, `weights` names its weights, and `by` the head by which it predicted, or "learned".
    `over_generators` and `over_b` are its share of right predictions minus that of the generators alone, and of always
    B, on the votes that it predicted.
    """

    kind: Literal["coin", "b", "generators", "judge"]
    name: str
    weights: str
    by: str
    points: tuple[CurvePoint, ...]
    over_generators: ConfidenceInterval | None = None
    over_b: ConfidenceInterval | None = None


def learning_curves(votes: Sequence[Vote], before: Picks | None = None) -> tuple[LearningCurve, ...]:
    """Return the curves of a coin, always B, generators alone and each judge by what it predicted with.

    `votes` are votes on the pool that count, the oldest first; `before` are picks before them, of which generators
    alone know as the judges do. Curves with too few votes are left out.
    """
    decided = [vote for vote in votes if vote.winner in ("a", "b")]
    won = np.array([vote.winner == "a" for vote in decided], float)
    nothing = np.full(len(decided), np.nan)
    judges: dict[tuple[str, str, str], np.ndarray] = defaultdict(nothing.copy)
    for place, vote in enumerate(decided):
        for prediction in vote.battle.predictions:
            judges[_kind_of(prediction)][place] = prediction.probability
    alone, b = generators_alone(decided, before), np.zeros(len(won))
    curves = [
        LearningCurve("coin", "", "", "", _points(np.full(len(won), 0.5), won)),
        LearningCurve("b", "", "", "", _points(b, won, with_loss=False)),
        LearningCurve("generators", "", "", "", _points(alone, won)),
        *(
            LearningCurve("judge", *key, _points(each, won), _lead(each, alone, won), _lead(each, b, won))
            for key, each in sorted(judges.items())
        ),
    ]
    return tuple(curve for curve in curves if curve.points)


def picks_before(votes: Sequence[Vote], counts: VoteCounts) -> Picks:
    """Return the picks on songs of the pool that are in the counts, but not in the newest `votes`."""
    picks: Counter[tuple[str, str]] = Counter()
    for a, b, a_won, b_won, *_ in counts.pairs:
        one, other = counts.songs[a].generator, counts.songs[b].generator
        picks[one, other] += a_won
        picks[other, one] += b_won
    return picks - Counter(_pick(vote) for vote in votes if vote.winner in ("a", "b"))


def generators_alone(decided: Sequence[Vote], before: Picks | None = None) -> np.ndarray:
    """Return P(A is preferred) for each vote [P], by a model of the generators that learned from earlier votes."""
    chances = np.full(len(decided), 0.5)
    picks = Counter(before or {})
    known = picks.total()
    prior = Prior.without_head((), ())
    for first, last in _stretches(len(decided), known):
        if known + first >= MIN_DECIDED:
            model = learn("", "", prior, _outcomes([*picks], [*picks.values()]))
            pairs = [(vote.battle.a.generator, vote.battle.b.generator) for vote in decided[first:last]]
            chances[first:last] = mean_chance(*model.log_odds(_outcomes(pairs, [1] * len(pairs))))
        picks.update(map(_pick, decided[first:last]))
    return chances


def _pick(vote: Vote) -> tuple[str, str]:
    """Return the generator that was preferred, and the other one."""
    a, b = vote.battle.a.generator, vote.battle.b.generator
    return (a, b) if vote.winner == "a" else (b, a)


def _stretches(count: int, before: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last vote between two fits of a model: a quarter more votes, or a point of the curve.

    That makes at most some 40 fits, because the time of each grows with the third power of the number of generators.
    """
    first = 0
    while first < count:
        more = min(max(1, (before + first) // 4), math.ceil(count / POINTS))
        last = min(count, max(MIN_DECIDED - before, first + more))
        yield first, last
        first = last


def _outcomes(pairs: Sequence[tuple[str, str]], picks: Sequence[int]) -> Outcomes:
    """Return outcomes without scores, in which the first of each pair was picked so often."""
    return Outcomes(np.zeros((len(pairs), 0)), pairs, np.array(picks, float), np.zeros(len(pairs)))


def _kind_of(prediction: Prediction) -> tuple[str, str, str]:
    """Return the judge, its weights, and by what it predicted. All versions of a learned model are one kind."""
    weights, _, by = prediction.revision.rpartition("; ")
    return prediction.judge, weights, "learned" if by.startswith("learned ") else by


def _points(chances: np.ndarray, won: np.ndarray, with_loss: bool = True) -> tuple[CurvePoint, ...]:
    """Return the points of a curve, by P(A is preferred) [P] (NaN if a vote was not predicted) and who won [P].

    A point to which no new prediction belongs is left out.
    """
    known = ~np.isnan(chances)
    right, losses = hit(chances, won), log_losses(chances, won)
    found: list[CurvePoint] = []
    for votes in dict.fromkeys(math.ceil(len(won) * part / POINTS) for part in range(1, POINTS + 1)):
        rows = np.flatnonzero(known[:votes])
        if len(rows) >= MIN_VOTES and not (found and found[-1].predicted == len(rows)):
            loss = float(losses[rows].mean()) if with_loss else None
            found.append(CurvePoint(votes, len(rows), wilson(float(right[rows].sum()), len(rows)), loss))
    return tuple(found)


def _lead(chances: np.ndarray, other: np.ndarray, won: np.ndarray) -> ConfidenceInterval:
    """Return the share of right predictions minus that of another way to predict, on the votes with `chances` [P]."""
    gains = (hit(chances, won) - hit(other, won))[~np.isnan(chances)]
    return mean_interval(float(gains.sum()), float((gains**2).sum()), len(gains), -1.0)
