"""Compares predicted scores with true ones by the four figures of APEX's evaluation."""

from dataclasses import dataclass

import numpy as np


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
