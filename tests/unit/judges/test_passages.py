"""The best and the weakest passage are named with what is known of the noise, and seldom said to differ by chance."""

from dataclasses import replace

import numpy as np
import pytest

from apex_space.audio.features import AudioFeatures
from apex_space.core.axes import KEYS
from apex_space.judges.embedding_cache import CachedEmbeddings, EmbeddingCache
from apex_space.judges.loading import load_judge
from apex_space.judges.passages import Passages, passages
from apex_space.judges.windows import Windows
from apex_space.models.hub import Weights
from apex_space.preference import passages as by_preference
from helpers import results

MEASURED = AudioFeatures(None, "A minor", -12.5, -1.0, 0.0, 16_000.0, 44_100, 2)


def windows(parts: np.ndarray, each: int = 6) -> Windows:
    """Windows of 30 s over parts with such scores."""
    return Windows(30.0, 30.0 / each, {"likes": tuple(np.convolve(parts, np.ones(each) / each, "valid").tolist())})


def test_a_chorus_is_found() -> None:
    parts = np.random.default_rng(0).normal(50, 1, 36)
    parts[12:18] += 8
    parts[26:32] -= 8
    made = windows(parts)
    found = passages(made, made.scores["likes"])
    assert (found.best.start, found.best.end, found.best.differs) == (60, 90, True)
    assert (found.weakest.start, found.weakest.differs) == (130, True)
    assert found.best.score == max(made.scores["likes"])
    assert found.best.rest == pytest.approx(np.mean([s for n, s in enumerate(made.scores["likes"]) if abs(n - 12) > 5]))
    assert found.as_dict()["best"]["differs"] is True


@pytest.mark.parametrize(("parts", "each"), [(24, 6), (60, 6), (30, 3), (6, 1), (20, 1)])
def test_chance_is_seldom_taken_for_a_difference(parts: int, each: int) -> None:
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(400):
        made = windows(rng.standard_normal(parts), each)
        found = passages(made, made.scores["likes"])
        alarms += bool(found.best.differs or found.weakest.differs)
    assert alarms <= 0.075 * 400


def test_a_short_song_is_not_judged() -> None:
    made = windows(np.arange(11.0))
    found = passages(made, made.scores["likes"])
    assert (found.best.start, found.best.rest, found.best.noise, found.best.differs) == (25, None, None, None)


def test_an_even_song_differs_nowhere() -> None:
    made = windows(np.ones(40))
    assert passages(made, made.scores["likes"]).best.differs is False


def test_of_many_scores_only_those_asked_for_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ranking shows one of them."""
    made = replace(windows(np.arange(20.0)), scores={"likes": (1.0, 3.0, 2.0), "clarity": (5.0, 4.0, 4.5)})
    searched: list[tuple[float, ...]] = []

    def search(windows: Windows, scores: tuple[float, ...]) -> Passages:
        searched.append(scores)
        return passages(windows, scores)

    monkeypatch.setattr("apex_space.judges.passages.passages", search)
    found = results.report(windows=made).passages
    assert (len(found), [*found], found.get("streams")) == (2, ["likes", "clarity"], None)
    assert searched == []
    assert found["clarity"].best.score == found["clarity"].best.score == 5
    assert searched == [(5.0, 4.0, 4.5)]
    assert dict(found) == dict(replace(results.report(), windows=made).passages)
    assert not results.report().passages


class Square:
    axes, missing, spread = ("likes",), {}, {}  # type: ignore[var-annotated]

    def __init__(self, pooling: str) -> None:
        self.pooling = pooling

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        return np.where(seconds >= 10, seconds, 0)

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        return {"likes": embeddings[:, 0] ** 2}


def encoded(*values: float, last: int = 30) -> CachedEmbeddings:
    count = len(values)
    valid = np.array([30] * (count - 1) + [last])
    embeddings = np.array(values, np.float32)[:, None]
    return CachedEmbeddings(embeddings, np.arange(count) * 30, valid, 1, float(valid.sum()), "0" * 64, MEASURED)


def lifts(pooling: str, song: CachedEmbeddings) -> list[float | None]:
    judge = replace(load_judge(), head=Square(pooling), cache=EmbeddingCache())
    return [segment.lift.get("likes") for segment in judge._report(song, "", 0.0).segments]


def test_a_segment_lifts_a_song_by_what_it_loses_without_it() -> None:
    assert lifts("score", encoded(1, 2, 3)) == pytest.approx([14 / 3 - 13 / 2, 14 / 3 - 5, 14 / 3 - 5 / 2])
    assert lifts("embedding", encoded(1, 2, 3)) == pytest.approx([4 - 2.5**2, 0, 4 - 1.5**2])
    assert lifts("score", encoded(1, 2, 3, last=9)) == pytest.approx([2.5 - 4, 2.5 - 1, 0])
    assert lifts("score", encoded(1, 3, last=9)) == [None, None]
    assert lifts("embedding", encoded(2)) == [None]


def test_passages_by_preference() -> None:
    made = Windows(30.0, 30.0, {axis: tuple(float(n) for n in range(40, 50)) for axis in load_judge().head.axes})
    scores = dict.fromkeys(KEYS) | dict.fromkeys(made.scores, 45.0)
    report = results.report(scores=scores, windows=made, weights=load_judge().weights)
    found = by_preference.preferred(report)
    assert found is not None
    assert {found.best.start, found.weakest.start} == {0.0, 270.0}
    assert by_preference.as_dict(report)["passages"].keys() == {*made.scores, "preference"}
    assert by_preference.preferred(results.report()) is None
    other = (Weights("a/b", "c"),)
    assert by_preference.preferred(replace(report, weights=other)) is None
