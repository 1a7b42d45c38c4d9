"""The leaderboard's laws: a Bradley-Terry model with a prior, held to other solvers and to known truths."""

import math
from collections.abc import Sequence
from typing import get_args

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from apex_space.arena import ratings
from apex_space.arena.ratings import FEW_VOTES, By, Rating, RatingModel
from apex_space.storage.records import Song, Vote, Winner
from apex_space.storage.vote_counts import PairResults, tally
from helpers.votes import MAKERS, rate, sigmoid, simulate, song, swapped, vote

BY: tuple[By, ...] = "song", "generator"
NO_SIDE = 1e-7
"""The deviation of a side's effect that is surely none."""
players = st.integers(0, 5)
votes_cast = st.lists(
    st.builds(
        vote,
        players,
        players,
        st.sampled_from(["a", "b", "tie", "both_bad"]),
        source=st.sampled_from(["pool"] * 4 + ["uploaded"]),
    ),
    max_size=40,
)


def by_key(ratings: Sequence[Rating]) -> dict[str, float]:
    return {rating.key: rating.rating for rating in ratings}


def by_rank(ratings: Sequence[Rating]) -> list[tuple[float, ...]]:
    """All figures of each rating, in the order of the keys."""
    return [(r.rating, r.low, r.high, r.votes, r.wins, r.ties) for r in sorted(ratings, key=lambda r: r.key)]


def log_odds(ratings: Sequence[Rating], keys: Sequence[str]) -> np.ndarray:
    chance = np.array([by_key(ratings)[key] for key in keys])
    return np.log(chance / (1 - chance))


def test_wikipedias_worked_example() -> None:
    """Four teams, 22 games ("Bradley-Terry model", section "Worked example of solution procedure")."""
    won = {"AB": 2, "AD": 1, "BA": 3, "BC": 5, "CB": 3, "CD": 1, "DA": 4, "DC": 3}
    number = dict(zip("ABCD", range(4), strict=True))
    votes = [vote(number[pair[0]], number[pair[1]]) for pair, times in won.items() for _ in range(times)]
    strengths = log_odds(rate([*votes, *map(swapped, votes)], prior=1e-6), [song(i).id for i in range(4)])
    assert np.exp(strengths - strengths.mean()) == pytest.approx([0.640, 1.043, 0.660, 2.270], abs=5e-4)


def test_without_a_prior_evalica_finds_the_same() -> None:
    votes = simulate(np.linspace(-1, 1, 12), 2000, ties=0.2)
    names = {
        "a": evalica.Winner.X,
        "b": evalica.Winner.Y,
        "tie": evalica.Winner.Draw,
    }
    theirs = evalica.bradley_terry(
        [each.battle.a.id for each in votes],
        [each.battle.b.id for each in votes],
        [names[each.winner] for each in votes],
        tie_weight=0.5,
        tolerance=1e-12,
        limit=10_000,
    ).scores
    keys = [song(i).id for i in range(12)]
    expected = np.log([theirs[key] for key in keys])
    ours = log_odds(rate([*votes, *map(swapped, votes)], prior=1e-6), keys)
    assert ours - ours.mean() == pytest.approx(expected - expected.mean(), abs=1e-4)


def test_with_the_prior_a_general_optimiser_finds_the_same() -> None:
    votes = simulate(np.linspace(-2, 2, 6), 30, seed=3, ties=0.3)
    index = {song(i).id: i for i in range(6)}

    def loss(found: np.ndarray) -> float:
        *strengths, side = found
        margin = np.array([strengths[index[v.battle.a.id]] - strengths[index[v.battle.b.id]] + side for v in votes])
        won = np.array([{"a": 1.0, "b": 0.0}.get(v.winner, 0.5) for v in votes])
        prior = np.log(sigmoid(np.concatenate([strengths, np.negative(strengths)]))).sum() - (side / 0.25) ** 2 / 2
        return -float((won * np.log(sigmoid(margin)) + (1 - won) * np.log(sigmoid(-margin))).sum() + prior)

    expected = minimize(loss, np.zeros(7), method="BFGS", options={"gtol": 1e-7}).x
    assert log_odds(rate(votes), list(index)) == pytest.approx(expected[:6], abs=1e-5)
    found = ratings.side_effect(tally(votes))
    assert found is not None
    assert found.value == pytest.approx(sigmoid(expected[6]), abs=1e-5)


