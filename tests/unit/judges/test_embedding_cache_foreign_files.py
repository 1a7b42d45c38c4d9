"""The folder that holds what was heard may hold anybody's files, too: none but its own is counted, replaced or gone."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apex_space.audio import features
from apex_space.audio.features import AudioFeatures
from apex_space.judges import embedding_cache as module
from apex_space.judges.embedding_cache import FOLDER, PART_SECONDS, CachedEmbeddings, EmbeddingCache
from apex_space.judges.loading import load_judge

LIMIT = 0.004
"""Megabytes: about three entries."""
STRANGERS = ("song.wav", "votes.sqlite3", f"{1:064x}", f"{1:063x}.safetensors", f"{'A' * 64}.safetensors", "x.part")


def key(number: int) -> str:
    return f"{number:064x}"


def heard(number: int) -> CachedEmbeddings:
    measured = AudioFeatures(None, None, -12.5, -1.0, 0.0, 16_000.0, 44_100, 2)
    embeddings = np.full((1, 64), number, np.float32)
    return CachedEmbeddings(embeddings, np.array([0]), np.array([720_000]), 24_000, 30.0, key(number), measured)


def entry(folder: Path, number: int) -> Path:
    return folder / FOLDER / f"{key(number)}.safetensors"


def fill(folder: Path, songs: int = 9) -> None:
    cache = EmbeddingCache(folder, LIMIT)
    for number in range(songs):
        cache.put(key(number), heard(number))


@pytest.mark.parametrize("below", [".", FOLDER])
def test_foreign_files_outlast_the_limit(below: str, tmp_path: Path) -> None:
    (tmp_path / below).mkdir(exist_ok=True)
    old = time.time() - 10 * PART_SECONDS
    for name in STRANGERS:
        (tmp_path / below / name).write_bytes(bytes(10_000))
        os.utime(tmp_path / below / name, (old, old))
    fill(tmp_path)
    assert all((tmp_path / below / name).stat().st_size == 10_000 for name in STRANGERS)
    assert [entry(tmp_path, number).is_file() for number in (0, 7, 8)] == [False, True, True], "strangers were counted"


def test_links_and_folders_of_an_entrys_name_are_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "somebody's"
    target.write_bytes(bytes(10_000))
    entry(tmp_path, 1).parent.mkdir()
    entry(tmp_path, 1).symlink_to(target)
    entry(tmp_path, 2).mkdir()
    (entry(tmp_path, 2) / "inside").touch()
    entry(tmp_path, 3).symlink_to(tmp_path / "nowhere")
    part = entry(tmp_path, 1).with_suffix(".safetensors.abcdefgh.part")
    part.symlink_to(target)
    os.utime(part, (0, 0), follow_symlinks=False)
    for number in (1, 2, 3):
        assert EmbeddingCache(tmp_path).get(key(number)) is None
    fill(tmp_path)
    assert (entry(tmp_path, 1).readlink(), part.readlink(), target.stat().st_size) == (target, target, 10_000)
    assert (entry(tmp_path, 2) / "inside").is_file()
    assert entry(tmp_path, 3).readlink() == tmp_path / "nowhere"


def test_the_subfolder_may_be_a_link_and_what_else_is_there_stays(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "song.wav").write_bytes(bytes(10_000))
    (tmp_path / FOLDER).symlink_to(disk)
    fill(tmp_path)
    assert (disk / "song.wav").stat().st_size == 10_000
    assert sum(file.stat().st_size for file in disk.glob("*.safetensors")) <= LIMIT * 1e6


def test_one_that_cannot_be_read_now_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 1)

    def refuse(path: Path) -> CachedEmbeddings:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "_unpack", refuse)
    assert EmbeddingCache(tmp_path).get(key(0)) is None
    assert entry(tmp_path, 0).is_file()


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """As on a full disk, writing beyond it fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    cache, large = EmbeddingCache(tmp_path), replace(heard(1), embeddings=np.zeros(1_000_000, np.float32))
    with no_file_over(1_000_000):
        cache.put(key(1), large)
    assert cache.get(key(1)) is large
    assert not list((tmp_path / FOLDER).iterdir())


def test_a_write_that_fails_at_last_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    EmbeddingCache(tmp_path).put(key(1), heard(1))
    assert not list((tmp_path / FOLDER).iterdir())


def test_what_a_killed_process_was_writing_goes_after_a_while(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    parts = [entry(tmp_path, number).with_suffix(f".safetensors.abc_{number}f8h.part") for number in range(2)]
    for part in parts:
        part.touch()
    old = time.time() - PART_SECONDS - 1
    os.utime(parts[0], (old, old))
    fill(tmp_path, 2)
    assert [part.exists() for part in parts] == [False, True]


def test_a_key_is_no_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        EmbeddingCache(tmp_path / "named").put("../../song", heard(1))
    assert not list(tmp_path.rglob("*song*"))


def test_a_change_of_the_encoder_or_of_the_measures_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = load_judge()

    class Changed(type(judge.encoder)):  # type: ignore[misc]
        embeddings_version = judge.encoder.embeddings_version + 1

    keys = {judge._key(key(1)), replace(judge, encoder=Changed())._key(key(1))}
    monkeypatch.setattr(features, "VERSION", features.VERSION + 1)
    keys.add(judge._key(key(1)))
    assert len(keys) == 3
    assert {len(each) for each in keys} == {64}
