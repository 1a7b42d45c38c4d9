"""What is HEAR's own in a run of training."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...models.encoders import device as devices
from ...models.heads import hear
from ...models.heads.songeval import scores
from .. import run
from ..table import Split
from .data import Parts, Songs
from .trainer import TRACKS, Epoch, HearSettings, train


def recipe(parts: Parts, split: Split, settings: HearSettings) -> run.Recipe[HearSettings, Epoch]:
    """Return how to train with these settings, and to measure. `split` has the songs' mean frames."""

    def predicted(checkpoint: Path, part: str) -> np.ndarray:
        return predict(checkpoint, getattr(parts, part))

    name = TRACKS[settings.track].checkpoint
    return run.Recipe(settings, split, name, partial(train, parts, settings), predicted, is_challenge=True)


def predict(checkpoint: Path, songs: Songs) -> np.ndarray:
    """Return the scores [N, T] of songs as the judges compute them. Raises WeightsInvalid."""
    network = hear.read(checkpoint, songs.axes)
    return score(network.pool, network.model.fc, songs)


def score(pool: Callable[[Tensor], Tensor], last: nn.Module, songs: Songs) -> np.ndarray:
    """Return the scores [N, T] of songs by a network's two parts, one song after another."""
    with torch.inference_mode():
        frames = (torch.from_numpy(songs.frames(row)).to(devices.device()) for row in range(len(songs)))
        found: np.ndarray = scores(last, torch.stack([pool(each).cpu() for each in frames])).numpy()
    return found
