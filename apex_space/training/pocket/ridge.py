"""Fits ridge regression from moments, so that leaving out some rows needs no second pass over the others."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve


@dataclass(frozen=True)
class Moments:
    """Sums over weighted rows with D columns. Subtracting the sums of some rows leaves the sums of the others."""

    weight: float
    x: np.ndarray
    """[D] weighted sum of x."""
    y: float
    xx: np.ndarray
    """[D, D] weighted sum of the products of columns of x."""
    xy: np.ndarray
    """[D] weighted sum of x times y."""

    @staticmethod
    def of(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> "Moments":
        """Compute the moments of `x` [R, D] and `y` [R] with the weights `weight` [R]."""
        x = x.astype(np.float64)
        heavy = x * weight[:, None]
        return Moments(float(weight.sum()), heavy.sum(0), float(weight @ y), heavy.T @ x, heavy.T @ y)

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(
            self.weight - other.weight, self.x - other.x, self.y - other.y, self.xx - other.xx, self.xy - other.xy
        )


@dataclass(frozen=True)
class LinearFit:
    """Linear function x -> x @ slope + offset."""

    slope: np.ndarray
    """[D] coefficients."""
    offset: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the values [R] at `x` [R, D]."""
        y: np.ndarray = x @ self.slope + self.offset
        return y


def ridge(moments: Moments, penalty: float) -> LinearFit:
    """Fit least squares with `penalty` on the slope's square, relative to the columns' summed variance."""
    mean_x, mean_y = moments.x / moments.weight, moments.y / moments.weight
    covariance = moments.xx / moments.weight - np.outer(mean_x, mean_x)
    covariance[np.diag_indices_from(covariance)] += penalty * np.trace(covariance)
    slope = solve(covariance, moments.xy / moments.weight - mean_x * mean_y, assume_a="pos")
    return LinearFit(slope, float(mean_y - mean_x @ slope))
