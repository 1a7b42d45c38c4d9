"""The figures that the published code gave for these weights: see `fake_weights`. Longer songs are in `thorough`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from apex_space import load_judge
from apex_space.core.axes import BY_KEY
from apex_space.judges.judge import Judge
from apex_space.judges.report import Report
from apex_space.models.heads.apex import AESTHETICS, POPULARITY
from apex_space.models.precision import native_bfloat16
from helpers import fake_weights

SEVEN = tuple(BY_KEY[key] for key in POPULARITY + AESTHETICS)
SYNTHETIC = {  # seconds and rate of `fake_weights.synthetic` -> scores, in the order of the axes
    (70, 24_000): (71.01084900, 61.67065048, 2.367305279, 3.442162752, 2.486522913, 3.524029493, 3.948122263),
    (40, 44_100): (69.76488495, 58.35273743, 2.358269930, 3.397689104, 2.701257467, 3.284502983, 3.807444334),
    (12, 24_000): (63.65295029, 48.68391800, 2.670472383, 3.780680418, 2.852307558, 2.976664543, 3.967594862),
}
FORMS: dict[str, Callable[[Path], None]] = {
    "flat": lambda folder: torch.save(fake_weights.apex_export(""), folder / "pytorch_model.bin"),
    "prefixed": lambda folder: torch.save(fake_weights.apex_export("model."), folder / "pytorch_model.bin"),
}


@pytest.fixture(scope="module")
def judge(full_weights: Path) -> Judge:
    return load_judge("apex", weights=full_weights, precision="float32")


@pytest.fixture(scope="module")
def rounded(full_weights: Path) -> Judge:
    if not native_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    return load_judge("apex", weights=full_weights, precision="bfloat16")


def synthetic(folder: Path, seconds: int, rate: int) -> Path:
    soundfile.write(folder / "synthetic.wav", fake_weights.synthetic(seconds, rate), rate, subtype="FLOAT")
    return folder / "synthetic.wav"


def check(report: Report, expected: tuple[float, ...], resampled: bool) -> None:
    """Within 0.01 on 0-100 and 0.001 on 1-5; tenfold and fivefold where another resampler had its part."""
    for axis, figure in zip(SEVEN, expected, strict=True):
        tolerance = {"popularity": (0.01, 0.1), "aesthetics": (0.001, 0.005)}[axis.group][resampled]
        assert report.scores[axis.key] == pytest.approx(figure, abs=tolerance), axis.key


@pytest.mark.parametrize(("seconds", "rate"), [(12, 24_000)])
def test_a_signal_anyone_can_rebuild(seconds: int, rate: int, judge: Judge, tmp_path: Path) -> None:
    report = judge(synthetic(tmp_path, seconds, rate))
    check(report, SYNTHETIC[seconds, rate], resampled=rate != 24_000)
    assert len(report.segments) == -(-seconds // 30)
    assert report.segments[-1].end == report.duration == seconds


@pytest.mark.parametrize("name", ["libri.ogg"])
def test_songs(name: str, judge: Judge, shared: Path) -> None:
    golden = json.loads((shared / "reference" / "golden" / "apex_songs.json").read_text())["songs"][name]["scores"]
    check(judge(shared / "audio" / name), tuple(golden.values()), resampled="24k" not in name)


@pytest.mark.parametrize("name", ["libri.ogg"])
def test_songs_in_bfloat16(name: str, judge: Judge, rounded: Judge, shared: Path) -> None:
    exact, report = judge(shared / "audio" / name), rounded(shared / "audio" / name)
    assert report.precision == "bfloat16"
    for axis in SEVEN:
        tolerance = {"popularity": 0.08, "aesthetics": 0.005}[axis.group]
        assert report.scores[axis.key] == pytest.approx(exact.scores[axis.key], abs=tolerance), axis.key


@pytest.mark.parametrize("form", FORMS)
def test_either_form_of_checkpoint(form: str, judge: Judge, full_weights: Path, tmp_path: Path) -> None:
    (tmp_path / "MERT-v1-95M").symlink_to(full_weights / "MERT-v1-95M")
    (tmp_path / "apex").mkdir()
    FORMS[form](tmp_path / "apex")
    other = load_judge("apex", weights=tmp_path, precision="float32")
    assert other.weights != judge.weights
    embeddings = np.random.default_rng(2).standard_normal((2, 4, 768), dtype=np.float32)
    for axis, scores in judge.head(embeddings).items():
        np.testing.assert_allclose(other.head(embeddings)[axis], scores, rtol=1e-6)
