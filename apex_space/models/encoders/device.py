"""Where encoders run: on a GPU if there is one. On a ZeroGPU Space it is lent for single calls."""

from collections.abc import Callable
from math import ceil
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

SEGMENTS_AT_ONCE = {"cpu": 1, "cuda": 32}
"""A processor is busy with one, and progress shows; a GPU wants many, and ZeroGPU few calls."""
LOAN_SECONDS, LOAN_SECONDS_PER_SEGMENT = 5, 1
"""Asked of ZeroGPU for a call: to wake up, and far more than a segment takes."""
SEGMENT_SAMPLES = 720_000
"""30 s at 24 kHz."""


def device() -> torch.device:
    """The GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def loan_seconds(clips: Any, *_: Any) -> int:
    """How long a call for `clips` [S, L] may need the GPU: segments, or a song that is heard whole."""
    return LOAN_SECONDS + LOAN_SECONDS_PER_SEGMENT * len(clips) * ceil(clips.shape[1] / SEGMENT_SAMPLES)


def borrowing(forward: Callable[[Tensor], T]) -> Callable[[Tensor], T]:
    """`forward`, whose first argument is clips [S, L]; on a Space with `spaces` it borrows the GPU for each call.

    A generator function has it until its end.
    """
    try:
        import spaces
    except ImportError:
        return forward
    return spaces.GPU(duration=loan_seconds)(forward)
