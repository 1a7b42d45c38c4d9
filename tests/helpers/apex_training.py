"""Songs to train the APEX head on, and the published runs to compare with."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from torch import Tensor, nn

from apex_space.models.heads.apex import AESTHETICS, WIDTH, ApexNetwork

Row = dict[str, Any]
BANGER_WIDTH = 1024


def golden(shared: Path) -> Path:
    return shared / "reference" / "golden" / "training"


def probes(tensor: Tensor) -> np.ndarray:
    """The numbers of a tensor that a fingerprint of the golden files has."""
    flat = tensor.detach().double().flatten().numpy()
    return flat[np.unique(np.round(np.linspace(0, flat.size - 1, min(flat.size, 48))).astype(int))]


def published_split(shared: Path, folder: Path) -> Path:
    """The split of the published runs, in the folders that a trainer reads; gives the folder."""
    for file in (golden(shared) / "apex_split").glob("*.parquet"):
        part, _, name = file.name.partition("_")
        (folder / part).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / part / name)
    return folder


class WithoutDropout(ApexNetwork):
    """As in the published runs that are compared with."""

    def __init__(self, axes: tuple[str, ...], depth: int) -> None:
        super().__init__(axes, depth)
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0


def rows(songs: int, seed: int, name: str, noise: float = 0.0, segments: int = 2) -> list[Row]:
    """Segments whose scores are a known function of the mean of the song's embeddings, plus noise."""
    rng, truth = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((2, WIDTH))
    found: list[Row] = []
    for number in range(songs):
        taste = rng.standard_normal(2)
        heard = np.tanh(taste + noise * rng.standard_normal(2))
        song = {
            "audio_id": f"{name}{number:04d}",
            "score_streams": float(50 + 40 * heard[0]),
            "score_likes": float(50 + 40 * heard[1]),
            "platform": ("suno", "udio")[number % 2],
            "songeval_scores": dict(zip(AESTHETICS, (3 + 1.5 * heard[[0, 1, 0, 1, 0]]).tolist(), strict=True)),
        }
        around = taste @ truth / 4 + 0.3 * rng.standard_normal((segments, WIDTH))
        found += [
            song | {"segment_id": f"{song['audio_id']}_{n}", "segment_embedding": each.astype(np.float32).tolist()}
            for n, each in enumerate(around, 1)
        ]
    return found


def write(file: Path, content: list[Row]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(content), file)
    return file


def write_split(folder: Path, songs: tuple[int, int, int], **options: Any) -> Path:
    """A folder of `train`, `val` and `test` with so many songs each."""
    for seed, (part, count) in enumerate(zip(("train", "val", "test"), songs, strict=True), 1):
        write(folder / part / "shard_0001.parquet", rows(count, seed, part, **options))
    return folder


def banger_rows(songs: int, seed: int = 0, segments: int = 1) -> list[Row]:
    """Songs as extract writes them for Banger, the first segments of which know how often they were played."""
    rng, truth = np.random.default_rng(seed), np.random.default_rng(0).standard_normal(BANGER_WIDTH)
    found: list[Row] = []
    for number in range(songs):
        taste = rng.uniform(-1, 1)
        song = {"audio_id": f"{number + 2}", "platform": None, "listens": int(np.exp(6 + 4 * taste))}
        around = 0.3 * rng.standard_normal((segments, BANGER_WIDTH))
        around[0] += taste * truth / 2
        found += [
            song | {"segment_id": f"{number + 2}_{n}", "segment_embedding": each.astype(np.float32).tolist()}
            for n, each in enumerate(around, 1)
        ]
    return found
