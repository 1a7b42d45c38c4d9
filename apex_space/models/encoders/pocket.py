"""Turns waveform segments into statistics of timbre, rhythm, harmony, form and sound quality. NumPy and SciPy only.

Two short-time spectra are computed once (`Spectra`) and shared by all features. No feature depends on the level:
a segment is divided by its root mean square before anything else, and all floors are relative to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from scipy import fft

from ...audio.segments import SEGMENT_SECONDS

SAMPLE_RATE = 24_000
MIN_SECONDS = 4.0
"""Least length of a sound. Shorter sounds are repeated up to it, because rhythm and form have no meaning below it."""

N_FFT, HOP_LENGTH = 1024, 480
"""Samples of a window and between frames of the fine spectrum: 43 ms windows, 50 frames per second."""
LONG_N_FFT, LONG_HOP_LENGTH = 4096, 2400
"""Samples of a window and between frames of the long spectrum: 171 ms windows, 10 frames per second.

Its bins of 5.9 Hz separate the semitones from 110 Hz up.
"""
FRAMES = SAMPLE_RATE // HOP_LENGTH
LONG_FRAMES = SAMPLE_RATE // LONG_HOP_LENGTH

N_MELS = 40
N_MFCC = 20
FLOOR = 1e-8
"""Least power, relative to the segment's mean power: -80 dB."""
PITCHES = np.arange(45, 105)
"""MIDI numbers of the semitones that are analysed: A2 (110 Hz) to G#7 (3.3 kHz), five octaves."""
TOP = 10_000
"""Highest frequency that is analysed, in Hz. Above it, resamplers and codecs differ."""
BANDS = (0, 200, 400, 800, 1600, 3200, 6400, TOP)
"""Edges in Hz of the octave-like bands."""
MODULATIONS = (0.3, 0.7, 1.4, 2.8, 5.6, 11.2, 25.0)
"""Edges in Hz of the bands of the modulation spectrum."""
MODULATION_SECONDS = 3
BEAT_LAGS = np.geomspace(0.1, 4.0, 15)
"""Edges in seconds of the ranges of lags in the autocorrelation of the onsets."""
NOVELTY = (2, 10, 50)
"""Numbers of frames of the fine spectrum that are compared on either side of a possible sudden change."""
LAGS = (1, 2, 3, 4, 6, 8, 11, 15)
"""Seconds between the moments that `form` compares."""

TINY = 1e-12


@dataclass(frozen=True)
class Spectra:
    """The spectra from which all features are computed, with T fine frames and U long frames."""

    samples: np.ndarray
    """Samples [N] with root mean square 1."""
    spectrum: np.ndarray
    """Fine spectrum [T, N_FFT/2 + 1] complex."""
    power: np.ndarray
    """Power of the fine spectrum [T, N_FFT/2 + 1], with mean 1 over all frames and bins."""
    mel: np.ndarray
    """Mel spectrum [T, N_MELS] in dB."""
    cepstrum: np.ndarray
    """MFCCs [T, N_MFCC]: the orthonormal cosine transform of `mel`."""
    long_power: np.ndarray
    """Power of the long spectrum [U, LONG_N_FFT/2 + 1], with mean 1 over all frames and bins."""
    pitch: np.ndarray
    """Amplitudes of the semitones [U, len(PITCHES)]."""
    chroma: np.ndarray
    """Amplitudes of the pitch classes [U, 12], each frame scaled to length 1."""


