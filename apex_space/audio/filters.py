"""Changes sound with FFmpeg's filters, or by coding it as mp3. It runs in `worker`, where the codecs are.

A chain is a list of filters, each with its options as FFmpeg's documentation has them: [["highpass", "f=80"]]. A chain
of one filter "mp3" is none of FFmpeg's: its options are the bits per second.
"""

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from .loudness import LAYOUTS

MP3 = "mp3"
Chain = list[list[str]]


class Filter(Protocol):
    """Changes consecutive blocks [C, n] float32 of a sound."""

    def push(self, block: np.ndarray) -> np.ndarray:
        """Return what is ready after `block`, [C, m]; m may be 0."""

    def rest(self) -> Iterator[np.ndarray]:
        """Yield what is left after the last block, in blocks [C, m] with m > 0."""


def open_filter(chain: Chain, rate: int, channels: int) -> Filter:
    """Return the filters of `chain` for a sound at `rate` Hz. An mp3 needs 32, 44.1 or 48 kHz, and 1 or 2 channels."""
    if chain[0][0] == MP3:
        return Mp3Coding(int(chain[0][1]), rate, channels)
    return FilterGraph(chain, rate, channels)


class FilterGraph:
    """Some of FFmpeg's filters, one after the other."""

    def __init__(self, chain: Chain, rate: int, channels: int) -> None:
        import av

        self._rate, self._channels, self._count = rate, channels, 0
        self._graph: Any = av.filter.Graph()
        form = {"sample_rate": str(rate), "sample_fmt": "flt", "channel_layout": LAYOUTS[channels]}
        filters = [self._graph.add("abuffer", time_base=f"1/{rate}", **form)]
        filters += [self._graph.add(name, options) for name, options in chain]
        filters += [self._graph.add("aformat", "sample_fmts=flt"), self._graph.add("abuffersink")]
        self._graph.link_nodes(*filters).configure()

    def push(self, block: np.ndarray) -> np.ndarray:
        """Filter a block."""
        self._graph.push(_frame(block, self._rate, self._count))
        self._count += block.shape[1]
        return np.hstack([np.empty((self._channels, 0), np.float32), *self._ready()])

    def rest(self) -> Iterator[np.ndarray]:
        """End the sound."""
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[np.ndarray]:
        import av

        while True:
            try:
                yield _block(self._graph.pull(), self._channels)
            except (av.BlockingIOError, av.EOFError):
                return


class Mp3Coding:
    """Codes a sound as mp3 at a constant bitrate and decodes it again. The file keeps the sound's exact length."""

    def __init__(self, bits_per_second: int, rate: int, channels: int) -> None:
        import av

        self._rate, self._channels, self._count = rate, channels, 0
        self._file = io.BytesIO()
        self._container: Any = av.open(self._file, "w", format="mp3")
        self._coder: Any = self._container.add_stream("libmp3lame", rate=rate, layout=LAYOUTS[channels])
        self._coder.bit_rate = bits_per_second
        self._planar = av.AudioResampler(format="fltp")

    def push(self, block: np.ndarray) -> np.ndarray:
        """Code a block. Nothing is ready before the end."""
        for part in self._planar.resample(_frame(block, self._rate, self._count)):
            self._container.mux(self._coder.encode(part))
        self._count += block.shape[1]
        return block[:, :0]

    def rest(self) -> Iterator[np.ndarray]:
        """Decode what was coded."""
        import av

        self._container.mux(self._coder.encode(None))
        self._container.close()
        self._file.seek(0)
        interleaved = av.AudioResampler(format="flt")
        coded: Any = av.open(self._file, format="mp3")
        with coded:
            for frame in coded.decode(audio=0):
                yield from (_block(part, self._channels) for part in interleaved.resample(frame))


def _frame(block: np.ndarray, rate: int, first: int) -> Any:
    import av

    samples = np.ascontiguousarray(block.T, np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, "flt", LAYOUTS[len(block)])
    frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
    return frame


def _block(frame: Any, channels: int) -> np.ndarray:
    return frame.to_ndarray().reshape(-1, channels).T
