"""Curves of how well votes were foreseen, against a coin, always B and the generators alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from apex_space import plots
from apex_space.arena import leaderboard, learning_curve
from apex_space.arena.leaderboard import LeaderboardService
from apex_space.arena.learning import MIN_DECIDED
from apex_space.arena.learning_curve import POINTS, LearningCurve, generators_alone, learning_curves, picks_before
from apex_space.arena.ratings import MIN_VOTES
from apex_space.plots.arena import curve_name
from apex_space.storage.records import Prediction, Vote
from apex_space.storage.vote_counts import tally
from apex_space.storage.vote_store import VoteStore
from apex_space.ui.render import arena as render
from helpers.votes import MARKUP, cast, sigmoid, simulate, vote

STRENGTHS = np.tile([-1.5, -0.5, 0.5, 1.5], 3)


def by(chance: float, revision: str = "w 1; head h", judge: str = "pocket") -> Prediction:
    return Prediction(judge, judge, revision, chance, 0.0, 1.0)


def told(votes: Sequence[Vote], *predictions: Prediction) -> list[Vote]:
    return [replace(each, battle=replace(each.battle, predictions=predictions)) for each in votes]


def of(votes: Sequence[Vote]) -> dict[str, LearningCurve]:
    return {curve.kind if curve.kind != "judge" else curve.name + curve.by: curve for curve in learning_curves(votes)}


def test_each_point_is_of_all_votes_so_far() -> None:
    votes = told([vote(0, 1, winner) for winner in ("a", "a", "b", "tie", "a", "b", "a", "a")] * 4, by(0.8))
    curve = of(votes)["pockethead h"]
    assert curve.weights == "w 1"
    last = curve.points[-1]
    assert (last.votes, last.predicted) == (28, 28)
    assert last.right.value == pytest.approx(20 / 28)
    assert last.loss == pytest.approx(-(20 * np.log(0.8) + 8 * np.log(0.2)) / 28)
    assert [point.votes for point in curve.points] == sorted({point.votes for point in curve.points})
    assert curve.points[0].votes >= MIN_VOTES
    b = of(votes)["b"].points[-1]
    assert (b.right.value, b.loss) == (pytest.approx(8 / 28), None)
    assert of(votes)["coin"].points[-1].loss == pytest.approx(np.log(2))


def test_all_versions_of_a_learned_model_are_one_curve_and_heads_and_weights_have_their_own() -> None:
    kinds = ["w 1; learned x", "w 1; learned y", "w 1; head h", "w 2; learned x", "one (r1); two (r2); learned x"]
    votes = [each for kind in kinds for each in told([vote(0, 1)] * 10, by(0.6, kind))]
    judges = [curve for curve in learning_curves(votes) if curve.kind == "judge"]
    found = {(curve.weights, curve.by): curve.points[-1].predicted for curve in judges}
    assert next(curve for curve in judges if curve.by == "head h").points[-1].votes == 30  # it predicted none later
    assert found == {
        ("w 1", "learned"): 20,
        ("w 1", "head h"): 10,
        ("w 2", "learned"): 10,
        ("one (r1); two (r2)", "learned"): 10,
    }


def test_generators_alone_foresee_what_they_can_and_know_nothing_of_later_votes() -> None:
    votes = simulate(STRENGTHS, 400)
    chances = generators_alone(votes)
    assert set(chances[:20]) == {0.5}
    turned = [*votes[:200], *(replace(each, winner="b" if each.winner == "a" else "a") for each in votes[200:])]
    assert generators_alone(turned)[:200].tolist() == chances[:200].tolist()
    curve = of(votes)["generators"]
    best = np.mean([max(sigmoid(d), 1 - sigmoid(d)) for a in STRENGTHS[:4] for b in STRENGTHS[:4] if (d := a - b)])
    assert 0.6 < curve.points[-1].right.value < best + 0.05
    assert curve.points[-1].loss is not None
    assert curve.points[-1].loss < np.log(2)


def test_a_long_history_takes_few_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a fit grows with the third power of the number of generators."""
    fitted = Mock(side_effect=learning_curve.learn)
    monkeypatch.setattr(learning_curve, "learn", fitted)
    generators_alone([vote(number % 4, (number + 1) % 4) for number in range(10_000)])
    assert POINTS < fitted.call_count < 40
    assert fitted.call_args_list[0].args[3].won.sum() == MIN_DECIDED


def test_a_judge_is_compared_on_the_votes_that_it_predicted() -> None:
    """One that predicts the last votes as generators alone do is not ahead of them, and not held against the others."""
    votes = simulate(STRENGTHS, 400)
    alone = generators_alone(votes)
    last = [told([each], by(chance))[0] for each, chance in zip(votes[100:], alone[100:], strict=True)]
    curves = of([*votes[:100], *last])
    judge = curves["pockethead h"]
    assert judge.points[-1].right.value > curves["generators"].points[-1].right.value
    assert judge.over_generators is not None
    assert judge.over_b is not None
    assert judge.over_generators.value == 0
    b = np.mean([each.winner == "b" for each in last])
    assert judge.over_b.value == pytest.approx(judge.points[-1].right.value - b)
    assert judge.over_b.low < judge.over_b.value < judge.over_b.high
    assert curves["generators"].over_b is None
    assert f"+0.0% (+0.0% to +0.0%)</td><td>{100 * judge.over_b.value:+.1f}% (" in render.learning_curves([judge])


