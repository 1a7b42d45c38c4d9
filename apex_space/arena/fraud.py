"""Votes that look like no listener's: they are kept, but do not count."""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import stdev
from threading import Lock

from ..storage.records import Vote

MAX_VOTERS = 10_000
"""Whose last votes are kept in memory."""
CLOCK_SLACK = 2.0
"""Seconds by which listening may exceed the time since the battle was issued: replicas' clocks differ."""
HOURLY = 360
"""An hour of nothing but listening to five seconds of each song, without a pause, to one pair after the other."""
ONE_SIDE = 20
"""Sides are tossed for, so whatever the songs are like, a listener's answers are for A as often as for B; this many
for the same side in a row come once in 500,000 such stretches (in 27,000 with a habit of 60% for one side)."""
STEADY_INTERVALS, STEADY_SECONDS = 12, 0.1
"""A listener whose pace varies by as little as half a second (standard deviation) looks this steady once in a million
stretches; people vary by many seconds."""


class FraudDetector:
    """Examines each vote by what its voter did in this process before. Safe to use from many threads."""

    def __init__(self) -> None:
        self._recent: OrderedDict[str, deque[Vote]] = OrderedDict()
        self._lock = Lock()

    def examine(self, vote: Vote) -> Vote:
        """The vote with its suspicion, by what this voter did here before."""
        with self._lock:
            recent = [*self._recent.get(vote.voter, ())]
        return replace(vote, suspicion=suspicion(vote, recent))

    def remember(self, vote: Vote) -> None:
        """Take a vote into account for the next ones of its voter."""
        with self._lock:
            self._recent.setdefault(vote.voter, deque(maxlen=HOURLY)).append(vote)
            self._recent.move_to_end(vote.voter)
            while len(self._recent) > MAX_VOTERS:
                self._recent.popitem(last=False)


def suspicion(vote: Vote, recent: Sequence[Vote]) -> str:
    """Why `vote` looks like no listener's, or "". `recent` are the same voter's votes before it, in order."""
    so_far = [*recent, vote]
    reasons = {
        "claims to have listened longer than the battle has been there": _listened_too_long(vote),
        "more votes within an hour than one can listen for": _too_many(so_far),
        "the same side many times in a row": _one_sided(so_far),
        "votes at a machine's steady pace": _steady(so_far),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _listened_too_long(vote: Vote) -> bool:
    return sum(vote.heard) > vote.at - vote.battle.issued + CLOCK_SLACK


def _too_many(votes: Sequence[Vote]) -> bool:
    return sum(vote.at > votes[-1].at - 3600 for vote in votes) > HOURLY


def _one_sided(votes: Sequence[Vote]) -> bool:
    last = [vote.winner for vote in votes[-ONE_SIDE:]]
    return last in (["a"] * ONE_SIDE, ["b"] * ONE_SIDE)


def _steady(votes: Sequence[Vote]) -> bool:
    times = [vote.at for vote in votes[-STEADY_INTERVALS - 1 :]]
    intervals = [later - earlier for earlier, later in pairwise(times)]
    return len(intervals) == STEADY_INTERVALS and stdev(intervals) < STEADY_SECONDS
