"""Waveform segments -> embeddings. One file an encoder; none knows of scores."""

from threading import Lock
from typing import Protocol

import numpy as np

IMPORTING = Lock()
"""To be held where parts of transformers are imported: it hands them out when they are asked for, and of two threads
that ask at once it tells one that they are not there. They are imported where a network is built: a server without
weights is spared 2.5 s."""


class Encoder(Protocol):
    """Waveform segments -> embeddings."""

    rate: int
    resampling: str
    """How a song gets to that rate: see `resample`."""
    segment_seconds: float
    precision: str
    reason: str
    """Why this precision."""
    batch: int
    """Segments that it is best given at once."""
    embeddings_version: int
    """Raise it with each change that moves embeddings beyond rounding, be it in resampling or cutting into segments:
    those of an earlier version that are on disk are then not used."""

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """`samples` [S, L], zero-padded beyond `valid` [S] samples -> [S, ...]."""
