"""Visitors are held to limits, each one and each action apart."""

import time

import pytest

from apex_space.core.errors import TooFast
from apex_space.storage.identity import Visitor
from apex_space.storage.rate_limits import LIMITS, WIDER, Action, RateLimiter

ONE = Visitor("one")


@pytest.mark.parametrize("action", LIMITS)
def test_limits_hold_for_each_voter_and_action(action: Action) -> None:
    fresh = RateLimiter()
    first = int(LIMITS[action].split("/")[0])
    for _ in range(first):
        fresh.admit(ONE, action)
    with pytest.raises(TooFast, match=r"Try again in \d+ s\."):
        fresh.admit(ONE, action)
    fresh.admit(Visitor("other"), action)
    for other in LIMITS.keys() - {action}:
        fresh.admit(ONE, other)


@pytest.mark.slow
def test_the_wait_that_is_named_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "vote", "2/second")
    fresh = RateLimiter()
    for _ in range(2):
        fresh.admit(ONE, "vote")
    with pytest.raises(TooFast, match=r"in 1 s\."):
        fresh.admit(ONE, "vote")
    time.sleep(1.05)
    fresh.admit(ONE, "vote")


def test_long_waits_are_told_in_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "uploaded", "1/hour")
    fresh = RateLimiter()
    fresh.admit(ONE, "uploaded")
    with pytest.raises(TooFast, match=r"in 60 minutes\."):
        fresh.admit(ONE, "uploaded")


def test_a_network_of_many_visitors_has_the_limit_of_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "link", "3/hour")
    fresh = RateLimiter()
    for number in range(3 * WIDER):
        fresh.admit(Visitor(f"visitor {number}", "network"), "link")
    with pytest.raises(TooFast):
        fresh.admit(Visitor("another", "network"), "link")
    fresh.admit(Visitor("another", "another network"), "link")
