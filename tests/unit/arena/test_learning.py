"""Models of listeners are learned from the votes that count, stored with them, and predict the battles that follow."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from apex_space.arena import learning
from apex_space.arena import predictions as predictions_module
from apex_space.arena.learning import MIN_DECIDED, Choice, ModelService, learn_from_choices
from apex_space.arena.predictions import PredictionWorker
from apex_space.core.errors import StoreError
from apex_space.preference import learned as preference_learned
from apex_space.preference.head import GeneratorEffect
from apex_space.preference.head_files import load
from apex_space.preference.learned import LearnedModel, Prior
from apex_space.preference.published_rules import RULES
from apex_space.storage.records import Song, SongScores, StoredModel, Vote
from apex_space.storage.vote_store import VoteStore
from helpers.votes import MAKERS, cast, predicted, simulate, song, vote
from helpers.wait import until

SONGS = 12
STRENGTHS = np.tile([-1.0, -0.3, 0.3, 1.0], SONGS // MAKERS)
"""Listeners care for nothing but the generator: maker0 is the worst, maker3 the best."""
NONE = {"likes": 50.0, "coherence": 3.0, "musicality": 3.0, "clarity": 3.0, "naturalness": 3.0}
REVISION = "weights 1"


def scores_of(judge: str = "pocket", revision: str = REVISION, songs: int = SONGS) -> dict[str, SongScores]:
    """A song's musicality grows with its number, within each generator."""
    return {
        song(number).id: SongScores(song(number).id, judge, revision, NONE | {"musicality": 2 + number // MAKERS})
        for number in range(songs)
    }


def teach(store: VoteStore, votes: Sequence[Vote], first: int = 0, *judges: str) -> None:
    """Cast votes on songs that the judges have scored."""
    for judge in judges or ("pocket",):
        known = scores_of(judge)
        with_scores = [each for number in range(SONGS) if (each := known[song(number).id])]
        store.add_battle(replace(vote(0, 1).battle, id=f"scored by {judge} {first}"), with_scores)
    cast(store, votes, first)


@pytest.fixture
def service(store: VoteStore) -> Iterator[ModelService]:
    found = ModelService(store, half_life=0, every_s=0.01)
    yield found
    found.stop()


def stored_models(store: VoteStore) -> list[Any]:
    with store.transaction() as connection:
        return list(connection.execute(text("SELECT judge, revision, decided, version FROM models ORDER BY decided")))


# ---- learning from choices -----------------------------------------------------------------------------------------


def choices(votes: Sequence[Vote]) -> list[Choice]:
    return [(each.battle.a.id, each.battle.b.id, each.winner) for each in votes if each.winner in ("a", "b")]  # type: ignore[misc]


MAKER_OF = {song(number).id: song(number).generator for number in range(SONGS)}
CHOICES = choices(simulate(STRENGTHS, 600))


def learned(given: Sequence[Choice] = CHOICES, **options: Any) -> LearnedModel:
    return learn_from_choices("pocket", REVISION, options.pop("scores", scores_of()), MAKER_OF, given, **options)


def effects(model: LearnedModel) -> list[float]:
    return list(model.mean[len(model.prior.axes) :])


def test_it_finds_the_better_generators() -> None:
    model = learned()
    assert model.generators == tuple(sorted({*MAKER_OF.values()}))
    assert effects(model) == sorted(effects(model))
    assert model.votes == 600


def test_the_order_of_a_pair_says_nothing() -> None:
    turned = [(b, a, "b" if winner == "a" else "a") for a, b, winner in CHOICES]
    assert learned(turned).mean == pytest.approx(learned().mean)  # type: ignore[arg-type]


def test_the_head_is_the_prior_of_its_judge() -> None:
    head = load("pocket")
    assert learned().prior.weights == head.coefficients
    for judge, weight in (("apex", 0.0), ("songeval", RULES["songeval"].slope / 5)):
        other = learn_from_choices(judge, REVISION, scores_of(judge), MAKER_OF, CHOICES)
        assert other.prior.weights == (weight,) * 5
        assert other.prior.axes == ("likes", "coherence", "musicality", "clarity", "naturalness")


def test_forgotten_votes_do_not_count() -> None:
    turned = [(a, b, "b" if winner == "a" else "a") for a, b, winner in CHOICES]
    model = learned([*turned, *CHOICES], half_life=50)  # type: ignore[list-item]
    assert effects(model) == pytest.approx(effects(learned(half_life=50)), abs=0.01)
    assert effects(learned([*turned, *CHOICES])) == pytest.approx([0] * MAKERS, abs=0.1)  # type: ignore[list-item]


def test_songs_without_all_scores_teach_nothing() -> None:
    known = scores_of()
    lacking = song(3).id
    without = {id: each for id, each in known.items() if id != lacking}
    known[lacking] = replace(known[lacking], scores=NONE | {"musicality": None})
    assert learned(scores=known).version == learned(scores=without).version
    assert learned(scores=known).votes < 600
    with pytest.raises(ValueError, match="no vote yet"):
        learned(CHOICES[:1], scores={})


@pytest.mark.parametrize("judge", ["apex", "songeval"])
def test_a_song_without_a_score_costs_no_axis(judge: str) -> None:
    known = scores_of(judge) | {"unheard": SongScores("unheard", judge, REVISION, dict.fromkeys(NONE))}
    known[song(3).id] = replace(known[song(3).id], scores=NONE | {"musicality": None})
    model = learn_from_choices(judge, REVISION, known, MAKER_OF, CHOICES)
    assert model.prior.axes == ("likes", "coherence", "musicality", "clarity", "naturalness")
    silent = {id: replace(each, scores=dict.fromkeys(NONE)) for id, each in known.items()}
    with pytest.raises(ValueError, match="no vote yet"):
        learn_from_choices(judge, REVISION, silent, MAKER_OF, CHOICES)


def test_of_too_many_songs_votes_on_the_same_song_count_less(monkeypatch: pytest.MonkeyPatch) -> None:
    careful = learned()
    monkeypatch.setattr(preference_learned, "MAX_SONGS", SONGS - 1)
    rough = learned()
    assert 1 < rough.covariance[-1][-1] / careful.covariance[-1][-1] < 2
    assert effects(rough) == sorted(effects(rough))
    assert rough.votes == 600


def test_of_too_many_generators_those_with_few_votes_are_as_if_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preference_learned, "MAX_GENERATORS", 2)
    rare = [choice for choice in CHOICES if {MAKER_OF[choice[0]], MAKER_OF[choice[1]]} <= {"maker1", "maker2"}]
    model = learned([*CHOICES[:50], *rare])
    assert model.generators == ("maker1", "maker2")
    a, b = (scores_of()[song(number).id].scores for number in (0, 3))
    assert model.of_scores(a, b, "maker0", "maker3") == model.of_scores(a, b)


# ---- the service ---------------------------------------------------------------------------------------------------


def test_before_there_are_enough_votes_there_is_no_model(store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, MIN_DECIDED - 1))
    service.refit()
    assert service.model("pocket", REVISION) is None
    assert stored_models(store) == []


