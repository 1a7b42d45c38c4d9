"""What popularity and aesthetics share: which scores of a judge move together on reference songs, and on one song.

All of it is about the judge: how its scores of the reference songs go together. It says neither why, nor what listeners
do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..core.axes import AXES, BY_KEY, KEYS
from ..core.intervals import ConfidenceInterval, correlation_interval
from .reference_songs import ALL, FEWEST, LEVEL, ReferenceSongs
from .report import Report

ENDS = (1 - LEVEL) / 2, (1 + LEVEL) / 2
"""Shares of songs below the low and the high end of a range."""
Pairs = Mapping[tuple[str, str], ConfidenceInterval]
"""Correlations by popularity axis and aesthetic axis."""


@dataclass(frozen=True)
class Expected:
    """A song's popularity `score`, and what to expect of it by the song's aesthetic scores.

    `value` is from least squares on the reference songs. The scores of 95% of them are as far from what the other songs
    let expect as from `low` to `high`.
    """

    score: float
    value: float
    low: float
    high: float

    @property
    def stands_out(self) -> bool:
        """Return whether the score is beyond that of 95% of songs with such aesthetic scores."""
        return not self.low <= self.score <= self.high

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"stands_out": self.stands_out}


@dataclass(frozen=True)
class Together:
    """How a judge's popularity and aesthetic scores go together on a number of reference `songs`, and on one song.

    `deviations` say how far each of the song's scores is from the mean of the reference songs, in their standard
    deviations. `expected` is by popularity axis. It is empty if no reference song has aesthetic scores as far out as
    the song's. `high` and `low` are axes that go together (the interval of their correlation is above 0) and whose
    scores are all higher, or all lower, than those of 97.5% of the songs.
    """

    songs: int
    correlations: Pairs
    deviations: Mapping[str, float]
    expected: Mapping[str, Expected]
    high: tuple[str, ...]
    low: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON. Correlations are by popularity axis, then by aesthetic axis."""
        correlations: dict[str, dict[str, Any]] = {}
        for (popular, aesthetic), found in self.correlations.items():
            correlations.setdefault(popular, {})[aesthetic] = asdict(found)
        return {
            "level": LEVEL,
            "songs": self.songs,
            "correlations": correlations,
            "deviations": dict(self.deviations),
            "expected": {axis: each.as_dict() for axis, each in self.expected.items()},
            "high": list(self.high),
            "low": list(self.low),
        }


def together(report: Report, reference: ReferenceSongs) -> Together | None:
    """Return how popularity and aesthetics go together, or None if a group has no score or the songs are too few.

    There must be FEWEST songs for each number that is fitted, and each score must vary among them.
    """
    popular, aesthetic = (_axes(report, reference, group) for group in ("popularity", "aesthetics"))
    keys = [*popular, *aesthetic]
    rows = reference.table[:, [KEYS.index(key) for key in keys]]
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not popular or not aesthetic or len(rows) < FEWEST * (1 + len(aesthetic)) or not np.ptp(rows, axis=0).all():
        return None
    mean, deviation = rows.mean(axis=0), rows.std(axis=0, ddof=1)
    standard = (rows - mean) / deviation
    own = (np.array([report.scores[key] for key in keys]) - mean) / deviation
    found = standard.T @ standard / (len(rows) - 1)
    correlations = {
        (one, other): correlation_interval(float(found[keys.index(one), keys.index(other)]), len(rows))
        for one in popular
        for other in aesthetic
    }
    low, high = np.quantile(standard, ENDS, axis=0, method="weibull")
    expected = {
        key: Expected(*(_score(key, mean[at] + deviation[at] * value) for value in (own[at], *ends)))
        for at, key in enumerate(popular)
        if (ends := _expected(standard[:, len(popular) :], standard[:, at], own[len(popular) :]))
    }
    return Together(
        len(rows),
        correlations,
        dict(zip(keys, map(float, own), strict=True)),
        expected,
        _alike(correlations, keys, own > high),
        _alike(correlations, keys, own < low),
    )


def _axes(report: Report, reference: ReferenceSongs, group: str) -> list[str]:
    """Return the axes of a group that both the report and enough reference songs have."""
    known = (axis.key for axis in AXES if axis.group == group and report.scores[axis.key] is not None)
    return [key for key in known if key in reference.scores[ALL]]


def _score(key: str, value: float) -> float:
    """Return a value within the scale of an axis, which popularity has."""
    return float(np.clip(value, BY_KEY[key].low, BY_KEY[key].high))


def _expected(given: np.ndarray, scores: np.ndarray, own: np.ndarray) -> tuple[float, float, float] | None:
    """Return the score to expect of a song by its `own` other scores [A], and the ends of the range of 95% of songs.

    `given` [S, A] and `scores` [S] are those of the reference songs. The ends are those of the errors of each song's
    score as the other songs let expect it. Return None if no reference song is as far out.
    """
    known = np.column_stack([np.ones(len(given)), given])
    inverse = np.linalg.pinv(known.T @ known)
    slopes = inverse @ known.T @ scores
    leverage = np.einsum("si,ij,sj->s", known, inverse, known)
    at = np.concatenate([[1.0], own])
    if at @ inverse @ at > leverage.max():
        return None
    errors = (scores - known @ slopes) / np.maximum(1 - leverage, 1e-9)
    low, high = np.quantile(errors, ENDS, method="weibull")
    value = float(at @ slopes)
    return value, value + float(low), value + float(high)


def _alike(correlations: Pairs, keys: Sequence[str], marked: np.ndarray) -> tuple[str, ...]:
    """Return the marked axes that go together with a marked axis of the other group."""
    far = {key for key, mark in zip(keys, marked, strict=True) if mark}
    found = {axis for pair, each in correlations.items() if each.low > 0 and far.issuperset(pair) for axis in pair}
    return tuple(key for key in keys if key in found)
