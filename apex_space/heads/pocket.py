"""The pocket head: features -> five scores, by a small model shipped beside this file (see `pocket.md`)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..axes import BY_KEY
from ..encoders.pocket import PocketEncoder
from ..errors import WeightsInvalid
from ..hub import Repository, Snapshot
from ..report import Weights
from ..settings import Settings

PATH = Path(__file__).with_name("pocket.safetensors")
LINEAR = ("likes", "musicality")
"""Axes predicted on their own scale; the others pass through a sigmoid, as they were taught from ranks of damage."""
OUTLIER = 3.0
"""Standard deviations beyond which a feature counts no further."""


@dataclass(frozen=True)
class Model:
    """F features -> A axes, through M Gaussian units and past them.

    A unit answers 1 to a sound whose features are its own, and less with their distance. `about` is written into the
    file as it is: axes, licences, attributions, held-out figures.
    """

    mean: np.ndarray
    """[F] of the features in training."""
    scale: np.ndarray
    """[F] their standard deviation."""
    units: np.ndarray
    """[M, F] float16, standardised."""
    weights: np.ndarray
    """[F + M, A]"""
    bias: np.ndarray
    """[A]"""
    about: Mapping[str, Any]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """`features` [S, F] -> [S, A] scores on their axes' ranges."""
        axes = self.about["axes"]
        raw = basis(standardise(features, self.mean, self.scale), self.units) @ self.weights + self.bias
        return np.stack([link(axis, raw[:, i]) for i, axis in enumerate(axes)], axis=1)

    def to_bytes(self) -> bytes:
        """The file's content: safetensors, `about` as JSON in its header."""
        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in TENSORS}
        return save(tensors, metadata={"about": json.dumps(self.about, ensure_ascii=False)})


TENSORS = ("mean", "scale", "units", "weights", "bias")


def standardise(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """`features` [S, F] in standard deviations from the mean, outliers drawn in."""
    standard: np.ndarray = np.clip((features - mean) / scale, -OUTLIER, OUTLIER)
    return standard


def basis(standard: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Standardised features [S, F] -> [S, F + M]: themselves, over sqrt(F), then the units' answers."""
    size = standard.shape[1]
    near = units.astype(np.float32)
    distance = np.square(standard).sum(1)[:, None] + np.square(near).sum(1) - 2 * standard @ near.T
    return np.concatenate([standard / np.sqrt(size), np.exp(-distance / (2 * size))], axis=1)


def link(axis: str, raw: np.ndarray) -> np.ndarray:
    """The model's output on the axis' range."""
    low, high = BY_KEY[axis].low, BY_KEY[axis].high
    if axis in LINEAR:
        return np.clip(raw, low, high)
    scores: np.ndarray = low + (high - low) / (1 + np.exp(-raw))
    return scores


def read(path: Path) -> Model:
    """The model in a file written from `Model.to_bytes`. Raises WeightsInvalid."""
    try:
        with safe_open(path, "np") as file:
            about = json.loads(file.metadata()["about"])
            return Model(**{name: file.get_tensor(name) for name in TENSORS}, about=about)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsInvalid(f"{path} is not a pocket model ({error}). Install the package again.") from error


class PocketHead:
    """Features of segments -> scores; a song's scores are the means of its segments', weighted by their length."""

    pooling = "score"
    weighted = True

    def __init__(self, path: Path = PATH) -> None:
        self.model = read(path)
        about = self.model.about
        self.axes: tuple[str, ...] = tuple(about["axes"])
        self.missing: Mapping[str, str] = about["missing"]
        self.spread: Mapping[str, float] = about["spread"]
        self.weights = Weights("apex_space/heads/pocket", f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}")

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """`embeddings` [S, F] -> {axis: [S]}."""
        return dict(zip(self.axes, self.model(embeddings).T, strict=True))


def repositories(settings: Settings) -> tuple[Repository, ...]:
    """None: the weights are part of the package."""
    return ()


def load(snapshots: Sequence[Snapshot]) -> tuple[PocketEncoder, PocketHead]:
    """Encoder and head. Raises WeightsInvalid."""
    return PocketEncoder(), PocketHead()
