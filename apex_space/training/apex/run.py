"""What is APEX's own in a run of training."""

from functools import partial
from pathlib import Path

import numpy as np

from .. import run, table
from ..table import Split
from .measure import predict_songs
from .settings import TrainingSettings
from .trainer import BEST, Epoch, train

Run = run.Run[TrainingSettings, Epoch]


def recipe(segments: Split, settings: TrainingSettings) -> run.Recipe[TrainingSettings, Epoch]:
    """Return how to train with these settings, and to measure. Raises TrainingError if nothing can be learned."""
    split = segments.map(lambda samples: samples.only(settings.axes))
    songs = split.songs()
    samples = songs if settings.mode == "song" else split
    table.check_labels(samples)

    def predict(checkpoint: Path, part: str) -> np.ndarray:
        return predict_songs(checkpoint, getattr(split, part))

    return run.Recipe(settings, songs, BEST, partial(train, samples, settings), predict, flat)


def flat(epoch: Epoch) -> dict[str, float]:
    """Return an epoch's figures by name: the losses, and the errors and the trained sigma of each score."""
    kinds = {"train": epoch.train, "val": epoch.val, "sigma": epoch.sigmas}
    scores = {f"{kind}_{axis}": value for kind, values in kinds.items() for axis, value in values.items()}
    losses = {"epoch": epoch.number, "rate": epoch.rate, "train_loss": epoch.train_loss, "val_loss": epoch.val_loss}
    return losses | scores
