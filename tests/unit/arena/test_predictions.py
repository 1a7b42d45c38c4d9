"""Every judge hears the pool in the background, and predicts battles by its own preference head alone."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from apex_space.arena import predictions
from apex_space.arena.pool import Pool
from apex_space.arena.predictions import PredictionWorker, song_scores
from apex_space.audio.waveform import Waveform
from apex_space.core.errors import PreferenceError, WeightsMissing
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.judge import Judge
from apex_space.judges.loading import load_judge
from apex_space.judges.queueing import SongQueue
from apex_space.judges.report import Report
from apex_space.models.hub import Weights
from apex_space.preference import head_files
from apex_space.storage.records import Battle, Song, SongScores
from apex_space.storage.vote_store import VoteStore
from helpers import melodies
from helpers.wait import until

SONGS = 3


@dataclass
class Ears:
    """A judge that knows which songs it was given, and does not take some."""

    judge: Judge
    queue: SongQueue | None = None
    heard: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.judge, self.name = replace(self.judge, cache=EmbeddingCache()), self.judge.name

    def steps(self, song: Waveform) -> Iterator[Report]:
        self.heard.append(song.sha256)
        if song.sha256 in self.refuses:
            raise RuntimeError("a library's own error")
        yield from self.judge.steps(song)

    def __call__(self, song: Waveform) -> Report:
        *_, report = self.steps(song)
        return report


class Ready:
    """A manager of judges that can be told to be ready."""

    def __init__(self, **judges: Ears) -> None:
        self.judges = judges

    def get(self, name: str) -> Any:
        if name not in self.judges:
            raise WeightsMissing(f"{name} is loading.")
        return self.judges[name]

    def loaded(self) -> tuple[Any, ...]:
        return tuple(self.judges.values())


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    folder = tmp_path_factory.mktemp("pool")
    for seed in range(SONGS):
        melodies.write(folder / f"{seed}.wav", seed)
    pool = Pool(str(folder))
    pool.start()
    until(lambda: pool.progress().complete)
    yield pool
    pool.close()


@pytest.fixture
def pocket() -> Ears:
    return Ears(load_judge("pocket"))


@pytest.fixture
def apex() -> Ears:
    """Stands in for a judge that has no preference head of its own."""
    return Ears(replace(load_judge("pocket"), name="apex", weights=(Weights("stand-in", "1"),)))


@pytest.fixture
def started(pool: Pool, store: VoteStore) -> Iterator[Callable[[Ready], PredictionWorker]]:
    running: list[PredictionWorker] = []

    def start(manager: Any) -> PredictionWorker:
        running.append(PredictionWorker(manager, pool, store))
        running[-1].start()
        return running[-1]

    yield start
    for predictor in running:
        predictor.close()


def ids(pool: Pool) -> list[str]:
    return [song.id for song in pool.songs()]


def test_every_song_is_heard_once_and_as_its_file_is(
    pool: Pool, pocket: Ears, started: Callable[[Any], PredictionWorker]
) -> None:
    predictor = started(Ready(pocket=pocket))
    until(lambda: len(predictor.scored(ids(pool))) == SONGS)
    time.sleep(0.05)
    assert sorted(pocket.heard) == sorted(ids(pool))
    for scored in predictor.scored(ids(pool)):
        assert scored == song_scores(pocket.judge(pool.waveform(scored.song)))


def test_a_prediction_is_the_heads_answer_and_swaps_with_the_sides(
    pool: Pool, pocket: Ears, started: Callable[[Any], PredictionWorker]
) -> None:
    predictor = started(Ready(pocket=pocket))
    until(lambda: len(predictor.scored(ids(pool))) == SONGS)
    a, b, _ = ids(pool)
    scored = predictor.scored((a, b))
    (here,), (there,) = predictor.predictions(a, b, scored), predictor.predictions(b, a, scored)
    head = head_files.load("pocket")
    answer = head.of_scores(scored[0].scores, scored[1].scores)
    assert (here.probability, here.low, here.high) == (answer.probability, answer.low, answer.high)
    assert here.probability + there.probability == pytest.approx(1, abs=1e-15)
    assert (here.judge, here.head) == ("pocket", "pocket")
    assert scored[0].revision in here.revision
    assert head.revision_id in here.revision


def test_a_judge_that_becomes_ready_hears_what_was_missed(
    pool: Pool, pocket: Ears, apex: Ears, started: Callable[[Any], PredictionWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apex_space.arena.predictions.IDLE_SECONDS", 0.01)
    manager = Ready(pocket=pocket)
    predictor = started(manager)
    until(lambda: len(predictor.scored(ids(pool))) == SONGS)
    manager.judges["apex"] = apex
    until(lambda: len(predictor.scored(ids(pool))) == 2 * SONGS)
    assert len(pocket.heard) == len(apex.heard) == SONGS


def test_a_judge_without_a_head_of_its_own_predicts_nothing(
    pool: Pool, pocket: Ears, apex: Ears, started: Callable[[Any], PredictionWorker]
) -> None:
    predictor = started(Ready(pocket=pocket, apex=apex))
    until(lambda: len(predictor.scored(ids(pool))) == 2 * SONGS)
    a, b, _ = ids(pool)
    scored = predictor.scored((a, b))
    assert {each.judge for each in scored} == {"pocket", "apex"}
    assert [each.judge for each in predictor.predictions(a, b, scored)] == ["pocket"]


def test_nothing_is_foreseen_of_a_song_that_was_not_heard(
    pool: Pool, pocket: Ears, started: Callable[[Any], PredictionWorker]
) -> None:
    predictor = started(Ready(pocket=pocket))
    until(lambda: len(predictor.scored(ids(pool))) == SONGS)
    a, b, _ = ids(pool)
    one, other = predictor.scored((a, b))
    assert predictor.scored(["unheard"]) == ()
    assert predictor.predictions(a, b, [one]) == ()
    assert predictor.predictions(a, "unheard", [one, other]) == ()
    assert predictor.predictions(a, b, [one, replace(other, revision="other weights")]) == ()
    assert predictor.predictions(a, b, [one, replace(other, scores={})]) == ()


def test_a_song_that_a_judge_fails_at_costs_no_other(
    pool: Pool, pocket: Ears, started: Callable[[Any], PredictionWorker], caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = ids(pool)
    pocket.refuses.add(first)
    with caplog.at_level(logging.ERROR):
        predictor = started(Ready(pocket=pocket))
        until(lambda: len(predictor.scored(others)) == SONGS - 1)
    assert predictor.scored([first]) == ()
    assert pocket.heard.count(first) == 1
    assert "pocket failed to score a song" in caplog.text
    assert predictor.predictions(*others, predictor.scored(others))


def test_a_song_that_a_judge_failed_at_is_heard_again_after_an_hour(
    pool: Pool, pocket: Ears, store: VoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager: Any = Ready(pocket=pocket)
    worker, songs = PredictionWorker(manager, pool, store), ids(pool)
    pocket.refuses.update(songs)
    while worker._step():
        pass
    pocket.refuses.clear()
    assert not worker._step()
    monkeypatch.setattr(predictions, "RETRY_SECONDS", 0.0)
    assert worker._step()
    assert worker.scored(songs[:1])


def keep(store: VoteStore, scored: list[SongScores]) -> None:
    songs = [each.song for each in scored]
    store.add_battle(Battle("kept", Song(songs[0]), Song(songs[1]), "pool", 1.0), scored)


@pytest.mark.parametrize("same_weights", [True, False])
def test_after_a_restart_only_what_is_new_is_heard(
    same_weights: bool, pool: Pool, pocket: Ears, store: VoteStore, started: Callable[[Any], PredictionWorker]
) -> None:
    known = [song_scores(pocket.judge(pool.waveform(id))) for id in ids(pool)]
    keep(store, known if same_weights else [replace(each, revision="older") for each in known])
    predictor = started(Ready(pocket=pocket))
    until(lambda: len(predictor.scored(ids(pool))) == SONGS)
    assert sorted(predictor.scored(ids(pool)), key=lambda s: s.song) == sorted(known, key=lambda s: s.song)
    assert len(pocket.heard) == (1 if same_weights else SONGS)


def test_a_visitors_song_is_heard_at_once_and_not_kept(pool: Pool, pocket: Ears, store: VoteStore) -> None:
    predictor = PredictionWorker(Ready(pocket=pocket), pool, store)
    waveform = pool.waveform(ids(pool)[0])
    assert predictor.score(waveform) == song_scores(pocket.judge(waveform))
    assert predictor.scored([waveform.sha256]) == ()


def test_without_a_head_that_can_be_read_there_are_no_predictions(
    pool: Pool, pocket: Ears, store: VoteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(judge: str) -> None:
        raise PreferenceError("The file is damaged.")

    monkeypatch.setattr("apex_space.arena.predictions.load", refuse)
    predictor = PredictionWorker(Ready(pocket=pocket), pool, store)
    a, b, _ = ids(pool)
    scored = [predictor.score(pool.waveform(song)) for song in (a, b)]
    assert predictor.predictions(a, b, scored) == ()
    assert "no predictions by pocket: The file is damaged." in caplog.text
