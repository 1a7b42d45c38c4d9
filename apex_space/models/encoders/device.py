"""Chooses where encoders run: on a GPU if there is one. A ZeroGPU Space lends its GPU for single calls."""

from collections.abc import Callable
from math import ceil
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

SEGMENTS_AT_ONCE = {"cpu": 1, "cuda": 32}
"""Number of segments that are encoded in one call, by device.

One segment keeps a CPU busy, and progress shows. A GPU is faster with many, and ZeroGPU works best with few calls.
"""
LOAN_SECONDS, LOAN_SECONDS_PER_SEGMENT = 5, 1
"""Seconds of GPU time to ask of ZeroGPU for a call: for its start, and for each segment, far more than it takes."""
SEGMENT_SAMPLES = 720_000
"""Number of samples of a segment: 30 s at 24 kHz."""


def device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def loan_seconds(clips: Any, *_: Any) -> int:
    """Return how many seconds a call for `clips` [S, L], segments or a whole song, may need the GPU."""
    return LOAN_SECONDS + LOAN_SECONDS_PER_SEGMENT * len(clips) * ceil(clips.shape[1] / SEGMENT_SAMPLES)


def borrowing(forward: Callable[[Tensor], T]) -> Callable[[Tensor], T]:
    """Return `forward`, whose first argument is clips [S, L]. On a Space with `spaces`, each call borrows the GPU.

    A generator function keeps the GPU until its end.
    """
    try:
        import spaces
    except ImportError:
        return forward
    return spaces.GPU(duration=loan_seconds)(forward)
