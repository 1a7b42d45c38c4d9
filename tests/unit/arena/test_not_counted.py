"""Votes that do not count are counted by reason, and a jump in their number is a warning."""

import random
import re
from pathlib import Path

import pytest
from scipy.stats import hypergeom

from apex_space.arena import fraud
from apex_space.arena.leaderboard import LeaderboardService
from apex_space.arena.not_counted import MIN_NEWEST, NEWEST, NotCounted, _chance, count_reasons, find_jump
from apex_space.storage.records import AGAIN, WITHDRAWN
from apex_space.storage.vote_store import VoteStore
from apex_space.ui.render.arena import MAX_REASONS, REASONS, not_counted
from helpers.votes import stored, vote

Newest = list[tuple[str, str]]


def newest(good: int, bad: int, reason: str = "too steady") -> Newest:
    return [("", "someone")] * good + [(reason, f"voter {number}") for number in range(bad)]


def test_reasons_are_counted_up_to_a_day_the_most_frequent_first() -> None:
    given = {(0.0, ""): 5, (0.0, "x"): 1, (1.0, "y"): 2, (2.0, "x"): 3, (2.0, ""): 1}
    assert count_reasons(given) == NotCounted(12, {"x": 4, "y": 2})
    assert list(count_reasons(given, 2.0).reasons.items()) == [("y", 2), ("x", 1)]
    assert (count_reasons(given, 2.0).votes, count_reasons(given, 2.0).before) == (8, "1970-01-03")
    assert count_reasons({}) == NotCounted()


def test_as_many_as_before_is_no_jump_and_many_more_is_one() -> None:
    before = {(0.0, ""): 980, (0.0, "too many"): 20}

    def found(bad: int) -> object:
        now = {(1.0, ""): NEWEST - bad, (1.0, "too steady"): bad}
        return find_jump(newest(NEWEST - bad, bad), before | now)

    assert found(2) is found(8) is None
    jump = found(20)
    assert jump is not None
    assert "20 of the newest 100 votes do not count. Of those before, 2.0 % did not." in str(jump)
    assert "too steady (20 of them, listeners: 20)" in str(jump)


def test_the_reason_that_rose_is_named_and_not_the_usual_one() -> None:
    given = [*newest(40, 30, "usual"), *newest(0, 30, "new")]
    jump = find_jump(given, {(0.0, ""): 640, (0.0, "usual"): 330, (0.0, "new"): 30})
    assert jump is not None
    assert (jump.reason, jump.of_reason, jump.not_counted) == ("new", 30, 60)


def test_from_the_first_votes_on_more_than_half_is_a_jump_whatever_was_before() -> None:
    few = newest(5, MIN_NEWEST - 6)
    assert find_jump(few, {(0.0, ""): 5, (0.0, "too steady"): len(few) - 5}) is None
    given = newest(5, MIN_NEWEST - 5)
    jump = find_jump(given, {(0.0, ""): 5, (0.0, "too steady"): len(given) - 5})
    assert jump is not None
    assert jump.share_before is None
    assert "before" not in str(jump).split("The reason")[0]
    assert find_jump(newest(40, 60), {(0.0, ""): 400, (0.0, "too steady"): 600}) is not None


def test_what_voters_do_is_no_jump_and_hides_none(store: VoteStore) -> None:
    made = [*[vote(0, 1)] * 300, *[vote(0, 1, suspicion=AGAIN), vote(0, 1)] * 60]
    store.add_all([(each, ()) for each in stored(made)])
    store.set_aside([f"battle{number}" for number in range(350, 420)], WITHDRAWN)
    leaderboard = LeaderboardService(store)
    assert leaderboard.refit().jump is None
    usual = {(0.0, ""): 900, (0.0, AGAIN): 500, (0.0, WITHDRAWN): 500, (0.0, "too steady"): 20}
    assert find_jump(newest(80, 20), usual) is not None


def test_votes_that_count_again_are_no_jump() -> None:
    assert find_jump(newest(100, 0), {(0.0, ""): 100, (0.0, "x"): 900}) is None
    assert find_jump([], {}) is None


@pytest.mark.parametrize(("k", "n", "bad", "before"), [(0, 5, 3, 9), (3, 5, 3, 9), (5, 5, 0, 9), (7, 100, 20, 1000)])
def test_the_chance_is_that_of_fishers_exact_test(k: int, n: int, bad: int, before: int) -> None:
    assert _chance(k, n, bad, before) == pytest.approx(hypergeom.sf(k - 1, n + before, k + bad, n))


def test_independent_votes_raise_no_alarm() -> None:
    rng, votes = random.Random(1), []
    totals = {(0.0, ""): 0, (0.0, "x"): 0}
    for number in range(3000):
        votes.append(("x" if rng.random() < 0.05 else "", ""))
        totals[0.0, votes[-1][0]] += 1
        assert number % 7 or find_jump(votes[-NEWEST:], totals) is None


def test_every_reason_has_plain_words() -> None:
    source = Path(fraud.__file__).read_text(encoding="utf-8")
    given = set(re.findall(r'^ {8}"([^"]+)":', source, re.MULTILINE))
    assert len(given) > 7
    assert given | {AGAIN, WITHDRAWN} == REASONS.keys()


def test_the_page_says_it_in_one_sentence_and_escapes_what_an_operator_wrote() -> None:
    assert not_counted(NotCounted()) == ""
    assert "All 3 votes before 2026-11-30 (UTC) count." in not_counted(NotCounted(3, {}, "2026-11-30"))
    found = not_counted(NotCounted(1200, {WITHDRAWN: 5, "<b>bot {0}</b>": 2}, "2026-11-30"))
    assert (
        "Of 1,200 votes before 2026-11-30 (UTC), 7 do not count. The most frequent reason: the listener took" in found
    )
    assert "&lt;b&gt;bot {0}&lt;/b&gt;" in found
    assert "<b>" not in found
    many = not_counted(NotCounted(99, {f"reason {number}": 1 for number in range(MAX_REASONS + 4)}, "2026-11-30"))
    assert many.count("<tr>") == MAX_REASONS + 2
    assert "other reasons</th><td>4</td>" in many
