"""Voters are hashes that cannot be told apart by anyone without the salt, are held to limits, and are watched."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.arena import voters as module
from apex_space.arena.records import Battle, Song, Vote, Winner
from apex_space.arena.voters import HOURLY, LIMITS, ONE_SIDE, STEADY_INTERVALS, Voters, suspicion
from apex_space.errors import TooFast

ADDRESS = "203.0.113.77"
voters = Voters("a salt")


@given(st.ip_addresses())
def test_a_hash_is_one_voters_under_one_salt(address: object) -> None:
    hashed = voters.hash(str(address))
    assert hashed == Voters("a salt").hash(str(address))
    assert hashed != Voters("another salt").hash(str(address))
    assert len(hashed) == 32
    assert str(address) not in hashed


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_every_address_of_version_4_is_a_voter(one: object, other: object) -> None:
    assert (voters.hash(str(one)) == voters.hash(str(other))) == (one == other)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_network_of_version_6_is_one_voter(network: int, host: int, other: int) -> None:
    def address(network: int, host: int) -> str:
        digits = f"{network << 64 | host:032x}"
        return ":".join(digits[at : at + 4] for at in range(0, 32, 4))

    network |= 0x2000 << 48  # not where addresses of version 4 are mapped to
    assert voters.hash(address(network, host)) == voters.hash(address(network, other))
    assert voters.hash(address(network, host)) != voters.hash(address(network ^ 1, host))


def test_ways_of_writing_an_address_are_one() -> None:
    assert len({voters.hash(text) for text in (ADDRESS, f" {ADDRESS}\n", f"::ffff:{ADDRESS}", "::FFFF:cb00:714d")}) == 1
    assert voters.hash("fe80::1%eth0") == voters.hash("fe80::2")


def test_what_is_no_address_is_one_voter_whatever_it_says() -> None:
    assert len({voters.hash(text) for text in ("", "unknown", "testclient", "1.2.3.4.5", "x" * 100_000)}) == 1


def test_the_address_is_nowhere_in_the_object() -> None:
    fresh = Voters("a salt")
    hashed = fresh.hash(ADDRESS)
    fresh.admit(hashed, "vote")
    fresh.remember(fresh.examine(replace(VOTE, voter=hashed)))
    shown = repr(vars(fresh)) + repr(vars(fresh._counts.storage))
    assert hashed in shown
    assert ADDRESS not in shown


@pytest.mark.parametrize("action", LIMITS)
def test_limits_hold_for_each_voter_and_action(action: module.Action) -> None:
    fresh = Voters("a salt")
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
    fresh = Voters("a salt")
    for _ in range(2):
        fresh.admit("one", "vote")
    with pytest.raises(TooFast, match=r"in 1 s\."):
        fresh.admit("one", "vote")
    time.sleep(1.05)
    fresh.admit("one", "vote")


def test_long_waits_are_told_in_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "own", "1/hour")
    fresh = Voters("a salt")
    fresh.admit("one", "own")
    with pytest.raises(TooFast, match=r"in 60 minutes\."):
        fresh.admit("one", "own")


VOTE = Vote(Battle("battle", Song("a"), Song("b"), "pool", 1_000.0), "a", 1_060.0, (20.0, 20.0), "voter")


def history(times: list[float], winner: Callable[[int], Winner] = lambda n: ("a", "b", "tie")[n % 3]) -> list[Vote]:
    """Votes at these times, each on a battle issued 30 s before."""
    return [
        replace(VOTE, at=at, winner=winner(n), battle=replace(VOTE.battle, issued=at - 30), heard=(8.0, 9.0))
        for n, at in enumerate(times)
    ]


def verdict(votes: list[Vote]) -> str:
    return suspicion(votes[-1], votes[:-1])


def at_a_human_pace(count: int, seed: int = 0) -> list[float]:
    rng = random.Random(seed)
    return list(accumulate(rng.uniform(15, 60) for _ in range(count)))


@given(st.integers(0, 2**32), st.lists(st.sampled_from(["a", "b", "tie", "bad"]), min_size=1, max_size=60))
def test_listeners_are_not_suspected(seed: int, winners: list[Winner]) -> None:
    alternating = [*winners]
    alternating[ONE_SIDE // 2 :: ONE_SIDE // 2] = ["tie"] * len(alternating[ONE_SIDE // 2 :: ONE_SIDE // 2])
    votes = history(at_a_human_pace(len(winners), seed), lambda n: alternating[n])
    assert all(not verdict(votes[: n + 1]) for n in range(len(votes)))


def test_more_listening_than_there_was_time_for() -> None:
    assert not suspicion(replace(VOTE, heard=(30.0, 31.9)), [])
    assert "longer" in suspicion(replace(VOTE, heard=(30.0, 32.1)), [])


@pytest.mark.parametrize("side", ["a", "b"])
def test_one_side_in_a_row(side: Winner) -> None:
    times = at_a_human_pace(ONE_SIDE)
    assert "same side" in verdict(history(times, lambda n: side))
    assert not verdict(history(times[1:], lambda n: side))
    assert not verdict(history(times, lambda n: side if n else "tie"))


@pytest.mark.parametrize("winner", ["tie", "bad"])
def test_many_ties_are_an_opinion(winner: Winner) -> None:
    assert not verdict(history(at_a_human_pace(100), lambda n: winner))


def test_by_chance_one_side_in_a_row_is_as_rare_as_stated() -> None:
    assert pytest.approx(1 / 500_000, rel=0.1) == 2 * 0.5**ONE_SIDE
    assert pytest.approx(27_000, rel=0.1) == 1 / 0.6**ONE_SIDE


@pytest.mark.parametrize(("jitter", "suspected"), [(0.0, True), (0.1, True), (1.0, False)])
def test_a_steady_pace(jitter: float, suspected: bool) -> None:
    rng = random.Random(1)
    times = [11.0 * n + rng.uniform(-jitter / 2, jitter / 2) for n in range(STEADY_INTERVALS + 1)]
    assert ("steady" in verdict(history(times))) == suspected
    assert not verdict(history(times[1:]))


def test_more_votes_in_an_hour_than_one_can_listen_for() -> None:
    rng = random.Random(2)
    times = list(accumulate(rng.uniform(5, 11) for _ in range(HOURLY + 1)))
    assert "hour" in verdict(history(times))
    assert not verdict(history(times[1:]))
    slower = [at * 3600 / (times[-1] - times[1]) + 1 for at in times]
    assert not verdict(history(slower))


def test_what_a_voter_did_is_remembered_for_that_voter_only() -> None:
    fresh = Voters("a salt")
    for vote in history(at_a_human_pace(ONE_SIDE - 1), lambda n: "b"):
        assert not fresh.examine(vote).suspicion
        fresh.remember(vote)
    last = replace(history(at_a_human_pace(ONE_SIDE), lambda n: "b")[-1])
    assert fresh.examine(last).suspicion
    assert not fresh.examine(replace(last, voter="other")).suspicion


def test_memory_of_voters_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VOTERS", 3)
    fresh = Voters("a salt")
    for number in range(5):
        for _ in range(HOURLY + 10 if number == 4 else 1):
            fresh.remember(replace(VOTE, voter=str(number)))
    assert list(fresh._recent) == ["2", "3", "4"]
    assert len(fresh._recent["4"]) == HOURLY
