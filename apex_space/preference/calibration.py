"""Calibration: how often favourites win, by the chance that was predicted for them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import AliasChoices, BeforeValidator, Field, FiniteFloat

from ..core.intervals import FAVOURITE_EDGES, ConfidenceInterval, bin_of


def _interval(value: Any) -> Any:
    """Return the interval that a file has as a list of three numbers."""
    if not isinstance(value, list):
        return value
    if len(value) != 3 or not all(isinstance(number, int | float) and math.isfinite(number) for number in value):
        raise ValueError("an interval must be three numbers: the value, the lowest and the highest")
    return ConfidenceInterval(*map(float, value))


Interval = Annotated[ConfidenceInterval, BeforeValidator(_interval)]
"""A ConfidenceInterval that is a list in a file."""


@dataclass(frozen=True)
class CalibrationBin:
    """Battles whose favourite has a predicted chance of `low` to `high`.

    `share` is their share of all held-out battles. `predicted` is their mean predicted chance. `won` is the share of
    them that the favourite won.
    """

    low: FiniteFloat
    high: FiniteFloat
    share: FiniteFloat
    predicted: Annotated[FiniteFloat, Field(validation_alias=AliasChoices("predicted", "foreseen"))]  # 0.1.0's name
    won: Interval


def calibrate(favourite: np.ndarray, won: Callable[[np.ndarray], ConfidenceInterval]) -> tuple[CalibrationBin, ...]:
    """Return the bins that contain any of the predicted chances `favourite` [N], each 0.5 or more.

    `won` is called with a mask of each bin's rows, [N] of bool.
    """
    place = np.array([bin_of(chance) for chance in favourite])
    rows = [(edges, place == i) for i, edges in enumerate(pairwise(FAVOURITE_EDGES))]
    return tuple(
        CalibrationBin(*edges, float(here.mean()), float(favourite[here].mean()), won(here))
        for edges, here in rows
        if here.any()
    )
