"""Visitors are held to limits, each one and each action apart."""

import time

import pytest

from apex_space.core.errors import TooFast
from apex_space.storage.rate_limits import LIMITS, Action, RateLimiter


@pytest.mark.parametrize("action", LIMITS)
def test_limits_hold_for_each_voter_and_action(action: Action) -> None:
    fresh = RateLimiter()
    first = int(LIMITS[action].split("/")[0])
    for _ in range(first):
        fresh.admit("one", action)
    with pytest.raises(TooFast, match=r"Try again in \d+ s\."):
        fresh.admit("one", action)
    fresh.admit("other", action)
    for other in LIMITS.keys() - {action}:
        fresh.admit("one", other)


def test_the_wait_that_is_named_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "vote", "2/second")
    fresh = RateLimiter()
    for _ in range(2):
        fresh.admit("one", "vote")
    with pytest.raises(TooFast, match=r"in 1 s\."):
        fresh.admit("one", "vote")
    time.sleep(1.05)
    fresh.admit("one", "vote")


def test_long_waits_are_told_in_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "uploaded", "1/hour")
    fresh = RateLimiter()
    fresh.admit("one", "uploaded")
    with pytest.raises(TooFast, match=r"in 60 minutes\."):
        fresh.admit("one", "uploaded")
