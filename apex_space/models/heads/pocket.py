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

from ...core.axes import BY_KEY
from ...core.errors import WeightsInvalid
from ...core.settings import Settings
from ..encoders.pocket import PocketEncoder
from ..hub import Repository, Snapshot, Weights

MIN_SECONDS = 10.0
"""Below it, errors in clarity and naturalness reach the spread among songs."""
PATH = Path(__file__).with_name("pocket.safetensors")
LINEAR = ("likes", "musicality")
"""Axes predicted on their own scale; the others pass through a sigmoid, as they were taught from ranks of damage."""
TENSORS = ("mean", "scale", "weights", "bias")


@dataclass(frozen=True)
class PocketModel:
    """F features -> A axes. `about` is written into the file as it is: axes, licences, sources, held-out figures."""

    mean: np.ndarray
    """[F] of the features of undamaged songs."""
    scale: np.ndarray
    """[F] their standard deviation."""
    weights: np.ndarray
    """[2 F, A]"""
    bias: np.ndarray
    """[A]"""
    about: Mapping[str, Any]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """`features` [S, F] -> [S, A] scores on their axes' ranges."""
        raw = basis(features, self.mean, self.scale) @ self.weights + self.bias
        return np.stack([link(axis, raw[:, i]) for i, axis in enumerate(self.about["axes"])], axis=1)

    def to_bytes(self) -> bytes:
        """The file's content: safetensors, with `about` as JSON in its header."""
        tensors = {name: np.ascontiguousarray(getattr(self, name), dtype=np.float32) for name in TENSORS}
        return save(tensors, metadata={"about": json.dumps(self.about, ensure_ascii=False)})


def basis(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """`features` [S, F] -> [S, 2 F]: how far each lies above and below the mean of undamaged songs.

    Two sides, as damage can push a feature either way; and the logarithm, so that nothing far out decides alone.
    """
    away = (features - mean) / scale
    return np.log1p(np.maximum(np.concatenate([away, -away], axis=1), 0))


def link(axis: str, raw: np.ndarray) -> np.ndarray:
    """The model's output on the axis' range."""
    low, high = BY_KEY[axis].low, BY_KEY[axis].high
    if axis in LINEAR:
        return np.clip(raw, low, high)
    scores: np.ndarray = low + (high - low) / (1 + np.exp(-raw))
    return scores


def read(path: Path) -> PocketModel:
    """The model in a file written from `Model.to_bytes`. Raises WeightsInvalid."""
    try:
        with safe_open(path, "np") as file:
            about = json.loads(file.metadata()["about"])
            return PocketModel(**{name: file.get_tensor(name) for name in TENSORS}, about=about)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsInvalid(f"{path} is not a pocket model ({error}). Install the package again.") from error


class PocketHead:
    """Features of segments -> scores; a song's scores are the means of its segments', weighted by their length."""

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
        """[S] -> [S]: by length, and a rest too short to be judged only where there is nothing else."""
        long = np.where(seconds >= MIN_SECONDS, seconds, 0)
        return long if long.any() else seconds

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """`embeddings` [S, F] -> {axis: [S]}."""
        return dict(zip(self.axes, self.model(embeddings).T, strict=True))


def repositories(settings: Settings) -> tuple[Repository, ...]:
    """None: the weights are part of the package."""
    return ()


def load(snapshots: Sequence[Snapshot], settings: Settings) -> tuple[PocketEncoder, PocketHead]:
    """Encoder and head. Raises WeightsInvalid."""
    return PocketEncoder(), PocketHead()
