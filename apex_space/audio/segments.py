"""Cuts a waveform into equal segments. Arithmetic only."""

from dataclasses import dataclass
from math import isinf

import numpy as np

SEGMENT_SECONDS = 30.0
"""Length of the segments in which APEX, Banger and Pocket learned to score songs. Passages are as long."""


@dataclass(frozen=True)
class Segments:
    """Segments of a waveform.

    `samples` are [S, L] float32; the last segment is zero-padded at its end. `start` and `valid` [S] are the segments'
    first samples and their numbers of samples without padding.
    """

    samples: np.ndarray
    start: np.ndarray
    valid: np.ndarray

    def __len__(self) -> int:
        return len(self.samples)


def cut(samples: np.ndarray, length: float) -> Segments:
    """Cut `samples` [T], T > 0, into ceil(T / length) segments that hold every sample exactly once.

    An infinite length gives one segment that holds all samples.
    """
    total = len(samples)
    length = total if isinf(length) else int(length)
    start = np.arange(0, total, length)
    padded = np.pad(samples, (0, len(start) * length - total))
    return Segments(padded.reshape(-1, length), start, np.minimum(length, total - start))
