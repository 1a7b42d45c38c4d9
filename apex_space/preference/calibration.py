"""Calibration: how often favourites win, by the chance that was predicted for them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..core.intervals import ConfidenceInterval

FAVOURITE_EDGES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 1.0)
"""Edges of the calibration bins. A favourite is the song that is predicted to win; bins are by its predicted chance."""


@dataclass(frozen=True)
class CalibrationBin:
    """Battles whose favourite has a predicted chance of `low` to `high`.

    `share` is their share of all held-out battles. `foreseen` is their mean predicted chance. `won` is the share of
    them that the favourite won.
    """

    low: float
    high: float
    share: float
    foreseen: float
    won: ConfidenceInterval


def calibrate(favourite: np.ndarray, won: Callable[[np.ndarray], ConfidenceInterval]) -> tuple[CalibrationBin, ...]:
    """Return the bins that contain any of the predicted chances `favourite` [N], each 0.5 or more.

    `won` is called with a mask of each bin's rows, [N] of bool.
    """
    place = np.clip(np.searchsorted(FAVOURITE_EDGES, favourite, "right") - 1, 0, len(FAVOURITE_EDGES) - 2)
    rows = [(edges, place == i) for i, edges in enumerate(pairwise(FAVOURITE_EDGES))]
    return tuple(
        CalibrationBin(*edges, float(here.mean()), float(favourite[here].mean()), won(here))
        for edges, here in rows
        if here.any()
    )
