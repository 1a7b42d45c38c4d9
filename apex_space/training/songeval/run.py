"""What is SongEval's own in a run of training."""

from functools import partial
from pathlib import Path

import numpy as np

from ...models.heads import songeval
from .. import run
from ..hear.data import Parts
from ..hear.run import score
from ..table import Split
from .trainer import BEST, Epoch, SongEvalSettings, train


def recipe(parts: Parts, split: Split, settings: SongEvalSettings) -> run.Recipe[SongEvalSettings, Epoch]:
    """Return how to train with these settings, and to measure. `split` has the songs' mean frames."""

    def predicted(checkpoint: Path, part: str) -> np.ndarray:
        network = songeval.read(checkpoint)
        return score(network.pool, network.fc, getattr(parts, part))

    return run.Recipe(settings, split, BEST, partial(train, parts, settings), predicted, is_challenge=True)