class PocketEncoder:
    """Turns segments into features."""

    rate, resampling = SAMPLE_RATE, "sinc"
    segment_seconds = SEGMENT_SECONDS
    precision = "float32"
    reason = "it is fast as it is"
    batch = 1
    part_seconds = 0.0
    embeddings_version = 1

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Encode `samples` [S, L], zero-padded beyond `valid` [S] samples -> [S, F] float32, always finite."""
        return np.stack([features(row[:count]) for row, count in zip(samples, valid, strict=True)])


@cache
def width() -> int:
    """Return F, the number of features."""
    return len(features(np.zeros(1, np.float32)))


def features(samples: np.ndarray) -> np.ndarray:
    """Compute the features [F] float32 of `samples` [N] at SAMPLE_RATE."""
    view = compute_spectra(samples)
    values = np.concatenate([np.ravel(block(view)) for block in BLOCKS])
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)


def compute_spectra(samples: np.ndarray) -> Spectra:
    """Compute the spectra of `samples` [N] at SAMPLE_RATE."""
    least = int(MIN_SECONDS * SAMPLE_RATE)
    if len(samples) < least:
        samples = np.resize(samples if len(samples) else np.zeros(1, np.float32), least)
    samples = samples.astype(np.float32) - np.float32(samples.mean())
    samples /= np.sqrt(np.mean(np.square(samples), dtype=np.float64)) + TINY
    spectrum = stft(samples, N_FFT, HOP_LENGTH)
    power = _power(spectrum)
    mel = 10 * np.log10(power @ mel_bank() + FLOOR)
    long_power = _power(stft(samples, LONG_N_FFT, LONG_HOP_LENGTH))
    pitch = np.sqrt(long_power @ pitch_bank())
    folded = pitch.reshape(len(pitch), -1, 12).sum(1)
    return Spectra(
        samples=samples,
        spectrum=spectrum,
        power=power,
        mel=mel,
        cepstrum=fft.dct(mel, norm="ortho")[:, :N_MFCC],
        long_power=long_power,
        pitch=pitch,
        chroma=folded / (np.linalg.norm(folded, axis=1, keepdims=True) + 1e-3),
    )


def stft(samples: np.ndarray, frame: int, hop: int) -> np.ndarray:
    """Compute windowed spectra [T, frame/2 + 1] complex64 of every whole frame."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, frame)[::hop]
    spectra: np.ndarray = fft.rfft(frames * _window(frame), axis=1)
    return spectra


def _power(spectrum: np.ndarray) -> np.ndarray:
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    scaled: np.ndarray = power / (power.mean() + TINY)
    return scaled


@cache
def _window(frame: int) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)).astype(np.float32)


@cache
def mel_bank() -> np.ndarray:
    """Return mel filters [N_FFT/2 + 1, N_MELS]: triangles, each of area 1, from 30 Hz to TOP on the HTK mel scale."""
    low, high = 2595 * np.log10(1 + np.array([30, TOP]) / 700)
    edges = 700 * (10 ** (np.linspace(low, high, N_MELS + 2) / 2595) - 1)
    bins = np.arange(N_FFT // 2 + 1)[:, None] * SAMPLE_RATE / N_FFT
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    bank = np.maximum(0, np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid)))
    bank[np.abs(bins[:, 0, None] - mid).argmin(0), np.arange(N_MELS)] += TINY
    scaled: np.ndarray = (bank / bank.sum(0)).astype(np.float32)
    return scaled


