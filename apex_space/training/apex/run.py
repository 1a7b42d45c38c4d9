"""One whole run: segments in; a checkpoint, its curves, its settings and its results in a folder out."""

import csv
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from errno import EACCES
from pathlib import Path
from typing import Any

from ... import __version__
from ...core.errors import TrainingError
from ...core.files import replacing
from . import measure, table
from .measure import Measured
from .settings import TrainingSettings
from .table import Split
from .trainer import BEST, Epoch, History, train

CURVES, RESULTS, SETTINGS = "curves.csv", "results.csv", "settings.json"


@dataclass(frozen=True)
class Run:
    """A finished run. `results` has the head's figures, and those of what it must beat."""

    settings: TrainingSettings
    folder: Path
    history: History
    results: tuple[Measured, ...]


def prepare(folder: Path) -> Path:
    """Make a folder for results before any work, and return it. Raises TrainingError if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise TrainingError(f"{folder} cannot be written to ({error.strerror}). Choose another --out.") from error
    return folder


def run(
    segments: Split,
    beaten: tuple[Measured, ...],
    settings: TrainingSettings,
    out: Path,
    device: str = "cpu",
    on_epoch: Callable[[History], None] = lambda history: None,
    data: Mapping[str, Any] | None = None,
) -> Run:
    """Train and measure into the folder `out`/NAME, where NAME is the run's published name. Raises TrainingError.

    `beaten` are the figures of the mean and the ridge, `data` is what `provenance` tells of the songs. A run that was
    killed goes on; one that is over is measured.
    """
    folder = prepare(out / settings.run)
    split = segments.map(lambda samples: samples.only(settings.axes))
    samples = split.songs() if settings.mode == "song" else split
    table.check_labels(samples)
    songs = {part: len(each.keys()) for part, each in split.parts()}
    about = {"version": __version__, "device": device, "songs": songs, "data": data, "settings": asdict(settings)}

    def epoch_done(history: History) -> None:
        write(folder / CURVES, curves_csv(history))
        on_epoch(history)

    write(folder / SETTINGS, json.dumps(about, indent=1) + "\n")
    history = train(samples, settings, folder, epoch_done, device)
    results = measure.measure_checkpoint(folder / BEST, split) + tuple(b for b in beaten if b.axis in settings.axes)
    write(folder / RESULTS, measure.to_csv(results))
    return Run(settings, folder, history, results)


def write(path: Path, content: str) -> None:
    """Write a text completely or not at all. Raises TrainingError."""
    try:
        with replacing(path) as part:
            part.write_text(content, encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror}). Choose another --out.") from error


def flat(epoch: Epoch) -> dict[str, float]:
    """Return an epoch's figures by name: the losses, and the errors and the trained sigma of each score."""
    kinds = {"train": epoch.train, "val": epoch.val, "sigma": epoch.sigmas}
    scores = {f"{kind}_{axis}": value for kind, values in kinds.items() for axis, value in values.items()}
    losses = {"epoch": epoch.number, "rate": epoch.rate, "train_loss": epoch.train_loss, "val_loss": epoch.val_loss}
    return losses | scores


def curves_csv(history: History) -> str:
    """Return CSV with a row for each epoch."""
    text = io.StringIO()
    rows = [flat(epoch) for epoch in history.epochs]
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
