"""Measures a signal's peak, clipping and loudness, block by block while it is decoded."""

from dataclasses import dataclass
from math import log10, sqrt

import numpy as np

from ..core.errors import InvalidSamples

FULL_SCALE = 0.999
FLAT_RUN = 3
REACH = FLAT_RUN - 1
"""Number of neighbours on each side that decide whether a sample is in a run."""
ABSURD = 1e4
DIGITAL_SILENCE = -200.0

HOPS_PER_SECOND = 10
HOPS_PER_BLOCK = 4
ABSOLUTE_GATE = -70.0
RELATIVE_GATE = 0.1
OFFSET = -0.691
SURROUND = 1.41
WEIGHTS = {  # BS.1770-4, table 4, by number of channels, for the channel orders of WAVE; LFE does not count
    1: (1,),
    2: (1, 1),
    3: (1, 1, 1),
    4: (1, 1, SURROUND, SURROUND),  # quadraphonic
    5: (1, 1, 1, SURROUND, SURROUND),
    6: (1, 1, 1, 0, SURROUND, SURROUND),  # 5.1
    7: (1, 1, 1, 0, 1, SURROUND, SURROUND),  # 6.1: back centre, then sides
    8: (1, 1, 1, 0, 1, 1, SURROUND, SURROUND),  # 7.1: backs, then sides
}


@dataclass(frozen=True)
class Levels:
    """Levels of all channels of a file, before they are averaged.

    `peak` is the highest absolute sample in dBFS, -200 for digital silence. `clipped` is the share of samples in runs
    of three or more equal ones at full scale; samples beyond full scale are first cut to it, as players do. `loudness`
    is the integrated loudness of ITU-R BS.1770-4 in LUFS, None where no 400 ms are above -70 LUFS.
    """

    channels: int
    peak: float
    clipped: float
    loudness: float | None


class Meter:
    """Measures consecutive blocks [C, n]. It keeps ten numbers per second of sound."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate, self.channels = rate, channels
        self._count = self._flat = 0
        self._peak = 0.0
        self._tail = np.zeros((channels, 2 * REACH), np.float32)
        self._sections = k_weighting(rate)
        self._state = np.zeros((len(self._sections), channels, 2))
        self._hops: list[float] = []

    def add(self, block: np.ndarray) -> None:
        """Measure `block` [C, n] float32, n > 0.

        Raises InvalidSamples if a sample is NaN, infinite or far beyond full scale.
        """
        peak = max(float(block.max()), -float(block.min()))
        if not peak <= ABSURD:  # NaN compares false
            raise InvalidSamples(
                "The file holds samples that are no sound: NaN, infinity or numbers far beyond full scale. "
                "Export it again as 16 or 24 bit."
            )
        self._peak = max(self._peak, peak)
        self._add_flat(block, peak)
        self._add_power(block)
        self._count += block.shape[1]

    def levels(self) -> Levels:
        """Return the levels of all blocks added so far."""
        peak = 20 * log10(self._peak) if self._peak else DIGITAL_SILENCE
        complete = self._hops[: self._count * HOPS_PER_SECOND // self.rate]
        loudness = gated_loudness(np.array(complete) * HOPS_PER_SECOND / self.rate)
        flat = self._flat + int(in_flat_top(self._tail)[:, REACH:].sum())
        return Levels(self.channels, peak, flat / max(1, self._count * self.channels), loudness)

    def _add_flat(self, block: np.ndarray, peak: float) -> None:
        """Count clipped samples whose neighbours are all known.

        The last samples are counted with the next block, or by `levels`.
        """
        if max(peak, np.abs(self._tail).max()) >= FULL_SCALE:
            known = in_flat_top(np.hstack([self._tail, block]))
            self._flat += int(known[:, REACH:-REACH].sum())
        self._tail = np.hstack([self._tail, block[:, -2 * REACH :]])[:, -2 * REACH :]

    def _add_power(self, block: np.ndarray) -> None:
        """Add the weighted energy of `block` to the hops of 100 ms that it overlaps."""
        from scipy.signal import sosfilt

        filtered, self._state = sosfilt(self._sections, block, zi=self._state)
        power = np.asarray(WEIGHTS[self.channels]) @ np.square(filtered)
        first, last = (at * HOPS_PER_SECOND // self.rate for at in (self._count, self._count + len(power) - 1))
        starts = -(np.arange(first, last + 1) * -self.rate // HOPS_PER_SECOND) - self._count
        energies = np.add.reduceat(power, np.maximum(starts, 0)).tolist()
        if first < len(self._hops):
            self._hops[first] += energies.pop(0)
        self._hops += energies


def in_flat_top(block: np.ndarray) -> np.ndarray:
    """Return which samples of `block` [C, n] are in runs of at least three equal ones at full scale, bool [C, n]."""
    cut = block.clip(-1, 1)
    same = (cut[:, 1:] == cut[:, :-1]) & (np.abs(cut[:, 1:]) >= FULL_SCALE)
    inside = same[:, 1:] & same[:, :-1]
    flat = np.zeros(block.shape, bool)
    for shift in range(FLAT_RUN):
        flat[:, shift : shift + inside.shape[1]] |= inside
    return flat


def k_weighting(rate: int) -> np.ndarray:
    """Return BS.1770's K-weighting at `rate` Hz as second-order sections [2, 6], with pyloudnorm's parameters."""
    from pyloudnorm.iirfilter import IIRfilter

    shelf = IIRfilter(4.0, 1 / sqrt(2), 1500.0, rate, "high_shelf")
    highpass = IIRfilter(0.0, 0.5, 38.0, rate, "high_pass")
    return np.array([[*stage.b, *stage.a] for stage in (shelf, highpass)])


def gated_loudness(hops: np.ndarray) -> float | None:
    """Return the loudness in LUFS from the weighted mean square of each 100 ms [H]: BS.1770-4, equations 3 to 7.

    Return None where no 400 ms are loud enough.
    """
    if len(hops) < HOPS_PER_BLOCK:
        return None
    blocks = np.convolve(hops, np.full(HOPS_PER_BLOCK, 1 / HOPS_PER_BLOCK), "valid")
    blocks = blocks[blocks > 10 ** ((ABSOLUTE_GATE - OFFSET) / 10)]
    if not len(blocks):
        return None
    return OFFSET + 10 * log10(blocks[blocks > RELATIVE_GATE * blocks.mean()].mean())
