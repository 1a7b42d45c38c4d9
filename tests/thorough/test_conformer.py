"""MuQ and MusicFM natively: strict, no layer too many, and equal to the published code's hidden states."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from apex_space.models.encoders import conformer
from apex_space.models.encoders.conformer import SAMPLE_RATE
from apex_space.models.hub import Repository, Snapshot, fetch
from helpers import fake_panel_weights
from helpers.fake_panel_weights import Size

MUQ = (conformer.MUQ_FILES, conformer.MUQ_CHECKPOINTS)


def snapshot(folder: Path, kind: tuple[tuple[str, ...], tuple[str, ...]] = MUQ) -> Snapshot:
    return fetch(Repository(f"tiny/{folder.name}", "main", *kind), weights=folder.parent)


def noise(samples: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal(samples, dtype=np.float32)) / 10


def test_at_full_size_rounding_does_not_show_either(tmp_path: Path) -> None:
    folder = fake_panel_weights.write_muq(tmp_path / "MuQ", Size(layers=6))
    with torch.inference_mode():
        exact, moved = (
            conformer.muq(snapshot(folder), 6, p).encode(noise(12 * SAMPLE_RATE)) for p in ("float32", "bfloat16")
        )
    assert exact.shape == (300, 1024)
    assert 0 < (moved - exact).std() < 0.02 * exact.std()
