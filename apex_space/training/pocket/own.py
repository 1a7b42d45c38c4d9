"""Trains a head of the judge pocket on anybody's songs: a ridge regression on the features that `extract` has written.

It needs no download, and seconds. The embeddings are the two-sided features of the judge (`heads/pocket.py`), averaged
over a song's segments. The mean and the deviation of each feature are those of the songs to learn from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import TrainingError
from ...core.files import replacing
from ...judges.report import LEVEL
from ...models.encoders.pocket import width
from ...models.heads.pocket import AXES, CHECKPOINT, PocketModel, TrainedHead, basis
from .. import table
from ..baselines import fit_ridge
from ..files import RESULTS, begin, settings_json, write
from ..measure import HEAD, Measured, measure, measure_baselines, to_csv
from ..table import Encoder, Samples, Split, mean_by_song

RUN = "pocket_ridge"
FEWEST = 20
"""Number of test songs below which the head states no interval of its scores."""
LEAST_DEVIATION = 1e-3
"""Added to each feature's deviation, so that one that hardly varies is not amplified."""


@dataclass(frozen=True)
class RidgeSettings:
    """The scores to predict. The penalty of each is the one that suits the songs of `val` best."""

    axes: tuple[str, ...]


def load(segments: Path, targets: Path | None) -> Split:
    """Read a folder that `extract --encoder pocket` wrote, with the scores that its songs have.

    Raises TrainingError.
    """
    split = table.load(segments, AXES, targets, Encoder(width(), "the judge pocket, with extract --encoder pocket"))
    known = [axis for axis, column in zip(AXES, split.train.labels.T, strict=True) if not np.isnan(column).all()]
    if not known:
        raise TrainingError(f"No song of train has a score. Add one of {', '.join(AXES)} to the table of targets.")
    split = split.map(lambda samples: samples.only(known))
    table.check_labels(split.songs())
    return split


def train(split: Split, data: Mapping[str, Any], folder: Path) -> tuple[Measured, ...]:
    """Train on what `load` returns into `folder`, as a run of any training leaves it, and return all figures.

    `data` is what `provenance` tells of the songs. Raises TrainingError, and OutputRefused if a file of others has the
    name of one of ours.
    """
    about = settings_json(RidgeSettings(split.train.axes), split, "cpu", data)
    begin(folder, about, CHECKPOINT, (RESULTS,))
    head = fit(split)
    with replacing(folder / CHECKPOINT) as part:
        part.write_bytes(head.model.to_bytes())
    parts = (("val", split.val), ("test", split.test))
    results = tuple(each for part, songs in parts for each in _measured(head, part, songs)) + measure_baselines(split)
    write(folder / RESULTS, to_csv(results))
    return results


def fit(split: Split) -> TrainedHead:
    """Fit a head to the songs of `train`. Those of `val` choose the penalties, those of `test` the intervals."""
    axes, features = split.train.axes, split.train.embeddings.astype(np.float64)
    mean, scale = features.mean(0).astype(np.float32), (features.std(0) + LEAST_DEVIATION).astype(np.float32)

    def songs(segments: Samples) -> Samples:
        sides = basis(segments.embeddings, mean, scale)
        return replace(table.by_song(segments), embeddings=mean_by_song(sides, segments))

    ridge = fit_ridge(songs(split.train), songs(split.val))
    weights, bias = ridge.slopes.astype(np.float32), ridge.offsets.astype(np.float32)
    model = PocketModel(mean, scale, weights, bias, {"axes": axes, "spread": {}})
    spread = _spread(TrainedHead(model), split.test)
    return TrainedHead(replace(model, about={"axes": axes, "spread": spread}))


def predict(head: TrainedHead, segments: Samples) -> np.ndarray:
    """Return the scores [S, T] of songs in the order of `by_song`, as the judge computes them."""
    scores = head(segments.embeddings)
    return mean_by_song(np.stack([scores[axis] for axis in segments.axes], 1), segments)


def _measured(head: TrainedHead, part: str, segments: Samples) -> Iterable[Measured]:
    return measure(part, HEAD, table.by_song(segments), predict(head, segments))


def _spread(head: TrainedHead, test: Samples) -> dict[str, float]:
    """Return the half-width of the interval about each score that holds a share LEVEL of the test songs' truths."""
    songs = table.by_song(test)
    if len(songs) < FEWEST:
        return {}
    away = np.quantile(np.abs(predict(head, test) - songs.labels), LEVEL, axis=0)
    return dict(zip(songs.axes, away.tolist(), strict=True))