@cache
def pitch_bank() -> np.ndarray:
    """Return pitch filters [LONG_N_FFT/2 + 1, len(PITCHES)]: raised cosines that reach one semitone to either side."""
    bins = np.maximum(np.arange(LONG_N_FFT // 2 + 1), 0.5) * SAMPLE_RATE / LONG_N_FFT
    away = np.abs(69 + 12 * np.log2(bins / 440)[:, None] - PITCHES)
    scaled: np.ndarray = np.where(away < 1, 0.5 + 0.5 * np.cos(np.pi * away), 0).astype(np.float32)
    return scaled


def _edges(frame: int) -> np.ndarray:
    return np.round(np.array(BANDS) * frame / SAMPLE_RATE).astype(int)


def _by_band(values: np.ndarray, frame: int) -> np.ndarray:
    """Return the means [T, bands] of `values` [T, bins] over each of BANDS."""
    edges = _edges(frame)
    sums = np.add.reduceat(values[:, : edges[-1]], edges[:-1], axis=1)
    means: np.ndarray = sums / np.diff(edges)
    return means


def _over_time(values: np.ndarray) -> np.ndarray:
    """Return the mean, deviation and mean step of `values` [T, C] over time: [3, C]."""
    return np.stack([values.mean(0), values.std(0), np.abs(np.diff(values, axis=0)).mean(0)])


def _decibel(power: np.ndarray) -> np.ndarray:
    level: np.ndarray = 10 * np.log10(power + FLOOR)
    return level


def _peaky(values: np.ndarray) -> np.ndarray:
    """Describe the distribution of `values` [T, C >= 1]: its tail against its middle, and kurtosis, in log units."""
    low, mid, high, top = np.quantile(values, [0.25, 0.5, 0.9, 0.99], axis=0) + 1e-6
    centred = values - values.mean(0)
    kurtosis = (centred**4).mean(0) / (np.square(centred).mean(0) ** 2 + TINY)
    return np.log(np.stack([np.abs(mid / low), np.abs(high / mid), np.abs(top / high), kurtosis + 1e-3]))


# ---- blocks: Spectra -> numbers ----------------------------------------------------------------------------------


def timbre(view: Spectra) -> np.ndarray:
    """Describe the cepstrum over time, and how its mean and deviation within a second differ between seconds."""
    seconds = view.cepstrum[: len(view.cepstrum) // FRAMES * FRAMES].reshape(-1, FRAMES, N_MFCC)
    inside = seconds.std(1)
    return np.concatenate([_over_time(view.cepstrum), [seconds.mean(1).std(0), inside.mean(0), inside.std(0)]])


def mfcc_correlation(view: Spectra) -> np.ndarray:
    """Compute the correlations of the cepstrum's coefficients with each other."""
    centred = view.cepstrum[:, :16] - view.cepstrum[:, :16].mean(0)
    scaled = centred / (np.linalg.norm(centred, axis=0) + 1e-3)
    correlation: np.ndarray = (scaled.T @ scaled)[np.triu_indices(16, 1)]
    return correlation


def shape(view: Spectra) -> np.ndarray:
    """Measure where the spectrum ends in each frame (spectral rolloff), in octaves, and how this point moves."""
    cumulated = np.cumsum(view.power[:, : _edges(N_FFT)[-1]], axis=1)
    total = cumulated[:, -1:] + TINY
    points = [(cumulated < share * total).sum(1) for share in (0.25, 0.5, 0.85, 0.95, 0.99)]
    return _over_time(np.log2(np.stack(points, axis=1) + 1.0))


def edge(view: Spectra) -> np.ndarray:
    """Measure the long-term level in every third mel band, and where the spectrum falls 30 to 70 dB below its top."""
    longterm = _decibel(view.power.mean(0)[: _edges(N_FFT)[-1]])
    under = longterm.max() - np.array([30, 40, 50, 60, 70])
    last = [np.nonzero(longterm > level)[0][-1] for level in under]
    first = [np.nonzero(longterm > level)[0][0] for level in under[:2]]
    return np.concatenate([np.log2(np.array(last) + 1.0), np.log2(np.array(first) + 1.0), view.mel.mean(0)[::3]])


def flatness(view: Spectra) -> np.ndarray:
    """Compare noise with tones in each band: geometric over arithmetic mean of the power, at both resolutions."""
    fine, long = (
        _by_band(np.log(power + FLOOR), frame) - np.log(_by_band(power, frame) + FLOOR)
        for power, frame in ((view.power, N_FFT), (view.long_power, LONG_N_FFT))
    )
    return np.concatenate([fine.mean(0), fine.std(0), long.mean(0), long.std(0), *np.quantile(long, [0.1, 0.9], 0)])


def floor(view: Spectra) -> np.ndarray:
    """Measure the power in the quietest moments and bins: background noise and spectral holes."""
    bands = _decibel(_by_band(view.power, N_FFT))
    low, mid, high = np.quantile(bands, [0.05, 0.5, 0.95], axis=0)
    relative = view.power[:, : _edges(N_FFT)[-1]]
    holes = _by_band((relative < 1e-7).astype(np.float32), N_FFT).mean(0)
    return np.concatenate([low - mid, high - mid, low, holes])


def dynamics(view: Spectra) -> np.ndarray:
    """Measure the loudness over time, and how far the waveform's peaks are above it."""
    blocks = view.samples[: len(view.samples) // 1200 * 1200].reshape(-1, 1200)
    level = _decibel(np.square(blocks).mean(1))
    magnitude = np.abs(blocks)
    peak = magnitude.max(1)
    crest = 2 * _decibel(peak) - 2 * level
    flat = (magnitude > 0.95 * peak[:, None]).mean(1)
    sparse = view.samples[::7]
    tops = np.quantile(np.abs(sparse), [0.5, 0.9, 0.99, 0.999, 0.9999])
    loudness = np.quantile(level, [0.05, 0.25, 0.5, 0.75, 0.95])
    return np.concatenate(
        [
            loudness,
            [level.std(), np.abs(np.diff(level)).mean(), crest.mean(), crest.std()],
            [np.log(flat.mean() + 1e-4), np.log(flat.std() + 1e-4)],
            np.log(tops + 1e-6),
            [np.log((sparse**4).mean() + TINY)],
        ]
    )


def clicks(view: Spectra) -> np.ndarray:
    """Measure steps and corners in the waveform, after a filter with two zeros at half the sample rate."""
    smooth = (view.samples[:-2] + 2 * view.samples[1:-1] + view.samples[2:]) / 4
    step = np.diff(smooth)
    corner = np.diff(step)
    jumps = np.abs(np.diff(corner))
    blocks = jumps[: len(jumps) // HOP_LENGTH * HOP_LENGTH].reshape(-1, HOP_LENGTH)
    peaks = blocks.max(1) / (blocks.mean(1) + 1e-4)
    energies = [_decibel(np.square(x).mean()) for x in (step, corner)]
    return np.concatenate([energies, np.log(np.quantile(peaks, [0.1, 0.5, 0.9, 0.99, 1.0]) + 1e-3)])


def modulation(view: Spectra) -> np.ndarray:
    """Measure the energy of slow to fast changes: of the loudness in six bands, and of the cepstrum."""
    bands = np.stack([part.mean(1) for part in np.array_split(view.mel, 6, axis=1)], axis=1)
    energy = _changes(np.concatenate([bands, view.cepstrum[:, :16]], axis=1))
    share = energy[:6] / (energy[:6].sum(1, keepdims=True) + 1e-3)
    return np.concatenate([np.log(energy + 1e-3).ravel(), np.log(share + 1e-4).ravel()])


def _changes(values: np.ndarray) -> np.ndarray:
    """Return the energy [C, bands of MODULATIONS] of the changes of `values` [T, C]."""
    length = MODULATION_SECONDS * FRAMES
    pieces = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[:: length // 2]
    pieces = (pieces - pieces.mean(-1, keepdims=True)) * _window(length)
    power = np.square(np.abs(fft.rfft(pieces, axis=-1))).mean(0)
    edges = np.round(np.array(MODULATIONS) * MODULATION_SECONDS).astype(int)
    energy: np.ndarray = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    return energy


def _onsets(view: Spectra) -> np.ndarray:
    """Return the onset strength [T - 1]: the rise of the level, averaged over the mel bands."""
    rise = np.maximum(0, np.diff(view.mel, axis=0)).mean(1)
    return rise


def _repetition(onsets: np.ndarray) -> np.ndarray:
    """Return the autocorrelation of `onsets` [T], which is 1 at lag 0."""
    centred = onsets - onsets.mean()
    size = fft.next_fast_len(2 * len(centred), real=True)
    power = np.square(np.abs(fft.rfft(centred, size)))
    raw = fft.irfft(power, size)[: len(centred)]
    unbiased: np.ndarray = raw / (raw[0] + TINY) * len(raw) / np.arange(len(raw), 0, -1)
    return unbiased


def rhythm(view: Spectra) -> np.ndarray:
    """Measure the strength, number and regularity of onsets."""
    onsets = _onsets(view)
    repeats = _repetition(onsets)
    spans = [repeats[a : max(b, a + 1)] for a, b in pairwise(np.round(BEAT_LAGS * FRAMES).astype(int))]
    beats = [span.max(initial=0) for span in spans]
    troughs = [span.min(initial=0) for span in spans[::3]]
    strength = [np.log(onsets.mean() + 0.01), *_peaky(onsets[:, None]).ravel()]
    return np.array([*beats, *troughs, max(beats[4:9]), *_regularity(onsets), *strength])


def _regularity(onsets: np.ndarray) -> tuple[float, float, float, float]:
    """Return the peaks per second in `onsets` [T], and the mean, deviation and mean step of the gaps between peaks.

    The mean is a logarithm. The deviation and the mean step are relative to the mean.
    """
    inner = onsets[1:-1]
    tops = (inner > onsets[:-2]) & (inner >= onsets[2:]) & (inner > onsets.mean() + onsets.std())
    gaps = np.diff(np.nonzero(tops)[0]) / FRAMES
    if len(gaps) < 2:
        gaps = np.ones(2)
    mean = gaps.mean()
    return tops.sum() * FRAMES / len(onsets), np.log(mean), gaps.std() / mean, np.abs(np.diff(gaps)).mean() / mean


def beat_phase(view: Spectra) -> np.ndarray:
    """Measure how well the beat keeps its phase from window to window, at the strongest period of three ranges."""
    onsets = _onsets(view)
    repeats = _repetition(onsets)
    values = []
    for low, high in ((0.12, 0.3), (0.3, 0.8), (0.8, 2.4)):
        first, last = int(low * FRAMES), int(high * FRAMES)
        lag = first + int(np.argmax(repeats[first:last]))
        turned = (onsets - onsets.mean()) * np.exp(-2j * np.pi * np.arange(len(onsets)) / lag)
        values += [*_keeps_phase(turned, 1), *_keeps_phase(turned, 2), *_keeps_phase(turned, 4), repeats[lag]]
    return np.array(values)


def _keeps_phase(turned: np.ndarray, seconds: int) -> tuple[float, float]:
    """Measure how far the sums of `turned` [T] over windows have the same phase: all windows, and neighbouring ones."""
    length = min(seconds * FRAMES, len(turned) // 2)
    sums = turned[: len(turned) // length * length].reshape(-1, length).sum(1)
    steps = sums[1:] * sums[:-1].conj()
    return np.abs(sums.sum()) / (np.abs(sums).sum() + TINY), steps.real.sum() / (np.abs(steps).sum() + TINY)


KEY_PROFILES = np.array(
    [  # Krumhansl & Kessler 1982: major, minor
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    ]
)


@cache
def _keys() -> np.ndarray:
    """Return the profiles [12, 24] of all keys, each with mean 0 and length 1."""
    centred = KEY_PROFILES - KEY_PROFILES.mean(1, keepdims=True)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    return np.concatenate([np.stack([np.roll(p, k) for k in range(12)], axis=1) for p in centred], axis=1)


def _key_fit(chroma: np.ndarray) -> np.ndarray:
    """Return the correlation [..., 24] of `chroma` [..., 12] with every key."""
    centred = chroma - chroma.mean(-1, keepdims=True)
    fits: np.ndarray = centred @ _keys() / (np.linalg.norm(centred, axis=-1, keepdims=True) + 1e-3)
    return fits


def harmony(view: Spectra) -> np.ndarray:
    """Describe the pitch classes: how few they are, their intervals, how well they fit a key and how long they stay.

    The results are the same in every key.
    """
    profile = view.chroma.mean(0)
    share = profile / (profile.sum() + TINY)
    intervals = [(share * np.roll(share, k)).sum() * 12 for k in range(7)]
    local = view.chroma**2
    local = local / (local.sum(1, keepdims=True) + TINY)
    together = [(local * np.roll(local, k, axis=1)).sum(1) for k in range(7)]
    entropy = -(local * np.log(local + 1e-6)).sum(1)
    fits = _key_fit(profile)
    best = int(fits.argmax())
    pieces = np.stack([p.mean(0) for p in np.array_split(view.chroma, max(1, len(view.chroma) // 40))])
    piecewise = _key_fit(pieces)
    return np.concatenate(
        [
            np.sort(share),
            intervals,
            np.mean(together, axis=1),
            np.std(together, axis=1)[:3],
            [entropy.mean(), entropy.std(), -(share * np.log(share + 1e-6)).sum()],
            [fits.max(), fits[:12].max() - fits[12:].max(), fits.max() - np.sort(fits)[-3]],
            [piecewise.max(1).mean(), piecewise.max(1).min(), piecewise[:, best].mean(), piecewise[:, best].min()],
        ]
    )


def melody(view: Spectra) -> np.ndarray:
    """Measure which octaves sound, how many pitches sound at once, and how far and often the strongest one moves."""
    level = view.pitch + 1e-3
    share = level / level.sum(1, keepdims=True)
    octaves = np.log(share.reshape(len(share), -1, 12).sum(2) + 1e-3)
    height = share @ PITCHES
    spread = np.sqrt(np.maximum(0, share @ np.square(PITCHES) - height**2))
    top = PITCHES[level.argmax(1)]
    leaps = np.abs(np.diff(top))
    polyphony = np.exp(-(share * np.log(share)).sum(1))
    return np.concatenate(
        [
            octaves.mean(0),
            octaves.std(0),
            [height.mean(), height.std(), spread.mean(), spread.std(), polyphony.mean(), polyphony.std(), top.std()],
            [(leaps == 0).mean(), ((leaps > 0) & (leaps <= 2)).mean(), (leaps > 7).mean(), (leaps == 12).mean()],
        ]
    )


def _unit(values: np.ndarray) -> np.ndarray:
    """Return the rows of `values` [T, C], centred over time and scaled to length 1."""
    centred = values - values.mean(0)
    unit: np.ndarray = centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-3)
    return unit


def _pool(values: np.ndarray, count: int) -> np.ndarray:
    """Return the means of `values` [T, C] over `count` frames each."""
    return values[: len(values) // count * count].reshape(-1, count, values.shape[1]).mean(1)


def form(view: Spectra) -> np.ndarray:
    """Measure the likeness of moments by their distance in time, and the best match elsewhere.

    Both are measured for timbre and for harmony.
    """
    values: list[float] = []
    for frames in (_unit(_pool(view.cepstrum[:, :13], FRAMES // 2)), _unit(_pool(view.chroma, LONG_FRAMES // 2))):
        likeness = frames @ frames.T
        count = len(frames)
        by_lag = np.array([np.diagonal(likeness, k).mean() for k in range(count - 1)])
        values += [float(by_lag[min(2 * lag, count - 2)]) for lag in LAGS]
        far = by_lag[min(6, count - 3) : max(count * 2 // 3, min(6, count - 3) + 1)]
        values += [float(far.max()), float(far.std())]
        away = np.abs(np.subtract.outer(np.arange(count), np.arange(count))) >= min(4, count // 2)
        match = np.where(away, likeness, -1)
        nearest = match.argmax(1)
        values += [float(match.max(1).mean()), float((np.diff(nearest) == 1).mean()), float(np.square(likeness).mean())]
    return np.array(values)


def novelty(view: Spectra) -> np.ndarray:
    """Compare sudden changes with the usual ones: timbre, level and harmony before and after each moment."""
    values = []
    sources = [(view.cepstrum[:, 1:], width) for width in NOVELTY] + [(view.cepstrum[:, :1], 2)]
    sources += [(view.chroma, 2), (view.chroma, 10), (view.chroma, 30)]
    for source, width in sources:
        total = np.concatenate([np.zeros((1, source.shape[1])), np.cumsum(source, axis=0, dtype=np.float64)])
        width = min(width, len(source) // 3)
        mean = (total[width:] - total[:-width]) / width
        change = np.linalg.norm(mean[width:] - mean[:-width], axis=1)[:, None]
        values += [np.log(change.mean() + 1e-3), *_peaky(change).ravel()]
    return np.array(values)


def phase(view: Spectra) -> np.ndarray:
    """Measure how phases continue from frame to frame (tones) and from bin to bin (attacks), in each band.

    Only every third frame is measured.
    """
    spectrum = view.spectrum[:, : _edges(N_FFT)[-1] + 2]
    weight = np.sqrt(view.power[:, : spectrum.shape[1]])
    last = len(spectrum) // 3 * 3
    first, second, third = (spectrum[i:last:3] for i in range(3))
    onward = _turn(second, third) * _turn(first, second).conj()
    across = _turn(second[:, :-1], second[:, 1:])
    bend = across[:, 1:] * across[:, :-1].conj()
    values = []
    for turn in (onward, across, bend):
        weights = weight[1:last:3, : turn.shape[1]]
        total = _by_band(weights, N_FFT) + TINY
        steady = _by_band(turn.real * weights, N_FFT)
        values += [steady.sum(0) / total.sum(0), (steady / total).std(0)]
    return np.concatenate(values)


def _turn(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the phase difference as a complex number of length 1 (0 in silence)."""
    product = after * before.conj()
    unit: np.ndarray = product / (np.abs(product) + 1e-4)
    return unit


def attack(view: Spectra) -> np.ndarray:
    """Measure how sharply energy rises in each band: changes within 20 ms against their mean, rises against falls."""
    bands = 10 * np.log10(_by_band(view.power, N_FFT) + FLOOR)
    step = np.diff(bands, axis=0)
    up, down = np.maximum(0, step), np.maximum(0, -step)
    skew = (step**3).mean(0) / (np.square(step).mean(0) ** 1.5 + TINY)
    extremes = [np.quantile(x, 0.98, axis=0) for x in (up, down)]
    return np.concatenate([np.log((up + 1e-3).mean(0)), skew, *extremes])


BLOCKS: tuple[Callable[[Spectra], np.ndarray], ...] = (
    timbre, mfcc_correlation, shape, edge, flatness, floor, dynamics, clicks, modulation,
    rhythm, beat_phase, harmony, melody, form, novelty, phase, attack,
)  # fmt: skip
