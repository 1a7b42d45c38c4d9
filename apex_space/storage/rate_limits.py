"""Limits how often one visitor may do an action that costs the server or other people something."""

import time
from math import ceil
from typing import TYPE_CHECKING, Literal

from ..core.errors import TooFast
from ..core.text import message

if TYPE_CHECKING:
    from limits import RateLimitItem

Action = Literal["battle", "vote", "uploaded", "link"]
LIMITS: dict[Action, str] = {
    "battle": "30/minute;600/hour",
    "vote": "30/minute;1500/day",
    "uploaded": "4/minute;30/hour",
    "link": "10/minute;100/day",
}
"""Limits of each visitor, by action.

One listener casts at most 6 votes a minute, but households and classes share an address. Each replica counts
separately.
"""


class RateLimiter:
    """Counts the actions of each visitor, identified by a hash. It is safe to use from many threads."""

    def __init__(self) -> None:
        from limits import parse_many
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._limits = {action: parse_many(text) for action, text in LIMITS.items()}
        self._counts = MovingWindowRateLimiter(MemoryStorage())

    def admit(self, visitor: str, action: Action) -> None:
        """Count one `action` of `visitor`, a hash. Raises TooFast if a limit is exceeded."""
        for limit in self._limits[action]:
            if not self._counts.hit(limit, action, visitor):
                raise TooFast("That was too fast. Try again in {time}.", time=self._wait(limit, action, visitor))

    def _wait(self, limit: "RateLimitItem", action: Action, visitor: str) -> str:
        reset, _ = self._counts.get_window_stats(limit, action, visitor)
        seconds = max(1, ceil(reset - time.time()))
        return (
            message("{seconds} s", seconds=seconds)
            if seconds < 120
            else message("{minutes} minutes", minutes=ceil(seconds / 60))
        )
