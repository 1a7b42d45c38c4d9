"""What was heard is remembered exactly, within bounds, and damage to it costs nothing but time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apex_space.audio.features import AudioFeatures
from apex_space.audio.waveform import load_song
from apex_space.judges import embedding_cache as module
from apex_space.judges.embedding_cache import FOLDER, CachedEmbeddings, EmbeddingCache
from apex_space.judges.loading import load_judge
from apex_space.models.encoders.pocket import PocketEncoder
from helpers.songs import short

SONG = "bossa.ogg"


def heard(seed: int, segments: int = 3) -> CachedEmbeddings:
    embeddings = np.random.default_rng(seed).standard_normal((segments, 4, 16), dtype=np.float32)
    measured = AudioFeatures(None, "A minor", -12.5, -1.0, 0.0, 16_000.0, 44_100, 2, short_term=(-13.5, -12.0))
    valid = np.full(segments, 720_000)
    return CachedEmbeddings(
        embeddings, np.arange(segments) * 720_000, valid, 24_000, 30.0 * segments, f"{seed:064x}", measured
    )


def key(seed: int) -> str:
    return f"{seed:064x}"


def same(one: CachedEmbeddings | None, other: CachedEmbeddings) -> bool:
    return one is not None and all(np.array_equal(getattr(one, f), getattr(other, f)) for f in vars(other))


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_song_comes_back_as_it_was(on_disk: bool, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path if on_disk else None)
    cache.put(key(1), heard(1), file="file")
    assert same(cache.get(key(1)), heard(1))
    assert cache.get(key(2)) is None
    assert cache.sample_hash("file") == heard(1).sha256
    assert same(EmbeddingCache(tmp_path).get(key(1)), heard(1)) is on_disk


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SONGS", 3)
    cache = EmbeddingCache()
    for i in range(3):
        cache.put(key(i), heard(i))
    cache.get(key(0))
    cache.put(key(3), heard(3))
    assert [cache.get(key(i)) is not None for i in range(4)] == [True, False, True, True]


def test_the_folder_is_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, megabytes=0.02)
    for i in range(30):
        cache.put(key(i), heard(i))
    assert sum(file.stat().st_size for file in (tmp_path / FOLDER).iterdir()) <= 20_000
    assert EmbeddingCache(tmp_path).get(key(0)) is None
    assert same(EmbeddingCache(tmp_path).get(key(29)), heard(29))


@pytest.mark.parametrize("damage", [b"", b"garbage", None], ids=["emptied", "overwritten", "cut"])
def test_a_damaged_entry_is_dropped(damage: bytes | None, tmp_path: Path) -> None:
    EmbeddingCache(tmp_path).put(key(1), heard(1))
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:-7] if damage is None else damage)
    assert EmbeddingCache(tmp_path).get(key(1)) is None
    assert not list((tmp_path / FOLDER).iterdir())


def test_a_folder_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache(tmp_path / "file")
    cache.put(key(1), heard(1))
    assert same(cache.get(key(1)), heard(1))


@pytest.mark.parametrize("on_disk", [False, True])
def test_parts_come_back_too(on_disk: bool, tmp_path: Path) -> None:
    parts = np.random.default_rng(0).standard_normal((3, 6, 4, 16), dtype=np.float32)
    encoded = replace(heard(1), parts=parts, part_seconds=5.0)
    cache = EmbeddingCache(tmp_path if on_disk else None)
    cache.put(key(1), encoded)
    assert same((EmbeddingCache(tmp_path) if on_disk else cache).get(key(1)), encoded)


def test_an_entry_without_parts_is_not_used_where_they_are_kept() -> None:
    judge = load_judge()
    encoder = PocketEncoder()
    encoder.part_seconds = 5.0
    assert replace(judge, encoder=encoder)._key("song") != judge._key("song")


class Deaf(PocketEncoder):
    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        raise AssertionError("listened")


def test_a_judge_hears_a_song_once(tmp_path: Path) -> None:
    judge = replace(load_judge(), cache=EmbeddingCache(tmp_path))
    first = judge(short(SONG))
    deaf = replace(judge, encoder=Deaf())
    for cache in (judge.cache, EmbeddingCache(tmp_path)):
        again = replace(deaf, cache=cache)(
            short(SONG) if cache is judge.cache else load_song(short(SONG)), name="again"
        )
        assert (again.file, again.scores, again.segments) == ("again", first.scores, first.segments)
    with pytest.raises(AssertionError, match="listened"):
        replace(deaf, cache=EmbeddingCache())(short(SONG))
