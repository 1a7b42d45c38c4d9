"""An upload is deleted some time after its last release, not after an earlier one."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
