"""Measures features of a waveform, without a model: tempo, key, bandwidth, and the levels from decoding."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np
import platformdirs
from filelock import FileLock

from .resample import resample
from .waveform import Waveform

NOTES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
PROFILES = {  # Krumhansl & Kessler 1982: how well each degree fits the key, rated by listeners
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
MAX_RATE = 24_000
"""Sample rate in Hz above which nothing is measured: most encoders' rate, so that all judges measure the same."""
HOP_LENGTH = 512
WINDOW = 4096
MIN_KEY_FIT = 0.5
MIN_BEAT = 0.1
BEATS = 8
BEAT_WINDOW = 2048
REPEATS_WITHIN = 8.0
"""Seconds within which a beat must repeat; librosa's default."""
FRAMES_AT_ONCE, ONSETS_AT_ONCE = 2048, 8192
"""Frames of a spectrogram and onsets of a tempogram that are computed at a time.

A complete one of ten minutes would take half a gigabyte of memory.
"""
FLOOR_DB = 70.0
ONE_FROM_TWO = 3.01
"""By how many dB a channel is louder from two loudspeakers than from one."""
VERSION = 3
"""Version of the features, stored on disk with a song's embeddings.

Raise it with each change that changes a measured value.
"""


@dataclass(frozen=True)
class AudioFeatures:
    """Features of a song that are measured, not predicted.

    `tempo` is in beats per minute, `key` is a text such as "A minor", `loudness` is in LUFS (ITU-R BS.1770), `peak` is
    in dBFS over all channels, `clipped` is the share of samples (0..1) in flat tops at full scale, and `bandwidth` and
    `rate` are in Hz. A feature is None where it cannot be measured (no beat, no pitch, too short).
    """

    tempo: float | None
    key: str | None
    loudness: float | None
    peak: float
    clipped: float
    bandwidth: float
    rate: int
    channels: int

    @property
    def played_loudness(self) -> float | None:
        """Return the loudness in LUFS from two loudspeakers: a single channel comes from both, which is louder."""
        return self.loudness if self.loudness is None or self.channels > 1 else self.loudness + ONE_FROM_TWO


def measure(waveform: Waveform, samples: np.ndarray, rate: int) -> AudioFeatures:
    """Measure the features of a waveform.

    `samples` [T] are the waveform resampled to `rate` Hz. The bandwidth is measured on the original.
    """
    if rate > MAX_RATE:
        samples, rate = resample(samples, rate, MAX_RATE), MAX_RATE
    levels = waveform.levels
    return AudioFeatures(
        tempo=tempo(samples, rate),
        key=key(samples, rate),
        loudness=levels.loudness,
        peak=levels.peak,
        clipped=levels.clipped,
        bandwidth=bandwidth(waveform.samples, waveform.rate),
        rate=waveform.rate,
        channels=levels.channels,
    )


def tempo(samples: np.ndarray, rate: int) -> float | None:
    """Return the beats per minute of `samples` [T], or None where the onsets do not repeat with that period."""
    librosa = import_librosa()
    mel = [librosa.feature.melspectrogram(S=part**2, sr=rate) for part in _spectra(samples, BEAT_WINDOW, HOP_LENGTH)]
    decibels = librosa.power_to_db(np.concatenate(mel, axis=1))
    onsets = librosa.onset.onset_strength(S=decibels, sr=rate, hop_length=HOP_LENGTH)
    if not onsets.any():
        return None
    parts = np.array_split(onsets, -(-len(onsets) // ONSETS_AT_ONCE))
    width = int(REPEATS_WITHIN * rate / HOP_LENGTH)
    repeats_at = sum(librosa.feature.tempogram(onset_envelope=part, win_length=width).sum(1) for part in parts)
    coarse = float(librosa.feature.tempo(tg=repeats_at[:, None], sr=rate, hop_length=HOP_LENGTH)[0])
    period = 60 / coarse * rate / HOP_LENGTH
    repeats = librosa.autocorrelate(onsets - onsets.mean())
    if repeats[round(period)] < MIN_BEAT * repeats[0]:
        return None
    # The coarse tempo is a whole number of frames per beat. A whole number per BEATS beats is BEATS times finer.
    first = round((period - 0.5) * BEATS)
    several = first + int(np.argmax(repeats[first : first + BEATS + 1])) if first + BEATS < len(repeats) else None
    return 60 * BEATS / several * rate / HOP_LENGTH if several else coarse


def key(samples: np.ndarray, rate: int) -> str | None:
    """Return the major or minor key whose profile fits the pitch classes of `samples` [T] best.

    The fit is a correlation. Return None if no profile fits well enough.
    """
    librosa = import_librosa()
    chroma = np.zeros(12)
    for part in _spectra(samples, WINDOW, WINDOW // 2):
        tuning = librosa.estimate_tuning(S=part, sr=rate, n_fft=WINDOW)
        chroma += librosa.feature.chroma_stft(S=part**2, sr=rate, n_fft=WINDOW, tuning=tuning).sum(1)
    if np.ptp(chroma) < 1e-6:
        return None
    fits = {
        f"{NOTES[tonic]} {mode}": float(np.corrcoef(chroma, np.roll(profile, tonic))[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] > MIN_KEY_FIT else None


def bandwidth(samples: np.ndarray, rate: int) -> float:
    """Return the highest frequency in Hz with a long-term level in `samples` [T] within 70 dB of the strongest."""
    window = np.hanning(WINDOW).astype(np.float32)
    power = np.zeros(WINDOW // 2 + 1)
    offset = _offset(samples)
    for start in range(0, len(samples), WINDOW):
        frame = samples[start : start + WINDOW] - offset
        power += np.abs(np.fft.rfft(frame * window[: len(frame)], WINDOW)) ** 2
    loud = np.nonzero(power > power.max() * 10 ** (-FLOOR_DB / 10))[0]
    return float(loud[-1] * rate / WINDOW)


def _spectra(samples: np.ndarray, window: int, hop: int) -> Iterator[np.ndarray]:
    """Yield magnitudes of the short-time Fourier transform of `samples` [T].

    Each block of frames is [window // 2 + 1, F].
    """
    librosa = import_librosa()
    padded = np.pad(samples, window // 2)
    padded[window // 2 : window // 2 + len(samples)] -= _offset(samples)
    frames = 1 + len(samples) // hop
    for first in range(0, frames, FRAMES_AT_ONCE):
        last = min(first + FRAMES_AT_ONCE, frames) - 1
        block = padded[first * hop : last * hop + window]
        yield np.abs(librosa.stft(block, n_fft=window, hop_length=hop, center=False))


def _offset(samples: np.ndarray) -> np.float32:
    """Return the mean of `samples` [T]. It is no sound, and would count as one of the lowest frequency."""
    return np.float32(samples.mean(dtype=np.float64))


@cache
def import_librosa() -> ModuleType:
    """Return librosa, imported by one process of this user at a time.

    librosa compiles functions when it is first imported, and numba keeps them on disk. If two processes compile at
    once, numba can keep parts that do not fit together. Every later process would then end with a segmentation fault:
    https://github.com/numba/numba/issues/10128.
    """
    with ExitStack() as stack:
        with suppress(OSError):  # nothing can be written there, or kept
            folder = platformdirs.user_cache_path("apex-space", ensure_exists=True)
            stack.enter_context(FileLock(folder / "librosa.lock"))
        import librosa.core.audio
        import librosa.core.pitch
        import librosa.util.utils

    return librosa
