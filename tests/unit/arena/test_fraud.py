"""Votes that look like no listener's are suspected, and people's are not."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.arena import fraud
from apex_space.arena.fraud import DAILY, HOURLY, LISTENERS, ONE_SIDE, STEADY_INTERVALS, FraudDetector, suspicion
from apex_space.storage.records import Battle, Song, Vote, Winner

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


@given(st.integers(0, 2**32), st.lists(st.sampled_from(["a", "b", "tie", "both_bad"]), min_size=1, max_size=60))
def test_listeners_are_not_suspected(seed: int, winners: list[Winner]) -> None:
    alternating = [*winners]
    alternating[ONE_SIDE // 2 :: ONE_SIDE // 2] = ["tie"] * len(alternating[ONE_SIDE // 2 :: ONE_SIDE // 2])
    votes = history(at_a_human_pace(len(winners), seed), lambda n: alternating[n])
    assert all(not verdict(votes[: n + 1]) for n in range(len(votes)))


def test_more_listening_than_there_was_time_for() -> None:
    assert not suspicion(replace(VOTE, heard=(30.0, 31.9)), [])
    assert "longer" in suspicion(replace(VOTE, heard=(30.0, 32.1)), [])


def drawn_at_once(battles: int, seconds: float) -> list[Vote]:
    """Votes on battles that were issued together, all of them cast after a wait of so many seconds."""
    times = [1000 + seconds + 0.1 * number for number in range(battles)]
    issued = replace(VOTE.battle, issued=1000.0)
    return [replace(vote, heard=(5.0, 5.0), battle=issued) for vote in history(times)]


def test_battles_that_are_drawn_at_once_cannot_all_be_listened_to() -> None:
    votes = drawn_at_once(30, 8.0)
    counted = [number for number in range(30) if not verdict(votes[: number + 1])]
    assert counted == [0, 1, 2, 3]  # four people can have listened for eight seconds each
    assert not any(verdict(drawn_at_once(number, 11.0)[:number]) for number in (1, 2, 4))


def test_a_household_may_listen_at_the_same_time() -> None:
    rng = random.Random(3)
    people = [at_a_human_pace(20, seed) for seed in range(LISTENERS)]
    votes = history(sorted(at + rng.random() for times in people for at in times))
    assert not any("several" in verdict(votes[: number + 1]) for number in range(len(votes)))


def test_a_voter_and_a_network_have_a_limited_weight_in_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fraud, "DAILY", 10)
    detector, counted = FraudDetector(), 0
    votes = history(at_a_human_pace(200))
    for number, vote in enumerate(votes):
        examined = detector.examine(replace(vote, voter=f"voter {number // 20}"), "network")
        detector.remember(examined, "network")
        counted += not examined.suspicion
    assert DAILY > HOURLY
    assert counted == 10 * 4  # ten each of the first four voters, who use up the network's 80
    assert "one network" in detector.examine(replace(votes[-1], voter="another"), "network").suspicion
    assert not detector.examine(replace(votes[-1], voter="another"), "another network").suspicion


def test_a_network_cannot_listen_more_than_a_few_households_can() -> None:
    detector = FraudDetector()
    votes = [replace(vote, voter=f"voter {number}") for number, vote in enumerate(drawn_at_once(200, 8.0))]
    counted = 0
    for vote in votes:
        examined = detector.examine(vote, "network")
        detector.remember(examined, "network")
        counted += not examined.suspicion
    assert LISTENERS * fraud.WIDER <= counted <= 2 * LISTENERS * fraud.WIDER


@pytest.mark.parametrize("side", ["a", "b"])
def test_one_side_in_a_row(side: Winner) -> None:
    times = at_a_human_pace(ONE_SIDE)
    assert "same side" in verdict(history(times, lambda n: side))
    assert not verdict(history(times[1:], lambda n: side))
    assert not verdict(history(times, lambda n: side if n else "tie"))


@pytest.mark.parametrize("winner", ["tie", "both_bad"])
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
    fresh = FraudDetector()
    for vote in history(at_a_human_pace(ONE_SIDE - 1), lambda n: "b"):
        assert not fresh.examine(vote).suspicion
        fresh.remember(vote)
    last = replace(history(at_a_human_pace(ONE_SIDE), lambda n: "b")[-1])
    assert fresh.examine(last).suspicion
    assert not fresh.examine(replace(last, voter="other")).suspicion


def test_memory_of_voters_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fraud, "MAX_VOTERS", 3)
    fresh = FraudDetector()
    for number in range(5):
        for _ in range(HOURLY + 10 if number == 4 else 1):
            fresh.remember(replace(VOTE, voter=str(number)))
    assert list(fresh._histories) == ["2", "3", "4"]
    assert len(fresh._histories["4"].last) == HOURLY