def test_generators_alone_know_the_votes_before_the_newest(monkeypatch: pytest.MonkeyPatch, store: VoteStore) -> None:
    votes = simulate(STRENGTHS, 400)
    cast(store, [*votes, vote(0, 1, "tie"), *[vote(0, 1, suspicion="too many")] * 9])
    assert picks_before(votes, store.counts()) == {}
    before = picks_before(votes[300:], store.counts())
    assert before == picks_before([], tally(votes[:300]))
    assert sum(before.values()) == 300
    first = generators_alone(votes[300:], before)[0]
    assert first == pytest.approx(generators_alone(votes[:301])[-1], abs=0.05) != 0.5
    monkeypatch.setattr(leaderboard, "MAX_CURVE_VOTES", 101)  # with the tie
    assert LeaderboardService(store).refit().curves == learning_curves(votes[300:], before)


def test_few_votes_and_no_votes_have_no_curve() -> None:
    assert learning_curves([]) == ()
    assert learning_curves(told([vote(0, 1)] * (MIN_VOTES - 1), by(0.6))) == ()


def test_a_wrong_certainty_has_a_finite_loss() -> None:
    loss = of(told([vote(0, 1, "b")] * 10, by(1.0)))["pockethead h"].points[-1].loss
    assert loss is not None
    assert 10 < loss < 20


def test_the_leaderboard_has_curves_of_votes_that_count_on_the_pool(store: VoteStore) -> None:
    good = told(simulate(STRENGTHS, 100), by(0.6))
    bad = [vote(0, 3, "a", suspicion="too many"), vote(0, 3, "a", source="uploaded")] * 10
    cast(store, [*good, *told(bad, by(0.6))])
    service = LeaderboardService(store)
    first = service.refit()
    assert first.curves == learning_curves(good)
    assert first.as_dict()["curves"][0]["kind"] == "coin"
    cast(store, told([vote(0, 1)], by(0.6)), 200)
    assert service.refit().curves is first.curves  # drawn again with 2% more votes
    cast(store, told([vote(0, 1)] * 3, by(0.6)), 300)
    assert service.refit().curves[0].points[-1].votes == 104


def curves() -> tuple[LearningCurve, ...]:
    votes = simulate(STRENGTHS, 100)
    return learning_curves([*told(votes, by(0.6), by(0.7, "w; learned x", MARKUP))])


def test_a_published_rule_is_not_what_was_learned() -> None:
    votes = told(simulate(STRENGTHS, 100), by(0.6, "w; rule r"), by(0.6, "w; learned x", "tunejury"))
    *_, rule, learned = learning_curves(votes)
    assert (curve_name(rule), curve_name(learned)) == ("Pocket, published rule", "TuneJury, learning")
    assert "w; published rule r" in render.learning_curves([rule])


def test_the_picture_and_the_table_have_each_curve() -> None:
    shown = curves()
    figure: Any = plots.learning_curves(shown)
    assert [len(line.x) for line in figure.data] == [20] * 5
    assert [line.line.dash for line in figure.data][-2:] == ["solid", "dash"]
    losses: Any = plots.learning_losses(shown)
    assert [line.name for line in losses.data] == [line.name for line in figure.data if line.name != "Always B"]
    assert losses.data[0].y[-1] == pytest.approx(np.log(2))
    table = render.learning_curves(shown)
    assert all(
        word in table
        for word in ("A coin", "Always B", "Generators alone", "Pocket", "learned from votes", "w 1; preference head h")
    )
    assert table.count("<tr>") == 6
    assert "0.693" in table
    assert MARKUP not in table
    assert all("<img" not in line.name for line in figure.data)
    assert render.learning_curves(()) == ""


def test_each_judge_has_a_line_of_its_own_and_names_that_occur_twice_tell_their_versions() -> None:
    points = curves()[0].points
    judges = [LearningCurve("judge", name, f"{name} (r1)", "learned", points) for name in "abcdefgh"]
    weights = ("clap (0123456789); mert (fedcba987)", "clap (0123456789); mert (1111111111)")
    judges += [LearningCurve("judge", "tune", each, "learned", points) for each in weights]
    judges += [
        LearningCurve("judge", "tune", weights[0], f"head {head}", points) for head in ("abcdef012345", "5" * 12)
    ]
    for draw in (plots.learning_curves, plots.learning_losses):
        figure: Any = draw(judges)
        assert len({(line.line.color, line.marker.symbol) for line in figure.data}) == len(judges)
        assert len({line.line.color for line in figure.data[:7]}) == 7
        names = [line.name for line in figure.data]
        assert len(set(names)) == len(judges)
        assert names[0] == "a, learning"
        assert names[8:10] == ["tune, learning (0123456, fedcba9)", "tune, learning (0123456, 1111111)"]
        assert names[11] == "tune (0123456, fedcba9, 5555555)"
