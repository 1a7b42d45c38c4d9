"""An upload is deleted some time after its last release, not after an earlier one."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apex_space.core import files
from apex_space.core.settings import Settings
from apex_space.ui import uploads
from apex_space.ui.uploads import Uploads
from helpers.wait import until


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Let the time of some releases come, and return when the next release waits, or none is left."""
    begun, gates = threading.Semaphore(0), threading.Semaphore(0)

    def sleep(seconds: float) -> None:
        begun.release()
        gates.acquire()

    def come(releases: int) -> None:
        for _ in range(releases):
            assert begun.acquire(timeout=10)
            gates.release()
        if begun.acquire(timeout=0.5):  # the releases before this one were dealt with
            begun.release()

    monkeypatch.setattr(uploads, "sleep", sleep)
    yield come
    gates.release(1000)


def upload(folder: Path) -> Path:
    song = folder / ("a" * 64) / "song.wav"
    song.parent.mkdir()
    song.touch()
    return song


def test_an_earlier_release_deletes_nothing_while_a_later_one_has_its_grace(
    tmp_path: Path, hours: Callable[[int], None]
) -> None:
    song, kept = upload(tmp_path), Uploads(tmp_path, 10)
    for _ in range(3):
        kept.claim(str(song))
        kept.release(str(song))
    hours(2)
    assert song.exists()
    hours(1)
    until(lambda: not song.exists())


def test_all_releases_share_one_thread(tmp_path: Path) -> None:
    song, kept = upload(tmp_path), Uploads(tmp_path, 0.05)
    before = threading.active_count()
    for _ in range(50):
        kept.claim(str(song))
        kept.release(str(song))
    assert threading.active_count() <= before + 1
    until(lambda: not song.exists())


def written(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"song")
    return file


@pytest.mark.parametrize("own", [True, False])
def test_what_nobody_claims_for_an_hour_goes_from_a_folder_of_our_own_alone(
    own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    if own:
        files.mark_own(folder)
    left = [written(folder / "a" / "song.wav"), written(folder / "tmp1"), written(folder / "rank-1" / "0.wav")]
    stays = [written(folder / "b" / "claimed.wav"), written(folder / "rank-2" / "sub" / "0.wav")]
    foreign = written(tmp_path / "foreign" / "song.wav")
    (folder / "link").symlink_to(foreign.parent)
    monkeypatch.setattr(uploads, "time", lambda: time.time() + uploads.LIFETIME + 60)
    kept = Uploads(folder, 10)
    kept.claim(str(stays[0]))
    kept.claim(str(folder / "rank-2"))
    kept.sweep()
    assert [file.exists() for file in left] == [not own] * 3
    assert all(file.exists() for file in [*stays, foreign])
    assert (folder / "a").exists() is not own
    assert files.is_own(folder) is own


def test_an_empty_folder_stays_while_it_may_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.mark_own(tmp_path)
    kept, folders = Uploads(tmp_path, 10), [tmp_path / name for name in ("rank-1", "rank-2")]
    for folder in folders:
        folder.mkdir()
    kept.claim(str(folders[0]))
    kept.sweep()
    assert all(folder.is_dir() for folder in folders)
    monkeypatch.setattr(uploads, "time", lambda: time.time() + uploads.LIFETIME + 60)
    kept.sweep()
    assert [folder.is_dir() for folder in folders] == [True, False]


def test_a_new_file_stays_whoever_claims_it(tmp_path: Path) -> None:
    files.mark_own(tmp_path)
    song, kept = upload(tmp_path), Uploads(tmp_path, 10)
    kept.sweep()
    assert song.exists()


def test_the_room_is_what_the_songs_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MEASURE_SECONDS", 0.0)
    monkeypatch.setattr(uploads, "settings", lambda: Settings(uploads_gigabytes=0.001))
    kept = Uploads(tmp_path, 10)
    assert kept.room("visitor") == 1_000_000
    upload(tmp_path).write_bytes(b"x" * 400_000)
    assert kept.room("visitor") == 600_000


def test_a_visitor_has_a_share_of_the_room_and_what_is_on_its_way_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MEASURE_SECONDS", 0.0)
    monkeypatch.setattr(uploads, "settings", lambda: Settings(uploads_gigabytes=0.001, visitor_gigabytes=0.0005))
    files.mark_own(tmp_path)
    kept = Uploads(tmp_path, 10)
    assert kept.coming("first", "greedy", 0) == 500_000
    assert kept.coming("first", "greedy", 400_000) == 100_000
    assert kept.coming("second", "greedy", 90_000) == 10_000
    assert kept.coming("third", "other", 0) == 500_000
    song = upload(tmp_path)
    song.write_bytes(b"x" * 300_000)
    kept.arrived("first", str(song))
    kept.arrived("second")
    assert kept.room("greedy") == 200_000
    assert kept.room("other") == 500_000
    unpacked = tmp_path / "rank-1" / "zip"
    unpacked.mkdir(parents=True)
    (unpacked / "0.wav").write_bytes(b"x" * 60_000)
    kept.own(str(unpacked.parent), "greedy")
    assert kept.room("greedy") == 140_000
    song.unlink()
    kept.sweep()
    assert kept.room("greedy") == 440_000


def test_the_files_are_measured_now_and_then_and_after_each_upload(tmp_path: Path) -> None:
    kept = Uploads(tmp_path, 10)
    before = kept.room("visitor")
    song = upload(tmp_path)
    song.write_bytes(b"x" * 400_000)
    assert kept.room("visitor") == before
    kept.coming("upload", "visitor", 1)
    kept.arrived("upload", str(song))
    assert kept.room("visitor") == before - 400_000