@pytest.mark.slow
@given(votes_cast)
@settings(max_examples=30)
def test_by_davidsons_model_a_general_optimiser_finds_the_same(votes: list[Vote]) -> None:
    results = tally(votes).song_results
    numbers = results.a_won, results.b_won, results.tied + results.both_bad

    def loss(found: np.ndarray) -> float:
        strengths, side, log_nu = found[:-2], found[-2], found[-1]
        odds = strengths[results.a] - strengths[results.b] + side
        chances = log_softmax([odds / 2, -odds / 2, np.full_like(odds, log_nu)], axis=0)
        prior = np.log(sigmoid(strengths)).sum() + np.log(sigmoid(-strengths)).sum()
        return -float((numbers * chances).sum() + prior - (side / 0.25) ** 2 / 2 - (log_nu / 2) ** 2 / 2)

    expected = minimize(loss, np.zeros(len(results.keys) + 2), method="BFGS", options={"gtol": 1e-6}).x
    found = ratings.strengths_of(results, RatingModel(ties="davidson")) if results.keys else None
    if found is not None:
        assert [*found.values, found.side, np.log(found.nu)] == pytest.approx(expected.tolist(), abs=1e-3)


@pytest.mark.slow
def test_the_figures_of_both_models_of_ties_mean_the_same() -> None:
    votes = simulate(np.linspace(-1, 1, 8), 20_000, ties=0.3)
    half, davidson = (by_key(rate(votes, ties=ties)) for ties in get_args(ratings.Ties))
    assert davidson == pytest.approx(half, abs=0.02)
    assert davidson != pytest.approx(half, abs=1e-4)


@pytest.mark.slow
def test_davidsons_model_recovers_what_it_assumes() -> None:
    rng = np.random.default_rng(0)
    truth, nu, count = np.linspace(-2, 2, 6), 0.8, 20_000
    a = rng.integers(6, size=count)
    b = (a + rng.integers(1, 6, size=count)) % 6
    odds = truth[a] - truth[b]
    chances = softmax([odds / 2, -odds / 2, np.full(count, np.log(nu))], axis=0)
    winners = (rng.random(count) > chances.cumsum(0)[:2]).sum(0)
    outcomes: tuple[Winner, ...] = "a", "b", "tie"
    votes = [vote(*pair, outcomes[winner]) for *pair, winner in np.stack([a, b, winners], 1).tolist()]
    found = ratings.strengths_of(tally(votes).song_results, RatingModel(ties="davidson"))
    assert found.nu == pytest.approx(nu, abs=0.05)
    assert found.values - found.values.mean() == pytest.approx(truth, abs=0.15)
    shares = softmax([truth / 2, -truth / 2, np.full(6, np.log(nu))], axis=0)
    assert found.chances() == pytest.approx(shares[0] + shares[2] / 2, abs=0.03)


def test_without_both_bad_these_votes_leave_no_trace() -> None:
    votes = simulate(np.linspace(-1, 1, 6), 200, ties=0.2)
    more = [vote(0, 1, "both_bad"), vote(7, 8, "both_bad")]
    for by in BY:
        assert rate([*votes, *more], by, both_bad=False) == rate(votes, by)
        assert rate([*votes, *more], by) != rate(votes, by)


@pytest.mark.slow
@given(votes_cast, st.data())
def test_the_order_of_votes_does_not_matter(votes: list[Vote], data: st.DataObject) -> None:
    ordered = data.draw(st.permutations(votes))
    assert rate(ordered) == rate(votes)
    assert rate(ordered, "generator") == rate(votes, "generator")


@pytest.mark.slow
@given(votes_cast)
def test_turning_all_battles_round_turns_the_sides_effect_and_nothing_else(votes: list[Vote]) -> None:
    turned = [*map(swapped, votes)]
    for by in BY:
        for one, other in zip(by_rank(rate(turned, by)), by_rank(rate(votes, by)), strict=True):
            assert one == pytest.approx(other, abs=1e-9)
    effect, other = (ratings.side_effect(tally(each)) for each in (turned, votes))
    if effect is None or other is None:
        assert effect is other is None
    else:
        assert (effect.value, effect.low) == pytest.approx((1 - other.value, 1 - other.high), abs=1e-9)


@pytest.mark.slow
@given(votes_cast, st.data())
def test_without_an_effect_of_the_side_it_does_not_matter_who_was_a(votes: list[Vote], data: st.DataObject) -> None:
    turned = [swapped(each) if data.draw(st.booleans()) else each for each in votes]
    for by in BY:
        for one, other in zip(
            by_rank(rate(turned, by, side=NO_SIDE)), by_rank(rate(votes, by, side=NO_SIDE)), strict=True
        ):
            assert one == pytest.approx(other, abs=1e-9)


