"""The model that learns from votes, on 799 real votes and on simulated listeners, and the commands that show it."""

import csv
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from apex_space.cli.arena import arena
from apex_space.core.errors import PreferenceError
from apex_space.evaluation import simulated_listeners, simulated_votes
from apex_space.evaluation.foresight import ALONE, Foreseen, _measured, always_b, foresee, read
from apex_space.evaluation.simulated_votes import (
    coverage,
    loss_after_a_change,
    loss_of_accuracy,
    shift_by_a_manipulator,
)
from helpers.votes import sigmoid

HEAD = ("winner", "generator_a", "generator_b", "tune_a", "tune_b", "place_a")


def write(path: Path, rows: list[tuple[object, ...]], head: tuple[str, ...] = HEAD) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def battles(count: int = 300) -> list[tuple[object, ...]]:
    """Listeners like the second generator and higher scores."""
    rng = np.random.default_rng(0)
    rows: list[tuple[object, ...]] = []
    for a, b, side, chance in zip(
        *rng.normal(size=(2, count)), rng.integers(2, size=count), rng.random(count), strict=True
    ):
        won = chance < sigmoid(a - b + 2 * (side - 0.5))
        rows.append(("a" if won else "b", f"maker{side}", f"maker{1 - side}", a, b, 1))
    return rows


def by_name(found: tuple[Foreseen, ...]) -> dict[str, Foreseen]:
    return {each.name: each for each in found}


def test_a_certainty_that_was_wrong_costs_a_finite_loss() -> None:
    found = _measured("x", np.array([[1.0, 0.5, np.nan]]), np.array([0.0, 1.0, 1.0]))
    assert found.loss == pytest.approx((6 * np.log(10) + np.log(2)) / 2)
    np.testing.assert_array_equal(found.hits, [0, 0.5, np.nan])


# ---- a table of battles --------------------------------------------------------------------------------------------


def test_a_table_has_scores_generators_and_winners(tmp_path: Path) -> None:
    rows = [("A", "x", "y", 1, 0.5, 1), ("tie", "x", "y", 1, 1, 1), ("B", "x", "", "2", 3, 1)]
    table = read(write(tmp_path / "battles.csv", rows))
    assert table.axes == ("tune",)
    assert table.outcomes.differences.tolist() == [[0.5], [-1.0]]
    assert table.outcomes.generators == [("x", "y"), ("x", "")]
    assert (table.outcomes.won.tolist(), always_b(table)) == ([1, 0], 0.5)
    prior = table.prior(2.0)
    assert prior.weights[0] / prior.scale[0] == pytest.approx(2)


