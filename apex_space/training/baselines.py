"""What every training run must beat: the mean of the targets, and a ridge regression on the songs' embeddings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.axes import BY_KEY
from .table import Samples

Predict = Callable[[np.ndarray], np.ndarray]
"""Function from songs' embeddings [S, D] to their scores [S, T]."""
PENALTIES = tuple(10.0**power for power in range(-6, 1))
"""Penalties of the ridge to choose from, as shares of the summed variance of the embeddings."""


@dataclass(frozen=True)
class Ridge:
    """A linear function with T scores of songs. `slopes` [D, T], `offsets`, `low` and `high` [T]."""

    slopes: np.ndarray
    offsets: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the scores [S, T] of songs with `embeddings` [S, D], within the scores' ranges."""
        return np.clip(embeddings @ self.slopes + self.offsets, self.low, self.high)


def fit_mean(train: Samples) -> Predict:
    """Return a function that gives every song the mean of the songs in `train`."""
    mean = train.labels.mean(0)
    return lambda embeddings: np.tile(mean, (len(embeddings), 1))


def fit_ridge(train: Samples, val: Samples) -> Ridge:
    """Fit linear regression on the songs in `train`, each score with the penalty that suits the songs in `val` best."""
    center, mean = train.embeddings.mean(0, dtype=np.float64), train.labels.mean(0)
    x = train.embeddings - center
    variances, directions = np.linalg.eigh(x.T @ x / len(x))
    share = directions.T @ (x.T @ (train.labels - mean) / len(x))
    low, high = (np.array([getattr(BY_KEY[axis], end) for axis in train.axes]) for end in ("low", "high"))

    def ridge(slopes: np.ndarray) -> Ridge:
        return Ridge(slopes, mean - center @ slopes, low, high)

    penalised = [directions @ (share / (variances[:, None] + p * variances.sum())) for p in PENALTIES]
    errors = np.stack([((ridge(slopes)(val.embeddings) - val.labels) ** 2).mean(0) for slopes in penalised])
    best = errors.argmin(0)
    return ridge(np.stack([penalised[place][:, axis] for axis, place in enumerate(best)], axis=1))