@given(votes_cast, st.lists(st.builds(vote, st.integers(10, 13), st.integers(10, 13)), min_size=1, max_size=10))
def test_votes_on_unrelated_songs_leave_ratings_as_they_were(votes: list[Vote], unrelated: list[Vote]) -> None:
    before, after = (by_key(rate(each, side=NO_SIDE)) for each in (votes, [*votes, *unrelated]))
    for key, rating in before.items():
        assert after[key] == pytest.approx(rating, abs=1e-7)


@given(votes_cast, players, players)
def test_winning_never_lowers_a_rating_and_losing_never_raises_it(votes: list[Vote], winner: int, loser: int) -> None:
    before = {song(i).id: 0.5 for i in range(6)} | by_key(rate(votes))
    after = before | by_key(rate([*votes, vote(winner, loser)]))
    if winner != loser:
        assert after[song(winner).id] > before[song(winner).id] - 1e-7
        assert after[song(loser).id] < before[song(loser).id] + 1e-7


@given(votes_cast)
def test_songs_connected_by_votes_have_a_mean_rating_of_a_half(votes: list[Vote]) -> None:
    ring = [vote(i, (i + 1) % 6, "tie") for i in range(6)]
    assert np.mean(list(by_key(rate(votes + ring)).values())) == pytest.approx(0.5, abs=1e-7)


@given(votes_cast)
def test_every_rating_lies_in_its_interval_inside_0_and_1_and_the_best_lower_bound_is_first(votes: list[Vote]) -> None:
    found = rate(votes)
    assert all(0 < rating.low <= rating.rating <= rating.high < 1 for rating in found)
    assert [rating.low for rating in found] == sorted((rating.low for rating in found), reverse=True)


@pytest.mark.parametrize("lost", [1e-3, 1e-7, 1e-8, 1e-12])
def test_odds_of_a_million_millions_are_fitted_too(lost: float) -> None:
    """Two songs, each as far from an average one: their odds are the square of each one's."""
    turned = np.array([[0.5, lost / 2], [lost / 2, 0.5], [0, 0], [0, 0]])
    results = PairResults.of(["x", "y"], np.array([0, 1]), np.array([1, 0]), turned)
    found = ratings.strengths_of(results, RatingModel(prior=1e-15))
    assert found.values[0] - found.values[1] == pytest.approx(-np.log(lost), abs=0.01)
    assert np.isfinite(found.deviations).all()


@pytest.mark.parametrize("wins", [1, 10, 5000])
def test_an_undefeated_song_is_finite_and_no_song_is_certain(wins: int) -> None:
    rivals = 20
    best = rate([vote(0, 1 + i % rivals) for i in range(wins)])[0]
    assert best.key == song(0).id
    assert best.wins == best.votes == wins
    assert 0.5 < best.rating < best.high < 1
    assert best.low > 0


def test_each_further_win_counts() -> None:
    found = [rate([vote(0, 1)] * wins)[0].rating for wins in range(1, 6)]
    assert found == sorted(set(found))


def test_one_sided_chains_and_stars_come_to_an_end() -> None:
    chain = [vote(i, i + 1) for i in range(100) for _ in range(100)]
    assert max(rate(chain), key=lambda r: r.rating).key == song(0).id
    assert all(math.isfinite(rating.rating) for rating in rate(chain))
    star = [vote(0, 1 + i) for i in range(100) for _ in range(100)]
    assert rate(star)[0].key == song(0).id


def test_a_tie_and_both_bad_are_half_a_win_for_both() -> None:
    even = by_key(rate([vote(0, 1), vote(0, 1, "b"), vote(1, 2)]))
    for half in ("tie", "both_bad"):
        tied = rate([vote(0, 1, half), vote(0, 1, half), vote(1, 2)])
        assert by_key(tied) == pytest.approx(even)
        assert {rating.key: (rating.votes, rating.wins, rating.ties) for rating in tied} == {
            song(0).id: (2, 0, 2),
            song(1).id: (3, 1, 2),
            song(2).id: (1, 0, 0),
        }


@pytest.mark.parametrize(
    "idle",
    [
        vote(2, 0, suspicion="too many"),
        vote(2, 0, source="uploaded"),
        vote(2, 2),
    ],
)
def test_what_does_not_count_leaves_no_trace(idle: Vote) -> None:
    counting = [vote(0, 1), vote(0, 1, "b"), vote(0, 1)]
    assert rate([*counting, idle]) == rate(counting)
    assert rate([idle]) == ()


def test_no_votes_no_ratings() -> None:
    assert rate([]) == rate([], "generator") == ()


