"""As in `models`, the figures that the published code gave: on longer songs, in bfloat16, and of other checkpoints."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from apex_space import load_judge
from apex_space.judges.judge import Judge
from apex_space.models.precision import native_bfloat16
from helpers import fake_weights
from models.test_parity import SEVEN, SYNTHETIC, check, judge, test_a_signal_anyone_can_rebuild  # noqa: F401

signal = test_a_signal_anyone_can_rebuild
del test_a_signal_anyone_can_rebuild
FORMS: dict[str, Callable[[Path], None]] = {
    "flat": lambda folder: torch.save(fake_weights.apex_export(""), folder / "pytorch_model.bin"),
    "prefixed": lambda folder: torch.save(fake_weights.apex_export("model."), folder / "pytorch_model.bin"),
}


@pytest.fixture(scope="module")
def rounded(full_weights: Path) -> Judge:
    if not native_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    return load_judge("apex", weights=full_weights, precision="bfloat16")


@pytest.mark.parametrize(("seconds", "rate"), SYNTHETIC)
def test_signals(seconds: int, rate: int, judge: Judge, tmp_path: Path) -> None:  # noqa: F811
    signal(seconds, rate, judge, tmp_path)


@pytest.mark.parametrize(
    "name", ["libri.ogg", "vibeace_24k_mono.wav", "vibeace.ogg", "humpback.ogg", "ace_step_2015.mp3"]
)
def test_songs(name: str, judge: Judge, shared: Path) -> None:  # noqa: F811
    golden = json.loads((shared / "reference" / "golden" / "apex_songs.json").read_text())["songs"][name]["scores"]
    check(judge(shared / "audio" / name), tuple(golden.values()), resampled="24k" not in name)


@pytest.mark.parametrize("name", ["libri.ogg", "vibeace_24k_mono.wav", "vibeace.ogg", "humpback.ogg"])
def test_songs_in_bfloat16(name: str, judge: Judge, rounded: Judge, shared: Path) -> None:  # noqa: F811
    exact, report = judge(shared / "audio" / name), rounded(shared / "audio" / name)
    assert report.precision == "bfloat16"
    for axis in SEVEN:
        tolerance = {"popularity": 0.08, "aesthetics": 0.005}[axis.group]
        assert report.scores[axis.key] == pytest.approx(exact.scores[axis.key], abs=tolerance), axis.key


@pytest.mark.parametrize("form", FORMS)
def test_either_form_of_checkpoint(form: str, judge: Judge, full_weights: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "MERT-v1-95M").symlink_to(full_weights / "MERT-v1-95M")
    (tmp_path / "apex").mkdir()
    FORMS[form](tmp_path / "apex")
    other = load_judge("apex", weights=tmp_path, precision="float32")
    assert other.weights != judge.weights
    embeddings = np.random.default_rng(2).standard_normal((2, 4, 768), dtype=np.float32)
    for axis, scores in judge.head(embeddings).items():
        np.testing.assert_allclose(other.head(embeddings)[axis], scores, rtol=1e-6)


def test_auto_says_what_it_chose_and_why(full_weights: Path) -> None:
    chosen = load_judge("apex", weights=full_weights).encoder
    assert chosen.precision in ("float32", "bfloat16")
    assert chosen.reason
