"""Computes the distributions of the scores in a ranking, group by group."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..core.axes import AXES
from .order import RankedSong, Ranking


@dataclass(frozen=True)
class Distribution:
    """Distribution of one score among the songs of one `group` (empty: songs without a group).

    `axis` is the key of the score's axis, or None for the chance to be preferred. The score's scale is from `low` to
    `high`. `names` and `values` belong to the songs that have the score, one or more. `kept` is how many of them are
    kept.
    """

    axis: str | None
    group: str
    low: float
    high: float
    names: tuple[str, ...]
    values: tuple[float, ...]
    kept: int

    @property
    def quartiles(self) -> tuple[float, ...]:
        """Return the lowest value, the lower quartile, the median, the upper quartile and the highest value."""
        return tuple(np.quantile(self.values, [0, 0.25, 0.5, 0.75, 1]).tolist())


def distributions(ranking: Ranking) -> list[Distribution]:
    """Return the distributions of what songs are ranked by, unless it is an axis, and of each axis.

    Copies of a song do not count.
    """
    rows = [row for row in ranking.rows if row.report is not None and not row.same_as]
    groups = sorted({row.song.group for row in rows})
    return [
        each
        for axis, low, high, values in _scores(ranking, rows)
        for each in _by_group(axis, low, high, values, groups)
    ]


Values = list[tuple[RankedSong, float]]


def _scores(ranking: Ranking, rows: list[RankedSong]) -> Iterator[tuple[str | None, float, float, Values]]:
    if ranking.rules.by_preference:
        yield None, 0, 1, [(row, row.value) for row in rows if row.value is not None]
    for axis in AXES:
        scores = [(row, row.report.scores[axis.key]) for row in rows if row.report is not None]
        yield axis.key, axis.low, axis.high, [(row, score) for row, score in scores if score is not None]


def _by_group(axis: str | None, low: float, high: float, values: Values, groups: list[str]) -> Iterator[Distribution]:
    for group in groups:
        inside = [(row, value) for row, value in values if row.song.group == group]
        if inside:
            names, figures = tuple(row.song.name for row, _ in inside), tuple(value for _, value in inside)
            yield Distribution(axis, group, low, high, names, figures, sum(row.kept for row, _ in inside))
