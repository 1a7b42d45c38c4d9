"""Compares predicted scores with true ones by the four figures of APEX's evaluation."""

from dataclasses import asdict, dataclass

import numpy as np

from ..core.intervals import ConfidenceInterval, bootstrap_counts, interval

AT_ONCE = 100
"""Number of resamples in one step, which bounds the memory: a test part may have tens of thousands of songs."""


@dataclass(frozen=True)
class RegressionFigures:
    """Mean squared and mean absolute error in the score's own unit, and the linear and the rank correlation.

    A correlation is None where all songs have the same score or get the same prediction.
    """

    mse: float
    mae: float
    pearson: float | None
    spearman: float | None


def compare(truth: np.ndarray, predicted: np.ndarray) -> RegressionFigures:
    """Return the figures of two arrays [S]. Equal values share the mean of their ranks."""
    from scipy.stats import pearsonr, rankdata

    truth, predicted = truth.astype(np.float64), predicted.astype(np.float64)
    distance = predicted - truth
    constant = any(len(values) < 2 or (values == values[0]).all() for values in (truth, predicted))
    pearson, spearman = (
        (None, None)
        if constant
        else (float(pearsonr(truth, predicted)[0]), float(pearsonr(rankdata(truth), rankdata(predicted))[0]))
    )
    return RegressionFigures(float((distance**2).mean()), float(np.abs(distance).mean()), pearson, spearman)


def intervals(truth: np.ndarray, predicted: np.ndarray, songs: np.ndarray) -> dict[str, ConfidenceInterval]:
    """Return the same figures by name, with 95% intervals from resampling the songs, whose names are `songs` [S].

    Rows of the same song are drawn together. A correlation that does not exist is left out. One song alone has no
    intervals: nothing is known of how much others differ from it.
    """
    known = {name: value for name, value in asdict(compare(truth, predicted)).items() if value is not None}
    names, song_of = np.unique(songs.astype(str), return_inverse=True)
    if len(names) < 2:
        return {}
    drawn = bootstrap_counts(int(song_of.max()) + 1)
    values = truth.astype(np.float64), predicted.astype(np.float64)
    found = [_resampled(*values, drawn[start : start + AT_ONCE, song_of]) for start in range(0, len(drawn), AT_ONCE)]
    return {name: interval(np.concatenate([block[name] for block in found])) for name in known}


def _resampled(truth: np.ndarray, predicted: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return each figure [R] of two arrays [S], where each row of `counts` [R, S] says how often each song counts."""
    distance, total = predicted - truth, counts.sum(1)
    ranks = _ranks(truth, counts), _ranks(predicted, counts)
    return {
        "mse": counts @ distance**2 / total,
        "mae": counts @ np.abs(distance) / total,
        "pearson": _correlation(truth, predicted, counts),
        "spearman": _correlation(*ranks, counts),
    }


def _correlation(one: np.ndarray, two: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the correlation [R] of values [S] or [R, S] that count so often, NaN where those that count are equal."""
    centred, constant = [], np.zeros(len(counts), bool)
    for values in (one, two):
        values = np.broadcast_to(values, counts.shape)
        highest, lowest = (np.where(counts > 0, values, end).T for end in (-np.inf, np.inf))
        constant |= highest.max(0) == lowest.min(0)
        centred.append(values - ((counts * values).sum(1) / counts.sum(1))[:, None])
    x, y = centred
    squares = (counts * x * x).sum(1) * (counts * y * y).sum(1)
    return np.where(constant, np.nan, (counts * x * y).sum(1) / np.sqrt(np.where(constant, 1, squares)))


def _ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the ranks [R, S] of values [S] that count so often. Equal values share the mean of their ranks."""
    _, place, sizes = np.unique(values, return_inverse=True, return_counts=True)
    in_order = counts[:, np.argsort(values, kind="stable")]
    equal = np.add.reduceat(in_order, np.cumsum(sizes) - sizes, axis=1)
    ranks: np.ndarray = (equal.cumsum(1) - (equal - 1) / 2)[:, place]
    return ranks