def test_generators_are_rated_by_battles_between_them_alone() -> None:
    between = [vote(0, 1), vote(1, 2), vote(0, 3, "tie")]
    same = vote(0, MAKERS)
    nameless = [vote(Song("nameless"), 1), vote(1, Song("nameless"))]
    found = rate([*between, same, *nameless], "generator")
    assert found == rate(between, "generator")
    assert {rating.key for rating in found} == {rating.title for rating in found} == {f"maker{i}" for i in range(4)}
    assert {rating.key for rating in rate([same])} == {song(0).id, song(MAKERS).id}


def test_below_30_votes_a_rating_is_preliminary() -> None:
    for count in (FEW_VOTES - 1, FEW_VOTES):
        first, second = rate([vote(0, 1, "tie")] * count)
        assert first.preliminary is second.preliminary is first.as_dict()["preliminary"] is (count < 30)


def test_a_song_is_shown_with_its_texts() -> None:
    best = rate([vote(5, 2)])[0]
    assert (best.title, best.generator) == ("Title 5", "maker1")


def test_four_times_the_votes_halve_the_interval() -> None:
    truth = np.linspace(-1, 1, 10)
    few, many = (rate(simulate(truth, count)) for count in (1000, 4000))
    narrower = np.mean([r.high - r.low for r in many]) / np.mean([r.high - r.low for r in few])
    assert narrower == pytest.approx(0.5, abs=0.06)


def test_known_strengths_are_recovered_in_order() -> None:
    truth = np.random.default_rng(1).permutation(np.linspace(-2, 2, 20))
    found = rate(simulate(truth, 10_000, ties=0.1))
    order = [int(rating.key.removeprefix("song")) for rating in sorted(found, key=lambda r: -r.rating)]
    place = np.argsort(np.argsort(truth[order])[::-1])
    assert np.abs(place - np.arange(20)).max() <= 2


@pytest.mark.parametrize(("songs", "each"), [(20, 6), (20, 20), (20, 100), (60, 20)])
def test_intervals_hold_the_truth_about_95_times_in_100(songs: int, each: int) -> None:
    held = []
    for seed in range(12):
        truth = np.random.default_rng(1000 + seed).normal(0, 0.8, songs)
        middle = _middle(truth)
        for rating in rate(simulate(truth, songs * each // 2, seed)):
            true = sigmoid(truth[int(rating.key.removeprefix("song"))] - middle)
            held.append(rating.low <= true <= rating.high)
    assert 0.89 <= np.mean(held) <= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("side", [0.0, 0.4])
def test_the_sides_effect_is_found_and_its_interval_holds_it(side: float) -> None:
    held = []
    for seed in range(20):
        truth = np.random.default_rng(seed).normal(0, 0.8, 10)
        found = ratings.side_effect(tally(simulate(truth, 400, seed, ties=0.0, side=side)))
        assert found is not None
        held.append(found.low <= sigmoid(side) <= found.high)
    assert np.mean(held) >= 0.8
    found = ratings.side_effect(tally(simulate(truth, 20_000, side=side)))
    assert found is not None
    assert found.value == pytest.approx(sigmoid(side), abs=0.015)


def test_a_song_that_was_mostly_on_the_better_side_is_not_rated_higher_for_it() -> None:
    rng = np.random.default_rng(0)
    equal = [
        vote(a, b, "a" if rng.random() < sigmoid(0.8) else "b")
        for a in range(6)
        for b in range(a + 1, 6)
        for _ in range(200)
    ]  # the lower the number, the more often it stood on the left
    assert [rate(equal, side=NO_SIDE)[0].key, rate(equal, side=NO_SIDE)[-1].key] == [song(0).id, song(5).id]
    with_side, without = (by_key(rate(equal, side=side)) for side in (0.25, NO_SIDE))
    assert abs(with_side[song(0).id] - 0.5) < 0.3 * abs(without[song(0).id] - 0.5)


def _middle(strengths: np.ndarray) -> float:
    """The strength of the average song: ratings against it have a mean of a half."""
    low, high = strengths.min(), strengths.max()
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(strengths - middle).mean() > 0.5 else (low, middle)
    return middle


def test_if_each_song_is_heard_once_the_sides_effect_is_told_from_the_generators() -> None:
    rng = np.random.default_rng(0)
    votes = [
        vote(Song(f"{n} a", generator=f"maker{a}"), Song(f"{n} b", generator=f"maker{1 - a}"), winner)
        for n in range(400)
        for a, winner in [(n % 2, "a" if rng.random() < 0.4 else "b")]
    ]
    found = ratings.side_effect(tally(votes))
    assert found is not None
    assert found.high < 0.5
    assert found.high - found.low < 0.12
    nameless = [vote(Song(each.battle.a.id), Song(each.battle.b.id), each.winner) for each in votes]
    assert ratings.side_effect(tally(nameless)) is not None
