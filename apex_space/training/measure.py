"""Measures a trained head, and what it must beat, song by song."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from ..core.intervals import ConfidenceInterval
from ..core.text import escape_formula
from ..evaluation.metrics import METRICS, UTTERANCE, Rated, figures
from ..evaluation.regression import RegressionFigures, compare, intervals
from .baselines import Predict, fit_mean, fit_ridge
from .table import Labelled, Samples, Split

HEAD, MEAN, RIDGE = "head", "mean", "ridge"
POOLED = ""
"""The platform of figures over all platforms."""
FIGURES = tuple(RegressionFigures.__dataclass_fields__)


@dataclass(frozen=True)
class Measured:
    """How well a model predicts one score of the songs of one part and one platform, or of all platforms.

    `intervals` has the figures of all platforms by name, with the intervals that resampling the songs gives.
    """

    part: str
    model: str
    platform: str
    axis: str
    songs: int
    figures: RegressionFigures
    intervals: Mapping[str, ConfidenceInterval] = field(default_factory=dict)


def measure(part: str, model: str, songs: Samples, predicted: np.ndarray) -> Iterator[Measured]:
    """Yield the figures of each score for predictions [S, T], over all platforms and over each of several."""
    platforms = sorted(set(songs.platforms))
    for platform in (POOLED, *(platforms if len(platforms) > 1 else ())):
        rows = np.full(len(songs), True) if platform == POOLED else songs.platforms == platform
        for place, axis in enumerate(songs.axes):
            columns = songs.labels[rows, place], predicted[rows, place]
            known = intervals(*columns, songs.ids) if platform == POOLED else {}
            yield Measured(part, model, platform, axis, int(rows.sum()), compare(*columns), known)


def challenge(songs: Labelled, predicted: np.ndarray) -> dict[str, dict[str, float]]:
    """Return the ASAE Challenge's figures of predictions [S, T] by axis, and their means if all axes are there."""
    truth = dict(zip(songs.axes, songs.labels.T, strict=True))
    found = figures(Rated(truth, dict(zip(songs.axes, predicted.T, strict=True)), None), np.arange(len(songs)))
    axes = dict.fromkeys(axis for level, axis, _ in found if level == UTTERANCE)
    return {axis: {metric: found[UTTERANCE, axis, metric] for metric in METRICS} for axis in axes}


def measure_baselines(segments: Split) -> tuple[Measured, ...]:
    """Measure the mean and the ridge, fitted on the songs of `train`, on the songs of `val` and `test`."""
    songs = segments.songs()
    baselines: dict[str, Predict] = {MEAN: fit_mean(songs.train), RIDGE: fit_ridge(songs.train, songs.val)}
    return tuple(
        each
        for part, samples in (("val", songs.val), ("test", songs.test))
        for name, predictor in baselines.items()
        for each in measure(part, name, samples, predictor(samples.embeddings))
    )


def skill(found: Iterable[Measured], part: str, model: str, axes: Iterable[str]) -> float:
    """Return the mean share of the squared error of the mean that a model avoids: 1 is perfect, 0 as good as the mean.

    The mean is over the scores `axes`, on the songs of all platforms of one part.
    """
    errors: Mapping[tuple[str, str], float] = {
        (each.model, each.axis): each.figures.mse for each in found if (each.part, each.platform) == (part, POOLED)
    }
    return float(np.mean([1 - errors[model, axis] / errors[MEAN, axis] for axis in axes]))


def to_csv(found: Iterable[Measured]) -> str:
    """Return CSV with a row for each part, model, platform and score. What does not exist or is not known is empty."""
    text = io.StringIO()
    bounds = [f"{figure}_{end}" for figure in FIGURES for end in ("low", "high")]
    writer = csv.DictWriter(text, ["part", "model", "platform", "axis", "songs", *FIGURES, *bounds])
    writer.writeheader()
    for each in found:
        ends = {f"{name}_{end}": getattr(i, end) for name, i in each.intervals.items() for end in ("low", "high")}
        row = {"part": each.part, "model": each.model, "axis": each.axis, "songs": each.songs}
        writer.writerow({**row, "platform": escape_formula(each.platform), **asdict(each.figures), **ends})
    return text.getvalue()
