"""The example songs: what the catalogue promises is in the folder, sounds as composed and can be rendered again."""

import importlib
import json
from functools import cache
from itertools import combinations
from types import ModuleType

import numpy as np
import pytest
import scipy.signal
import soundfile

from apex_space.arena.pool_sources import OFFERED
from apex_space.core import axes
from helpers.paths import EXAMPLES, ROOT

FOLDER = EXAMPLES
ROWS = json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))
BY_FILE = {row["file"]: row for row in ROWS}
GOOD = [row["file"] for row in ROWS if row["damage"] is None]
SAMPLE = [*list(BY_FILE)[:OFFERED], *list(BY_FILE)[OFFERED + 6 :: 7]]
"""The songs that the pages offer, and some of the others: to decode all takes too long."""


@cache
def wave(file: str) -> np.ndarray:
    """Samples [n, 2]."""
    return soundfile.read(FOLDER / file, always_2d=True)[0]


@pytest.fixture
def compose(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "assets" / "examples"))
    return importlib.import_module("compose")


def test_catalogue_and_folder_agree() -> None:
    assert sorted(BY_FILE) == sorted(path.name for path in FOLDER.glob("*.ogg"))
    assert {row["licence"] for row in ROWS} == {"CC0-1.0"}
    assert all(row["title"] and row["style"] and row["description"] for row in ROWS)


def test_many_songs_in_as_many_styles_and_three_pairs_on_three_axes() -> None:
    damaged = [row for row in ROWS if row["damage"]]
    assert len(GOOD) == len({BY_FILE[file]["style"] for file in GOOD}) >= 30
    assert len({BY_FILE[file]["title"] for file in GOOD}) == len(GOOD)
    assert len(damaged) == len({row["damage"] for row in damaged} & set(axes.KEYS)) == 3
    assert all(row["good"] in GOOD for row in damaged)
    assert all(row["good"] is None for row in ROWS if not row["damage"])


@pytest.mark.parametrize("file", BY_FILE)
def test_short_and_small(file: str) -> None:
    info = soundfile.info(FOLDER / file)
    assert (info.samplerate, info.channels) == (44_100, 2)
    assert 15 <= info.duration <= 40
    assert (FOLDER / file).stat().st_size < 500_000


def test_all_together_are_small() -> None:
    assert sum((FOLDER / file).stat().st_size for file in BY_FILE) < 12_000_000


@pytest.mark.slow
@pytest.mark.parametrize("file", SAMPLE)
def test_loud_and_clean(file: str) -> None:
    import pyloudnorm

    info, x = soundfile.info(FOLDER / file), wave(file)
    assert -15 < pyloudnorm.Meter(info.samplerate).integrated_loudness(x) < -13
    assert np.abs(x).max() < 10 ** (-1 / 20)
    assert np.abs(x.mean(axis=0)).max() < 1e-3
    assert 0.3 < np.corrcoef(x.T)[0, 1] < 0.95


@pytest.mark.parametrize("file", [file for file in SAMPLE if file in GOOD])
def test_is_heard_in_its_key_and_tempo(file: str) -> None:
    from apex_space.audio import features

    samples = scipy.signal.resample_poly(wave(file).mean(axis=1), 1, 2)
    tempo = features.tempo(samples, 22_050)
    assert tempo is not None
    assert min(abs(tempo / BY_FILE[file]["tempo"] / octave - 1) for octave in (0.5, 1, 2)) < 0.03
    assert features.key(samples, 22_050) == BY_FILE[file]["key"]


@pytest.mark.slow
def test_no_two_songs_are_alike_and_damage_changes_them() -> None:
    for one, other in combinations(SAMPLE, 2):
        length = min(len(wave(one)), len(wave(other)))
        alike = np.corrcoef(wave(one)[:length, 0], wave(other)[:length, 0])[0, 1]
        pair = BY_FILE[other]["good"] == one or BY_FILE[one]["good"] == other
        assert abs(alike) < (0.9 if pair else 0.2)


def test_scores_are_read_as_written(compose: ModuleType) -> None:
    synth = importlib.import_module("synth")
    assert synth.timed("1:.5 2 -:1", 4) == [(0, 0.5, "1"), (0.5, 0.5, "2"), (1.0, 1.0, "-")]
    assert [synth.degree(token, 69, "minor") for token in ("1", "#7,", "3", "8", "b2")] == [69, 68, 72, 81, 70]
    assert synth.low("G/B", 28)[0][2] == (35, 38, 47, 35)
    for _, _, pitches in synth.voiced("Am9 Fmaj7 Dm9 E7", 62):
        assert 50 <= pitches[0] < 62
        assert list(pitches) == sorted(pitches)