def test_a_model_is_learned_and_stored_and_learned_again(store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, 100))
    service.refit()
    first = service.model("pocket", REVISION)
    assert first is not None
    assert first.votes == 100
    cast(store, simulate(STRENGTHS, 1, seed=1), 100)
    service.refit()
    assert service.model("pocket", REVISION) is first  # one more vote changes next to nothing
    cast(store, simulate(STRENGTHS, 1, seed=2), 101)
    service.refit()
    second = service.model("pocket", REVISION)
    assert second is not None
    assert second.votes == 102
    assert [tuple(row) for row in stored_models(store)] == [
        ("pocket", REVISION, 100, first.version),
        ("pocket", REVISION, 102, second.version),
    ]
    assert service.model("pocket", "other weights") is None


def test_only_counted_votes_on_the_pool_teach(store: VoteStore, service: ModelService, tmp_path: Any) -> None:
    good = simulate(STRENGTHS, 100)
    bad = [vote(0, 3, "a", suspicion="too many"), vote(0, 3, "a", source="uploaded"), vote(0, 3, "tie")] * 20
    teach(store, [*good, *bad])
    service.refit()
    with closing(VoteStore(f"sqlite:///{tmp_path / 'clean.sqlite3'}")) as clean:
        teach(clean, good)
        other = ModelService(clean, 0)
        other.refit()
    ours, theirs = service.model("pocket", REVISION), other.model("pocket", REVISION)
    assert ours is not None
    assert theirs is not None
    assert ours.version == theirs.version


