"""Cutting a waveform into equal segments. Arithmetic only."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Segments:
    """`samples` [S, L] float32, zero-padded at the end of the last; `start` and `valid` [S] in samples."""

    samples: np.ndarray
    start: np.ndarray
    valid: np.ndarray

    def __len__(self) -> int:
        return len(self.samples)


def cut(samples: np.ndarray, length: int) -> Segments:
    """Cut `samples` [T], T > 0, into ceil(T / length) segments that hold every sample exactly once."""
    total = len(samples)
    start = np.arange(0, total, length)
    padded = np.pad(samples, (0, len(start) * length - total))
    return Segments(padded.reshape(-1, length), start, np.minimum(length, total - start))
