"""Measures features of a waveform, without a model: tempo, key, bandwidth, and the levels from decoding."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from math import log10
from types import ModuleType
from typing import Any

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
ALIKE_KEYS = 0.05
"""How much worse another key may fit and still be named. Of our 33 example songs, 24 of 25 keys without another one
named were right, and 5 of 7 with one."""
EACH_TUNING = 4
"""The tuning is estimated from every fourth frame: the keys of our 33 example songs stay the same, in half the time."""
MIDDLE_TEMPO = 110.0
"""Beats per minute up to which the double, and above which the half is named, too. Onsets do not tell which is meant:
of our 33 example songs, 23 tempos were right and 5 more were the half or the double."""
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
VERSION = 4
"""Version of the features, stored on disk with a song's embeddings.

Raise it with each change that changes a measured value.
"""


@dataclass(frozen=True)
class AudioFeatures:
    """Features of a song that are measured, not predicted.

    `tempo` is in beats per minute, `key` is a text such as "A minor", `loudness` is in LUFS (ITU-R BS.1770), `peak` is
    in dBFS over all channels, `clipped` is the share of samples (0..1) in flat tops at full scale, and `bandwidth` and
    `rate` are in Hz. A feature is None where it cannot be measured (no beat, no pitch, too short).

    `other_tempo` is the half or the double of the tempo, which may be the one that is meant. `key_fit` is the
    correlation (0..1) of the pitch classes with the key's profile, and `other_key` a key that fits almost as well.
    `true_peak`, `loudness_range`, `short_term`, `correlation` and `width` are as in Levels. These are None or empty in
    reports that were stored before reports had them.
    """

    tempo: float | None
    key: str | None
    loudness: float | None
    peak: float
    clipped: float
    bandwidth: float
    rate: int
    channels: int
    other_tempo: float | None = None
    key_fit: float | None = None
    other_key: str | None = None
    true_peak: float | None = None
    loudness_range: float | None = None
    short_term: tuple[float, ...] = ()
    correlation: float | None = None
    width: float | None = None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "AudioFeatures":
        """Return the features from plain values, as JSON keeps them."""
        return cls(**values | {"short_term": tuple(values.get("short_term", ()))})

    @property
    def played_loudness(self) -> float | None:
        """Return the loudness in LUFS from two loudspeakers: a single channel comes from both, which is louder."""
        return self.loudness if self.loudness is None or self.channels > 1 else self.loudness + ONE_FROM_TWO

    @property
    def mono_loss(self) -> float | None:
        """Return by how many dB the song is quieter if left and right are averaged; at most 60 dB."""
        return None if self.width is None else -10 * log10(max(1e-6, 1 - self.width))


def measure(waveform: Waveform, samples: np.ndarray, rate: int) -> AudioFeatures:
    """Measure the features of a waveform.

    `samples` [T] are the waveform resampled to `rate` Hz. The bandwidth is measured on the original.
    """
    if rate > MAX_RATE:
        samples, rate = resample(samples, rate, MAX_RATE), MAX_RATE
    levels, beats, keys = waveform.levels, tempo(samples, rate), key_fits(samples, rate)
    best, fit = keys[0] if keys and keys[0][1] > MIN_KEY_FIT else (None, None)
    return AudioFeatures(
        tempo=beats,
        key=best,
        loudness=levels.loudness,
        peak=levels.peak,
        clipped=levels.clipped,
        bandwidth=bandwidth(waveform.samples, waveform.rate),
        rate=waveform.rate,
        channels=levels.channels,
        other_tempo=beats and (2 * beats if beats <= MIDDLE_TEMPO else beats / 2),
        key_fit=fit,
        other_key=None if fit is None else next((name for name, at in keys[1:2] if fit - at < ALIKE_KEYS), None),
        true_peak=levels.true_peak,
        loudness_range=levels.loudness_range,
        short_term=levels.short_term,
        correlation=levels.correlation,
        width=levels.width,
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

    Return None if no profile fits well enough.
    """
    best, *_ = [*key_fits(samples, rate), (None, 0.0)]
    return best[0] if best[1] > MIN_KEY_FIT else None


def key_fits(samples: np.ndarray, rate: int) -> list[tuple[str, float]]:
    """Return how well each key fits the pitch classes of `samples` [T], as a correlation, the best key first.

    Return nothing if the pitch classes are all alike.
    """
    librosa = import_librosa()
    chroma = np.zeros(12)
    for part in _spectra(samples, WINDOW, WINDOW // 2):
        tuning = librosa.estimate_tuning(S=part[:, ::EACH_TUNING], sr=rate, n_fft=WINDOW)
        chroma += librosa.feature.chroma_stft(S=part**2, sr=rate, n_fft=WINDOW, tuning=tuning).sum(1)
    if np.ptp(chroma) < 1e-6:
        return []
    fits = {
        f"{NOTES[tonic]} {mode}": float(np.corrcoef(chroma, np.roll(profile, tonic))[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    return sorted(fits.items(), key=lambda each: -each[1])


def bandwidth(samples: np.ndarray, rate: int) -> float:
    """Return the highest frequency in Hz with a long-term level in `samples` [T] within 70 dB of the strongest."""
    window = np.hanning(WINDOW).astype(np.float32)
    power = np.zeros(WINDOW // 2 + 1)
    offset = _offset(samples)
    for start in range(0, len(samples), WINDOW):
        frame = samples[start : start + WINDOW] - offset
        spectrum = np.fft.rfft(frame * window[: len(frame)], WINDOW)
        power += np.square(spectrum.real) + np.square(spectrum.imag)
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
