"""Windows are scored from means that were kept, and agree with the segments where they are the same."""

from dataclasses import replace

import numpy as np
import pytest

from apex_space.audio import features
from apex_space.audio.features import AudioFeatures
from apex_space.audio.levels import Levels
from apex_space.audio.waveform import Waveform
from apex_space.judges.embedding_cache import CachedEmbeddings, EmbeddingCache
from apex_space.judges.judge import Judge
from apex_space.judges.windows import Windows, windows

MEASURED = AudioFeatures(None, "A minor", -12.5, -1.0, 0.0, 16_000.0, 44_100, 2)
RATE = 100


def song(seconds: float, length: float = 30.0, parts: bool = True) -> CachedEmbeddings:
    """A song whose frames hold their time in seconds, and whose embeddings are means over frames."""
    start = np.arange(0, seconds, length)
    end = np.minimum(start + length, seconds)
    embeddings = ((start + end) / 2)[:, None].astype(np.float32)
    made = start[:, None] + np.arange(0, length, 5) + 2.5
    kept = (made[..., None].astype(np.float32), 5.0) if parts else ()
    valid = ((end - start) * RATE).astype(int)
    return CachedEmbeddings(embeddings, (start * RATE).astype(int), valid, RATE, seconds, "0" * 64, MEASURED, *kept)


def head(embeddings: np.ndarray) -> dict[str, np.ndarray]:
    return {"likes": embeddings[:, 0]}


def test_every_window_of_a_song_is_scored_from_its_parts() -> None:
    found = windows(song(77), head)
    assert found == Windows(30.0, 5.0, {"likes": tuple(15.0 + 5 * n for n in range(10))})
    assert len(found) == 10  # the last one ends at 75 s


def test_a_window_that_is_a_segment_has_its_score() -> None:
    encoded = song(77)
    moved = replace(encoded, embeddings=encoded.embeddings + 0.25)
    found = windows(moved, head)
    assert found is not None
    changed = np.array(found.scores["likes"]) - windows(encoded, head).scores["likes"]  # type: ignore[union-attr]
    assert np.flatnonzero(changed).tolist() == [0, 6]


@pytest.mark.parametrize("seconds", [12, 30, 34.9])
def test_a_song_with_one_window_has_none(seconds: float) -> None:
    assert windows(song(seconds), head) is None


def test_without_parts_a_window_is_made_of_whole_segments() -> None:
    assert windows(song(77, parts=False), head) == Windows(30.0, 30.0, {"likes": (15.0, 45.0)})
    assert windows(song(47, 10.0, parts=False), head) == Windows(30.0, 10.0, {"likes": (15.0, 25.0)})
    assert windows(song(77, 24.0, parts=False), head) is None
    assert windows(song(77, 77.0, parts=False), head) is None


class InParts:
    """Embeddings are levels, of segments of 30 s and of their parts."""

    rate, resampling, precision, reason = 24_000, "sinc", "float32", ""
    segment_seconds, part_seconds, batch, embeddings_version = 30.0, 5.0, 1, 1

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        return self.in_parts(samples, valid)[0]

    def in_parts(self, samples: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = np.abs(samples).reshape(len(samples), 6, -1).mean(2)[..., None]
        return parts.mean(1), parts


class Level:
    axes, missing, spread, pooling = ("likes",), {}, {}, "embedding"  # type: ignore[var-annotated]

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        return np.ones_like(seconds)

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        return {"likes": embeddings[:, 0]}


def test_a_judge_reports_them_and_remembers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "measure", lambda *_: MEASURED)
    levels = np.repeat(np.linspace(0, 0.5, 14, dtype=np.float32), 5 * InParts.rate)
    waveform = Waveform(levels, InParts.rate, "0" * 64, Levels(1, -1.0, 0.0, -12.0))
    judge = Judge("apex", InParts(), Level(), (), EmbeddingCache())
    first = judge(waveform)
    assert first.windows is not None
    assert len(first.windows) == 9
    assert first.windows.scores["likes"][6] == first.segments[1].scores["likes"]
    assert np.all(np.diff(first.windows.scores["likes"]) > 0)
    assert judge(waveform).windows == first.windows
    assert first.as_dict()["windows"] == first.windows.as_dict()
    assert Windows.from_dict(first.windows.as_dict()) == first.windows
