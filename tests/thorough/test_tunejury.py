"""TuneJury at full size, with all its inputs: the scores that the published code gave for these weights."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from apex_space import load_judge
from apex_space.core.settings import settings
from apex_space.judges.judge import Judge
from apex_space.models.encoders import clap
from apex_space.models.encoders.clap_text import ClapText
from helpers import fake_clap, fake_weights
from thorough.test_banger import MERT_330M

SYNTHETIC = {"synthetic_8s_48k": (8, 48_000), "synthetic_20s_24k": (20, 24_000)}
NAMES = [*SYNTHETIC, "libri.ogg", "vibeace_24k_mono.wav", "vibeace.ogg"]


@pytest.fixture(scope="module")
def folder(shared: Path) -> Iterator[Path]:
    """Stand-ins of all repositories: 2.1 GB, not kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = fake_clap.write_tunejury(Path(name), fake_clap.audio_shapes(shared, text=True))
        fake_clap.write_tokenizer(folder / "tokenizer.json")
        fake_weights.write_mert(folder / "MERT-v1-330M", MERT_330M)
        yield folder


@pytest.fixture(scope="module")
def judge(folder: Path) -> Iterator[Judge]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APEX_TUNEJURY_INPUTS", "all")
        settings.cache_clear()
        yield load_judge("tunejury", folder, "float32")
    settings.cache_clear()


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    return dict(json.loads((shared / "reference" / "golden" / "tunejury" / "songs.json").read_text()))


@pytest.mark.parametrize("name", NAMES)
def test_songs(name: str, judge: Judge, golden: dict[str, Any], shared: Path, tmp_path: Path) -> None:
    path = shared / "audio" / name
    if name in SYNTHETIC:
        path = tmp_path / f"{name}.wav"
        _, rate = SYNTHETIC[name]
        soundfile.write(path, fake_weights.synthetic(*SYNTHETIC[name]), rate, subtype="FLOAT")
    score = judge(path).scores["appeal"]
    assert score == pytest.approx(golden[name]["score_release_protocol"], abs=1e-3 if name.endswith("ogg") else 1e-4)
    for mistake in ("score_if_text_before_mert", "score_encoding_the_empty_string"):
        assert abs(score - golden[name][mistake]) > 1e-3


def test_prompts(folder: Path, shared: Path) -> None:
    golden = json.loads((shared / "reference" / "golden" / "tunejury" / "clap_full.json").read_text())["text"]
    text = ClapText(folder / "laion_clap" / clap.CHECKPOINTS[0], folder / "tokenizer.json")
    for each in golden.values():
        (embedding,) = text.embed(torch.tensor([each["ids"]]))
        np.testing.assert_allclose(embedding[:8], each["embedding_first_8"], atol=1e-5)
