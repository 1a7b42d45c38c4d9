"""What is said of judges and of sides: by hand on few votes, as laws, and on listeners of known habits."""

import json
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.arena import agreement
from apex_space.arena.agreement import Agreement, AgreementReport
from apex_space.arena.ratings import side_effect
from apex_space.core.intervals import Z95, wilson
from apex_space.storage.records import Vote
from apex_space.storage.vote_counts import tally
from helpers.votes import MAKERS, measure_agreement, predicted, sigmoid, simulate, song, swapped, vote

players = st.integers(0, 5)
probabilities = st.one_of(st.floats(0, 1), st.sampled_from([0.5, 0.55, 0.3, 0.8]))
votes_cast = st.lists(
    st.builds(
        vote,
        players,
        players,
        st.sampled_from(["a", "b", "tie", "both_bad"]),
        st.builds(predicted, probabilities),
        st.builds(predicted, probabilities, st.just("apex")),
    ),
    max_size=40,
)


def pool(votes: Sequence[Vote]) -> AgreementReport:
    return measure_agreement(votes)["pool"]


def of_pocket(votes: Sequence[Vote]) -> Agreement:
    found = pool(votes).judge("pocket")
    assert found is not None
    return found


def test_by_hand() -> None:
    judge = of_pocket(
        [
            vote(0, 1, "a", predicted(0.9)),
            vote(1, 2, "b", predicted(0.9)),
            vote(0, 2, "b", predicted(0.4)),
            vote(2, 0, "b", predicted(0.4)),
            vote(2, 1, "tie", predicted(0.4)),
            vote(2, 1, "both_bad", predicted(0.4)),
        ]
    )
    assert (judge.decided, judge.ties) == (4, 2)
    assert judge.agreed.value == 0.75
    assert judge.always_a.value == 0.25
    assert judge.gain.value == 0.5
    assert judge.brier.value == pytest.approx((0.01 + 0.81 + 0.16 + 0.16) / 4)
    assert [(bin.low, bin.high, bin.share, bin.won.value) for bin in judge.calibration] == [
        (0.6, 0.65, 0.5, 1.0),
        (0.8, 1.0, 0.5, 0.5),
    ]
    assert [bin.predicted for bin in judge.calibration] == pytest.approx([0.6, 0.9])
    assert [(pair.generators, pair.decided, pair.agreed.value) for pair in judge.generators] == [
        (("maker0", "maker2"), 2, 1.0),
        (("maker0", "maker1"), 1, 1.0),
        (("maker1", "maker2"), 1, 0.0),
    ]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilsons_limits_are_where_the_score_test_just_rejects(of: int, share: float) -> None:
    hits = round(share * of)
    found = wilson(hits, of)
    assert 0 <= found.low <= found.value <= found.high <= 1
    for limit in (found.low, found.high):
        assert (hits / of - limit) ** 2 == pytest.approx(Z95**2 * limit * (1 - limit) / of, abs=1e-9)


