"""Sums up the votes of each listener, and chooses votes by listener and time for an operator to set aside."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ..core.errors import ArenaError
from ..storage.records import WITHDRAWN, Vote

MIN_PREFIX = 6
"""Number of characters of a listener's hash that are enough to name the listener."""


@dataclass(frozen=True)
class Listener:
    """The votes of one listener, that is of one address on one day.

    `first` and `last` are the times of votes in seconds since 1970. `a` and `b` count the votes for each side.
    `generator` is the one that the listener favours most: of `generator_votes` for A or B between it and another one,
    it won `generator_wins`. It is empty if there are none.
    """

    voter: str
    first: float
    last: float
    votes: int
    counted: int
    a: int
    b: int
    generator: str
    generator_wins: int
    generator_votes: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def listeners(votes: Iterable[Vote]) -> tuple[Listener, ...]:
    """Return the listeners of votes, the one with the most votes first. Votes without a listener are left out."""
    found: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        if vote.voter:
            found[vote.voter].append(vote)
    return tuple(sorted((_listener(each) for each in found.values()), key=lambda each: (-each.votes, each.voter)))


def _listener(votes: list[Vote]) -> Listener:
    times, won = [vote.at for vote in votes], Counter(vote.winner for vote in votes)
    counted = sum(not vote.suspicion for vote in votes)
    return Listener(votes[0].voter, min(times), max(times), len(votes), counted, won["a"], won["b"], *_favourite(votes))


def _favourite(votes: Iterable[Vote]) -> tuple[str, int, int]:
    """Return the generator whose wins are furthest above chance, its wins, and its votes for A or B."""
    wins, met = Counter[str](), Counter[str]()
    for vote in votes:
        a, b = vote.battle.a.generator, vote.battle.b.generator
        if vote.winner in ("a", "b") and a != b:
            wins[a if vote.winner == "a" else b] += 1
            met.update((a, b))
    del met[""]
    if not met:
        return "", 0, 0
    best = max(sorted(met), key=lambda name: (wins[name] - met[name] / 2) / math.sqrt(met[name]))
    return best, wins[best], met[best]


def choose(votes: Iterable[Vote], listener: str = "", start: float = -math.inf, end: float = math.inf) -> list[Vote]:
    """Return the votes of a listener (all if it is empty) from `start` until before `end`, in seconds since 1970.

    The first characters of the listener's hash are enough. Raises ArenaError if they are too few or fit several.
    """
    chosen = [vote for vote in votes if vote.voter.startswith(listener) and start <= vote.at < end]
    if listener and len(listener) < MIN_PREFIX:
        raise ArenaError("Give at least {n} characters of a listener.", n=MIN_PREFIX)
    if listener and len({vote.voter for vote in chosen}) > 1:
        raise ArenaError("Several listeners begin with {listener}. Give more characters.", listener=listener)
    return chosen


def set_aside_by_hand(vote: Vote) -> bool:
    """Return whether an operator set a vote aside and nobody restored it."""
    return bool(vote.suspicion and vote.changed and vote.suspicion != WITHDRAWN)