@pytest.mark.parametrize("replica", [False, True])
def test_votes_set_aside_are_unlearned_and_restored_ones_learned_again(
    replica: bool, store: VoteStore, service: ModelService, tmp_path: Any
) -> None:
    good, bad = simulate(STRENGTHS, 100), [vote(3, 0, "b")] * 60
    teach(store, [*good, *bad])
    service.refit()
    poisoned = service.model("pocket", REVISION)
    ids = [f"battle{number}" for number in range(100, 160)]
    with closing(VoteStore(f"sqlite:///{tmp_path / 'clean.sqlite3'}")) as clean:
        teach(clean, good)
        other = ModelService(clean, 0)
        other.refit()
        honest = other.model("pocket", REVISION)
    assert poisoned is not None
    assert honest is not None
    changes: list[tuple[Any, Any]] = [(lambda: store.set_aside(ids, "a robot"), honest)]
    changes += [(lambda: store.restore(ids), poisoned)]
    for change, expected in changes:
        change()
        service.refit()
        found = ModelService(store, 0) if replica else service
        found.refit()
        model = found.model("pocket", REVISION)
        assert model is not None
        assert model.version == expected.version


def test_a_model_of_votes_that_were_set_aside_goes_where_too_few_remain(
    store: VoteStore, service: ModelService
) -> None:
    teach(store, simulate(STRENGTHS, 100))
    service.refit()
    assert service.model("pocket", REVISION) is not None
    store.set_aside([f"battle{number}" for number in range(90)], "a robot")
    service.refit()
    assert service.model("pocket", REVISION) is None
    store.restore([f"battle{number}" for number in range(90)])
    service.refit()
    assert service.model("pocket", REVISION) is not None


def test_a_model_goes_and_stays_away_where_nothing_can_be_learned_any_more(
    store: VoteStore, service: ModelService
) -> None:
    known = scores_of()
    store.add_battle(replace(vote(0, 1).battle, id="scored"), [known[song(number).id] for number in (0, 1)])
    cast(store, [vote(0, 1, "a")] * 30)
    cast(store, [vote(0, 2, "a")] * 30, 30)
    service.refit()
    assert service.model("pocket", REVISION) is not None
    store.set_aside([f"battle{number}" for number in range(30)], "a robot")
    for number in range(3):
        service.refit()
        assert service.model("pocket", REVISION) is None
        cast(store, [vote(0, 2, "a")], 60 + number)


def test_models_of_other_weights_go_with_votes_that_were_set_aside(store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, 100))
    service.refit()
    store.add_battle(replace(vote(0, 1).battle, id="scored again", issued=999.0), scores_of(revision="new").values())
    store.set_aside([f"battle{number}" for number in range(50)], "a robot")
    service.refit()
    assert service.model("pocket", "new") is not None
    assert service.model("pocket", REVISION) is None


def test_every_judge_that_has_scores_learns(store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, 100), 0, "pocket", "songeval", "not installed here")
    service.refit()
    for judge in ("pocket", "songeval", "not installed here"):
        assert service.model(judge, REVISION) is not None


def test_new_weights_of_a_judge_get_a_model_of_their_own(store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, 100))
    service.refit()
    store.add_battle(replace(vote(0, 1).battle, id="scored again", issued=999.0), scores_of(revision="new").values())
    cast(store, simulate(STRENGTHS, 1, seed=1), 100)
    service.refit()
    assert service.model("pocket", "new") is not None
    assert service.model("pocket", REVISION) is not None


def test_visitors_songs_do_not_decide_which_weights_learn(store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, 100))
    own = vote(Song("upload 0"), Song("upload 1"), "a", source="uploaded")
    uploads = [SongScores(f"upload {number}", "pocket", REVISION, NONE) for number in range(40)]
    store.add_battle(replace(own.battle, id="own", issued=998.0), uploads)
    store.add_vote(replace(own, battle=replace(own.battle, id="own", issued=998.0)))
    store.add_battle(replace(vote(0, 1).battle, id="scored again", issued=999.0), scores_of(revision="new").values())
    service.refit()
    assert service.model("pocket", "new") is not None
    assert set(store.voted_scores("pocket", "new")) == set(scores_of())


