"""Uploads go when nobody needs them, and not before: equal files of different visitors are one file."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apex_space.ui.uploads import Uploads
from helpers.server import Running, running
from helpers.wait import until

GRACE = 0.5
SERVER = "import gradio; gradio.Interface(len, 'text', 'text', analytics_enabled=False).launch(quiet=True)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server"), "-c", SERVER) as server:
        yield server


@pytest.fixture
def kept(server: Running) -> Uploads:
    return Uploads(server.folder / "uploads", GRACE)


def upload(server: Running) -> str:
    """The same song every time, in Gradio's own way."""
    answer = httpx.post(f"{server.url}/gradio_api/upload", files={"files": ("song.wav", b"song")})
    return str(answer.json()[0])


def test_a_file_is_deleted_after_its_last_release(server: Running, kept: Uploads) -> None:
    song = upload(server)
    kept.claim(song)
    kept.claim(song)
    kept.release(song)
    until_time_passed(kept)
    assert Path(song).is_file()
    kept.release(song)
    until(lambda: not Path(song).exists(), seconds=5)


def test_an_equal_song_that_another_visitor_has_not_claimed_yet_stays(server: Running, kept: Uploads) -> None:
    song = upload(server)
    kept.claim(song)
    kept.release(song)
    assert upload(server) == song
    until_time_passed(kept)
    assert Path(song).read_bytes() == b"song"
    kept.claim(song)
    kept.release(song)
    until(lambda: not Path(song).exists(), seconds=5)


def test_other_files_are_never_deleted(kept: Uploads, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(b"example")
    kept.claim(str(other))
    kept.release(str(other))
    until_time_passed(kept)
    assert other.is_file()


def until_time_passed(kept: Uploads) -> None:
    """Until a file that was released before this call would be deleted."""
    mark = kept._folder / ("0" * 64) / "mark"
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    kept.claim(str(mark))
    kept.release(str(mark))
    until(lambda: not mark.exists(), seconds=5)
