"""Laws of the model that learns from votes, and the published anchor calibration as its special case."""

import csv
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.core.errors import PreferenceError
from apex_space.preference import head_files
from apex_space.preference.head_files import read
from apex_space.preference.learned import LearnedModel, Outcomes, Prior, learn, mean_chance
from helpers.votes import sigmoid

HEAD = read(head_files.SHIPPED / "pocket.json")
MAKERS = ("", "flute", "harp", "lute")
SCORES = {"likes": 40.0, "coherence": 3.0, "musicality": 3.0, "clarity": 3.0, "naturalness": 3.0}
BETTER = SCORES | {"musicality": 3.5, "likes": 60.0}


def prior(axes: int = 2, **changes: Any) -> Prior:
    plain = Prior.without_head([f"axis{number}" for number in range(axes)], [1.0 + number for number in range(axes)])
    return replace(plain, **changes)


def outcomes(count: int = 60, axes: int = 2, seed: int = 0) -> Outcomes:
    """A listener who likes the first score and generators by their place among MAKERS."""
    rng = np.random.default_rng(seed)
    differences = rng.normal(size=(count, axes))
    sides = rng.integers(len(MAKERS), size=(count, 2))
    odds = differences[:, 0] + 0.5 * (sides[:, 0] - sides[:, 1])
    won = (rng.random(count) < sigmoid(odds)).astype(float)
    return Outcomes(differences, [(MAKERS[a], MAKERS[b]) for a, b in sides], won, 1 - won)


def model(votes: Outcomes | None = None, of: Prior | None = None) -> LearnedModel:
    return learn("pocket", "weights", of or prior(), outcomes() if votes is None else votes)


NOTHING = outcomes(0)
LEARNED = model()
pairs = st.tuples(st.sampled_from([*MAKERS, "new"]), st.sampled_from([*MAKERS, "new"]))
songs = st.fixed_dictionaries({axis: st.floats(-5, 5) for axis in LEARNED.prior.axes})


# ---- laws --------------------------------------------------------------------------------------------------------


@given(songs, songs, pairs)
def test_swapping_the_songs_swaps_the_answer(a: dict[str, float], b: dict[str, float], makers: tuple[str, str]) -> None:
    one, other = LEARNED.of_scores(a, b, *makers), LEARNED.of_scores(b, a, *makers[::-1])
    assert one.probability + other.probability == 1
    assert (one.low + other.high, one.high + other.low) == pytest.approx((1, 1))
    assert one.generators == pytest.approx(-other.generators)
    assert one.low <= one.probability <= one.high


@given(songs, st.sampled_from([*MAKERS[1:], "new"]))
def test_two_equal_songs_of_one_generator_are_a_half(song: dict[str, float], maker: str) -> None:
    answer = LEARNED.of_scores(song, song, maker, maker)
    assert (answer.low, answer.probability, answer.high) == (0.5, 0.5, 0.5)


def test_the_posterior_is_at_the_peak_with_the_curvature_there() -> None:
    """By brute force: the loss is smallest there, and its second differences are the inverse covariance."""
    seen, known = outcomes(), prior()
    design = np.array([[*difference / known.scale, *np.zeros(3)] for difference in seen.differences])
    for row, (a, b) in zip(design, seen.generators, strict=True):
        for name, sign in ((a, 1), (b, -1)):
            row[2:] += [sign * (name == maker) for maker in MAKERS[1:]]
    precision = np.diag([*1 / np.diag(known.covariance), *[known.deviation**-2] * 3])

    def loss(point: np.ndarray) -> float:
        odds = design @ point
        misses = seen.won @ np.logaddexp(0, -odds) + seen.lost @ np.logaddexp(0, odds)
        return float(misses + point @ precision @ point / 2)

    peak = np.array(LEARNED.mean)
    step = 1e-3 * np.eye(5)
    assert all(loss(peak) < loss(peak + sign * far) for far in step for sign in (1, -1))
    second = [[loss(peak + x + y) - loss(peak + x) - loss(peak + y) + loss(peak) for x in step] for y in step]
    assert np.linalg.inv(LEARNED.covariance) == pytest.approx(np.array(second) / 1e-6, rel=0.02, abs=0.05)


def test_votes_on_one_pair_may_be_summed() -> None:
    single = outcomes(40)
    twice = single[np.repeat(np.arange(40), 2)]
    summed = replace(single, won=2 * single.won, lost=2 * single.lost)
    assert model(summed).mean == pytest.approx(model(twice).mean)
    assert model(summed).votes == model(twice).votes == 80


def test_it_finds_what_listeners_like() -> None:
    learned = model(outcomes(5000))
    assert learned.mean[:2] == pytest.approx((1, 0), abs=0.15)
    flute, harp, lute = learned.mean[2:]
    assert (harp - flute, lute - harp) == pytest.approx((0.5, 0.5), abs=0.15)


# ---- before any vote, and songs of unknown origin ------------------------------------------------------------------


