"""Measures whether the order (ListMLE) and the mixing of songs (C-Mixup) help the training of HEAR on noisy ratings:
`PYTHONPATH=.:tests python tests/thorough/hear_parts.py`.

Songs are made up: frames around a hidden vector, whose true score is a bent function of it. Songs to learn from and to
choose the epoch by have ratings with noise, songs to measure on have true scores. The network is HEAR's, with narrow
layers, on track 1. Each draw of songs is learned from as published, and without one or both parts. The table shows the
difference that each part makes to the published way, in the mean over the draws with a 95% interval (Student's t).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
from scipy import stats

from apex_space.models.heads import hear
from apex_space.training.hear import trainer
from apex_space.training.hear.data import Parts, load
from apex_space.training.hear.run import predict
from apex_space.training.hear.trainer import HearSettings

WIDTH, FRAMES, HIDDEN = 32, 12, 6
NARROW = (32, 32, 64, 8)
COUNTS = {"train": 160, "val": 40, "test": 300}
SETTINGS = HearSettings(epochs=15, patience=15, rate=1e-3)
WITHOUT = {"the order": ("order",), "mixing": ("mixing",), "both": ("order", "mixing")}
FIGURES = {
    "Spearman": lambda found, truth: float(stats.spearmanr(found, truth)[0]),
    "squared error": lambda found, truth: float(np.mean((found - truth) ** 2)),
}


def write_songs(folder: Path, seed: int, noise: float) -> Parts:
    """Draw songs and ratings with noise of this deviation, and read them as the trainer does."""
    rng = np.random.default_rng(seed)
    spread, bend = rng.standard_normal((2, HIDDEN, WIDTH)), rng.standard_normal((2, HIDDEN))
    rows = []
    for part, count in COUNTS.items():
        hidden = rng.standard_normal((count, HIDDEN))
        truth = 3 + 1.5 * np.tanh(hidden @ bend[0] / 2 + np.square(hidden) @ bend[1] / 6)
        rating = np.clip(truth + noise * rng.standard_normal(count), 1, 5)
        for number in range(count):
            means = hidden[number] @ spread[0] + np.abs(hidden[number]) @ spread[1]
            frames = means + 2 * rng.standard_normal((FRAMES, WIDTH))
            np.save(folder / f"{part}-{number}.npy", frames[None].astype(np.float32))
            score = truth[number] if part == "test" else rating[number]
            rows.append({"id": f"{part}-{number}", "split": part, "songeval_scores": {"musicality": score}})
    targets = folder / "targets.jsonl"
    targets.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load(folder, targets, SETTINGS.axes)


@contextmanager
def without(*parts: str) -> Iterator[None]:
    """Train without these parts of the published way."""
    rank = {1: 0.0} if "order" in parts else trainer.RANK
    share = (lambda: 1.0) if "mixing" in parts else trainer.share
    with patch.object(trainer, "RANK", rank), patch.object(trainer, "share", share):
        yield


def figures(parts: Parts, seed: int, folder: Path) -> dict[str, float]:
    """Of the best checkpoint, on the true scores."""
    settings = HearSettings(**{**vars(SETTINGS), "seed": seed})
    trainer.train(parts, settings, folder)
    found = predict(folder / trainer.TRACKS[1].checkpoint, parts.test)[:, 0]
    return {name: figure(found, parts.test.labels[:, 0]) for name, figure in FIGURES.items()}


def draw(seed: int, noise: float) -> Mapping[str, dict[str, float]]:
    """The figures of each way to train on one draw of songs."""
    with TemporaryDirectory(prefix="apex-tests-") as scratch:
        root = Path(scratch)
        for name in ("songs", "published", *WITHOUT):
            (root / name).mkdir()
        parts = write_songs(root / "songs", seed, noise)
        found = {"published": figures(parts, seed, root / "published")}
        for name, left_out in WITHOUT.items():
            with without(*left_out):
                found[name] = figures(parts, seed, root / name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.3, 1.0], help="deviation of a rating")
    given = parser.parse_args()
    with patch.object(hear, "SIZES", NARROW):
        for noise in given.noise:
            draws = []
            for seed in range(given.draws):
                draws.append(draw(seed, noise))
                print(f"noise {noise:g}, draw {seed + 1}: {json.dumps(draws[-1])}", file=sys.stderr, flush=True)
            for figure in FIGURES:
                published = np.array([each["published"][figure] for each in draws])
                print(f"noise {noise:g}, {figure}: {published.mean():.3f} as published", flush=True)
                for name in WITHOUT:
                    change = np.array([each[name][figure] for each in draws]) - published
                    reach = stats.t.ppf(0.975, len(change) - 1) * change.std(ddof=1) / np.sqrt(len(change))
                    print(f"  without {name}: {change.mean():+.3f} ± {reach:.3f}", flush=True)


if __name__ == "__main__":
    main()
