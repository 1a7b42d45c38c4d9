"""Changes a waveform's sample rate. Arithmetic only."""

from math import ceil, gcd

import numpy as np

ZERO_CROSSINGS = 6
ROLLOFF = 0.99
PHASES = 32
"""Output samples computed by one matrix product, chosen by measurements on one core at 44.1 -> 24 kHz."""


def resample(samples: np.ndarray, orig: int, new: int, how: str = "sinc") -> np.ndarray:
    """Resample `samples` [T] at `orig` Hz to [ceil(T * new / orig)] float32 at `new` Hz.

    `how` must be the method that the network was trained with: "sinc" is torchaudio's default, "soxr" is the default
    of `librosa.load`.
    """
    if orig == new:
        return samples
    return {"sinc": _sinc, "soxr": _soxr}[how](samples, orig, new, -(-len(samples) * new // orig))


def _soxr(samples: np.ndarray, orig: int, new: int, length: int) -> np.ndarray:
    """Resample with soxr's high quality."""
    import soxr

    out = soxr.resample(samples, orig, new, "HQ")[:length]
    return np.pad(out, (0, length - len(out)))


def _sinc(samples: np.ndarray, orig: int, new: int, length: int) -> np.ndarray:
    """Interpolate with a windowed sinc and torchaudio's defaults (sinc_interp_hann, width 6, rolloff 0.99).

    A period has `orig` inputs and `new` outputs, called phases. Each phase has its own filter over the period's inputs.
    Torchaudio stores all filters over all these inputs, 4 GB for 44,099 -> 24,000 Hz. This code computes a group of
    phases at a time, from only the inputs that the group needs.
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
    """Return the ratio of the rates, reduced and then doubled until the rows of a group do not overlap.

    BLAS needs rows that do not overlap.
    """
    orig, new = orig // gcd(orig, new), new // gcd(orig, new)
    while orig < PHASES * orig / new + 2 * _width(orig, new) + 2:
        orig, new = 2 * orig, 2 * new
    return orig, new


def _width(orig: int, new: int) -> int:
    """Return the number of inputs on each side of an output that its filter covers."""
    return ceil(ZERO_CROSSINGS * orig / (min(orig, new) * ROLLOFF))


def _filters(taps: np.ndarray, phases: np.ndarray, orig: int, new: int) -> np.ndarray:
    """Return the filters [K, P] float32, by tap and phase: a sinc under a Hann window, computed in float64."""
    base = min(orig, new) * ROLLOFF
    time = np.clip((taps[:, None] / orig - phases / new) * base, -ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = np.cos(time * (np.pi / ZERO_CROSSINGS / 2)) ** 2
    return (np.sinc(time) * window * (base / orig)).astype(np.float32)


def _rows(samples: np.ndarray, count: int, step: int, length: int) -> np.ndarray:
    """Return a view [count, length] of `samples`; row r begins at r * step."""
    return np.lib.stride_tricks.sliding_window_view(samples, length)[::step][:count]
