"""Who votes, without knowing who: a salted hash of the address, how often it may, and what looks like no listener."""

import hmac
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network, ip_address
from itertools import pairwise
from math import ceil
from secrets import token_hex
from statistics import stdev
from threading import Lock
from typing import TYPE_CHECKING, Literal

from ..errors import TooFast
from ..settings import Settings
from .records import Vote

if TYPE_CHECKING:
    from limits import RateLimitItem

    from .store import Store

Action = Literal["battle", "vote", "own", "link"]
LIMITS: dict[Action, str] = {
    "battle": "30/minute;600/hour",
    "vote": "30/minute;1500/day",
    "own": "4/minute;30/hour",
    "link": "10/minute;100/day",
}
"""One listener casts at most 6 votes a minute, but households and classes share an address. Each replica counts for
itself."""
UNKNOWN = "unknown"
MOST_VOTERS = 10_000
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


class Voters:
    """Turns addresses into hashes under `salt` and counts what each does. Addresses are neither kept nor logged.

    Whoever holds the salt can find the address behind a hash by trying them all; whoever holds the votes alone cannot.
    """

    def __init__(self, salt: str) -> None:
        from limits import parse_many
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._salt = salt.encode()
        self._limits = {action: parse_many(text) for action, text in LIMITS.items()}
        self._counts = MovingWindowRateLimiter(MemoryStorage())
        self._recent: OrderedDict[str, deque[Vote]] = OrderedDict()
        self._lock = Lock()

    def hash(self, address: str) -> str:
        """32 hexadecimal digits. All addresses of an IPv6 network of 64 bits, one household's, are one voter."""
        return hmac.digest(self._salt, _network(address).encode(), "sha256").hex()[:32]

    def admit(self, voter: str, action: Action) -> None:
        """Count one `action` of `voter`, a hash. Raises TooFast."""
        for limit in self._limits[action]:
            if not self._counts.hit(limit, action, voter):
                raise TooFast(f"That was too fast. Try again in {self._wait(limit, action, voter)}.")

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
            while len(self._recent) > MOST_VOTERS:
                self._recent.popitem(last=False)

    def _wait(self, limit: "RateLimitItem", action: Action, voter: str) -> str:
        reset, _ = self._counts.get_window_stats(limit, action, voter)
        seconds = max(1, ceil(reset - time.time()))
        return f"{seconds} s" if seconds < 120 else f"{ceil(seconds / 60)} minutes"


def open_voters(config: Settings, store: "Store") -> Voters:
    """Under the salt that the settings give, or else that of the store, which all replicas share. Raises StoreError."""
    return Voters(config.salt.get_secret_value() if config.salt else store.secret("salt", lambda: token_hex(32)))


def _network(address: str) -> str:
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False))


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
