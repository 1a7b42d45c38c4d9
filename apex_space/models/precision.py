"""Chooses the precision of an encoder's matrix products.

It chooses bfloat16 if this is fast and moves the scores of a few trial clips very little, and otherwise float32.
"""

import logging
import platform
from collections.abc import Callable
from functools import cache
from math import inf
from typing import TypeVar

import numpy as np

from ..core.axes import BY_KEY
from ..core.text import message
from .encoders.encoder import Encoder

FLOAT32, BFLOAT16, AUTO = "float32", "bfloat16", "auto"
TOLERANCE = 0.005
"""Largest change of a trial clip's score that bfloat16 may cause, as a share of the axis' range.

On a range from 0 to 100 it is 0.5, on a range from 1 to 5 it is 0.02.
"""
CAUTIOUS = TOLERANCE / 2
"""The tolerance for judges that encode a song as a whole, as SongEval does.

Scores of songs move further than those of the trial clip. With 8 draws of small random weights, five songs moved a
score up to 2.0 times as far.
"""
CLIP_SECONDS, SONG_SECONDS = 5, 30
"""Length in seconds of the trial clips, and of one more clip for encoders that encode songs as a whole."""
PROBE = 512, 1024, 4096
"""Rows, columns and outputs of a matrix product that measures speed: as in the larger encoders, but fewer frames."""
logger = logging.getLogger(__name__)


E = TypeVar("E", bound=Encoder)


def choose(
    wanted: str,
    make: Callable[[str], E],
    head: Callable[[np.ndarray], dict[str, np.ndarray]],
    limit: float = TOLERANCE,
) -> E:
    """Return an encoder from `make(precision)`. If `wanted` is AUTO, try both precisions with these very weights.

    bfloat16 is taken if no score moves by more than `limit`, a share of its axis' range.
    """
    if wanted != AUTO:
        return _because(make(wanted), "as set")
    if not native_bfloat16():
        return _fall_back(make, "this processor does not multiply bfloat16")
    clips, exact = _trial_scores(
        make(FLOAT32), head
    )  # this encoder is released before the next is made: it takes 0.4 GB
    fast, most = make(BFLOAT16), 0.0
    for (name, clip), scores in zip(clips.items(), exact, strict=True):
        axis, moved = largest_move(scores, head(_embedding(fast, clip)))
        if moved > limit:
            return _fall_back(
                make,
                message(
                    "bfloat16 moved {axis} by {moved:.1%} of its range on a trial clip of {name}",
                    axis=axis,
                    moved=moved,
                    name=name,
                ),
            )
        most = max(most, moved)
    return _because(
        fast,
        message(
            "on {count} trial clips no score moved by more than {most:.2%} of its range", count=len(clips), most=most
        ),
    )


def _trial_scores(
    encoder: Encoder, head: Callable[[np.ndarray], dict[str, np.ndarray]]
) -> tuple[dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
    """Return the clips to try an encoder on, by what they contain, and the scores of each clip."""
    clips = trial_clips(encoder.rate)
    if encoder.segment_seconds == inf:
        clips["a song"] = _tones_and_beats(SONG_SECONDS, encoder.rate)
    return clips, [head(_embedding(encoder, clip)) for clip in clips.values()]


def trial_clips(rate: int) -> dict[str, np.ndarray]:
    """Return the trial clips: what they contain -> samples [N] float32 at `rate` Hz. They are always the same."""
    tones = _tones_and_beats(CLIP_SECONDS, rate)
    time = _times(CLIP_SECONDS, rate)
    buzz = sum(np.sin(2 * np.pi * k * (130 * time + 20 * np.sin(4 * time))) / k for k in range(1, 12))
    syllables = np.sin(2 * np.pi * 2 * time).clip(0)  # with pauses of the same length
    swell = (time / CLIP_SECONDS - 0.2).clip(0)
    made = {
        "tones and beats": tones,
        "noise": np.random.default_rng(1).standard_normal(len(time)) / 4,
        "speech-like sound": buzz * syllables / 4,
        "silence that becomes loud": tones * swell**2,
    }
    return {name: samples.astype(np.float32) for name, samples in made.items()}


def _tones_and_beats(seconds: float, rate: int) -> np.ndarray:
    time = _times(seconds, rate)
    tones = sum(np.sin(2 * np.pi * f * time * (1 + 0.002 * time)) for f in (110, 277, 415, 1320)) / 8
    beats = np.exp(-12 * (time % 0.5)) * np.random.default_rng(0).standard_normal(len(time)) / 4
    return (tones + beats).astype(np.float32)


def _times(seconds: float, rate: int) -> np.ndarray:
    return np.arange(seconds * rate) / rate


def _fall_back(make: Callable[[str], E], reason: str) -> E:
    logger.warning("float32 products, which take longer: %s", reason)
    return _because(make(FLOAT32), reason)


def native_bfloat16() -> bool:
    """Return whether the GPU, or without one the CPU, has instructions for products of bfloat16 matrices."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    has = torch.cpu.get_capabilities()
    return any(has.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def processor() -> tuple[str, str]:
    """Return the name of the CPU, and its instructions that matter to matrix products."""
    import torch

    has = torch.cpu.get_capabilities()
    known = [name for name in ("amx_bf16", "avx512_bf16", "avx512_f", "avx2") if has.get(name)]
    return str(has.get("cpu_name") or platform.processor()), ", ".join(known)


def gpu() -> str | None:
    """Return the name of the GPU, if there is one."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


@cache
def flops_per_second(wanted: str) -> float | None:
    """Measure billions of operations per second in this CPU's matrix products, in the precision that `choose` takes.

    The measurement takes a tenth of a second and is made once. Return None if there is a GPU: it needs so little time
    for a song that no estimate is needed.
    """
    import torch

    from . import kernels

    if torch.cuda.is_available():
        return None
    chosen = (BFLOAT16 if native_bfloat16() else FLOAT32) if wanted == AUTO else wanted
    return kernels.flops_per_second(kernels.DTYPES[chosen], PROBE, tries=4) / 1e9


def largest_move(exact: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> tuple[str, float]:
    """Return the axis whose scores [S] differ most, and the difference as a share of its range. NaN is infinite."""
    moves = {a: float(np.abs(exact[a] - other[a]).max()) / (BY_KEY[a].high - BY_KEY[a].low) for a in exact}
    moves = {axis: move if move == move else np.inf for axis, move in moves.items()}
    axis = max(moves, key=lambda a: moves[a])
    return axis, moves[axis]


def _embedding(encoder: Encoder, clip: np.ndarray) -> np.ndarray:
    return encoder(clip[None], np.array([len(clip)]))


def _because(encoder: E, reason: str) -> E:
    encoder.reason = reason
    return encoder
