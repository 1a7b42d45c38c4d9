"""The interface of the encoders, which turn waveform segments into embeddings and know nothing of scores."""

from collections.abc import Iterator
from threading import Lock
from typing import Protocol, runtime_checkable

import numpy as np

IMPORTING = Lock()
"""Lock to hold while parts of transformers are imported.

transformers loads its parts on demand. If two threads ask for a part at once, it tells one of them that there is no
such part. The parts are imported where a network is built, which saves a server without weights 2.5 s.
"""


class Encoder(Protocol):
    """Turns waveform segments into embeddings."""

    rate: int
    resampling: str
    """How a song is resampled to `rate`: see the module `resample`."""
    segment_seconds: float
    precision: str
    reason: str
    """Why the encoder has this precision."""
    batch: int
    """Number of segments that are best encoded at once."""
    part_seconds: float
    """Length of the parts of a segment whose embeddings it gives (see KeepsParts), or 0 if it gives none."""
    embeddings_version: int
    """Version of the embeddings. Raise it with each change that moves embeddings beyond rounding.

    This includes changes in resampling and in cutting into segments. Embeddings of an earlier version that are on disk
    are then not used.
    """

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Encode `samples` [S, L], zero-padded beyond `valid` [S] samples -> [S, ...]."""


@runtime_checkable
class KeepsParts(Protocol):
    """An encoder whose embedding of a segment is the mean over its frames, which it also gives for shorter parts."""

    part_seconds: float

    def in_parts(self, samples: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the embeddings [S, ...] that a call returns, and those of every `part_seconds` [S, P, ...].

        Parts that lie beyond `valid` have no meaning.
        """


@runtime_checkable
class ReportsProgress(Protocol):
    """An encoder that reports its progress during a call."""

    def steps(self, samples: np.ndarray, valid: np.ndarray) -> Iterator[float | np.ndarray]:
        """Encode one segment, as a call does.

        Yield the shares (0 to 1) of the work that is done, and at last the embeddings [1, ...].
        """


@runtime_checkable
class HearsOriginal(Protocol):
    """An encoder that resamples songs itself, because its networks hear different sample rates."""

    def for_song(self, samples: np.ndarray, rate: int) -> ReportsProgress:
        """Return an encoder for the song whose decoded `samples` [N] have `rate` Hz."""

    def heard(self, length: int) -> tuple[int, int]:
        """Return the first sample, and the number of samples, that are heard of `length` samples at `Encoder.rate`."""
