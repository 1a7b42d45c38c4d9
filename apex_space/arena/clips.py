"""Encodes songs as clips for listeners. All clips have the same format and reveal nothing but the sound."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from secrets import token_hex

import numpy as np

from ..audio.isolated import open_stream
from ..audio.levels import decibels
from ..audio.loudness import QUIETEST, LoudnessMeter
from ..audio.mp3 import write_mp3
from ..audio.waveform import Waveform

LOUDNESS = -20.0
"""Loudness of every clip in LUFS. The louder of two songs tends to win, so all are played equally loud, by gain alone.
Of 60 real recordings (from Emotify and davda54), 52 reach this level without clipping and the others end up to 2 dB
below it; at -16 LUFS, 18 would reach it."""
PEAK = -1.0
"""Highest peak of a clip in dB of full scale: room for what resampling and coding add to the highest sample."""
BLOCK = 65_536


@dataclass(frozen=True)
class Clip:
    """A song as listeners hear it. `duration` is in seconds."""

    path: Path
    duration: float


def encode_clip(song: Path, waveform: Waveform, folder: Path, seconds: float = inf) -> Clip:
    """Write `song`, which was decoded to `waveform`, to `folder` as an mp3 that every browser plays.

    The clip's name is random. Stereo stays stereo; other channels are averaged, as for judges. Only the sound of the
    file is kept: no tag, picture or name. What comes after `seconds` is left out.
    """
    target = folder / f"{token_hex(16)}.mp3"
    gain = np.float32(_gain(*_level(song, waveform)))
    beginning = _beginning(_blocks(song, waveform), seconds * waveform.rate)
    _encode(target, waveform.rate, (block * gain for block in beginning))
    return Clip(target, min(waveform.duration, seconds))


def _encode(target: Path, rate: int, blocks: Iterable[np.ndarray]) -> None:
    """Write blocks [2, n] at `rate` Hz as an mp3, or nothing."""
    try:
        write_mp3(target, rate, blocks)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _beginning(blocks: Iterator[np.ndarray], samples: float) -> Iterator[np.ndarray]:
    """Yield blocks [2, n] until they have so many samples."""
    for block in blocks:
        if samples < 1:
            return
        yield block[:, : int(min(samples, block.shape[1]))]
        samples -= block.shape[1]


def _blocks(song: Path, waveform: Waveform) -> Iterator[np.ndarray]:
    """Yield the sound to play as blocks [2, n] at the waveform's rate.

    Stereo is decoded again, because a waveform keeps only the mean of its channels.
    """
    if waveform.levels.channels == 2:
        with open_stream(song) as stream:
            yield from stream.blocks
        return
    for start in range(0, len(waveform.samples), BLOCK):
        part = waveform.samples[start : start + BLOCK]
        yield np.stack([part, part])


def _level(song: Path, waveform: Waveform) -> tuple[float | None, float]:
    """Return the loudness in LUFS and the peak in dBFS of the sound to play.

    The same signal from two loudspeakers is 3 dB louder than from one.
    """
    if waveform.levels.channels == 2:
        return waveform.levels.loudness, waveform.levels.peak
    meter = LoudnessMeter(waveform.rate, 2)
    for block in _blocks(song, waveform):
        meter.add(block)
    return meter.loudness().integrated, decibels(float(np.abs(waveform.samples).max()))


def _gain(loudness: float | None, peak: float) -> float:
    """Return the factor that makes a song as loud as the others, or as loud as it can be without clipping."""
    return 10 ** (min(LOUDNESS - (QUIETEST if loudness is None else loudness), PEAK - peak) / 20)
