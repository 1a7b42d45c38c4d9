"""Counts the votes that do not count by reason, and warns if they suddenly are many more than before.

A check that is wrong can leave out everybody's votes for months, and nothing else would show it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import comb
from typing import Any

from ..storage.identity import DAY
from ..storage.records import BY_VOTERS

NEWEST = 100
"""Number of the newest votes that are held against all before them. So few tell of a broken check on the day it breaks,
and they are enough to find one that leaves out a seventh of the votes where it was one in fifty before."""
MIN_NEWEST = 20
"""Number of newest votes below which there is no warning."""
FALSE_ALARM = 1e-6
"""Chance of so many votes that do not count among the newest, if nothing changed (Fisher's exact test, one side), below
which there is a warning. The test is repeated after each vote: of 10 million independent votes, of which 2 to 30% did
not count, at most 3 raised a false alarm in a simulation. Votes of one listener are not independent. A warning may
therefore also mean that somebody attacks, and it says how many listeners there were."""


@dataclass(frozen=True)
class NotCounted:
    """Number of all votes, and of those that do not count by reason, the most frequent one first.

    If `before` is a day (UTC), such as "2026-11-30", only votes before that day are meant.
    """

    votes: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    before: str = ""

    @property
    def total(self) -> int:
        """Return the number of votes that do not count."""
        return sum(self.reasons.values())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Jump:
    """A rise of the share of votes that do not count, and the reason that rose most.

    `not_counted` of the `newest` votes do not count; `share_before` is the share of all votes before them, None if
    there are none. `of_reason` of the newest votes have the reason, and come from that many `listeners`.
    """

    newest: int
    not_counted: int
    share_before: float | None
    reason: str
    of_reason: int
    listeners: int

    def __str__(self) -> str:
        before = "" if self.share_before is None else f" Of those before, {100 * self.share_before:.1f} % did not."
        return (
            f"{self.not_counted} of the newest {self.newest} votes do not count.{before} The reason that rose most: "
            f"{self.reason} ({self.of_reason} of them, listeners: {self.listeners}). With many listeners, a check may "
            "be wrong: find out before more votes are lost, and bring them back with `votes restore`."
        )


def count_reasons(reasons: Mapping[tuple[float, str], int], before: float = math.inf) -> NotCounted:
    """Return the numbers of votes before a day (in days since 1970), given them by day and reason."""
    totals: Counter[str] = Counter()
    for (day, reason), votes in reasons.items():
        if day < before:
            totals[reason] += votes
    until = "" if math.isinf(before) else f"{datetime.fromtimestamp(before * DAY, UTC):%Y-%m-%d}"
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return NotCounted(totals.total(), {reason: votes for reason, votes in ordered if reason and votes}, until)


def find_jump(newest: Sequence[tuple[str, str]], reasons: Mapping[tuple[float, str], int]) -> Jump | None:
    """Return the jump that the newest votes are, each given by its reason and its listener, or None if they are none.

    A reason is empty for a vote that counts. `reasons` are those of all votes; those of BY_VOTERS are left
    out. If more than half of the newest votes do not count, that is a jump whatever was before.
    """
    here = Counter(reason for reason, _ in newest)
    everywhere = count_reasons({key: votes for key, votes in reasons.items() if key[1] not in BY_VOTERS})
    n, k = len(newest), len(newest) - here.pop("", 0)
    before, not_before = max(0, everywhere.votes - n), max(0, everywhere.total - k)
    if n < MIN_NEWEST or (2 * k <= n and _chance(k, n, not_before, before) >= FALSE_ALARM):
        return None
    earlier = {reason: everywhere.reasons.get(reason, 0) - votes for reason, votes in here.items()}
    rise = {reason: votes / n - earlier[reason] / max(1, before) for reason, votes in here.items()}
    worst = max(rise, key=lambda reason: (rise[reason], reason))
    listeners = {voter for reason, voter in newest if reason == worst}
    return Jump(n, k, not_before / before if before else None, worst, here[worst], len(listeners))


def _chance(k: int, n: int, not_before: int, before: int) -> float:
    """Return the chance that at least k of n votes do not count, if they are drawn from all votes.

    Of `before` other votes, `not_before` do not count.
    """
    bad, everything = k + not_before, n + before
    ways = sum(comb(bad, i) * comb(everything - bad, n - i) for i in range(k, min(n, bad) + 1))
    return ways / comb(everything, n)
