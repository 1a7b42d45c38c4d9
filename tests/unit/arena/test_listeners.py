"""Intervals by listeners: held to resampled listeners, and to votes that are independent."""

import numpy as np
import pytest

from apex_space.arena.listeners import MIN_LISTENERS, Ballot, excess_of, verdict
from apex_space.arena.ratings import By, RatingModel, rate, results_of, strengths_of
from apex_space.evaluation.simulated_listeners import SimulatedBallots, interval_coverage, resampled
from apex_space.storage.vote_counts import PairResults, tally
from helpers.votes import simulate, song, vote

BY: tuple[By, ...] = "song", "generator"


def drawn(listeners: int = 60, votes: float = 30, taste: float = 0.8, seed: int = 0) -> SimulatedBallots:
    return SimulatedBallots.draw(np.random.default_rng(seed), listeners, votes, taste)


@pytest.mark.slow
@pytest.mark.parametrize("by", BY)
def test_deviations_are_those_of_a_fit_for_each_draw_of_the_listeners_weights(by: By) -> None:
    votes = drawn()
    results = results_of(votes.counts, by)
    found = strengths_of(results, excess=excess_of(votes.ballots, votes.counts, by))
    alone = strengths_of(results)
    chances = np.array([*resampled(np.random.default_rng(1), votes, by, 200).values()])
    strengths = np.log(chances / (1 - chances))
    ratio = found.deviations / (strengths - strengths.mean(0)).std(1)
    assert np.median(ratio) == pytest.approx(1, abs=0.12)
    assert (found.values == alone.values).all()
    assert np.mean(found.deviations / alone.deviations) > (1.15 if by == "song" else 1.4)


def test_votes_that_are_independent_have_nothing_in_common() -> None:
    votes = drawn(300, 10, taste=0.0)
    results = results_of(votes.counts, "song")
    found = strengths_of(results, excess=excess_of(votes.ballots, votes.counts, "song"))
    ratio = found.deviations / strengths_of(results).deviations
    assert (ratio >= 1).all()
    assert ratio.mean() < 1.05


def test_intervals_by_listeners_hold_the_truth_where_those_by_votes_do_not() -> None:
    found = interval_coverage(50, 24, 0.8, 10, "generator", bootstrap=False)
    assert found["votes"][0] < 0.85
    assert found["listeners"][0] >= found["votes"][0] + 0.1


def ballots(voters: int) -> list[Ballot]:
    return [(song(n % 3).id, song((n + 1) % 3).id, "a", f"voter {n % voters}" if voters else "") for n in range(90)]


def test_with_few_known_listeners_votes_count_as_independent() -> None:
    counts = tally([vote(n % 3, (n + 1) % 3) for n in range(90)])
    for voters in (0, 1, MIN_LISTENERS - 1):
        assert excess_of(ballots(voters), counts, "song") is None
    found = excess_of(ballots(MIN_LISTENERS), counts, "song")
    assert found is not None
    assert (found.listeners, found.votes) == (MIN_LISTENERS, 90)
    assert "until 10 listeners have voted" in verdict(None)
    assert "1,234 listeners" in verdict(1234)


def test_one_vote_of_each_listener_is_the_same_as_independent_votes() -> None:
    counts = tally(simulate(np.linspace(-1, 1, 5), 90))
    single: list[Ballot] = [
        (a, b, "a" if a_won else "b", f"voter {a} {b} {n}")
        for a, b, a_won, b_won, *_ in counts.pairs
        for n in range(a_won + b_won)
    ]
    found = excess_of(single, counts, "song")
    assert found is not None
    assert found.covariance == pytest.approx(0, abs=1e-9)
    assert rate(counts, excess={"song": found}) == rate(counts)


def test_new_songs_and_more_votes_keep_what_was_known() -> None:
    votes = drawn()
    excess = excess_of(votes.ballots, votes.counts, "song")
    assert excess is not None
    results = results_of(votes.counts, "song")
    size = len(results.keys)
    same = excess.among(results, size + 1)
    assert same == pytest.approx(excess.covariance)
    twice = PairResults.of(results.keys, results.a, results.b, 2 * results.numbers)
    assert excess.among(twice, size + 1) == pytest.approx(2 * excess.covariance)
    other = results_of(tally([vote(0, 1)] * len(votes.ballots)), "song")  # these songs were not there
    found = excess.among(other, 3)
    assert found[2, 2] == pytest.approx(excess.covariance[-1, -1])
    assert np.count_nonzero(found) == 1


def test_both_bad_votes_and_ties_pull_as_they_are_counted() -> None:
    votes = [vote(n % 3, (n + 1) % 3, "both_bad" if n % 2 else "tie") for n in range(90)] + [vote(0, 1)] * 9
    told: list[Ballot] = [
        (each.battle.a.id, each.battle.b.id, each.winner, f"voter {n % 25}") for n, each in enumerate(votes)
    ]
    found = {
        model: excess_of(told, tally(votes), "song", model)
        for model in (RatingModel(), RatingModel(ties="davidson"), RatingModel(both_bad=False))
    }
    assert [excess and excess.votes for excess in found.values()] == [99, 99, 54]
