"""Stand-ins of what the command verify downloads, under the published names, for the test Hub."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet

from apex_space.models.heads import banger
from helpers import fake_weights, melodies

MODELS = {
    "m-a-p/MERT-v1-95M": "MERT-v1-95M",
    "amaai-lab/apex": "apex",
    "lukewys/laion_clap": "laion_clap",
    "TuneJury/tunejury": "tunejury",
    "OpenMuQ/MuQ-large-msd-iter": "MuQ-large-msd-iter",
    "minzwon/MusicFM": "MusicFM",
    "earlab/EAR_HEAR": "EAR_HEAR",
    "stand-in/SongEval": "SongEval",
}
"""Repository -> its folder among those of the fixtures."""
RATED = (23, 51)
"""Validation songs of SongEval that the stand-in of the dataset has."""


def repositories(folder: Path, *weights: Path) -> dict[str, Path]:
    """What the Hub serves: the models in the folders of `weights`, and the three data sets, written into `folder`."""
    found = {name: w / part for name, part in MODELS.items() for w in weights if (w / part).is_dir()}
    if "amaai-lab/apex" in found:
        found["amaai-lab/apex"] = Path(shutil.copytree(found["amaai-lab/apex"], folder / "apex"))
        (folder / "apex" / "config.json").write_text(json.dumps({"epoch": 17, "val_loss": 1.2345}))
    return found | {
        "datasets/ASLP-lab/SongEval": write_songeval(folder / "songeval"),
        "datasets/TuneJury/release-scores": write_released(folder / "released"),
        "datasets/treadon/fma-mert-embeddings": write_embeddings(folder / "embeddings"),
    }


def write_songeval(folder: Path) -> Path:
    """Two rated songs of a second, and one that is not for validation."""
    lines = []
    for number in (*RATED, 1):
        melodies.write(folder / "mp3" / f"{number}.mp3", number, seconds=1.0)
        ratings = dict.fromkeys(("Coherence", "Musicality", "Memorability", "Clarity", "Naturalness"), number % 5 + 1.0)
        lines.append(json.dumps({"file_name": f"mp3/{number}.mp3", "annotation": [ratings]}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return folder


def write_released(folder: Path) -> Path:
    """Released scores of one clip of FMA and one of another collection."""
    folder.mkdir(parents=True)
    with (folder / "fma_large.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("track_id", "reward_score"), ("fma_000002", 1.5), ("fma_000003", 0.8), ("x_2", 9)])
    return folder


def write_embeddings(folder: Path, songs: int = 40) -> Path:
    """Embeddings and scores of songs that were never sung."""
    (folder / "data").mkdir(parents=True)
    embeddings = np.random.default_rng(0).standard_normal((songs, 1024)).astype(np.float32)
    columns = {"track_id": range(2, songs + 2), "embedding": [*embeddings], "banger_score": np.linspace(0, 10, songs)}
    table = pa.table({name: pa.array(list(values)) for name, values in columns.items()})
    parquet.write_table(table, folder / "data" / "train-00000-of-00001.parquet")
    return folder


def write_banger(folder: Path) -> Path:
    """Thin stand-ins of Banger's two repositories, as `--weights` takes them; 0.4 GB."""
    size = fake_weights.Mert(1024, 24, 16, 64, 48, stable=True)
    fake_weights.write_mert(folder / "MERT-v1-330M", size)
    (folder / "banger-scorer").mkdir()
    torch.save(fake_weights.mlp_state(banger.SIZES), folder / "banger-scorer" / "scorer_model.pt")
    return folder
