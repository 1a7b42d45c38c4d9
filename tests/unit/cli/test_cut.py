"""Passages are cut as they sound in the song, with fades, and no file is replaced."""

import io
import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from apex_space.audio.isolated import cut_passage
from apex_space.cli.common import Format
from apex_space.cli.score import _cut
from apex_space.core.errors import NotAudio, OutputRefused, TooShort
from apex_space.judges.windows import Windows
from helpers import results

RATE = 8000


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Four seconds of stereo, each louder than the one before."""
    level = np.repeat([0.1, 0.2, 0.3, 0.4], RATE)
    tone = level * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)
    soundfile.write(tmp_path / "song.wav", np.stack([tone, tone / 2], 1), RATE)
    return tmp_path / "song.wav"


def test_a_passage_has_the_songs_level_and_fades(song: Path) -> None:
    samples, rate = soundfile.read(io.BytesIO(cut_passage(song, 1, 3)))
    assert samples.shape[1] == 2
    assert 2 <= len(samples) / rate < 2.1
    second = np.abs(samples[:, 0]).reshape(-1)[int(0.6 * rate) : int(0.95 * rate)]
    third = np.abs(samples[:, 0])[int(1.1 * rate) : int(1.4 * rate)]
    assert (second.max(), third.max()) == (pytest.approx(0.2, rel=0.05), pytest.approx(0.3, rel=0.05))
    assert np.abs(samples[: rate // 50]).max() < 0.02
    assert np.abs(samples[int(1.98 * rate) :]).max() < 0.05


def test_other_channels_than_two_are_averaged(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    soundfile.write(tmp_path / "three.wav", np.stack([0.9 * tone, tone * 0, tone * 0], 1), RATE)
    samples, rate = soundfile.read(io.BytesIO(cut_passage(tmp_path / "three.wav", 0, 2)))
    assert np.abs(samples[int(0.6 * rate) : int(1.3 * rate)]).max(0) == pytest.approx([0.3, 0.3], rel=0.05)


def test_what_cannot_be_cut_is_said(song: Path, tmp_path: Path) -> None:
    with pytest.raises(TooShort, match="before this passage"):
        cut_passage(song, 5, 6)
    with pytest.raises(NotAudio):
        cut_passage(tmp_path / "none.wav", 0, 1)
    for start, end in ((-1, 1), (1, 1), (0, 61), (math.nan, 1), (0, math.nan), (math.inf, math.inf)):
        with pytest.raises(ValueError, match="no passage"):
            cut_passage(song, start, end)


def test_the_best_and_the_weakest_are_cut_and_nothing_is_replaced(song: Path, tmp_path: Path) -> None:
    report = results.report(windows=Windows(1.0, 1.0, {"likes": (50.0, 40.0, 60.0, 55.0)}))
    (tmp_path / "cut").mkdir()
    there = tmp_path / "cut" / "song-pocket-best-2-3s.mp3"
    there.write_text("mine")
    _cut(song, report, tmp_path / "cut", "song")
    assert there.read_text() == "mine"
    (tmp_path / "cut" / "song-pocket-weakest-1-2s.mp3").stat()
    assert len(list((tmp_path / "cut").iterdir())) == 2
    with pytest.raises(OutputRefused, match="--cut"):
        _cut(song, report, song, "song")
    _cut(song, results.report(), tmp_path / "none", "song")
    assert not (tmp_path / "none").exists()


def test_a_song_that_cannot_be_cut_does_not_end_the_others(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = results.report(windows=Windows(1.0, 1.0, {"likes": (50.0, 40.0, 60.0, 55.0)}))
    files = [tmp_path / "gone.wav", song, tmp_path / "other" / "song.wav"]
    files[2].parent.mkdir()
    files[2].write_bytes(song.read_bytes())
    module = import_module("apex_space.cli.score")  # the package has the function of this name
    monkeypatch.setattr(module, "_by", lambda *_: iter([report] * 3))
    with pytest.raises(typer.Exit) as exit:
        module.score(files, cut=tmp_path / "cut", judge="pocket", format=Format.csv)
    assert exit.value.exit_code == 1
    names = [f"{stem}-pocket-{part}s.mp3" for stem in ("song", "song (2)") for part in ("best-2-3", "weakest-1-2")]
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == sorted(names)
