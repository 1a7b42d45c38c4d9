"""Detects votes that do not look like a listener's. Such votes are kept, but do not count."""

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import stdev
from threading import Lock

from ..storage.rate_limits import WIDER
from ..storage.records import Vote

MAX_VOTERS = 10_000
"""Number of voters and of wider networks whose last votes are kept in memory."""
CLOCK_SLACK = 2.0
"""Seconds by which listening may exceed the time since the battle was issued: the clocks of replicas differ."""
LISTENERS = 4
"""Number of people who may listen at the same time at one address, such as a household's."""
HOURLY = 360
"""Maximum votes of one voter in an hour. A listener who plays five seconds of each song, pair after pair without a
pause, reaches this number."""
DAILY = 600
"""Maximum votes of one voter that count in a day: a household's that listens for hours, or a class's. It bounds the
weight of a single voter."""
ONE_SIDE = 20
"""Number of votes for the same side in a row that is suspicious. Sides are random, so a listener votes for A as often
as for B, whatever the songs are like. By chance, one in 500,000 stretches of this length is all for one side (one in
27,000 if the listener votes for one side 60% of the time)."""
STEADY_INTERVALS, STEADY_SECONDS = 12, 0.1
"""Number of intervals between votes that are compared, and the standard deviation in seconds below which they are
suspicious. A listener whose intervals have a standard deviation as small as half a second looks this steady once in a
million stretches; people's intervals vary by many seconds."""


@dataclass
class _History:
    """The last votes of a voter, and the number of all of them. Voters have another hash each day."""

    last: deque[Vote] = field(default_factory=lambda: deque(maxlen=HOURLY))
    votes: int = 0

    def add(self, vote: Vote) -> None:
        self.last.append(vote)
        self.votes += 1


class FraudDetector:
    """Checks each vote against earlier votes of its voter and of the voter's wider network in this process.

    It is safe to use from many threads.
    """

    def __init__(self) -> None:
        self._histories: OrderedDict[str, _History] = OrderedDict()
        self._lock = Lock()

    def examine(self, vote: Vote, network: str = "") -> Vote:
        """Return the vote with its suspicion. `network` is the hash of its voter's wider network, if there is one."""
        with self._lock:
            (own, votes), (near, of_network) = self._before(vote.voter), self._before(network)
        found = suspicion(vote, own, votes)
        if not found and network:
            found = network_suspicion(vote, near, of_network)
        return replace(vote, suspicion=found)

    def _before(self, key: str) -> tuple[list[Vote], int]:
        history = self._histories.get(key, _History())
        return [*history.last], history.votes

    def remember(self, vote: Vote, network: str = "") -> None:
        """Remember a vote for the examination of the next votes."""
        with self._lock:
            for key in filter(None, (vote.voter, network)):
                self._histories.setdefault(key, _History()).add(vote)
                self._histories.move_to_end(key)
            while len(self._histories) > MAX_VOTERS:
                self._histories.popitem(last=False)


def suspicion(vote: Vote, recent: Sequence[Vote], votes: int = 0) -> str:
    """Return the reason why `vote` does not look like a listener's, or "" if it does.

    `recent` are the last of the same voter's earlier votes, in order, and `votes` is the number of all of them.
    """
    so_far = [*recent, vote]
    reasons = {
        "claims to have listened longer than the battle has been there": _listened_too_long(vote),
        "claims to have listened to several battles for longer than there was time": _listened_together(so_far),
        "more votes within an hour than one can listen for": _too_many(so_far),
        "more votes in a day than count of one voter": votes >= DAILY,
        "the same side many times in a row": _one_sided(so_far),
        "votes at a machine's steady pace": _steady(so_far),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def network_suspicion(vote: Vote, recent: Sequence[Vote], votes: int) -> str:
    """Return the reason why a vote and those of its wider network do not look like those of WIDER voters, or ""."""
    reasons = {
        "a network claims to have listened for longer than there was time": _listened_together(
            [*recent, vote], WIDER * LISTENERS
        ),
        "more votes in a day than count of one network": votes >= WIDER * DAILY,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _listened_too_long(vote: Vote) -> bool:
    return sum(vote.heard) > vote.at - vote.battle.issued + CLOCK_SLACK


def _listened_together(votes: Sequence[Vote], people: int = LISTENERS) -> bool:
    """Return whether the last votes claim more listening than so many people have time for.

    Nobody can have listened to a battle before it was issued. So the last k votes have the time since the first of
    their battles was issued, for every k.
    """
    heard, issued = 0.0, math.inf
    for vote in reversed(votes):
        heard, issued = heard + sum(vote.heard), min(issued, vote.battle.issued)
        if heard > people * (votes[-1].at - issued + CLOCK_SLACK):
            return True
    return False


def _too_many(votes: Sequence[Vote]) -> bool:
    return sum(vote.at > votes[-1].at - 3600 for vote in votes) > HOURLY


def _one_sided(votes: Sequence[Vote]) -> bool:
    last = [vote.winner for vote in votes[-ONE_SIDE:]]
    return last in (["a"] * ONE_SIDE, ["b"] * ONE_SIDE)


def _steady(votes: Sequence[Vote]) -> bool:
    times = [vote.at for vote in votes[-STEADY_INTERVALS - 1 :]]
    intervals = [later - earlier for earlier, later in pairwise(times)]
    return len(intervals) == STEADY_INTERVALS and stdev(intervals) < STEADY_SECONDS
