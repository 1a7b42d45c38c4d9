"""One whole run: songs in; a checkpoint, its curves, its settings and its results in a folder out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ...models.heads import banger, mlp
from ..files import CURVES, RESULTS, SETTINGS, begin, check_table, prepare, rows_csv, settings_json, write
from ..measure import HEAD, POOLED, Measured, measure, to_csv
from ..table import Samples, Split
from .trainer import BEST, BangerSettings, Epoch, History, train

SEEDS = "seeds.csv"
PUBLISHED = {("val", "mae"): 0.822, ("test", "mae"): 0.858, ("test", "spearman"): 0.468}
"""Part and figure -> what is published of one run without a seed, on the songs of FMA-small."""


@dataclass(frozen=True)
class Run:
    """A finished run. `results` has the head's figures, and those of what it must beat."""

    settings: BangerSettings
    folder: Path
    history: History
    results: tuple[Measured, ...]


@dataclass(frozen=True)
class Spread:
    """A figure of the head over the runs of several seeds, beside the published one."""

    part: str
    figure: str
    mean: float | None
    least: float | None
    greatest: float | None
    published: float


def run(
    split: Split,
    beaten: tuple[Measured, ...],
    settings: BangerSettings,
    out: Path,
    device: str = "cpu",
    on_epoch: Callable[[History], None] = lambda history: None,
) -> Run:
    """Train and measure into the folder `out`/NAME, where NAME is the run's name.

    Raises TrainingError, and OutputRefused if a file of others has the name of one of ours.

    `beaten` are the figures of the mean and the ridge. A run that was killed goes on; one that is over is measured.
    """
    folder = prepare(out / settings.run)

    def epoch_done(history: History) -> None:
        write(folder / CURVES, rows_csv([flat(epoch) for epoch in history.epochs]))
        on_epoch(history)

    about = settings_json(settings, split, device)
    begin(folder, about, BEST)
    history = train(split, settings, folder, epoch_done, device)
    write(folder / SETTINGS, about)
    results = (*measure_checkpoint(folder / BEST, split), *beaten)
    write(folder / RESULTS, to_csv(results))
    return Run(settings, folder, history, results)


def flat(epoch: Epoch) -> dict[str, float]:
    """Return an epoch's figures by name."""
    figures = asdict(epoch)
    return {"epoch": figures.pop("number"), **figures}


def predict(checkpoint: Path, songs: Samples) -> np.ndarray:
    """Return the scores [S, 1] of songs, beyond the range too, as published. Raises WeightsInvalid."""
    network = mlp.load(banger.SIZES, checkpoint)
    with torch.inference_mode():
        return network(torch.from_numpy(songs.embeddings))[:, None].numpy()


def measure_checkpoint(checkpoint: Path, split: Split) -> Iterator[Measured]:
    """Yield the figures of a checkpoint on the songs of `val` and `test`."""
    for part, songs in (("val", split.val), ("test", split.test)):
        yield from measure(part, HEAD, songs, predict(checkpoint, songs))


def check_spread(folder: Path) -> None:
    """Raise OutputRefused if the folder has a file of others with the name of that of all seeds."""
    check_table(folder, (SEEDS,), Spread)


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
