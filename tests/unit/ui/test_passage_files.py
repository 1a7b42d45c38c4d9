"""Passages as files on the Score page: only those of the song that was scored, while it is on the server."""

import io
from base64 import b64decode
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import soundfile

from apex_space.judges.windows import Windows
from apex_space.ui.pages.passage_files import PassageFiles
from apex_space.ui.pages.share_panel import Finished
from apex_space.ui.render.report import tables
from apex_space.ui.requests import Requests
from helpers import results
from helpers.sounds import tone, write

SCORED = results.report(file="my song.wav", windows=Windows(1.0, 1.0, {"likes": (50.0, 40.0, 60.0, 55.0)}))


class Uploads:
    def __init__(self) -> None:
        self.claimed: list[str] = []

    def claim(self, path: str) -> None:
        self.claimed.append(path)


@pytest.fixture
def uploads() -> Uploads:
    return Uploads()


@pytest.fixture
def files(uploads: Uploads) -> PassageFiles:
    given: Any = uploads
    return PassageFiles(Requests(given, given))


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write(tmp_path / "song.wav", tone(4))


def test_the_best_is_cut_under_the_songs_name(files: PassageFiles, song: Path, uploads: Uploads) -> None:
    assert 'data-cut="2.0 3.0" aria-label="0:02–0:03 as an mp3 file"' in tables(SCORED, play=True)
    assert "data-cut" not in tables(SCORED)
    checks = files._check(str(song), Finished((SCORED,), str(song)), "2.0 3.0")
    assert all(check["is_valid"] for check in checks)
    assert uploads.claimed == [str(song)]
    made = files._cut(str(song), Finished((SCORED,)), "2.0 3.0")
    assert made["name"] == "my song-2-3s.mp3"
    samples, rate = soundfile.read(io.BytesIO(b64decode(made["mp3"])))
    assert 1 <= len(samples) / rate < 1.1


@pytest.mark.parametrize("asked", [None, "", "0.0 1.0", "2.0 4.0", "nan nan", {"2.0 3.0": 1}, ["2.0 3.0"], 2.0])
def test_another_part_is_not_cut(asked: Any, files: PassageFiles, song: Path, uploads: Uploads) -> None:
    (checked, *_) = files._check(str(song), Finished((SCORED,), str(song)), asked)
    assert "no passage of the song" in checked["message"]
    assert not uploads.claimed


def test_another_song_than_the_scored_one_is_not_cut(files: PassageFiles, song: Path, uploads: Uploads) -> None:
    for other in (None, str(song)):
        (checked, *_) = files._check(other, Finished((SCORED,), "another.wav"), "2.0 3.0")
        assert "of another song" in checked["message"]
    assert not uploads.claimed


def test_a_song_that_is_gone_is_not_cut(files: PassageFiles, tmp_path: Path, uploads: Uploads) -> None:
    gone = str(tmp_path / "swept.wav")
    (checked, *_) = files._check(gone, Finished((SCORED,), gone), "2.0 3.0")
    assert "no longer on the server" in checked["message"]
    with pytest.raises(gr.Error, match="cannot be read"):
        files._cut(str(tmp_path / "swept.wav"), Finished((SCORED,)), "2.0 3.0")
    assert not uploads.claimed