def test_wilsons_interval_as_published() -> None:
    """81 of 263: 0.2553 to 0.3662 (Newcombe, Statistics in Medicine 1998, table I, method 3)."""
    found = wilson(81, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(votes_cast, st.data())
def test_swapping_songs_changes_nothing_but_the_sides(votes: list[Vote], data: st.DataObject) -> None:
    turned = [swapped(each) if data.draw(st.booleans()) else each for each in votes]
    before, after = pool(votes), pool(turned)
    assert (before.votes, before.decided) == (after.votes, after.decided)
    for one, other in zip(before.judges, after.judges, strict=True):
        assert other == replace(one, brier=other.brier, always_a=other.always_a, gain=other.gain)
        assert vars(other.brier) == pytest.approx(vars(one.brier))


@given(votes_cast)
def test_swapping_every_battle_turns_the_share_of_a_into_that_of_b(votes: list[Vote]) -> None:
    before, after = pool(votes).a, pool([swapped(each) for each in votes]).a
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert vars(after) == pytest.approx(
            {"value": 1 - before.value, "low": 1 - before.high, "high": 1 - before.low}, abs=1e-9
        )


@given(votes_cast)
def test_figures_are_consistent(votes: list[Vote]) -> None:
    panel = pool(votes)
    decided = [each for each in votes if each.winner in ("a", "b")]
    assert (panel.votes, panel.decided) == (len(votes), len(decided))
    for judge in panel.judges:
        of_all = [next(p for p in each.battle.predictions if p.judge == judge.judge).probability for each in decided]
        assert judge.decided + judge.ties == len(votes)
        assert judge.gain.value == pytest.approx(judge.agreed.value - judge.always_a.value)
        assert judge.brier.value == pytest.approx(
            fmean((said - (each.winner == "a")) ** 2 for said, each in zip(of_all, decided, strict=True))
        )
        assert sum(bin.share for bin in judge.calibration) == pytest.approx(1)
        assert sum(bin.share * bin.won.value for bin in judge.calibration) == pytest.approx(judge.agreed.value)
        assert all(bin.low - 1e-9 <= bin.predicted <= bin.high + 1e-9 for bin in judge.calibration)
        assert sum(pair.decided for pair in judge.generators) == judge.decided
        assert all(e.low <= e.value <= e.high for e in (judge.agreed, judge.brier, judge.always_a, judge.gain))
    json.dumps(panel.as_dict(), allow_nan=False)


def test_ties_and_suspicious_votes_speak_for_nobody() -> None:
    votes = [vote(0, 1, "a", predicted(0.7)), vote(0, 2, "b", predicted(0.8))]
    ties = [vote(0, 1, "tie", predicted(0.7)), vote(0, 1, "both_bad", predicted(0.7))]
    assert of_pocket(votes + ties) == replace(of_pocket(votes), ties=2)
    assert pool([*votes, vote(0, 1, "a", predicted(0.99), suspicion="too many")]) == pool(votes)
    assert pool(ties).judges == ()
    assert pool(ties).a is None


def test_an_even_prediction_is_half_right_on_either_side() -> None:
    for winner in ("a", "b"):
        judge = of_pocket([vote(0, 1, winner, predicted(0.5))])
        assert judge.agreed.value == 0.5
        assert judge.brier.value == 0.25
        assert judge.calibration[0].won.value == 0.5


def test_visitors_own_songs_stand_apart() -> None:
    found = measure_agreement([vote(0, 1, "a", predicted(0.7)), vote(2, 3, "b", predicted(0.7), source="uploaded")])
    for source, agreed in (("pool", 1.0), ("uploaded", 0.0)):
        (judge,) = found[source].judges
        assert (judge.decided, judge.agreed.value) == (1, agreed)


def test_every_judge_is_measured_on_what_it_had_predicted() -> None:
    votes = [vote(0, 1, "a", predicted(0.7), predicted(0.2, "apex")), vote(0, 1, "a", predicted(0.6)), vote(2, 1)]
    found = {judge.judge: (judge.decided, judge.agreed.value) for judge in pool(votes).judges}
    assert found == {"pocket": (2, 1.0), "apex": (1, 0.0)}
    assert pool(votes).judge("nobody") is None


def test_a_pair_of_generators_is_one_pair_from_either_side_and_songs_without_one_are_in_none() -> None:
    nameless = replace(song(3), generator="")
    votes = [vote(0, 1, "a", predicted(0.7)), vote(1, 0, "a", predicted(0.7)), vote(0, MAKERS, "a", predicted(0.7))]
    judge = of_pocket([*votes, vote(nameless, 1, "a", predicted(0.7))])
    assert [(pair.generators, pair.decided) for pair in judge.generators] == [
        (("maker0", "maker1"), 2),
        (("maker0", "maker0"), 1),
    ]


def test_no_votes() -> None:
    for panel in measure_agreement([]).values():
        assert (panel.votes, panel.a, panel.judges) == (0, None, ())
        assert "No vote" in panel.sides
        json.dumps(panel.as_dict(), allow_nan=False)


def habitual(share_of_a: float, count: int = 1000) -> list[Vote]:
    return [vote(0, 1, "a" if i < share_of_a * count else "b", predicted(0.5)) for i in range(count)]


def test_a_habit_for_one_side_is_told_and_an_even_share_is_not() -> None:
    assert "favour A" in pool(habitual(0.56)).sides
    assert "favour B" in pool(habitual(0.44)).sides
    assert "no sign that listeners favour a side" in pool(habitual(0.51)).sides
    assert "too few votes" in pool(habitual(1, count=2)).sides


@pytest.mark.parametrize(("side", "told"), [(0.5, "favour A"), (-0.5, "favour B"), (0.0, "no sign")])
def test_of_rated_songs_the_fitted_effect_of_the_side_is_told_and_not_the_share_of_a(side: float, told: str) -> None:
    """A is preferred in most votes here, because it is the better song in most."""
    truth = np.linspace(-1, 1, 10)
    votes = [each for each in simulate(truth, 4000, side=side) if each.battle.a.id > each.battle.b.id]
    votes += [vote(0, 1, "b", source="uploaded")] * 40
    counts = tally(votes)
    found = agreement.measure_agreement(counts, side_effect(counts))
    assert found["pool"].a is not None
    assert found["pool"].a.low > 0.5
    assert told in found["pool"].sides
    assert "Song A, on the left or on top" in found["pool"].sides
    assert found["uploaded"].side is None
    assert "A won 0 (0–9) % of 40" in found["uploaded"].sides


STRENGTHS = np.random.default_rng(5).normal(0, 1.2, 30)


def slope(judge: Agreement) -> float:
    """Of what was observed over what was predicted, through a half: 1 where calibrated, less where too bold."""
    weight = np.array([bin.share for bin in judge.calibration])
    predicted = np.array([bin.predicted - 0.5 for bin in judge.calibration])
    won = np.array([bin.won.value - 0.5 for bin in judge.calibration])
    return float((weight * predicted * won).sum() / (weight * predicted**2).sum())


def test_a_judge_that_knows_the_listeners_is_calibrated_and_better_than_chance() -> None:
    judge = of_pocket(simulate(STRENGTHS, 6000, ties=0.2, judge=lambda odds: float(sigmoid(odds))))
    assert judge.against_chance == "better"
    assert not judge.preliminary
    assert judge.gain.low > 0
    assert slope(judge) == pytest.approx(1, abs=0.08)
    assert all(bin.won.low - 0.03 < bin.predicted < bin.won.high + 0.03 for bin in judge.calibration)
    best = float(np.mean([p * (1 - p) for p in chances()]))
    assert judge.brier.low < best < judge.brier.high


def chances() -> np.ndarray:
    margin = STRENGTHS[:, None] - STRENGTHS
    return sigmoid(margin[~np.eye(len(STRENGTHS), dtype=bool)])


def test_bold_timid_ignorant_and_contrary_judges_are_told() -> None:
    def heard(judge: float) -> Agreement:
        return of_pocket(simulate(STRENGTHS, 4000, judge=lambda odds: float(sigmoid(judge * odds))))

    assert slope(heard(3)) < 0.85
    assert slope(heard(0.3)) > 1.5
    assert heard(-1).against_chance == "worse"
    rng = np.random.default_rng(2)
    ignorant = of_pocket(simulate(STRENGTHS, 4000, judge=lambda _: float(rng.random())))
    assert ignorant.against_chance == "unclear"
    assert ignorant.brier.low > 0.25


@pytest.mark.slow
def test_intervals_of_agreement_and_brier_hold_the_truth_about_95_times_in_100() -> None:
    chance = chances()
    truths = np.mean(np.maximum(chance, 1 - chance)), np.mean(chance * (1 - chance))
    held = []
    for seed in range(150):
        judge = of_pocket(simulate(STRENGTHS, 100, seed, judge=lambda odds: float(sigmoid(odds))))
        held.append([e.low <= truth <= e.high for e, truth in zip((judge.agreed, judge.brier), truths, strict=True)])
    assert all(0.89 <= share <= 1 for share in np.mean(held, axis=0))
