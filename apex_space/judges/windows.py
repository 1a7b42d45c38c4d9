"""Scores of every 30 seconds of a song in small steps, made of averages that were kept: no network runs for them.

An embedding that is a mean over frames has the means of every few seconds as its parts. The mean of the parts of any 30
seconds takes the place of their embedding. If these 30 seconds are a segment, it is the same. If they lie in two
segments it is an approximation, because the network heard each segment by itself (docs/measured.md has the error).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..audio.segments import SEGMENT_SECONDS
from .embedding_cache import CachedEmbeddings


@dataclass(frozen=True)
class Windows:
    """Scores of windows of `seconds` that begin every `step` seconds, from the song's beginning on: {axis: [W]}."""

    seconds: float
    step: float
    scores: Mapping[str, tuple[float, ...]]

    def __len__(self) -> int:
        return len(next(iter(self.scores.values()), ()))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"scores": {axis: list(values) for axis, values in self.scores.items()}}

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> "Windows":
        """Return what `as_dict` wrote."""
        scores = {axis: tuple(values) for axis, values in fields["scores"].items()}
        return Windows(fields["seconds"], fields["step"], scores)


def windows(encoded: CachedEmbeddings, head: Callable[[np.ndarray], dict[str, np.ndarray]]) -> Windows | None:
    """Score every window of a song, or return None if the song is hardly longer than one, or heard as a whole.

    Without parts, a window is made of whole segments, and its score is the mean of theirs.
    """
    means = embeddings(encoded)
    if means is not None:
        return _windows(encoded.part_seconds, head(means))
    whole = encoded.valid == encoded.valid[0]
    seconds = float(encoded.valid[0] / encoded.rate)
    each = round(SEGMENT_SECONDS / seconds)
    if each * seconds != SEGMENT_SECONDS or whole.sum() <= each:
        return None
    scores = head(encoded.embeddings[whole])
    return _windows(seconds, {axis: _sliding(values, each) for axis, values in scores.items()})


def _windows(step: float, scores: Mapping[str, np.ndarray]) -> Windows:
    return Windows(SEGMENT_SECONDS, step, {axis: tuple(values.tolist()) for axis, values in scores.items()})


def embeddings(encoded: CachedEmbeddings) -> np.ndarray | None:
    """Return the embedding of each window [W, ...], or None if no parts were kept or there is only one window.

    The parts at the end of the song that are not whole are in no window.
    """
    if not encoded.part_seconds or encoded.parts.shape[1] * encoded.part_seconds != SEGMENT_SECONDS:
        return None
    whole, each = int(encoded.duration / encoded.part_seconds), encoded.parts.shape[1]
    parts = encoded.parts.reshape(-1, *encoded.parts.shape[2:])[:whole]
    if len(parts) <= each:
        return None
    means = _sliding(parts, each)
    segments = len(means[::each])
    means[::each] = encoded.embeddings[:segments]
    return means


def _sliding(values: np.ndarray, count: int) -> np.ndarray:
    """Return the means of every `count` successive `values` [N, ...]: [N - count + 1, ...]."""
    return np.lib.stride_tricks.sliding_window_view(values, count, axis=0).mean(-1)
