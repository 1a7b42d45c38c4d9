"""Evaluates a checkpoint as APEX's own evaluation does: song by song, all platforms together and each alone."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import TrainingError
from ...evaluation.regression import RegressionFigures
from ...models.encoders import checkpoint
from ...models.heads.apex import ApexHead
from ..measure import HEAD, POOLED, Measured, measure
from ..table import Samples, by_song, check_part, load_part
from .losses import published_name
from .measure import predict
from .settings import LOSSES, Mode

EXAMPLES = 10
"""Number of songs to name at each end of a score."""


@dataclass(frozen=True)
class CheckpointEvaluation:
    """What the published evaluation writes, and `platforms`, the same figures for each of several platforms.

    `num_songs` counts a song on two platforms twice; the published one counts it once, but measures both.
    """

    checkpoint: str
    mode: str
    task: str
    n_shared: int
    loss: str
    epoch: int | None
    val_loss: float | None
    evaluated_at: str
    num_songs: int
    metrics: Mapping[str, RegressionFigures]
    platforms: Mapping[str, Mapping[str, RegressionFigures]]
    examples: Mapping[str, Mapping[str, list[dict[str, Any]]]]


@dataclass(frozen=True)
class Predictions:
    """Songs with their true scores in `songs`, their predicted scores [S, T], and what was made of them."""

    songs: Samples
    predicted: np.ndarray
    measured: tuple[Measured, ...]
    evaluation: CheckpointEvaluation


def evaluate(path: Path, segments: Path, part: str, targets: Path | None = None) -> Predictions:
    """Evaluate the checkpoint `path` on the songs of a part. Raises WeightsInvalid and TrainingError.

    `segments` and `targets` are as for training. A folder without parts is evaluated as a whole.
    """
    if not path.is_file():
        raise TrainingError(f"{path} is no file. Name a checkpoint such as best_model.pt.")
    head, about = ApexHead(path), checkpoint.read(path)
    mode: Mode = "song" if head.pooling == "embedding" else "segment"
    samples = load_part(segments, head.axes, part, targets)
    songs, predicted = by_song(samples), predict(head.network, mode, samples)
    check_part(part, songs)
    measured = tuple(measure(part, HEAD, songs, predicted))
    by_platform = {
        platform: {published_name(each.axis): each.figures for each in measured if each.platform == platform}
        for platform in dict.fromkeys(each.platform for each in measured)
    }
    evaluation = CheckpointEvaluation(
        checkpoint=path.name,
        mode=mode,
        task="full" if len(head.axes) > 2 else "popularity",
        n_shared=len(head.network.shared),
        loss=next((loss for loss in LOSSES if loss == about.get("loss")), "not told"),
        epoch=_finite(about.get("epoch")),
        val_loss=_finite(about.get("val_loss")),
        evaluated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        num_songs=len(songs),
        metrics=by_platform.pop(POOLED),
        platforms=by_platform,
        examples={published_name(axis): examples(songs, predicted, axis) for axis in songs.axes},
    )
    return Predictions(songs, predicted, measured, evaluation)


def _finite(value: Any) -> Any:
    """Return a number of a checkpoint, or None if it is anything else: the file may be from anyone."""
    return value if isinstance(value, int | float) and abs(value) < math.inf else None


def examples(
    songs: Samples, predicted: np.ndarray, axis: str, count: int = EXAMPLES
) -> dict[str, list[dict[str, Any]]]:
    """Return the songs with the highest and the lowest truth in a score, as published."""
    place = songs.axes.index(axis)
    order = np.argsort(songs.labels[:, place], kind="stable")

    def told(row: int) -> dict[str, Any]:
        truth, guess = float(songs.labels[row, place]), float(predicted[row, place])
        numbers = {"actual": truth, "predicted": guess, "error": abs(guess - truth)}
        rounded = {name: round(number, 4) for name, number in numbers.items()}
        return {"audio_id": songs.ids[row], "platform": songs.platforms[row]} | rounded

    return {
        "top_10_highest": [told(row) for row in order[::-1][:count]],
        "top_10_lowest": [told(row) for row in order[:count]],
    }


def to_json(evaluation: CheckpointEvaluation) -> str:
    """Return an evaluation as JSON, in the published names."""
    return json.dumps(asdict(evaluation), indent=1, ensure_ascii=False, allow_nan=False)
