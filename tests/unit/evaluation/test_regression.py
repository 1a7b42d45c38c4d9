"""The figures of APEX's evaluation: their intervals are those of the same figures on songs that are drawn again."""

from dataclasses import astuple

import numpy as np
import pytest

from apex_space.core.intervals import bootstrap_counts
from apex_space.evaluation.regression import compare, intervals


@pytest.mark.slow
def test_an_interval_is_of_the_figure_on_resampled_songs() -> None:
    """Rounded, so that there are ties, and some resamples of so few songs are constant."""
    rng = np.random.default_rng(0)
    truth = rng.normal(50, 1, 8).round()
    predicted = truth + rng.normal(0, 2, 8).round()
    songs = np.array(["a", "b", "b", "c", "d", "e", "e", "f"], object)
    place = np.unique(songs.astype(str), return_inverse=True)[1]
    drawn = [
        compare(truth[rows], predicted[rows]) for c in bootstrap_counts(6) if len(rows := np.repeat(range(8), c[place]))
    ]
    for name, values in zip(intervals(truth, predicted, songs), np.array([*map(astuple, drawn)], float).T, strict=True):
        found = intervals(truth, predicted, songs)[name]
        low, high = np.nanquantile(values[1:], [0.025, 0.975])
        assert (found.value, found.low, found.high) == pytest.approx((values[0], low, high))


def test_a_correlation_that_does_not_exist_has_no_interval() -> None:
    assert [*intervals(np.arange(4.0), np.ones(4), np.arange(4))] == ["mse", "mae"]
