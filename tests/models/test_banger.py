"""Banger: the head's file and outputs, an encoder that hears no padding, and the first 30 s as the song's score."""

import json
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from apex_space import load_judge
from apex_space.judges import Judge
from helpers import fake_weights

MERT_330M = fake_weights.Mert(1024, 24, 16, 4096, stable=True)


def head_state() -> fake_weights.State:
    """The published head's names and shapes, drawn like the other stand-ins."""
    state: fake_weights.State = {}
    for i, (inputs, outputs) in enumerate(pairwise((1024, 512, 256, 128, 1))):
        gain = 1.3 if outputs > 1 else 1.2
        linear, norm = f"net.{4 * i}", f"net.{4 * i + 1}"
        state[f"{linear}.weight"] = fake_weights.draw(f"{linear}.weight", (outputs, inputs), gain * inputs**-0.5)
        state[f"{linear}.bias"] = fake_weights.draw(f"{linear}.bias", (outputs,), 0.02)
        if outputs > 1:
            state[f"{norm}.weight"] = 1 + fake_weights.draw(f"{norm}.weight", (outputs,), 0.05)
            state[f"{norm}.bias"] = fake_weights.draw(f"{norm}.bias", (outputs,), 0.05)
            state[f"{norm}.running_mean"] = fake_weights.draw(f"{norm}.running_mean", (outputs,), 0.1)
            state[f"{norm}.running_var"] = 0.5 + 0.2 * fake_weights.draw(f"{norm}.running_var", (outputs,), 1.0).abs()
            state[f"{norm}.num_batches_tracked"] = torch.tensor(1000)
    state["net.12.bias"] += 3.0
    return state


def write_head(state: fake_weights.State, folder: Path) -> Path:
    torch.save(state, folder / "scorer_model.pt")
    return folder / "scorer_model.pt"


@pytest.fixture(scope="module")
def full_size() -> Iterator[Judge]:
    """From stand-ins of both repositories: 1.3 GB, not kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fake_weights.write_mert(folder / "MERT-v1-330M", MERT_330M)
        (folder / "banger-scorer").mkdir()
        write_head(head_state(), folder / "banger-scorer")
        yield load_judge("banger", folder, "float32")


@pytest.mark.parametrize("name", ["libri.ogg"])
def test_songs(name: str, full_size: Judge, shared: Path) -> None:
    golden = json.loads((shared / "reference" / "golden" / "banger_songs.json").read_text())[name]
    report = next(full_size.steps(shared / "audio" / name))
    assert report.scores["banger"] == pytest.approx(golden["score"], abs=1e-4)
    assert [w.repository for w in report.weights] == ["m-a-p/MERT-v1-330M", "treadon/banger-scorer"]
