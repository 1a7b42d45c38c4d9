"""Says who leads a leaderboard, and how sure that is."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..core.intervals import Z95, ConfidenceInterval
from ..storage.vote_counts import VoteCounts
from .agreement import wilson
from .ratings import PRIOR, By, Rating, outcomes, strengths_of

MOST = 512
"""Largest number of further votes that is looked for."""


@dataclass(frozen=True)
class Lead:
    """Who leads.

    `first` are the rows that the votes allow to be first, in the order of the leaderboard. `votes` is the number of
    further votes, all for the second row against the first one, that would put another row on top; it is None if it is
    more than MOST. Nobody leads before two rows have enough votes for a rating.
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


def find_lead(counts: VoteCounts, by: By, ranked: Sequence[Rating]) -> Lead:
    """Return who leads the ratings `ranked`, which `rate` made from the same counts."""
    rated = [row.key for row in ranked if not row.unrated]
    if len(rated) < 2:
        return NO_LEAD
    return Lead(tuple(row for row in ranked if row.best == 1), _votes_to_change(counts, by, rated))


def _votes_to_change(counts: VoteCounts, by: By, rated: Sequence[str]) -> int | None:
    keys, wins, ties = outcomes(counts, by)
    place = {key: number for number, key in enumerate(keys)}
    rows = [place[key] for key in rated]
    leader, second = rows[:2]

    def changed(votes: int) -> bool:
        won = wins + ties / 2
        won[second, leader] += votes
        strengths, deviations, _ = strengths_of(won, PRIOR)
        low = (strengths - Z95 * deviations)[rows]
        return bool(low[1:].max() > low[0])

    return _first(changed)


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
    keys, wins, ties = outcomes(counts, "generator")
    met = np.argwhere(np.triu(wins + wins.T + ties))
    return tuple(Meeting(keys[i], keys[j], int(wins[i, j]), int(wins[j, i]), int(ties[i, j])) for i, j in met.tolist())
