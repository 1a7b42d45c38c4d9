"""Limits how often one visitor may do an action that costs the server or other people something."""

import time
from math import ceil
from typing import TYPE_CHECKING, Literal

from ..core.errors import TooFast
from ..core.text import message
from .identity import Visitor

if TYPE_CHECKING:
    from limits import RateLimitItem

Action = Literal["battle", "vote", "uploaded", "link", "taste", "friends"]
LIMITS: dict[Action, str] = {
    "battle": "30/minute;600/hour",
    "vote": "30/minute;1500/day",
    "uploaded": "4/minute;30/hour",
    "link": "10/minute;100/day",
    "taste": "20/minute;300/hour",
    "friends": "4/minute;30/day",
}
"""Limits of each visitor, by action.

One listener casts at most 6 votes a minute, but households and classes share an address. Each replica counts
separately.
"""
WIDER = 8
"""How many visitors' actions the wider network of a visitor may do together."""


class RateLimiter:
    """Counts the actions of each visitor and each wider network. It is safe to use from many threads."""

    def __init__(self) -> None:
        from limits import parse_many
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._limits = {action: parse_many(text) for action, text in LIMITS.items()}
        self._wider = {action: [_times(WIDER, limit) for limit in limits] for action, limits in self._limits.items()}
        self._counts = MovingWindowRateLimiter(MemoryStorage())

    def admit(self, visitor: Visitor, action: Action) -> None:
        """Count one `action` of `visitor`. Raises TooFast if a limit is exceeded."""
        for counted, limits in ((visitor.hash, self._limits), (visitor.network, self._wider)):
            for limit in limits[action] if counted else ():
                if not self._counts.hit(limit, action, counted):
                    raise TooFast("That was too fast. Try again in {time}.", time=self._wait(limit, action, counted))

    def _wait(self, limit: "RateLimitItem", action: Action, visitor: str) -> str:
        reset, _ = self._counts.get_window_stats(limit, action, visitor)
        seconds = max(1, ceil(reset - time.time()))
        return (
            message("{seconds} s", seconds=seconds)
            if seconds < 120
            else message("{minutes} minutes", minutes=ceil(seconds / 60))
        )


def _times(factor: int, limit: "RateLimitItem") -> "RateLimitItem":
    return type(limit)(factor * limit.amount, limit.multiples)
