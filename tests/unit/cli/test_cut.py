"""Passages are cut as they sound in the song, with fades, and no file is replaced."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from apex_space.arena import clips
from apex_space.audio.waveform import load
from apex_space.cli.score import _cut
from apex_space.core.errors import OutputRefused
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


def test_a_passage_has_the_songs_level_and_fades(song: Path, tmp_path: Path) -> None:
    clips.encode_passage(song, load(song), tmp_path / "part.mp3", 1, 3)
    samples, rate = soundfile.read(tmp_path / "part.mp3")
    assert samples.shape[1] == 2
    assert 2 <= len(samples) / rate < 2.1
    second = np.abs(samples[:, 0]).reshape(-1)[int(0.6 * rate) : int(0.95 * rate)]
    third = np.abs(samples[:, 0])[int(1.1 * rate) : int(1.4 * rate)]
    assert (second.max(), third.max()) == (pytest.approx(0.2, rel=0.05), pytest.approx(0.3, rel=0.05))
    assert np.abs(samples[: rate // 50]).max() < 0.02
    assert np.abs(samples[int(1.98 * rate) :]).max() < 0.05


def test_the_best_and_the_weakest_are_cut_and_nothing_is_replaced(song: Path, tmp_path: Path) -> None:
    report = results.report(windows=Windows(1.0, 1.0, {"likes": (50.0, 40.0, 60.0, 55.0)}))
    (tmp_path / "cut").mkdir()
    there = tmp_path / "cut" / "song-pocket-best-2-3s.mp3"
    there.write_text("mine")
    _cut(song, report, tmp_path / "cut")
    assert there.read_text() == "mine"
    (tmp_path / "cut" / "song-pocket-weakest-1-2s.mp3").stat()
    assert len(list((tmp_path / "cut").iterdir())) == 2
    with pytest.raises(OutputRefused, match="--cut"):
        _cut(song, report, song)
    _cut(song, results.report(), tmp_path / "none")
    assert not (tmp_path / "none").exists()
