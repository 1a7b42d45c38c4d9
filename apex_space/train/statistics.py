"""Figures of merit and their 95% intervals from resampling songs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import fmean

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

    @property
    def percent(self) -> str:
        """As percentages, for tables."""
        return f"{100 * self.value:.0f} ({100 * self.low:.0f}–{100 * self.high:.0f})"


@cache
def draws(songs: int) -> np.ndarray:
    """[1 + RESAMPLES, songs] how often each song counts: once each, then as drawn with replacement."""
    drawn = np.random.default_rng(0).multinomial(songs, np.full(songs, 1 / songs), RESAMPLES)
    return np.concatenate([np.ones((1, songs), int), drawn])


def estimate(figure: Callable[[np.ndarray], float], songs: int) -> Estimate:
    """`figure` of how often each of the `songs` counts [S]."""
    return _interval(np.array([figure(counts) for counts in draws(songs)]))


def _interval(figures: np.ndarray) -> Estimate:
    """`figures` [1 + RESAMPLES], NaN where a draw allows none."""
    known = figures[1:][np.isfinite(figures[1:])]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return Estimate(float(figures[0]), float(low), float(high))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks [N] from 1, ties at their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return shared


def spearman(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> float:
    """Rank correlation of `a` and `b` [S], each song as often as it counts; NaN if either is constant."""
    x, y = (ranks(np.repeat(values, counts)) for values in (a, b))
    if min(len(np.unique(x)), len(np.unique(y))) < 2:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def within(a: np.ndarray, b: np.ndarray, groups: np.ndarray, counts: np.ndarray) -> float:
    """Mean over the groups [S] of the rank correlations inside them."""
    return fmean(spearman(a[groups == g], b[groups == g], counts[groups == g]) for g in np.unique(groups))


def pair_accuracy(scores: np.ndarray, pairs: np.ndarray, counts: np.ndarray) -> float:
    """Share of `pairs` [P, 2], better song first, whose first song has the higher of the `scores` [S]."""
    weight = counts[pairs].prod(1)
    margin = scores[pairs[:, 0]] - scores[pairs[:, 1]]
    return float((((margin > 0) + 0.5 * (margin == 0)) * weight).sum() / weight.sum())


def share(hits: np.ndarray, owners: np.ndarray, songs: int) -> Estimate:
    """Mean of `hits` [D] over copies of the songs `owners` [D]."""
    total, number = np.bincount(owners, hits, songs), np.bincount(owners, minlength=songs)
    return _interval(_over(draws(songs) @ total, draws(songs) @ number))


def between_songs(damaged: np.ndarray, owners: np.ndarray, intact: np.ndarray) -> Estimate:
    """AUC: chance that a damaged copy [D] of song `owners` [D] scores below ANOTHER song's intact recording [S]."""
    songs = len(intact)
    below = (damaged[:, None] < intact) + 0.5 * (damaged[:, None] == intact)
    wins, number = np.zeros((songs, songs)), np.zeros((songs, songs))
    np.add.at(wins, owners, below)
    np.add.at(number, owners, 1.0)
    np.fill_diagonal(wins, 0)
    np.fill_diagonal(number, 0)
    drawn = draws(songs)
    return _interval(_over((drawn @ wins * drawn).sum(1), (drawn @ number * drawn).sum(1)))


def _over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
