"""Where encoders run: on a GPU if there is one. On a ZeroGPU Space it is lent for single calls."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

SEGMENTS_AT_ONCE = {"cpu": 1, "cuda": 32}
"""A processor is busy with one, and progress shows; a GPU wants many, and ZeroGPU few calls."""
LOAN_SECONDS, LOAN_SECONDS_PER_SEGMENT = 5, 1
"""Asked of ZeroGPU for a call: to wake up, and far more than a segment takes."""


def device() -> torch.device:
    """The GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def loan_seconds(clips: Any, *_: Any) -> int:
    """How long a call for `clips` [S, L] may need the GPU."""
    return LOAN_SECONDS + LOAN_SECONDS_PER_SEGMENT * len(clips)


def borrowing(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`forward`, whose first argument is clips [S, L]; on a Space with `spaces` it borrows the GPU for each call."""
    try:
        import spaces
    except ImportError:
        return forward
    return spaces.GPU(duration=loan_seconds)(forward)
