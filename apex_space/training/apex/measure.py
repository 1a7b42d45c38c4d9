"""Predicts the scores of songs with a trained head of APEX."""

from pathlib import Path

import numpy as np
import torch

from ...models.heads.apex import ApexHead, ApexNetwork
from ..table import Samples, by_song, mean_by_song
from .settings import Mode

BATCH = 8192


def predict(network: ApexNetwork, mode: Mode, segments: Samples) -> np.ndarray:
    """Return the scores [S, T] of the songs in the order of `by_song`, as published.

    In mode `song` they are those of the mean embedding, in mode `segment` the means of the segments' scores.
    """
    samples = by_song(segments) if mode == "song" else segments
    with torch.inference_mode():
        scores = [network(batch) for batch in torch.from_numpy(samples.embeddings).split(BATCH)]
    found = np.stack([torch.cat([batch[axis] for batch in scores]).numpy() for axis in segments.axes], axis=1)
    return found if mode == "song" else mean_by_song(found.astype(np.float64), segments)


def predict_songs(checkpoint: Path, segments: Samples) -> np.ndarray:
    """Return the scores [S, T] of songs by a checkpoint, in the mode that it was trained in. Raises WeightsInvalid."""
    head = ApexHead(checkpoint)
    return predict(head.network, "song" if head.pooling == "embedding" else "segment", segments)
