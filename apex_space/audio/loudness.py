"""Measures loudness as EBU R 128 defines it, with FFmpeg's filter ebur128, block by block."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

QUIETEST = -70.0
"""Loudness in LUFS that counts as silence: the absolute gate of ITU-R BS.1770-4."""
MIN_RATE, STANDARD_RATE = 44_100, 48_000
"""Rate in Hz below which sound is resampled to the one for which BS.1770 gives its filters.

At 8 kHz, the filters themselves would find white noise 0.6 LU too loud.
"""
HOPS_PER_SECOND = 10
WINDOW_SECONDS = 3
"""Length of the windows of short-term loudness."""
LAYOUTS = {
    1: "mono",
    2: "stereo",
    3: "3.0",
    4: "quad",
    5: "5.0",
    6: "5.1",
    7: "FL+FR+FC+LFE+FLC+SL+SR",
    8: "7.1(wide-side)",
}
"""Number of channels -> the layout in which FFmpeg weighs channels in the order of WAVE as BS.1770-4, table 4, does.

Sides count 1.41 times and LFE does not count. FFmpeg would weigh the backs of 6.1 and 7.1 as sides; by the table they
count like the fronts, so they are called fronts here.
"""


@dataclass(frozen=True)
class Loudness:
    """Loudness of a whole song.

    `integrated` is in LUFS (ITU-R BS.1770-4), None where no 400 ms are above -70 LUFS. `range` is the loudness range in
    LU (EBU Tech 3342). It is None, and `short_term` is empty, where no 3 s are above -70 LUFS. Otherwise `short_term`
    is the loudness in LUFS of the 3 s that begin at second 0, 1, 2 and so on, -70 where they are quieter.
    """

    integrated: float | None
    range: float | None
    short_term: tuple[float, ...]


class LoudnessMeter:
    """Measures consecutive blocks [C, n]. It keeps one number per second of sound."""

    def __init__(self, rate: int, channels: int) -> None:
        import av

        self._rate, self._layout, self._count, self._hops = rate, LAYOUTS[channels], 0, 0
        self._graph = av.filter.Graph()
        form = {"sample_rate": str(rate), "sample_fmt": "dbl", "channel_layout": self._layout}
        filters = [self._graph.add("abuffer", time_base=f"1/{rate}", **form)]
        if rate < MIN_RATE:
            filters.append(self._graph.add("aresample", str(STANDARD_RATE)))
        filters += [self._graph.add("ebur128", "metadata=1:framelog=quiet"), self._graph.add("abuffersink")]
        self._graph.link_nodes(*filters).configure()
        self._short_term: list[float] = []
        self._last: dict[str, str] = {}

    def add(self, block: np.ndarray) -> None:
        """Measure `block` [C, n] of finite samples."""
        import av

        samples = np.ascontiguousarray(block.T, np.float64).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, "dbl", self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._count, Fraction(1, self._rate)
        self._count += block.shape[1]
        self._graph.push(frame)
        for measured in self._measured():
            self._last, self._hops = measured, self._hops + 1
            if self._hops >= WINDOW_SECONDS * HOPS_PER_SECOND and not self._hops % HOPS_PER_SECOND:
                self._short_term.append(max(QUIETEST, round(float(measured["lavfi.r128.S"]), 1)))

    def loudness(self) -> Loudness:
        """Return the loudness of all complete 100 ms added so far."""
        integrated, spread = (float(self._last.get(f"lavfi.r128.{name}", QUIETEST)) for name in ("I", "LRA"))
        heard = any(value > QUIETEST for value in self._short_term)
        return Loudness(
            integrated if integrated > QUIETEST else None,
            spread if heard else None,
            tuple(self._short_term) if heard else (),
        )

    def _measured(self) -> Iterator[Any]:
        """Yield what the filter found up to the end of each 100 ms that is complete."""
        import av

        while True:
            try:
                frame: Any = self._graph.pull()
            except av.BlockingIOError:
                return
            yield frame.metadata