def test_before_any_vote_it_answers_as_the_head_does_and_less_surely() -> None:
    learned = model(outcomes(0, 5), Prior.of_head(HEAD))
    answer, plain = learned.of_scores(BETTER, SCORES, "flute", "flute"), HEAD.of_scores(BETTER, SCORES)
    assert dict(answer.contributions) == pytest.approx(dict(plain.contributions))
    assert 0.5 < answer.probability < plain.probability
    assert answer.low < plain.low < plain.high < answer.high
    assert (answer.generators, answer.spoke, learned.votes) == (0, "scores", 0)


def test_without_a_head_nothing_is_known_before_the_votes() -> None:
    answer = model(NOTHING).of_scores({"axis0": 1, "axis1": 2}, {"axis0": 0, "axis1": 0})
    assert answer.probability == 0.5
    assert answer.low < 0.2 < 0.8 < answer.high


def test_a_song_of_unknown_origin_is_predicted_without_a_generators_effect_and_less_surely() -> None:
    learned = model(outcomes(5000))
    a, b = {"axis0": 1.0, "axis1": 0.0}, {"axis0": 0.0, "axis1": 0.0}
    known, half, unknown = (learned.of_scores(a, b, *sides) for sides in (("flute", "lute"), ("flute", ""), ("", "")))
    new = learned.of_scores(a, b, "never voted on", "")
    assert unknown.generators == new.generators == 0
    assert (known.spoke, unknown.spoke) == ("generators", "scores")
    widths = [answer.high - answer.low for answer in (known, half, unknown)]
    assert widths == sorted(widths)
    assert (new.probability, new.low, new.high) == pytest.approx((unknown.probability, unknown.low, unknown.high))
    deviation = learned.prior.deviation
    (_, variance) = learned.log_odds(Outcomes(np.zeros((1, 2)), [("", "")], np.ones(1), np.zeros(1)))
    assert variance == pytest.approx(2 * deviation**2)


def test_it_says_which_of_the_two_spoke() -> None:
    learned = model(outcomes(5000))
    same = {"axis0": 0.1, "axis1": 0.0}
    assert learned.of_scores(same, {"axis0": 0.0, "axis1": 0.0}, "lute", "flute").spoke == "generators"
    assert learned.of_scores({"axis0": 3.0, "axis1": 0.0}, same, "lute", "flute").spoke == "scores"


def test_a_missing_score_is_named() -> None:
    with pytest.raises(PreferenceError, match="axis1"):
        LEARNED.of_scores({"axis0": 1.0}, {"axis0": 1.0, "axis1": 1.0})


def test_nothing_is_learned_from_scores_that_are_no_numbers() -> None:
    seen = outcomes(3)
    seen.differences[1, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        model(seen)


def test_generators_alone_need_no_scores() -> None:
    seen = outcomes(5000)
    alone = model(replace(seen, differences=np.zeros((5000, 0))), Prior.without_head((), ()))
    assert alone.of_scores({}, {}, "lute", "flute").probability > 0.6


# ---- forgetting, files, the mean over a normal ---------------------------------------------------------------------


def test_forgetting_gives_old_votes_less_weight() -> None:
    seen = outcomes(100)
    faded = seen.forgetting(half_life=10)
    assert faded.won + faded.lost == pytest.approx(0.5 ** (np.arange(99, -1, -1) / 10))
    turned = replace(seen, won=np.append(seen.lost[:50], seen.won[50:]), lost=np.append(seen.won[:50], seen.lost[50:]))
    assert model(turned.forgetting(5)).mean == pytest.approx(model(seen.forgetting(5)).mean, abs=0.02)


def test_a_file_has_the_whole_model_and_the_same_votes_give_the_same_version() -> None:
    again = LearnedModel.from_json(LEARNED.to_json())
    assert again.to_json() == LEARNED.to_json()
    assert again.version == model().version == LEARNED.version != model(outcomes(59)).version
    a, b = {"axis0": 1.0, "axis1": 2.0}, {"axis0": 0.0, "axis1": 0.5}
    one, other = LEARNED.of_scores(a, b, "lute"), again.of_scores(a, b, "lute")
    assert other.probability == pytest.approx(one.probability, rel=1e-5)
    assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=1e-4)
    covariance = np.array(again.covariance)
    assert (covariance == covariance.T).all()
    assert covariance == pytest.approx(np.array(LEARNED.covariance), rel=1e-4)


def test_a_file_has_each_covariance_once() -> None:
    names = [f"maker {number}" for number in range(100)]
    pairs = Outcomes(np.zeros((100, 2)), [*zip(names, names[1:] + names[:1], strict=True)], np.ones(100), np.zeros(100))
    assert len(model(pairs).to_json()) < 75_000


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 100_000, LEARNED.to_json().replace('"mean": [', '"mean": [1, ')]
)
def test_a_broken_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        LearnedModel.from_json(text)


