"""Who meets whom: the few-voted and the uncertain rather than others, anyone with anyone, on sides that are tossed."""

import inspect
from collections import Counter
from datetime import UTC, datetime
from itertools import permutations
from math import inf, nan, sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apex_space.arena.pairing import PARTNERS, draw, week_of
from apex_space.core.errors import NotEnoughSongs
from apex_space.storage.records import Song

DRAWS = 4_000


def songs(count: int) -> list[Song]:
    return [Song(str(number)) for number in range(count)]


def drawn(
    count: int, votes: dict[str, int], uncertainty: dict[str, float], draws: int = DRAWS
) -> list[tuple[str, str]]:
    rng = Random(0)
    pairs = (draw(songs(count), votes, uncertainty, rng) for _ in range(draws))
    return [(a.id, b.id) for a, b in pairs]


votes = st.dictionaries(st.sampled_from("0123456"), st.integers(0, 10**6))
widths = st.dictionaries(st.sampled_from("0123456"), st.floats(allow_nan=True, allow_infinity=True))


@given(st.integers(2, 7), votes, widths, st.integers(0, 2**32))
def test_two_different_songs_of_the_pool_whatever_is_known_of_them(
    count: int, votes: dict[str, int], widths: dict[str, float], seed: int
) -> None:
    pool = songs(count)
    a, b = draw(pool, votes, widths, Random(seed))
    assert a != b
    assert {a, b} <= set(pool)


few = st.dictionaries(st.sampled_from("0123"), st.integers(0, 100), min_size=4)
wide = st.dictionaries(st.sampled_from("0123"), st.floats(0, 10), min_size=4)


@pytest.mark.slow
@settings(max_examples=6)
@given(few, wide)
def test_sides_are_balanced_for_every_pair(votes: dict[str, int], widths: dict[str, float]) -> None:
    met = Counter(drawn(4, votes, widths))
    for one, other in {tuple(sorted(pair)) for pair in met}:
        here, there = met[one, other], met[other, one]
        assert abs(here - there) < 5.5 * sqrt(here + there) + 1  # once in ten million


@pytest.mark.slow
@settings(max_examples=6)
@given(few, st.integers(1, 100))
def test_a_song_with_fewer_votes_is_heard_at_least_as_often(votes: dict[str, int], fewer: int) -> None:
    few, many = "0", "1"
    votes[many] = votes[few] + fewer
    heard = Counter(song for pair in drawn(4, votes, {}) for song in pair)
    assert heard[few] > heard[many] - 5.5 * sqrt(heard[few] + heard[many])
    if fewer > 3 * (votes[few] + 1):
        assert heard[few] > heard[many]


def test_a_new_song_is_heard_far_more_than_one_with_a_hundred_votes() -> None:
    heard = Counter(song for pair in drawn(10, {str(n): 100 for n in range(1, 10)}, {}) for song in pair)
    assert heard["0"] > 0.9 * DRAWS


def test_an_uncertain_song_is_heard_more_often_than_a_certain_one() -> None:
    heard = Counter(song for pair in drawn(10, {}, {str(n): 2.0 if n < 5 else 0.5 for n in range(10)}) for song in pair)
    uncertain, certain = (sum(heard[str(n)] for n in numbers) for numbers in (range(5), range(5, 10)))
    assert uncertain > 2 * certain


@pytest.mark.parametrize("width", [nan, inf, 0.0, -1.0])
def test_a_song_whose_uncertainty_is_no_number_is_as_uncertain_as_any(width: float) -> None:
    heard = Counter(song for pair in drawn(3, {}, {"0": width, "1": 3.0, "2": 3.0}) for song in pair)
    assert all(abs(heard[song] - 2 * DRAWS / 3) < 250 for song in "012")


@pytest.mark.slow
def test_every_song_can_meet_every_other() -> None:
    votes = {"0": 10**6, "1": 10**6, "2": 0, "3": 5}
    met = set(drawn(4, votes, {"0": 1e-300, "1": 1e-9, "2": 5.0, "3": 1.0}, 20_000))
    assert met == set(permutations("0123", 2))


def common(pool: list[Song], week: str) -> set[frozenset[Song]]:
    """The pairs that meet more often than draws at random would let them."""
    rng = Random(0)
    met = Counter(frozenset(draw(pool, {}, {}, rng, week)) for _ in range(DRAWS))
    return {pair for pair, count in met.items() if count > 10}


