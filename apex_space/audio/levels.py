"""Measures a signal's peak, clipping and stereo width, block by block while it is decoded."""

from dataclasses import dataclass
from math import log10, sqrt

import numpy as np

from ..core.errors import InvalidSamples
from .loudness import Loudness

FULL_SCALE = 0.999
FLAT_RUN = 3
REACH = FLAT_RUN - 1
"""Number of neighbours on each side that decide whether a sample is in a run."""
ABSURD = 1e4
DIGITAL_SILENCE = -200.0

OVERSAMPLING, MAX_OVERSAMPLED = 4, 192_000
"""How often samples are taken for the true peak, as BS.1770-4 has it, and the rate in Hz that needs no more of them."""


@dataclass(frozen=True)
class Levels:
    """Levels of all channels of a file, before they are averaged.

    `peak` is the highest absolute sample in dBFS, -200 for digital silence. `clipped` is the share of samples in runs
    of three or more equal ones at full scale; samples beyond full scale are first cut to it, as players do. `loudness`,
    `loudness_range` and `short_term` are as in Loudness. `true_peak` is the peak in dBTP between the samples, too.

    `correlation` and `width` are of two channels, None for others and for silence. The correlation of left and right is
    1 if they are alike and -1 if one is the other turned around. `width` is the share of the energy that is in their
    difference: 0 is mono, 0.5 is what channels have that are not alike at all, 1 cancels out in mono.
    """

    channels: int
    peak: float
    clipped: float
    loudness: float | None
    true_peak: float | None = None
    loudness_range: float | None = None
    short_term: tuple[float, ...] = ()
    correlation: float | None = None
    width: float | None = None


class Meter:
    """Measures everything but the loudness of consecutive blocks [C, n]."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate, self.channels = rate, channels
        self._count = self._flat = 0
        self._peak = 0.0
        self._tail = np.zeros((channels, 2 * REACH), np.float32)
        self._true_peak = TruePeak(rate, channels)
        self._products = np.zeros((channels, channels))

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
        self._true_peak.add(block)
        self._products += block @ block.T
        self._count += block.shape[1]

    def levels(self, loudness: Loudness) -> Levels:
        """Return the levels of all blocks added so far, whose loudness a LoudnessMeter measured."""
        stereo = self.channels == 2
        flat = self._flat + int(in_flat_top(self._tail)[:, REACH:].sum())
        return Levels(
            channels=self.channels,
            peak=decibels(self._peak),
            clipped=flat / max(1, self._count * self.channels),
            loudness=loudness.integrated,
            true_peak=decibels(max(self._peak, self._true_peak.highest())),
            loudness_range=loudness.range,
            short_term=loudness.short_term,
            correlation=correlation(self._products) if stereo else None,
            width=width(self._products) if stereo else None,
        )

    def _add_flat(self, block: np.ndarray, peak: float) -> None:
        """Count clipped samples whose neighbours are all known.

        The last samples are counted with the next block, or by `levels`.
        """
        if max(peak, np.abs(self._tail).max()) >= FULL_SCALE:
            known = in_flat_top(np.hstack([self._tail, block]))
            self._flat += int(known[:, REACH:-REACH].sum())
        self._tail = np.hstack([self._tail, block[:, -2 * REACH :]])[:, -2 * REACH :]


class TruePeak:
    """Finds the highest absolute value between the samples of consecutive blocks [C, n]."""

    def __init__(self, rate: int, channels: int) -> None:
        import soxr

        times = max(1, min(OVERSAMPLING, MAX_OVERSAMPLED // rate))
        self._resample = soxr.ResampleStream(rate, times * rate, channels, "float32").resample_chunk
        self._channels, self._peak = channels, 0.0

    def add(self, block: np.ndarray, last: bool = False) -> None:
        """Look at `block` [C, n]."""
        found = self._resample(np.ascontiguousarray(block.T), last=last)
        if found.size:
            self._peak = max(self._peak, float(found.max()), -float(found.min()))

    def highest(self) -> float:
        """Return the highest value of all blocks. No more can be added."""
        self.add(np.empty((self._channels, 0), np.float32), last=True)
        return self._peak


def decibels(peak: float) -> float:
    """Return an amplitude in dB of full scale."""
    return 20 * log10(peak) if peak else DIGITAL_SILENCE


def correlation(products: np.ndarray) -> float | None:
    """Return the correlation of two channels from the sums of their products [2, 2]."""
    both = sqrt(products[0, 0] * products[1, 1])
    return float(products[0, 1] / both) if both else None


def width(products: np.ndarray) -> float | None:
    """Return the share of the energy in the difference of two channels from the sums of their products [2, 2]."""
    total = products[0, 0] + products[1, 1]
    return float(0.5 - products[0, 1] / total) if total else None


def in_flat_top(block: np.ndarray) -> np.ndarray:
    """Return which samples of `block` [C, n] are in runs of at least three equal ones at full scale, bool [C, n]."""
    cut = block.clip(-1, 1)
    same = (cut[:, 1:] == cut[:, :-1]) & (np.abs(cut[:, 1:]) >= FULL_SCALE)
    inside = same[:, 1:] & same[:, :-1]
    flat = np.zeros(block.shape, bool)
    for shift in range(FLAT_RUN):
        flat[:, shift : shift + inside.shape[1]] |= inside
    return flat
