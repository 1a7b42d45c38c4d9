"""Measures loudness as EBU R 128 defines it, with FFmpeg's filter ebur128, block by block.

A song is measured in the process that decodes it: the calling one loads no codecs, and the filter comes with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

QUIETEST = -70.0
"""Loudness in LUFS that counts as silence: the absolute gate of ITU-R BS.1770-4."""
LOUDEST = 100.0
"""Loudness in LUFS beyond that of any sound: levels.py refuses samples beyond 80 dB of full scale."""
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
        self._rate, self._channels, self._count, self._hops = rate, channels, 0, 0
        self._graph: Any = None
        self._short_term: list[float] = []
        self._last: dict[str, str] = {}

    def add(self, block: np.ndarray) -> None:
        """Measure `block` [C, n] of finite samples."""
        import av

        layout = LAYOUTS[self._channels]
        self._graph = self._graph or _graph(self._rate, layout)
        samples = np.ascontiguousarray(block.T, np.float64).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, "dbl", layout)
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


def _graph(rate: int, layout: str) -> Any:
    import av

    graph = av.filter.Graph()
    form = {"sample_rate": str(rate), "sample_fmt": "dbl", "channel_layout": layout}
    filters = [graph.add("abuffer", time_base=f"1/{rate}", **form)]
    if rate < MIN_RATE:
        filters.append(graph.add("aresample", str(STANDARD_RATE)))
    filters += [graph.add("ebur128", "metadata=1:framelog=quiet"), graph.add("abuffersink")]
    graph.link_nodes(*filters).configure()
    return graph


def checked(found: Any, seconds: float) -> Loudness:
    """Return what another process says that it measured in so many seconds. Raises ValueError if no sound is like that.

    `found` is a Loudness as JSON keeps it. A song may have taken over the process that decoded it.
    """
    try:
        whole, spread, windows = (found[name] for name in ("integrated", "range", "short_term"))
        levels = [*windows, QUIETEST if whole is None else whole]
    except (KeyError, TypeError):
        raise ValueError("This is no loudness.") from None
    expected = max(0, int(seconds) - WINDOW_SECONDS + 1)
    plausible = (
        all(_within(level, QUIETEST, LOUDEST) for level in levels)
        and (spread is None if not windows else _within(spread, 0.0, LOUDEST - QUIETEST))
        and (not windows or abs(len(windows) - expected) <= 1)
    )
    if not plausible:
        raise ValueError("No sound has such a loudness.")
    return Loudness(whole, spread, tuple(windows))


def _within(value: Any, low: float, high: float) -> bool:
    return isinstance(value, float) and low <= value <= high  # NaN compares false
