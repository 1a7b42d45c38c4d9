"""Songs to train the heads of HEAR and SongEval on: frames that know the songs' ratings."""

import json
from pathlib import Path

import numpy as np

from apex_space.models.heads.songeval import AXES


def write_frames(folder: Path, songs: int, width: int) -> Path:
    """Write `frames/sN.npy` for each song, and `targets.jsonl` with its part and its ratings. Gives the folder."""
    rng = np.random.default_rng(0)
    (folder / "frames").mkdir()
    lines = []
    for number in range(songs):
        taste = rng.uniform(-1, 1)
        frames = 0.3 * rng.standard_normal((1, int(rng.integers(9, 16)), width)) + taste
        np.save(folder / "frames" / f"s{number}.npy", frames.astype(np.float32))
        part = ("train", "train", "train", "val", "test")[number % 5]
        lines.append({"id": f"s{number}", "split": part, "songeval_scores": dict.fromkeys(AXES, 3 + 1.5 * taste)})
    (folder / "targets.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder
