"""Encodes sound as mp3 files that every browser plays. They hold nothing but the sound: no tag, picture or name."""

import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..core.errors import TooShort
from .decode import Stream

SAMPLE_RATE = 44_100
BITS_PER_SECOND = 256_000
EFFORT = "7"
"""LAME's quality setting. It takes 17 ms for a second of music on one core, the default takes 25 ms; the bitrate makes
up for the lower quality."""
FADE_SECONDS = 0.5
"""Length of the fades of a passage."""


def write_mp3(target: Path | BinaryIO, rate: int, blocks: Iterable[np.ndarray]) -> None:
    """Write blocks [2, n] float32 at `rate` Hz as an mp3."""
    import av

    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
    file: Any = str(target) if isinstance(target, Path) else target
    with av.open(file, "w", format="mp3", options={"id3v2_version": "0"}) as container:
        encoder: Any = container.add_stream(
            "libmp3lame", rate=SAMPLE_RATE, layout="stereo", options={"compression_level": EFFORT}
        )
        encoder.bit_rate = BITS_PER_SECOND
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "stereo")
            frame.sample_rate = rate
            for part in resampler.resample(frame):
                container.mux(encoder.encode(part))
        for part in resampler.resample(None):
            container.mux(encoder.encode(part))
        container.mux(encoder.encode(None))


def encode_passage(stream: Stream, start: float, end: float) -> bytes:
    """Return a sound from `start` to `end` seconds as an mp3, as loud as it is, with fades. It runs in `worker`.

    Stereo stays stereo; other channels are averaged, as for judges. Raises AudioError.
    """
    first, last = (int(seconds * stream.rate) for seconds in (start, end))
    part = _faded(stream.blocks, first, last, FADE_SECONDS * stream.rate)
    if (beginning := next(part, None)) is None:
        raise TooShort("The song ends before this passage begins.")
    file = io.BytesIO()
    write_mp3(file, stream.rate, map(_stereo, chain([beginning], part)))
    return file.getvalue()


def _faded(blocks: Iterator[np.ndarray], first: int, last: int, fade: float) -> Iterator[np.ndarray]:
    """Yield what blocks [C, n] have of the samples `first` to `last` (excluded), which fade over `fade` samples."""
    at = 0
    for block in blocks:
        part = block[:, max(0, first - at) : last - at]
        place = np.arange(part.shape[1]) + max(first, at)
        if part.size:
            yield part * np.clip(np.minimum(place - first, last - 1 - place) / fade, 0, 1).astype(np.float32)
        at += block.shape[1]
        if at >= last:
            return


def _stereo(block: np.ndarray) -> np.ndarray:
    """Return two channels [2, n] of a block [C, n]."""
    return block if len(block) == 2 else np.repeat(block.mean(0, dtype=np.float32, keepdims=True), 2, 0)
