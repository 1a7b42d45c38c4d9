"""The Banger head: MERT-v1-330M's last layer -> one score, 0 to 10, of how much a song would be played.

As published (treadon/banger-scorer), a song's score comes from its first 30 s alone. The scores of its other segments
are an extension: the same network on the same length of music, later in the song.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import numpy as np
import torch

from ...core.axes import BY_KEY
from ...core.settings import Settings
from .. import precision
from ..encoders import mert
from ..encoders.mert import MertEncoder
from ..hub import Repository, Snapshot
from . import mlp

CHECKPOINTS = ("scorer_model.pt",)
SIZES = (mert.WIDTH_330M, 512, 256, 128)
DROPOUT = (0.3, 0.3, 0.15)
AXIS = BY_KEY["banger"]
MIN_SECONDS = 1.0
"""Least length of a segment. A shorter rest of a song is encoded with silence after it: the network needs 17 ms."""


class Unpadded(MertEncoder):
    """MERT on songs without padding, resampled as librosa does it.

    Padding would affect the norm of MERT's first layer.
    """

    resampling = "soxr"

    def in_parts(self, samples: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Encode `samples` [S, L] -> [S, K, D] and [S, P, K, D], each segment from its `valid` [S] samples alone."""
        least = min(int(MIN_SECONDS * self.rate), samples.shape[1])
        lengths = np.maximum(valid, least)
        pooled = np.empty((len(samples), len(self.layers), self.config.hidden_size), np.float32)
        count = ceil(samples.shape[1] / (self.part_seconds * self.rate)) if self.part_seconds else 0
        parts = np.zeros((len(samples), count, *pooled.shape[1:]), np.float32)
        for length in np.unique(lengths):  # at most two lengths: only a song's last segment is short
            alike = np.flatnonzero(lengths == length)
            pooled[alike], made = super().in_parts(samples[alike, :length], valid[alike])
            parts[alike, : made.shape[1]] = made
        return pooled, parts


def network() -> mlp.ScoreNetwork:
    """Return the head's network before training, with torch's own first weights."""
    return mlp.ScoreNetwork(SIZES, DROPOUT)


class BangerHead:
    """Embeddings -> {"banger": scores}. A song's score is the score of its first segment."""

    axes = (AXIS.key,)
    missing: Mapping[str, str] = {}
    spread: Mapping[str, float] = {}
    pooling = "score"

    def __init__(self, path: Path) -> None:
        self.network = mlp.load(SIZES, path)

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        """Return the segments' weights [S]: 1 for the first segment, 0 for the others."""
        return (np.arange(len(seconds)) == 0).astype(float)

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scores of `embeddings` [S, 1, 1024] -> {"banger": [S]}, clamped to the axis' range."""
        with torch.inference_mode():
            raw = self.network(torch.from_numpy(embeddings[:, 0]))
        return {AXIS.key: raw.clamp(AXIS.low, AXIS.high).numpy()}


def repositories(settings: Settings) -> tuple[Repository, ...]:
    """Return the repositories of the encoder and the head."""
    return (
        Repository(settings.banger_mert_repo, settings.banger_mert_revision, mert.FILES, mert.CHECKPOINTS),
        Repository(settings.banger_repo, settings.banger_revision, (), CHECKPOINTS),
    )


def load(snapshots: Sequence[Snapshot], settings: Settings) -> tuple[Unpadded, BangerHead]:
    """Load encoder and head from the two repositories' files. Raises WeightsInvalid."""
    head = BangerHead(snapshots[1].checkpoint)
    kept = mert.PART_SECONDS if settings.fine_windows else 0.0
    return precision.choose(settings.precision, lambda chosen: _encoder(snapshots[0], chosen, kept), head), head


def _encoder(snapshot: Snapshot, chosen: str, kept: float) -> Unpadded:
    encoder = Unpadded(snapshot, (mert.LAYERS_330M,), chosen, kept)
    mert.require_330m(encoder, snapshot, "Banger")
    return encoder
