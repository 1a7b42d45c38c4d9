"""Figures of merit and their 95% intervals from resampling songs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A figure on all songs, and the interval that held 95% of the figures on resampled songs."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def estimate(figure: Callable[[np.ndarray], float], songs: int, seed: int = 0) -> Estimate:
    """`figure` of how often each of the `songs` counts [S]: once each, then as drawn with replacement."""
    rng = np.random.default_rng(seed)
    even = np.full(songs, 1 / songs)
    drawn = [figure(counts) for counts in rng.multinomial(songs, even, RESAMPLES)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Estimate(figure(np.ones(songs, int)), float(low), float(high))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks [N] from 1, ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    shared: np.ndarray = (ends - (counts - 1) / 2)[inverse]
    return shared


def spearman(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> float:
    """Rank correlation of `a` and `b` [S], each song as often as it counts."""
    x, y = ranks(np.repeat(a, counts)), ranks(np.repeat(b, counts))
    return float(np.corrcoef(x, y)[0, 1])


def within(a: np.ndarray, b: np.ndarray, groups: np.ndarray, counts: np.ndarray) -> float:
    """Mean over the groups [S] of the rank correlations inside them."""
    inside = [spearman(a[groups == g], b[groups == g], counts[groups == g]) for g in np.unique(groups)]
    return float(np.mean(inside))


def pair_accuracy(scores: np.ndarray, pairs: np.ndarray, counts: np.ndarray) -> float:
    """Share of `pairs` [P, 2], better song first, whose first song has the higher of the `scores` [S]."""
    weight = counts[pairs].prod(1)
    margin = scores[pairs[:, 0]] - scores[pairs[:, 1]]
    return float((((margin > 0) + 0.5 * (margin == 0)) * weight).sum() / weight.sum())


def auc(damaged: np.ndarray, owners: np.ndarray, intact: np.ndarray, counts: np.ndarray) -> float:
    """Chance that a damaged copy [D] of song `owners` [D] scores below another song's intact recording [S]."""
    below = (damaged[:, None] < intact) + 0.5 * (damaged[:, None] == intact)
    weight = counts[owners][:, None] * counts * (owners[:, None] != np.arange(len(intact)))
    return float((below * weight).sum() / weight.sum())


def share(hits: np.ndarray, owners: np.ndarray, counts: np.ndarray) -> float:
    """Mean of `hits` [D] over copies of song `owners` [D]."""
    weight = counts[owners]
    return float((hits * weight).sum() / max(weight.sum(), 1))