def test_what_failed_is_tried_again_only_when_due(
    store: VoteStore, service: ModelService, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def fail(*given: Any) -> LearnedModel:
        tried.append(len(given[4]))
        raise ValueError("it cannot be learned")

    monkeypatch.setattr(learning, "learn_from_choices", fail)
    teach(store, simulate(STRENGTHS, 100))
    for number in range(4):
        service.refit()
        cast(store, simulate(STRENGTHS, 1, seed=number), 100 + number)
    assert tried == [100, 102]


@pytest.mark.parametrize("votes", [100, 101])
def test_a_stored_model_that_is_broken_is_learned_anew(votes: int, store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, votes), 0, "pocket", "songeval")
    store.add_model(StoredModel("pocket", REVISION, 100, "zzz", "{broken"), 1.0)
    service.refit()
    for judge in ("pocket", "songeval"):
        assert service.model(judge, REVISION) is not None
    cast(store, simulate(STRENGTHS, 1), votes)
    before = len(stored_models(store))
    service.refit()
    assert len(stored_models(store)) == before


def test_another_process_takes_the_stored_model(store: VoteStore, service: ModelService, url: str) -> None:
    teach(store, simulate(STRENGTHS, 100))
    service.refit()
    with closing(VoteStore(url)) as same:
        other = ModelService(same, half_life=0)
        other.refit()
        found, ours = other.model("pocket", REVISION), service.model("pocket", REVISION)
    assert found is not None
    assert ours is not None
    assert found.to_json() == ours.to_json()
    assert len(stored_models(store)) == 1


