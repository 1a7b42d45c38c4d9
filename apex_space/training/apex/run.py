"""One whole run: segments in; a checkpoint, its curves, its settings and its results in a folder out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import table
from ..files import CURVES, RESULTS, SETTINGS, begin, prepare, rows_csv, settings_json, write
from ..measure import Measured, to_csv
from ..table import Split
from .measure import measure_checkpoint
from .settings import TrainingSettings
from .trainer import BEST, Epoch, History, train


@dataclass(frozen=True)
class Run:
    """A finished run. `results` has the head's figures, and those of what it must beat."""

    settings: TrainingSettings
    folder: Path
    history: History
    results: tuple[Measured, ...]


def run(
    segments: Split,
    beaten: tuple[Measured, ...],
    settings: TrainingSettings,
    out: Path,
    device: str = "cpu",
    on_epoch: Callable[[History], None] = lambda history: None,
    data: Mapping[str, Any] | None = None,
) -> Run:
    """Train and measure into the folder `out`/NAME, where NAME is the run's published name.

    Raises TrainingError, and OutputRefused if a file of others has the name of one of ours.

    `beaten` are the figures of the mean and the ridge, `data` is what `provenance` tells of the songs. A run that was
    killed goes on; one that is over is measured.
    """
    folder = prepare(out / settings.run)
    split = segments.map(lambda samples: samples.only(settings.axes))
    samples = split.songs() if settings.mode == "song" else split
    table.check_labels(samples)

    def epoch_done(history: History) -> None:
        write(folder / CURVES, rows_csv([flat(epoch) for epoch in history.epochs]))
        on_epoch(history)

    about = settings_json(settings, split, device, data)
    begin(folder, about, BEST)
    history = train(samples, settings, folder, epoch_done, device)
    write(folder / SETTINGS, about)
    results = measure_checkpoint(folder / BEST, split) + tuple(b for b in beaten if b.axis in settings.axes)
    write(folder / RESULTS, to_csv(results))
    return Run(settings, folder, history, results)


def flat(epoch: Epoch) -> dict[str, float]:
    """Return an epoch's figures by name: the losses, and the errors and the trained sigma of each score."""
    kinds = {"train": epoch.train, "val": epoch.val, "sigma": epoch.sigmas}
    scores = {f"{kind}_{axis}": value for kind, values in kinds.items() for axis, value in values.items()}
    losses = {"epoch": epoch.number, "rate": epoch.rate, "train_loss": epoch.train_loss, "val_loss": epoch.val_loss}
    return losses | scores