@pytest.mark.slow
def test_a_week_has_its_own_pairs_and_the_next_one_others() -> None:
    pool = songs(30)
    monday = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
    assert week_of(monday - 1) == "2026-W48"
    assert week_of(monday) == week_of(monday + 7 * 86_400 - 1) == "2026-W49"
    this, following = (common(pool, week_of(monday + days * 86_400)) for days in (0, 7))
    assert len(this) == len(following) == 30 * PARTNERS / 2
    assert len(this & following) < len(this) / 2
    assert common(pool[::-1], "2026-W49") == this


@pytest.mark.parametrize("week", ["", "2026-W49"])
def test_pairs_that_were_heard_do_not_meet_again_until_all_were(week: str) -> None:
    for count in (2, 3, 7, 12):
        rng, heard = Random(count), list[tuple[str, str]]()
        for _ in range(count * (count - 1) // 2):
            a, b = draw(songs(count), {"0": 10**6}, {}, rng, week, [*heard, ("gone", "0"), ("1", "1")])
            heard.append((a.id, b.id))
        assert len(set(map(frozenset, heard))) == len(heard)
        assert len({*draw(songs(count), {}, {}, rng, week, heard)}) == 2


@pytest.mark.slow
def test_a_week_keeps_its_pairs_where_some_were_heard() -> None:
    pool, week, rng = songs(30), "2026-W49", Random(0)
    usual = common(pool, week)
    heard = [tuple(song.id for song in pair) for pair in list(usual)[::2]]
    met = [frozenset(draw(pool, {}, {}, rng, week, heard)) for _ in range(DRAWS)]  # type: ignore[arg-type]
    assert sum(pair in usual for pair in met) > 0.8 * DRAWS
    assert not any(tuple(song.id for song in pair) in heard for pair in map(frozenset, met))


def met_by_others(pool: list[Song], week: str = "") -> Counter[tuple[bool, bool]]:
    """How often pairs have the same prompt, and are by two generators."""
    rng = Random(0)
    pairs = (draw(pool, {}, {}, rng, week) for _ in range(DRAWS // 4))
    return Counter((a.prompt == b.prompt, a.generator != b.generator) for a, b in pairs)


@pytest.mark.parametrize("week", ["", "2026-W49"])
def test_songs_meet_by_the_same_prompt_and_by_two_generators_where_they_can(week: str) -> None:
    def made(prompts: int, generators: int) -> list[Song]:
        return [Song(str(n), "", f"maker {n % generators}", f"prompt {n // 4 % prompts}") for n in range(24)]

    assert set(met_by_others(made(6, 2), week)) == {(True, True)}
    assert set(met_by_others(made(1, 3), week)) == {(True, True)}
    assert set(met_by_others(made(6, 1), week)) == {(True, False)}
    alone = [Song(str(n), "", f"maker {n % 3}", f"prompt {n}") for n in range(24)]
    assert set(met_by_others(alone, week)) == {(False, True)}
    assert met_by_others(songs(24), week).total() == DRAWS // 4


def test_few_votes_come_before_the_week() -> None:
    pool, rng = songs(30), Random(0)
    votes = {song.id: 20 for song in pool[3:]}
    met = [song for _ in range(DRAWS) for song in draw(pool, votes, {}, rng, "2026-W49")]
    assert sum(song in pool[:3] for song in met) > DRAWS / 2


def test_sides_do_not_depend_on_who_is_new() -> None:
    new_on_a = sum(a == "0" for a, b in drawn(5, {str(n): 50 for n in range(1, 5)}, {}) if "0" in (a, b))
    assert abs(new_on_a - DRAWS / 2) < 200


@pytest.mark.parametrize("count", [0, 1])
def test_there_is_no_battle_without_two_songs(count: int) -> None:
    with pytest.raises(NotEnoughSongs, match="two songs"):
        draw(songs(count), {}, {}, Random())


def test_scores_are_not_asked_for() -> None:
    assert list(inspect.signature(draw).parameters) == ["songs", "votes", "uncertainty", "rng", "week", "heard"]


class Counting(Counter[str]):
    """Votes that know how often they were asked for."""

    asked = 0

    def get(self, key: str, default: int = 0) -> int:  # type: ignore[override]
        self.asked += 1
        return super().get(key, default)


def test_cost_grows_with_the_songs_and_not_with_the_pairs() -> None:
    votes = Counting()
    draw(songs(2_000), votes, {}, Random(0))
    assert votes.asked == 2_000
