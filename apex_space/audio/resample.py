"""Changing a waveform's sample rate. Arithmetic only."""

from math import ceil, gcd

import numpy as np

ZERO_CROSSINGS = 6
ROLLOFF = 0.99
PHASES = 32
"""Output samples computed by one matrix product; measured on one core at 44.1 -> 24 kHz."""


def resample(samples: np.ndarray, orig: int, new: int, how: str = "sinc") -> np.ndarray:
    """`samples` [T] at `orig` Hz -> [ceil(T * new / orig)] float32 at `new` Hz.

    `how` is part of what a network was trained on: "sinc" is torchaudio's default, "soxr" that of `librosa.load`.
    """
    if orig == new:
        return samples
    return {"sinc": _sinc, "soxr": _soxr}[how](samples, orig, new, -(-len(samples) * new // orig))


def _soxr(samples: np.ndarray, orig: int, new: int, length: int) -> np.ndarray:
    """soxr's high quality."""
    import soxr

    out = soxr.resample(samples, orig, new, "HQ")[:length]
    return np.pad(out, (0, length - len(out)))


def _sinc(samples: np.ndarray, orig: int, new: int, length: int) -> np.ndarray:
    """Windowed-sinc interpolation with torchaudio's default (sinc_interp_hann, width 6, rolloff 0.99).

    Of every `new` outputs, or phases, each has a filter of its own over inputs that repeat every `orig`. Torchaudio
    stores all filters over all these inputs, 4 GB for 44,099 -> 24,000 Hz; here groups of phases see only the inputs
    they need.
    """
    orig, new = _period(orig, new)
    width = _width(orig, new)
    periods = max(1, -(-length // new))
    padded = np.zeros(periods * orig + 2 * width + 1, np.float32)
    padded[width : width + len(samples)] = samples
    out = np.empty((periods, new), np.float32)
    for first in range(0, new, PHASES):
        phases = np.arange(first, min(first + PHASES, new))
        low = first * orig // new
        taps = np.arange(low - width, -(-int(phases[-1]) * orig // new) + width + 1)
        inputs = _rows(padded[low:], periods, orig, len(taps))
        np.matmul(inputs, _filters(taps, phases, orig, new), out=out[:, phases[0] : phases[-1] + 1])
    return out.reshape(-1)[:length]


def _period(orig: int, new: int) -> tuple[int, int]:
    """The rates' ratio, reduced and then multiplied until the rows of a group do not overlap: BLAS wants that."""
    orig, new = orig // gcd(orig, new), new // gcd(orig, new)
    while orig < PHASES * orig / new + 2 * _width(orig, new) + 2:
        orig, new = 2 * orig, 2 * new
    return orig, new


def _width(orig: int, new: int) -> int:
    """Inputs to either side of an output that its filter reaches."""
    return ceil(ZERO_CROSSINGS * orig / (min(orig, new) * ROLLOFF))


def _filters(taps: np.ndarray, phases: np.ndarray, orig: int, new: int) -> np.ndarray:
    """[K, P] float32: a sinc under a Hann window, by tap and phase, computed in float64."""
    base = min(orig, new) * ROLLOFF
    time = np.clip((taps[:, None] / orig - phases / new) * base, -ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = np.cos(time * (np.pi / ZERO_CROSSINGS / 2)) ** 2
    return (np.sinc(time) * window * (base / orig)).astype(np.float32)


def _rows(samples: np.ndarray, count: int, step: int, length: int) -> np.ndarray:
    """A view [count, length]: row r begins at r * step."""
    return np.lib.stride_tricks.sliding_window_view(samples, length)[::step][:count]
