"""Calibration: how often favourites win, by how strongly they were favoured."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..core.intervals import ConfidenceInterval

FAVOURITE_EDGES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 1.0)
"""Edges of the bins of calibration: the predicted chance of the song that is favoured."""


@dataclass(frozen=True)
class CalibrationBin:
    """Of the battles foreseen with `low` to `high` for the favourite: the mean forecast, and how many it did win.

    `share` is that of all held-out battles.
    """

    low: float
    high: float
    share: float
    foreseen: float
    won: ConfidenceInterval


def calibrate(favourite: np.ndarray, won: Callable[[np.ndarray], ConfidenceInterval]) -> tuple[CalibrationBin, ...]:
    """The bins that hold any of the forecasts `favourite` [N], each at least a half; `won` is asked with a bin's rows
    [N] of bool."""
    place = np.clip(np.searchsorted(FAVOURITE_EDGES, favourite, "right") - 1, 0, len(FAVOURITE_EDGES) - 2)
    rows = [(edges, place == i) for i, edges in enumerate(pairwise(FAVOURITE_EDGES))]
    return tuple(
        CalibrationBin(*edges, float(here.mean()), float(favourite[here].mean()), won(here))
        for edges, here in rows
        if here.any()
    )
