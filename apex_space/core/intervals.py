"""95% intervals of a figure, by resampling; and bins, hits and losses of predicted chances."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import atanh, sqrt, tanh
from typing import TypeVar

import numpy as np

RESAMPLES = 1000
Z95 = 1.959964
"""Half-width of a normal variable's 95% interval, in standard deviations."""
CERTAIN = 1 - 1e-12
"""The largest correlation whose interval is computed."""
LEAST_CHANCE = 1e-6
"""Chances are cut to this in a log-loss, so that one wrong certainty does not hide all else."""
FAVOURITE_EDGES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 1.0)
"""Edges of the bins of a favourite's predicted chance. A favourite is the song that is predicted to win.

Counts of votes in the database are by bin. A change of the edges needs a migration that empties these counts.
"""

Numbers = TypeVar("Numbers", float, np.ndarray)


@dataclass(frozen=True)
class ConfidenceInterval:
    """A figure on all songs, and the interval that holds 95% of the figures on resampled songs."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    @property
    def percent(self) -> str:
        """Format the figure and its interval as percentages, for tables."""
        return f"{100 * self.value:.0f} ({100 * self.low:.0f}–{100 * self.high:.0f})"


def bin_of(chance: float) -> int:
    """Return the index of the bin of a favourite's predicted chance, which is 0.5 or more."""
    return min(bisect_right(FAVOURITE_EDGES, chance) - 1, len(FAVOURITE_EDGES) - 2)


def hit(chance: Numbers, a_won: Numbers) -> Numbers:
    """Return 1 if the favourite by A's predicted chance won, 0.5 if the prediction was even, and else 0.

    `a_won` is 1 or 0. Both may be arrays.
    """
    return 0.5 + (1.0 * (chance > 0.5) - (chance < 0.5)) * (a_won - 0.5)


def log_losses(chances: np.ndarray, won: np.ndarray) -> np.ndarray:
    """Return the log-losses [P] of A's predicted chances [P]. NaN stays NaN."""
    losses: np.ndarray = -np.log(np.clip(np.where(won > 0.5, chances, 1 - chances), LEAST_CHANCE, 1))
    return losses


@cache
def bootstrap_counts(songs: int) -> np.ndarray:
    """Return how often each song counts [1 + RESAMPLES, songs].

    In the first row each song counts once. In the other rows songs are drawn with replacement.
    """
    drawn = np.random.default_rng(0).multinomial(songs, np.full(songs, 1 / songs), RESAMPLES)
    return np.concatenate([np.ones((1, songs), int), drawn])


def bootstrap_interval(figure: Callable[[np.ndarray], float], songs: int) -> ConfidenceInterval:
    """Return the value and interval of `figure`, a function of how often each of the `songs` counts [S]."""
    return interval(np.array([figure(counts) for counts in bootstrap_counts(songs)]))


def interval(figures: np.ndarray) -> ConfidenceInterval:
    """Return the value and interval of `figures` [1 + RESAMPLES]: the figure on all songs, then on resampled songs.

    A figure on resampled songs is NaN where it cannot be computed.
    """
    known = figures[1:][np.isfinite(figures[1:])]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return ConfidenceInterval(float(figures[0]), float(low), float(high))


def wilson(hits: float, of: int) -> ConfidenceInterval:
    """Return the share `hits / of` with its 95% score interval (Wilson 1927); `of` is at least 1."""
    centre, spread = (hits + Z95**2 / 2) / (of + Z95**2), sqrt(hits * (of - hits) / of + Z95**2 / 4)
    half, share = Z95 / (of + Z95**2) * spread, hits / of
    return ConfidenceInterval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def correlation_interval(value: float, songs: int) -> ConfidenceInterval:
    """Return a correlation on `songs`, more than 3, with its 95% interval (Fisher 1921)."""
    centre, half = atanh(max(-CERTAIN, min(CERTAIN, value))), Z95 / sqrt(songs - 3)
    return ConfidenceInterval(value, tanh(centre - half), tanh(centre + half))