@pytest.mark.parametrize(
    ("head", "row", "why"),
    [
        (("winner", "tune_a"), ("a", 1), "no columns of scores"),
        (("winner", "tune_a", "tune_b"), ("a", 1, "loud"), "no columns of scores"),
        (("tune_a", "tune_b"), (1, 2), "winner"),
        (("winner", "tune_a", "tune_b"), ("perhaps", 1, 2), "perhaps"),
        (("winner", "tune_a", "tune_b"), ("a", 1, 2), "names no generators"),
        (("winner", "a_generator", "b_generator", "heard_a", "heard_b"), ("a", "x", "y", 6, 7), "no columns of scores"),
        (("winner", "generator_a", "generator_b"), ("a", 1, 2), "no columns of scores"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    head: tuple[str, ...], row: tuple[object, ...], why: str, tmp_path: Path
) -> None:
    with pytest.raises(PreferenceError, match=why):
        read(write(tmp_path / "battles.csv", [row], head))


def test_an_export_of_votes_with_scores_is_read(tmp_path: Path) -> None:
    head = ("winner", "a_generator", "b_generator", "heard_a", "heard_b", "tune_a", "tune_b")
    table = read(write(tmp_path / "votes.csv", [("a", "x", "y", 6, 7, 1, 0.5)], head))
    assert (table.axes, table.outcomes.generators) == (("tune",), [("x", "y")])


def test_few_battles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PreferenceError, match="101"):
        foresee(table := read(write(tmp_path / "battles.csv", battles(100))), table.prior())


@pytest.mark.slow
def test_scores_and_generators_foresee_more_than_either(tmp_path: Path) -> None:
    table = read(write(tmp_path / "battles.csv", battles(600)))
    found = by_name(foresee(table, table.prior(), orders=2))
    both, alone, untold = found["scores and generators"], found[ALONE], found["the same, generators not told"]
    assert both.accuracy > max(alone.accuracy, untold.accuracy) + 0.02
    assert both.loss < min(alone.loss, untold.loss) < np.log(2)
    assert found["the scores as they are"].accuracy == 0.5
    points, losses = both.gain(alone)
    assert points.low < points.value < points.high
    assert points.value == pytest.approx(both.accuracy - alone.accuracy)
    assert losses.value == pytest.approx(both.loss - alone.loss)


def test_the_prediction_of_a_vote_knows_nothing_of_it(tmp_path: Path) -> None:
    """Turning the last votes round changes no prediction: the hits on them become misses."""
    rows = battles(120)
    turned = [("b" if row[0] == "a" else "a", *row[1:]) for row in rows]
    order = np.random.default_rng(0).permutation(120)
    last = {int(number) for number in order[100:]}
    mixed = [turned[number] if number in last else row for number, row in enumerate(rows)]
    one, other = (
        by_name(foresee(table := read(write(tmp_path / "battles.csv", each)), table.prior(), orders=1, every=20))
        for each in (rows, mixed)
    )
    name = "scores and generators"
    assert one[name].accuracy + other[name].accuracy == pytest.approx(1)


@pytest.mark.slow
def test_real_votes_are_foreseen(shared: Path) -> None:
    """799 votes of Music Arena on generators that TuneJury had not heard: what is learned is which generator is better.

    The score adds nothing to that. By its own rule it foresees 53.7%.
    """
    table = read(shared / "data" / "music_arena_postcut" / "battles.csv")
    found = by_name(foresee(table, table.prior(1.0)))
    both, alone, untold = found["scores and generators"], found[ALONE], found["the same, generators not told"]
    assert both.accuracy >= 0.62
    assert both.loss <= 0.655
    assert found["the scores as they are"].accuracy == pytest.approx(0.537, abs=0.005)
    points, losses = both.gain(alone)
    assert points.low < 0 < points.high
    assert losses.low < 0 < losses.high
    assert untold.accuracy < 0.55 < 0.6 < alone.accuracy
    assert untold.loss < np.log(2) < found["the scores as they are"].loss


# ---- listeners whose likings are known -----------------------------------------------------------------------------


@pytest.mark.parametrize("votes", [0, 200, 1000])
@pytest.mark.parametrize("told", [True, False])
def test_intervals_hold_the_truth(votes: int, told: bool) -> None:
    within, width = coverage(votes, 30, told)
    assert 0.91 <= within <= 0.99
    assert width < 0.25 if told and votes == 1000 else width > 0.3


def test_many_votes_on_few_songs_do_not_say_everything() -> None:
    within, _ = coverage(2000, 20, small_pool=True)
    without, _ = coverage(2000, 20, small_pool=True, fit_songs=False)
    assert within > 0.88 > 0.7 > without


def test_a_thousand_votes_on_twelve_generators_come_within_a_point_of_the_best() -> None:
    assert loss_of_accuracy(0, 20) > 0.08
    assert loss_of_accuracy(1000, 20) < 0.01


@pytest.mark.slow
def test_forgetting_follows_a_change_and_costs_little_without_one() -> None:
    (kept, _), (forgot, _) = (loss_after_a_change(1000, half_life, 10) for half_life in (None, 1000))
    assert forgot < kept / 2
    (_, kept), (_, forgot) = (loss_after_a_change(1000, half_life, 10, change=0) for half_life in (None, 1000))
    assert forgot < kept + 0.005


def test_a_manipulator_moves_the_favourite_by_a_bounded_share() -> None:
    shifts = [shift_by_a_manipulator(share, 500, 10) for share in (0.0, 0.02, 0.1)]
    assert shifts[0][0] == pytest.approx(0)
    assert 0.02 < shifts[1][0] < 0.1 < shifts[2][0] < 0.3
    assert shifts[1][2] < 0.01


# ---- the commands --------------------------------------------------------------------------------------------------


def run(*words: str) -> Result:
    app = typer.Typer()
    app.add_typer(arena, name="arena")
    return CliRunner().invoke(app, ["arena", *words], env={"COLUMNS": "200"})


def test_the_command_shows_the_figures(tmp_path: Path) -> None:
    path = write(tmp_path / "battles.csv", battles())
    done = run("foresight", str(path), "--weight", "1", "--orders", "1", "--every", "50")
    assert done.exit_code == 0
    assert all(
        name in done.output for name in ("300 battles with a winner; scores: tune", "always B", ALONE, "not told")
    )


def test_the_command_refuses_a_table_without_scores(tmp_path: Path) -> None:
    done = run("foresight", str(write(tmp_path / "battles.csv", [("a",)], ("winner",))))
    assert done.exit_code == 1
    assert "no columns of scores" in done.output


def test_the_command_shows_the_simulations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_votes, "VOTES", (0, 50))
    monkeypatch.setattr(simulated_votes, "AFTER_CHANGE", (100,))
    monkeypatch.setattr(simulated_listeners, "CASES", ((25, 8, 0.5),))
    monkeypatch.setattr(simulated_listeners, "DRAWS", 5)
    done = run("simulate", "--runs", "1")
    assert done.exit_code == 0
    assert all(word in done.output for word in ("95% interval", "24 generators", "half-life 300", "20 %", "bootstrap"))