def test_many_processes_may_learn_at_once(store: VoteStore, url: str) -> None:
    teach(store, simulate(STRENGTHS, 100))
    stores = [VoteStore(url) for _ in range(4)]
    services = [ModelService(each, half_life=0) for each in stores]
    threads = [threading.Thread(target=each.refit) for each in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = {model.version for each in services if (model := each.model("pocket", REVISION))}
    for each in stores:
        each.close()
    assert len(versions) == len(stored_models(store)) == 1


def test_if_nothing_can_be_learned_the_head_answers(
    store: VoteStore, service: ModelService, caplog: pytest.LogCaptureFixture
) -> None:
    cast(store, simulate(STRENGTHS, 100))
    known = [replace(each, scores={"likes": 1.0}) for each in scores_of().values()]
    store.add_battle(replace(vote(0, 1).battle, id="no scores of the head's"), known)
    with caplog.at_level(logging.WARNING):
        service.refit()
    assert "nothing was learned from the votes for pocket" in caplog.text
    assert service.model("pocket", REVISION) is None
    (prediction,) = predictions(service, store)
    assert "; head " in prediction.revision


def test_a_store_that_fails_is_tried_again(store: VoteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(store, simulate(STRENGTHS, 100))
    answer, failures = store.decided, iter([True, True, False])

    def decided() -> int:
        if next(failures, False):
            raise StoreError("It does not answer.")
        return answer()

    monkeypatch.setattr(store, "decided", decided)
    service = ModelService(store, 0, every_s=0.01)
    service.start()
    until(lambda: service.model("pocket", REVISION))
    service.stop()


# ---- predictions by the model --------------------------------------------------------------------------------------


def predictions(service: ModelService, store: VoteStore, judge: str = "pocket", known: bool = True) -> tuple[Any, ...]:
    """Of song 0, by the worst generator, against song 3, by the best."""
    nothing: Any = None
    worker = PredictionWorker(nothing, nothing, store, service)
    scored = [scores_of(judge)[song(number).id] for number in (0, 3)]
    return worker.predictions(song(0).id, song(3).id, scored, ("maker0", "maker3") if known else ("", ""))


def test_a_prediction_names_the_version_and_says_what_spoke(store: VoteStore, service: ModelService) -> None:
    (before,) = predictions(service, store)
    assert (before.probability, before.votes, before.spoke) == (0.5, 0, "")
    teach(store, simulate(STRENGTHS, 300))
    service.refit()
    model = service.model("pocket", REVISION)
    assert model is not None
    (after,) = predictions(service, store)
    assert after.probability < 0.3
    assert after.low < after.probability < after.high < 0.5
    assert (after.judge, after.votes, after.spoke) == ("pocket", 300, "generators")
    assert after.revision == f"{REVISION}; learned {model.version}"
    assert (before.judge, before.head) == (after.judge, after.head)


def test_a_head_that_knows_generators_predicts_by_them_before_any_vote(
    store: VoteStore, service: ModelService, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects = tuple(GeneratorEffect(f"maker{n}", strength, 0.1) for n, strength in enumerate([-1.0, -0.3, 0.3, 1.0]))
    head = replace(load("pocket"), generators=effects)
    monkeypatch.setattr(predictions_module, "load", lambda judge: head)
    monkeypatch.setattr(learning, "load", lambda judge: head)
    (before,) = predictions(service, store)
    assert before.probability < 0.2
    assert (before.votes, before.spoke, before.head) == (0, "generators", "pocket")
    assert before.revision.startswith(f"{REVISION}; head ")
    (unknown,) = predictions(service, store, known=False)
    assert (unknown.probability, unknown.spoke) == (0.5, "scores")
    assert learned().prior.effects == Prior.of_head(head).effects


def test_a_head_that_knows_generators_is_read_once_for_all_battles(
    store: VoteStore, service: ModelService, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = replace(load("pocket"), generators=(GeneratorEffect("maker0", 1.0, 0.1),))
    monkeypatch.setattr(predictions_module, "load", lambda judge: head)
    learned: list[str] = []
    learn = predictions_module.learn
    monkeypatch.setattr(predictions_module, "learn", lambda *given: learned.append(given[1]) or learn(*given))
    worker = PredictionWorker(None, None, store, service)  # type: ignore[arg-type]
    axes = list(head.axes)
    models = [worker.model("pocket", revision, axes) for revision in ("1", "2", "1", "2")]
    assert learned == ["1", "2"]
    assert models[0] is models[2] is not models[1]


def test_songs_of_unknown_origin_are_predicted_without_generators(store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, 300))
    service.refit()
    (prediction,) = predictions(service, store, known=False)
    assert (prediction.probability, prediction.spoke) == (0.5, "scores")
    assert prediction.low < 0.2 < 0.8 < prediction.high


def test_a_comparison_asks_for_a_model_of_enough_votes_or_for_what_is_known_before(
    store: VoteStore, service: ModelService, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: Any = None
    worker = PredictionWorker(nothing, nothing, store, service)
    axes = [*NONE]
    assert worker.model("pocket", REVISION, axes) is None  # the head answers
    assert worker.model("apex", REVISION, axes) is None
    rule = worker.model("songeval", REVISION, axes)
    assert rule is not None
    assert (rule.votes, rule.mean[:5]) == (0, pytest.approx([RULES["songeval"].slope / 5] * 5))
    assert worker.model("songeval", REVISION, []) is None
    few = learned(CHOICES[: MIN_DECIDED - 1])
    monkeypatch.setattr(service, "model", lambda judge, revision: few)
    assert worker.model("pocket", REVISION, axes) is None
    enough = learned(CHOICES[:MIN_DECIDED])
    monkeypatch.setattr(service, "model", lambda judge, revision: enough)
    assert worker.model("pocket", REVISION, axes) is enough


@pytest.mark.parametrize("judge", ["apex", "songeval"])
def test_a_judge_without_a_head_learns_from_votes_alone(judge: str, store: VoteStore, service: ModelService) -> None:
    teach(store, simulate(STRENGTHS, 300), 0, judge)
    service.refit()
    (prediction,) = predictions(service, store, judge)
    assert prediction.probability < 0.3
    assert prediction.votes == 300


def test_before_any_vote_a_published_rule_predicts_and_says_how_little_is_known(
    store: VoteStore, service: ModelService
) -> None:
    assert predictions(service, store, "apex") == ()
    nothing: Any = None
    worker = PredictionWorker(nothing, nothing, store, service)
    worse, better = (
        SongScores(id, "songeval", "1", NONE | {"musicality": score}) for id, score in (("x", 2), ("y", 4))
    )
    (prediction,) = worker.predictions("y", "x", [worse, better], ("maker1", "maker1"))
    assert 0.6 < prediction.probability < 0.75
    assert prediction.low < 0.4
    assert (prediction.votes, prediction.spoke, prediction.head) == (0, "scores", "songeval")
    assert prediction.revision.startswith("1; rule ")


def test_a_published_rule_says_nothing_of_songs_without_scores(store: VoteStore, service: ModelService) -> None:
    nothing: Any = None
    worker = PredictionWorker(nothing, nothing, store, service)
    silent = [SongScores(id, "songeval", "1", dict.fromkeys(NONE)) for id in "xy"]
    assert worker.predictions("x", "y", silent) == ()


def test_predictions_of_old_votes_stay_as_they_are(store: VoteStore, service: ModelService) -> None:
    given = [
        replace(each, battle=replace(each.battle, predictions=(predicted(0.9),))) for each in simulate(STRENGTHS, 50)
    ]
    teach(store, given)
    service.refit()
    assert service.model("pocket", REVISION) is not None
    assert {each.battle.predictions for each in store.votes()} == {(predicted(0.9),)}
