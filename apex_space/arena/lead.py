"""Says who leads a leaderboard, and how sure that is."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from ..core.intervals import Z95, ConfidenceInterval, wilson
from ..storage.vote_counts import PairResults, VoteCounts
from .ratings import MODEL, NOBODY, By, Excess, Rating, RatingModel, results_of, strengths_of

MOST = 512
"""Largest number of further votes that is looked for."""


@dataclass(frozen=True)
class Lead:
    """Who leads.

    `first` are the rows that the votes allow to be first, in the order of the leaderboard. `votes` is the number of
    further votes, all for the second row against the first one on either side, that would put another row on top; it is
    None if it is more than MOST. Nobody leads before two rows have enough votes for a rating.
    """

    first: tuple[Rating, ...] = ()
    votes: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"first": [row.key for row in self.first], "votes": self.votes}


NO_LEAD = Lead()
"""What is known before there are enough votes."""


@dataclass(frozen=True)
class Meeting:
    """How often `first` won against `second`, lost and tied, in votes on songs of both generators."""

    first: str
    second: str
    wins: int
    losses: int
    ties: int

    @property
    def votes(self) -> int:
        """Return the number of votes."""
        return self.wins + self.losses + self.ties

    @property
    def share(self) -> ConfidenceInterval:
        """Return the share of votes that `first` won, with ties as half a win, and Wilson's 95% interval."""
        return wilson(self.wins + self.ties / 2, self.votes)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def find_lead(
    counts: VoteCounts, by: By, ranked: Sequence[Rating], model: RatingModel = MODEL, excess: Excess = NOBODY
) -> Lead:
    """Return who leads the ratings `ranked`, which `rate` made from the same counts, model and excess."""
    rated = [row.key for row in ranked if not row.unrated]
    if len(rated) < 2:
        return NO_LEAD
    return Lead(tuple(row for row in ranked if row.best == 1), _votes_to_change(counts, by, rated, model, excess))


def _votes_to_change(
    counts: VoteCounts, by: By, rated: Sequence[str], model: RatingModel, excess: Excess
) -> int | None:
    results = results_of(counts, by, model)
    rows = [results.keys.index(key) for key in rated]
    leader, second = rows[:2]

    def changed(votes: int) -> bool:
        strengths = strengths_of(_with(results, second, leader, votes), model, excess.get(by))
        low = strengths.chances(-Z95)[rows]
        return bool(low[1:].max() > low[0])

    return _first(changed)


def _with(results: PairResults, winner: int, loser: int, votes: int) -> PairResults:
    """Return the results with further votes, on half of which the winner is A."""
    more = np.zeros((4, 2))
    more[0, 0] = more[1, 1] = votes / 2
    a, b = np.append(results.a, [winner, loser]), np.append(results.b, [loser, winner])
    return PairResults.of(results.keys, a, b, np.append(results.numbers, more, 1))


def _first(changed: Callable[[int], bool]) -> int | None:
    """Return the smallest number, from 1 to MOST, for which `changed`, which is then true for all larger ones."""
    high = 1
    while not changed(high):
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if changed(middle) else (middle, high)
    return high


def meetings(counts: VoteCounts) -> tuple[Meeting, ...]:
    """Return the votes between each two generators, each pair once, in alphabetical order."""
    results = counts.generator_results
    found: dict[tuple[int, int], np.ndarray] = defaultdict(lambda: np.zeros(3, int))
    numbers = np.stack([results.a_won, results.b_won, results.tied + results.both_bad], 1).astype(int)
    for a, b, row in zip(results.a.tolist(), results.b.tolist(), numbers, strict=True):
        found[min(a, b), max(a, b)] += row if a < b else row[[1, 0, 2]]
    keys = results.keys
    return tuple(Meeting(keys[i], keys[j], *row.tolist()) for (i, j), row in sorted(found.items(), key=itemgetter(0)))