def test_the_mean_chance_is_near_the_exact_one() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    for log_odds in (0.0, 0.5, 1.0, 3.0):
        for variance in (0.0, 0.3, 1.0, 3.0):
            exact = weights @ sigmoid(log_odds + nodes * variance**0.5) / weights.sum()
            assert mean_chance(log_odds, variance) == pytest.approx(exact, abs=0.02)


# ---- the published anchor calibration ------------------------------------------------------------------------------

ANCHOR = "sonauto-v2-2"


@pytest.fixture(scope="module")
def battles(shared: Path) -> list[dict[str, str]]:
    with (shared / "data" / "music_arena_postcut" / "battles.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def published(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "reference/golden/tunejury/anchor_calibration.json").read_text())
    return found


def as_outcomes(battles: list[dict[str, str]]) -> Outcomes:
    won = np.array([row["preference"] == "A" for row in battles], float)
    differences = np.array([[float(row["tj_a"]) - float(row["tj_b"])] for row in battles])
    return Outcomes(differences, [(row["system_a"], row["system_b"]) for row in battles], won, 1 - won)


def calibrated(seen: Outcomes, l2: float = 1.0, anchor: str | None = ANCHOR) -> LearnedModel:
    pinned = (anchor,) if anchor else ()
    return learn("tunejury", "", Prior(("tj",), (1.0,), (1.0,), ((0.0,),), (2 * l2) ** -0.5, pinned=pinned), seen)


def biases(model: LearnedModel) -> dict[str, float]:
    """The published numbers are subtracted from scores, the effects are added."""
    return {name: -effect for name, effect in zip(model.generators, model.mean[1:], strict=True)}


def figures(model: LearnedModel, tested: Outcomes) -> tuple[float, float]:
    """Accuracy and log loss of the most likely chances, as the published ones are."""
    odds, _ = model.log_odds(tested)
    return float(np.mean((odds > 0) == (tested.won > 0))), float(
        np.logaddexp(0, np.where(tested.won, -odds, odds)).mean()
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [("all_799", {}), ("all_799_no_pin", {"anchor": None}), ("all_799_l2_0.1", {"l2": 0.1})],
)
def test_the_published_biases(
    name: str, options: dict[str, Any], battles: list[dict[str, str]], published: dict[str, Any]
) -> None:
    seen, golden = as_outcomes(battles), published[name]
    model = calibrated(seen, **options)
    ours = biases(model) | ({ANCHOR: 0.0} if golden["anchor_system"] else {})
    assert ours == pytest.approx(golden["beta"], abs=1e-3)
    if "beta_exact_minimum" in golden:
        assert ours == pytest.approx(golden["beta_exact_minimum"], abs=1e-6)
    accuracy, loss = figures(model, seen)
    assert model.mean[0] == 1
    assert accuracy == pytest.approx(golden["accuracy_after"], abs=1.001 / 799)
    assert loss == pytest.approx(golden["log_loss_after"], abs=1e-5)
    objective = 799 * loss + golden["l2"] * sum(bias**2 for bias in ours.values())
    assert objective == pytest.approx(golden["objective"], rel=1e-6)


def test_the_published_scores_alone(battles: list[dict[str, str]], published: dict[str, Any]) -> None:
    alone = calibrated(as_outcomes(battles)[np.arange(0)])
    golden = published["all_799"]
    expected = golden["accuracy_before"], golden["log_loss_before"]
    assert figures(alone, as_outcomes(battles)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["k10_seed0", "k100_seed0"])
def test_the_published_biases_of_a_few_battles(
    name: str, battles: list[dict[str, str]], published: dict[str, Any]
) -> None:
    by_id = {row["battle_id"]: row for row in battles}
    ours = biases(calibrated(as_outcomes([by_id[id] for id in published[name]["train_ids"]])))
    golden = {key: bias for key, bias in published[name]["beta"].items() if key != ANCHOR}
    assert ours == pytest.approx(golden, abs=1e-3)


@pytest.mark.parametrize("alone", [False, True])
def test_the_published_five_folds(alone: bool, battles: list[dict[str, str]], published: dict[str, Any]) -> None:
    order = list(range(799))
    random.Random(0).shuffle(order)
    seen = as_outcomes(battles)
    if alone:
        seen = replace(seen, differences=0 * seen.differences)
    found = []
    for fold in range(5):
        test, train = (np.array([place for i, place in enumerate(order) if (i % 5 == fold) == held]) for held in (1, 0))
        found.append((len(test), *figures(calibrated(seen[train]), seen[test])))
    count, accuracy, loss = np.array(found).T
    golden = published["systems_alone"] if alone else published["five_fold_799"]
    names = ("five_fold_accuracy", "five_fold_log_loss") if alone else ("accuracy_after", "log_loss_after")
    assert count @ accuracy / 799 == pytest.approx(golden[names[0]], abs=1.001 / 799)
    assert count @ loss / 799 == pytest.approx(golden[names[1]], abs=1e-5)
