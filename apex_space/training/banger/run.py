"""What is Banger's own in a run of training, and what several seeds have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ...models.heads import banger, mlp
from .. import run
from ..files import check_run, check_table
from ..measure import HEAD, POOLED
from ..table import Samples, Split
from .trainer import BEST, BangerSettings, Epoch, train

SEEDS = "seeds.csv"
PUBLISHED = {("val", "mae"): 0.822, ("test", "mae"): 0.858, ("test", "spearman"): 0.468}
"""Part and figure -> what is published of one run without a seed, on the songs of FMA-small."""


Run = run.Run[BangerSettings, Epoch]


@dataclass(frozen=True)
class Spread:
    """A figure of the head over the runs of several seeds, beside the published one."""

    part: str
    figure: str
    mean: float | None
    least: float | None
    greatest: float | None
    published: float


def recipe(split: Split, settings: BangerSettings) -> run.Recipe[BangerSettings, Epoch]:
    """Return how to train with these settings, and to measure."""

    def predicted(checkpoint: Path, part: str) -> np.ndarray:
        return predict(checkpoint, getattr(split, part))

    return run.Recipe(settings, split, BEST, partial(train, split, settings), predicted)


def predict(checkpoint: Path, songs: Samples) -> np.ndarray:
    """Return the scores [S, 1] of songs, beyond the range too, as published. Raises WeightsInvalid."""
    network = mlp.load(banger.SIZES, checkpoint)
    with torch.inference_mode():
        return network(torch.from_numpy(songs.embeddings))[:, None].numpy()


def check_spread(folder: Path, settings: Sequence[BangerSettings]) -> None:
    """Raise OutputRefused if the folder, or that of a run, has files of others with the names of ours."""
    check_table(folder, (SEEDS,), Spread)
    for each in settings:
        check_run(folder / each.run, BEST)


def spread(runs: Sequence[Run]) -> list[Spread]:
    """Return mean and range over runs of the figures that are published. A correlation that does not exist is None."""
    found = []
    for (part, figure), published in PUBLISHED.items():
        values = [
            getattr(each.figures, figure)
            for run in runs
            for each in run.results
            if (each.part, each.model, each.platform) == (part, HEAD, POOLED)
        ]
        if None in values:
            found.append(Spread(part, figure, None, None, None, published))
        else:
            found.append(Spread(part, figure, float(np.mean(values)), min(values), max(values), published))
    return found
