"""Computes figures of merit and their 95% intervals by resampling songs."""

from statistics import fmean

import numpy as np
from scipy.stats import rankdata

from ...core.intervals import ConfidenceInterval, bootstrap_counts, interval


def spearman(a: np.ndarray, b: np.ndarray, counts: np.ndarray) -> float:
    """Return the rank correlation of `a` and `b` [S], with each song repeated `counts` [S] times.

    The result is NaN if either is constant.
    """
    x, y = (rankdata(np.repeat(values, counts)) for values in (a, b))
    if min(len(np.unique(x)), len(np.unique(y))) < 2:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def within(a: np.ndarray, b: np.ndarray, groups: np.ndarray, counts: np.ndarray) -> float:
    """Return the mean over the `groups` [S] of the rank correlations inside them."""
    return fmean(spearman(a[groups == g], b[groups == g], counts[groups == g]) for g in np.unique(groups))


def pair_accuracy(scores: np.ndarray, pairs: np.ndarray, counts: np.ndarray) -> float:
    """Return the share of `pairs` [P, 2], better song first, whose first song has the higher of the `scores` [S]."""
    weight = counts[pairs].prod(1)
    margin = scores[pairs[:, 0]] - scores[pairs[:, 1]]
    return float((((margin > 0) + 0.5 * (margin == 0)) * weight).sum() / weight.sum())


def share(hits: np.ndarray, owners: np.ndarray, songs: int) -> ConfidenceInterval:
    """Return the mean of `hits` [D] over copies of the songs `owners` [D]."""
    total, number = np.bincount(owners, hits, songs), np.bincount(owners, minlength=songs)
    return interval(_over(bootstrap_counts(songs) @ total, bootstrap_counts(songs) @ number))


def between_songs(damaged: np.ndarray, owners: np.ndarray, intact: np.ndarray) -> ConfidenceInterval:
    """Return the AUC: the chance that a degraded copy scores below ANOTHER song's intact recording.

    `damaged` [D] are scores of copies of the songs `owners` [D]; `intact` [S] are scores of intact recordings.
    """
    songs = len(intact)
    below = (damaged[:, None] < intact) + 0.5 * (damaged[:, None] == intact)
    wins, number = np.zeros((songs, songs)), np.zeros((songs, songs))
    np.add.at(wins, owners, below)
    np.add.at(number, owners, 1.0)
    np.fill_diagonal(wins, 0)
    np.fill_diagonal(number, 0)
    drawn = bootstrap_counts(songs)
    return interval(_over((drawn @ wins * drawn).sum(1), (drawn @ number * drawn).sum(1)))


def _over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
