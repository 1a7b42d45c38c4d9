"""The pocket head: features -> scores, by a small model shipped beside this file (see `pocket.md`) or one of others.

A head that `train ridge` has written predicts the scores that its songs had, each linear, and counts segments alike.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ...core.axes import AESTHETICS, BY_KEY, POPULARITY
from ...core.errors import WeightsInvalid
from ...core.settings import Settings
from ..encoders.pocket import PocketEncoder, width
from ..hub import Repository, Snapshot, Weights

MIN_SECONDS = 10.0
"""Least length of a segment in seconds.

Below it, errors in clarity and naturalness are as large as the differences among songs.
"""
PATH = Path(__file__).with_name("pocket.safetensors")
LINEAR = ("likes", "musicality")
"""Axes that are predicted on their own scale.

The others pass through a sigmoid, because they were trained on ranks of damage.
"""
TENSORS = ("mean", "scale", "weights", "bias")
CHECKPOINT = PATH.name
AXES = (*POPULARITY, *AESTHETICS)


@dataclass(frozen=True)
class PocketModel:
    """A model from F features to A axes.

    `about` is written into the file unchanged: axes, licences, sources and held-out figures.
    """

    mean: np.ndarray
    """Means [F] of the features of undamaged songs."""
    scale: np.ndarray
    """Standard deviations [F] of the features of undamaged songs."""
    weights: np.ndarray
    """Weights [2 F, A] of the linear model."""
    bias: np.ndarray
    """Bias [A] of the linear model."""
    about: Mapping[str, Any]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Compute scores [S, A] on their axes' ranges from `features` [S, F]."""
        raw = self.raw(features)
        return np.stack([link(axis, raw[:, i]) for i, axis in enumerate(self.about["axes"])], axis=1)

    def raw(self, features: np.ndarray) -> np.ndarray:
        """Compute what the linear model says of `features` [S, F] -> [S, A]."""
        found: np.ndarray = basis(features, self.mean, self.scale) @ self.weights + self.bias
        return found

    def to_bytes(self) -> bytes:
        """Return the content of the model's file: safetensors, with `about` as JSON in its header."""
        tensors = {name: np.ascontiguousarray(getattr(self, name), dtype=np.float32) for name in TENSORS}
        return save(tensors, metadata={"about": json.dumps(self.about, ensure_ascii=False)})


def basis(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Compute how far each of `features` [S, F] lies above and below the mean of undamaged songs: [S, 2 F].

    Both sides are kept because damage can move a feature either way. The logarithm is taken so that no extreme value
    decides alone.
    """
    away = (features - mean) / scale
    return np.log1p(np.maximum(np.concatenate([away, -away], axis=1), 0))


def link(axis: str, raw: np.ndarray) -> np.ndarray:
    """Map the model's output `raw` to the axis' range."""
    low, high = BY_KEY[axis].low, BY_KEY[axis].high
    if axis in LINEAR:
        return np.clip(raw, low, high)
    scores: np.ndarray = low + (high - low) / (1 + np.exp(-raw))
    return scores


def read(path: Path) -> PocketModel:
    """Load the model in a file written from `PocketModel.to_bytes`. Raises WeightsInvalid."""
    try:
        with safe_open(path, "np") as file:
            about = json.loads(file.metadata()["about"])
            return PocketModel(**{name: file.get_tensor(name) for name in TENSORS}, about=about)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsInvalid(
            "{path} is not a pocket model ({reason}). Install the package again.", path=path, reason=error
        ) from error


class PocketHead:
    """Features of segments -> scores. A song's score is the mean of its segments' scores, weighted by their length."""

    pooling = "score"

    def __init__(self, path: Path = PATH) -> None:
        self.model = read(path)
        about = self.model.about
        self.axes: tuple[str, ...] = tuple(about["axes"])
        self.missing: Mapping[str, str] = about["missing"]
        self.spread: Mapping[str, float] = about["spread"]
        self.weights = Weights(
            "apex_space/heads/pocket", f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        )

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        """Return the segments' weights [S]: their lengths `seconds` [S].

        A segment that is too short to be judged has weight 0, unless all are too short.
        """
        long = np.where(seconds >= MIN_SECONDS, seconds, 0)
        return long if long.any() else seconds

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scores of `embeddings` [S, F] -> {axis: [S]}."""
        return dict(zip(self.axes, self.model(embeddings).T, strict=True))


class TrainedHead:
    """The head of a model that `train ridge` has fitted. Segments count alike, as in training."""

    pooling = "score"

    def __init__(self, model: PocketModel) -> None:
        self.model = model
        self.axes: tuple[str, ...] = tuple(model.about["axes"])
        self.spread: Mapping[str, float] = model.about["spread"]
        self.missing: Mapping[str, str] = {
            axis: "this head was not trained on it" for axis in AXES if axis not in self.axes
        }
        self._low, self._high = np.array([(BY_KEY[axis].low, BY_KEY[axis].high) for axis in self.axes]).T

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        """Return the segments' weights [S], all 1."""
        return np.ones_like(seconds)

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scores of `embeddings` [S, F] -> {axis: [S]}."""
        scores = np.clip(self.model.raw(embeddings), self._low, self._high)
        return dict(zip(self.axes, scores.T, strict=True))


def read_trained(path: Path) -> TrainedHead:
    """Load a head that `train ridge` has written. Raises WeightsInvalid if the file is none."""
    model = read(path)
    try:
        trouble = _trouble(model, [*model.about["axes"]], dict(model.about["spread"]))
    except (KeyError, TypeError, ValueError) as error:
        trouble = repr(error)
    if trouble is not None:
        raise WeightsInvalid("{path} is not a head that train ridge has written ({reason}).", path=path, reason=trouble)
    return TrainedHead(model)


def _trouble(model: PocketModel, axes: list[str], spread: Mapping[str, float]) -> str | None:
    """Return what is wrong with a model that strangers may have written, or None. Raises TypeError and ValueError."""
    features, scores = width(), len(axes)
    shapes = {"mean": (features,), "scale": (features,), "weights": (2 * features, scores), "bias": (scores,)}
    found = {name: getattr(model, name) for name in TENSORS}
    if not axes or len(set(axes)) < scores or not {*axes, *spread} <= {*AXES}:
        return "its scores have other names"
    if {name: tensor.shape for name, tensor in found.items()} != shapes:
        return "its tensors have other shapes"
    finite = all(np.isfinite(tensor).all() for tensor in found.values())
    positive = (model.scale > 0).all() and all(0 <= each < float("inf") for each in spread.values())
    return None if finite and positive else "it holds numbers that are not finite or not positive"


def repositories(settings: Settings) -> tuple[Repository, ...]:
    """Return the repository of a head of others, which may be a folder on this disk instead, or nothing.

    Without it, the weights are those in the package.
    """
    if settings.pocket_repo is None:
        return ()
    folder = Path(settings.pocket_repo) if Path(settings.pocket_repo).is_dir() else None
    name = folder.name if folder else settings.pocket_repo
    return (Repository(name, settings.pocket_revision, (), (CHECKPOINT,), folder),)


def load(snapshots: Sequence[Snapshot], settings: Settings) -> tuple[PocketEncoder, PocketHead | TrainedHead]:
    """Load encoder and head. Raises WeightsInvalid."""
    return PocketEncoder(), read_trained(snapshots[0].checkpoint) if snapshots else PocketHead()
