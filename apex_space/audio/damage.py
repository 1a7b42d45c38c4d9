"""Ways to damage a song at a known severity, for teaching coherence, clarity and naturalness, and for testing judges.

Each is a pure function `(samples [N] float32, rate in Hz, severity in 0..1, rng) -> samples [M] float32`. Severity 0
returns the samples as they are; `KINDS` is the one table of them. Severities are meant for sounds at RATE: much that is
heard of some kinds depends on it.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .resample import resample

Function = Callable[[np.ndarray, int, float, np.random.Generator], np.ndarray]

RATE = 24_000
"""Sample rate in Hz for which the severities are meant."""
SEVERITIES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Severities that are tried."""
FADE_SECONDS = (0.003, 0.03)
"""Shortest and longest crossfade where sections are joined."""
N_FFT, HOP_LENGTH = 2048, 512
OVERSAMPLING = 4


@dataclass(frozen=True)
class Kind:
    """One way to damage: its name, the axis it hurts, and what it does, from mildest to worst."""

    name: str
    axis: str
    function: Function
    what: str

    def __call__(self, samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
        """`samples` [N] -> the damaged ones, [N] too but for `cut`, finite; as they are at severity 0."""
        if not 0 <= severity <= 1:
            raise ValueError(f"severity must lie between 0 and 1, not {severity}")
        if severity == 0:
            return samples
        return self.function(samples, rate, severity, rng).astype(np.float32)


def between(mild: float, worst: float, severity: float) -> float:
    """The value at `severity` on a geometric scale from `mild` (at 0) to `worst` (at 1)."""
    return float(mild * (worst / mild) ** severity)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) + 1e-9


# ---- coherence ---------------------------------------------------------------------------------------------------


def shuffle(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Sections of 6 s down to 0.7 s in random order."""

    def change(sections: list[np.ndarray], fade: int) -> list[np.ndarray]:
        order = rng.permutation(len(sections))
        unchanged = (order == np.arange(len(order))).all()
        return [sections[i] for i in (order[::-1] if unchanged else order)]

    return _edit(samples, rate, between(6, 0.7, severity), rng, change)


def cut(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """2 to 20 stretches of 0.3 to 0.7 s taken out of every 30 s; up to a third of the song is gone."""

    def change(sections: list[np.ndarray], fade: int) -> list[np.ndarray]:
        gaps = [int(rng.uniform(0.3, 0.7) * min(rate, len(section) // 2)) for section in sections]
        return sections[:1] + [section[gap:] for section, gap in zip(sections[1:], gaps[1:], strict=True)]

    return _edit(samples, rate, 30 / between(2, 20, severity), rng, change, keep_length=False)


def splice(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """A tenth to a half of the sections, of 4 down to 1 s, replaced by other passages, in another key and tempo."""

    def change(section: np.ndarray) -> np.ndarray:
        speed = 2 ** (rng.choice([-1, 1]) * rng.uniform(0.2, 0.5))
        length = int(len(section) * speed) + 2
        start = rng.integers(0, max(1, len(samples) - length))
        return _fit(varispeed(samples[start : start + length], speed), len(section))

    return _edit(samples, rate, between(4, 1, severity), rng, _some(between(0.1, 0.5, severity), rng, change))


def reverse(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """A tenth to a half of the sections, of 4 down to 1 s, played backwards."""
    backwards = _some(between(0.1, 0.5, severity), rng, lambda section: section[::-1])
    return _edit(samples, rate, between(4, 1, severity), rng, backwards)


def jump(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Tempo and key jump by 0.3 up to 5 semitones, every 7 down to 2.5 s."""
    width = between(0.3, 5, severity)

    def change(sections: list[np.ndarray], fade: int) -> list[np.ndarray]:
        signs = rng.choice([-1, 1]) * (-1) ** np.arange(len(sections))
        speeds = 2 ** (signs * rng.uniform(0.3, 0.7, len(sections)) * width / 12)
        return [varispeed(section, speed) for section, speed in zip(sections, speeds, strict=True)]

    return _edit(samples, rate, between(7, 2.5, severity), rng, change)


def stutter(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """A skipping disc: at 1 to 12 places in 30 s a piece of 0.15 to 0.5 s is played 2 to 6 times."""

    def change(sections: list[np.ndarray], fade: int) -> list[np.ndarray]:
        return [sections[0], *(_repeat_start(section, rate, fade, rng) for section in sections[1:])]

    return _edit(samples, rate, 30 / between(2, 13, severity), rng, change)


def medley(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Level, tone and speed of each section of 5 down to 1.5 s differ, as if from different recordings."""
    width = between(0.2, 1, severity)

    def change(sections: list[np.ndarray], fade: int) -> list[np.ndarray]:
        return [_rerecord(section, *(rng.uniform(-1, 1, 3) * width)) for section in sections]

    return _edit(samples, rate, between(5, 1.5, severity), rng, change)


def _edit(
    samples: np.ndarray,
    rate: int,
    seconds: float,
    rng: np.random.Generator,
    change: Callable[[list[np.ndarray], int], list[np.ndarray]],
    keep_length: bool = True,
) -> np.ndarray:
    """Cut into sections of about `seconds`, `change` them, given the fade in samples, and join them with fades."""
    fade = int(rng.uniform(*FADE_SECONDS) * rate)
    count = max(2, round(len(samples) / rate / seconds))
    jitter = rng.uniform(-0.3, 0.3, count - 1)
    marks = np.round((np.arange(1, count) + jitter) * len(samples) / count).astype(int)
    bounds = [0, *marks, len(samples)]
    sections = [samples[max(0, a - fade) : b] for a, b in pairwise(bounds)]
    joined = join(change(sections, fade), fade)
    return _fit(joined, len(samples)) if keep_length else joined


def join(pieces: list[np.ndarray], fade: int) -> np.ndarray:
    """Pieces one after the other, crossfaded over `fade` samples; each piece must hold 2 * fade samples."""
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    out = [pieces[0][:-fade]]
    for before, after in pairwise(pieces):
        out += [before[-fade:] * (1 - ramp) + after[:fade] * ramp, after[fade:-fade]]
    out.append(pieces[-1][-fade:])
    return np.concatenate(out)


def _some(
    share: float, rng: np.random.Generator, change: Callable[[np.ndarray], np.ndarray]
) -> Callable[[list[np.ndarray], int], list[np.ndarray]]:
    """A change of `share` of the sections, at least one."""

    def change_some(sections: list[np.ndarray], fade: int) -> list[np.ndarray]:
        chosen = set(rng.permutation(len(sections))[: max(1, round(share * len(sections)))].tolist())
        return [change(section) if i in chosen else section for i, section in enumerate(sections)]

    return change_some


def _repeat_start(section: np.ndarray, rate: int, fade: int, rng: np.random.Generator) -> np.ndarray:
    piece = section[: int(rng.uniform(0.15, 0.5) * rate)]
    return _fit(join([piece] * int(rng.integers(2, 7)) + [section], fade), len(section))


def _rerecord(samples: np.ndarray, speed: float, tilt: float, gain: float) -> np.ndarray:
    """Up to 4 semitones faster, 6 dB louder, and brighter or duller, for arguments in -1..1."""
    bright = np.append(samples[:1], np.diff(samples))
    tinted = samples + tilt * (2 * bright if tilt > 0 else samples - bright)
    return varispeed(tinted * 10 ** (6 * gain / 20), 2 ** (speed * 4 / 12))


def varispeed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Played `speed` times as fast, and so as high."""
    return read_at(samples, np.arange(0, len(samples) - 1, speed))


def read_at(samples: np.ndarray, at: np.ndarray) -> np.ndarray:
    """`samples` [N] between the samples, at the positions `at` [M]: four times oversampled, then linear."""
    from scipy import fft

    size = fft.next_fast_len(len(samples), real=True)
    dense = fft.irfft(fft.rfft(samples, size), OVERSAMPLING * size) * OVERSAMPLING
    value: np.ndarray = np.interp(at * OVERSAMPLING, np.arange(len(dense)), dense).astype(np.float32)
    return value


def _fit(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut or repeated to `length`."""
    return samples[:length] if len(samples) >= length else np.resize(samples, length)


# ---- clarity -----------------------------------------------------------------------------------------------------


def equalise(samples: np.ndarray, rate: int, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Multiply the spectrum by `gain` of the frequency in Hz."""
    from scipy import fft

    size = fft.next_fast_len(len(samples), real=True)
    spectrum = fft.rfft(samples, size)
    curve = gain(np.maximum(fft.rfftfreq(size, 1 / rate), 1.0)).astype(np.float32)
    filtered: np.ndarray = fft.irfft(spectrum * curve, size)[: len(samples)]
    return filtered


def noise(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Noise, white to pink, at 45 down to 3 dB below the song."""
    colour = rng.uniform(0, 0.5)
    hiss = equalise(rng.standard_normal(len(samples), dtype=np.float32), rate, lambda f: f**-colour)
    return samples + hiss * (_rms(samples) / _rms(hiss) * 10 ** (-(45 - 42 * severity) / 20))


def clip(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Flat tops: 0.1% up to 40% of the samples lie above the limit."""
    limit = np.quantile(np.abs(samples[::5]), 1 - between(0.001, 0.4, severity)) + 1e-6
    return np.clip(samples, -limit, limit)


def dull(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Nothing above 9 kHz down to 1.2 kHz."""
    corner, order = between(9000, 1200, severity), rng.choice([2, 4, 8])
    return equalise(samples, rate, lambda f: 1 / np.sqrt(1 + (f / corner) ** (2 * order)))


def thin(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Nothing below 80 up to 1000 Hz."""
    corner, order = between(80, 1000, severity), rng.choice([2, 4])
    return equalise(samples, rate, lambda f: 1 / np.sqrt(1 + (corner / f) ** (2 * order)))


def mud(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """A hump of 3 to 24 dB at 150 to 400 Hz."""
    centre, decibels = rng.uniform(150, 400), between(3, 24, severity)
    return equalise(samples, rate, lambda f: 10 ** (decibels * np.exp(-np.square(np.log2(f / centre))) / 20))


def shrill(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Everything above 2 to 4 kHz lifted by 3 to 24 dB."""
    corner, decibels = rng.uniform(2000, 4000), between(3, 24, severity)
    return equalise(samples, rate, lambda f: 10 ** (decibels / (1 + (corner / f) ** 4) / 20))


def boxy(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Three narrow resonances of 4 to 28 dB between 300 and 5000 Hz."""
    centres, decibels = 300 * (5000 / 300) ** rng.random(3), between(4, 28, severity)
    nearest = lambda f: np.min([np.abs(np.log2(f / centre)) for centre in centres], axis=0)  # noqa: E731
    return equalise(samples, rate, lambda f: 10 ** (decibels * np.exp(-np.square(nearest(f) / 0.15)) / 20))


def hum(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Mains hum and its harmonics at -36 up to +3 dB."""
    time = np.arange(len(samples)) / rate
    tones = [np.sin(2 * np.pi * (rng.choice([50, 60]) * k * time + rng.random())) / k for k in (1, 2, 3, 5, 7)]
    tone = np.sum(tones, axis=0)
    return samples + tone * (_rms(samples) / _rms(tone) * 10 ** ((-36 + 39 * severity) / 20))


def saturate(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """An overdriven stage, 0 to 30 dB into a lopsided hyperbolic tangent."""
    drive, offset = 10 ** (30 * severity / 20) / 3, rng.uniform(0, 0.5)
    return (np.tanh(samples / _rms(samples) * drive / 3 + offset) - np.tanh(offset)) * _rms(samples)


def pump(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """A compressor that levels 20 to 100% of the loudness of each 50 to 100 ms."""
    block = int(rng.uniform(0.05, 0.1) * rate)
    padded = np.pad(samples, (0, -len(samples) % block)).reshape(-1, block)
    level = np.sqrt(np.square(padded).mean(1)) + 0.003 * _rms(samples)
    at = np.arange(len(samples)) / block - 0.5
    return samples * np.interp(at, np.arange(len(level)), (_rms(samples) / level) ** between(0.2, 1, severity))


def echo(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """A room of 0.4 to 3 s, at -15 up to +6 dB."""
    from scipy import fft

    seconds = between(0.4, 3, severity)
    time = np.arange(int(seconds * rate)) / rate
    room = rng.standard_normal(len(time), dtype=np.float32) * 10 ** (-3 * time / seconds)
    size = fft.next_fast_len(len(samples) + len(room), real=True)
    wet = fft.irfft(fft.rfft(samples, size) * fft.rfft(room.astype(np.float32), size), size)[: len(samples)]
    return samples + wet * (_rms(samples) / _rms(wet) * 10 ** ((-15 + 21 * severity) / 20))


def codec(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """MP3 at 48 down to 8 kbit/s."""
    return mp3(samples, rate, 0.7 + 0.29 * severity)


def mp3(samples: np.ndarray, rate: int, compression: float) -> np.ndarray:
    """Encoded and decoded again by libsndfile; `compression` 0.2 is 128 kbit/s at 24 kHz, 0.9 is 24."""
    import soundfile

    file = io.BytesIO()
    loudest = max(float(np.abs(samples).max()), 1e-9)
    options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT"}
    soundfile.write(file, samples / loudest * 0.9, rate, compression_level=compression, **options)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return np.resize(decoded, len(samples)) * np.float32(loudest / 0.9)


def holes(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """A poor codec: the weakest 30 to 97% of each frame's spectral lines are dropped."""
    spectra = stft(samples)
    power = np.abs(spectra)
    least = np.quantile(power[:, ::4], 1 - between(0.7, 0.03, severity), axis=1, keepdims=True)
    return istft(np.where(power >= least, spectra, 0), len(samples))


def crackle(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Pops of a worn record, 1 to 60 a second, at about the level of the song."""
    count = int(between(1, 60, severity) * len(samples) / rate)
    pops = np.zeros(len(samples), np.float32)
    pops[rng.integers(0, len(samples), count)] = rng.standard_normal(count) * rng.exponential(1, count)
    pops = equalise(pops, rate, lambda f: 1 / (1 + (f / rng.uniform(2000, 6000)) ** 2))
    peak = float(np.quantile(np.abs(samples[::5]), 0.99)) + 1e-6
    return samples + pops * (peak / (float(np.abs(pops).max()) + 1e-9) * between(0.5, 4, severity))


# ---- naturalness -------------------------------------------------------------------------------------------------


def stft(samples: np.ndarray) -> np.ndarray:
    """[T, N_FFT/2 + 1], frames centred on multiples of HOP_LENGTH."""
    from scipy import fft

    padded = np.pad(samples, (N_FFT // 2, N_FFT // 2 + -len(samples) % HOP_LENGTH))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]
    spectra: np.ndarray = fft.rfft(frames * WINDOW, axis=1)
    return spectra


def istft(spectra: np.ndarray, length: int, hop: int = HOP_LENGTH) -> np.ndarray:
    """The signal [length] whose `stft` comes nearest to `spectra`."""
    from scipy import fft

    frames = fft.irfft(spectra, N_FFT, axis=1) * WINDOW
    return overlap(frames, hop, WINDOW**2)[N_FFT // 2 :][:length]


def overlap(frames: np.ndarray, hop: int, weight: np.ndarray) -> np.ndarray:
    """Frames [T, N_FFT], `hop` apart, added up and divided by the sum of `weight`."""
    parts = N_FFT // hop
    out = np.zeros((len(frames) + parts - 1, hop), np.float32)
    norm = np.zeros_like(out)
    for i in range(parts):
        out[i : i + len(frames)] += frames[:, i * hop : (i + 1) * hop]
        norm[i : i + len(frames)] += weight[i * hop : (i + 1) * hop]
    total: np.ndarray = (out / np.maximum(norm, 1e-3)).ravel()
    return total


WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


def blur(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Random phases, off by 0.15 up to pi radians."""
    spectra = stft(samples)
    width = np.float32(between(0.15, 1, severity) * np.pi)
    turn = (2 * rng.random(spectra.shape, dtype=np.float32) - 1) * width
    return istft(spectra * np.exp(1j * turn), len(samples))


def vocoder(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """A channel vocoder of 60 down to 12 bands, driven by noise, mixed in at -20 dB up to all."""
    spectra = stft(samples)
    edges = np.unique(np.geomspace(2, N_FFT // 2, int(between(60, 12, severity))).astype(int))
    power = np.square(np.abs(spectra))
    width = np.diff(np.append(edges, spectra.shape[1]))
    level = np.sqrt(np.add.reduceat(power, edges, axis=1) / width)
    carrier = stft(rng.standard_normal(len(samples), dtype=np.float32))
    carrier /= np.sqrt(np.square(np.abs(carrier)).mean())
    voiced = np.concatenate([np.zeros((len(spectra), edges[0])), np.repeat(level, width, axis=1)], axis=1) * carrier
    share = np.float32(between(0.1, 1, severity))
    return istft(spectra * np.sqrt(1 - share**2) + voiced.astype(np.complex64) * share, len(samples))


def stretch(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Squeezed to 0.9 down to 0.45 of its length and back by a plain phase vocoder."""
    factor = between(0.9, 0.45, severity)
    squeezed = phase_vocoder(samples, 1 / factor)
    return _fit(phase_vocoder(squeezed, len(squeezed) / len(samples)), len(samples))


def phase_vocoder(samples: np.ndarray, speed: float) -> np.ndarray:
    """`speed` times as fast at the same pitch: magnitudes interpolated, phases advanced (Flanagan & Golden 1966)."""
    spectra = stft(samples)
    at = np.arange(0, len(spectra) - 1, speed)
    index, part = at.astype(int), (at % 1).astype(np.float32)[:, None]
    magnitude = np.abs(spectra)
    level = (1 - part) * magnitude[index] + part * magnitude[index + 1]
    angle = np.angle(spectra)
    turn = np.cumsum((angle[index + 1] - angle[index]) % (2 * np.pi), axis=0, dtype=np.float64)
    turn = np.concatenate([angle[:1], angle[0] + turn[:-1]]) % (2 * np.pi)
    return istft(level * np.exp(1j * turn.astype(np.float32)), int(len(samples) / speed))


def grains(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Grains of 85 ms put together again up to 1 ms, at worst 60 ms, out of place."""
    hop = N_FFT // 2
    width = int(between(0.001, 0.06, severity) * rate)
    padded = np.pad(samples, (hop, 2 * N_FFT))
    starts = np.arange(0, len(samples), hop)
    moved = np.clip(starts + rng.integers(-width, width + 1, len(starts)), 0, len(samples))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[moved] * WINDOW
    return overlap(frames, hop, WINDOW)[hop:][: len(samples)]


def crush(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Rounded to 9 down to 2.5 bits."""
    step = float(np.abs(samples).max()) * 2 ** -(8 - 6.5 * severity) + 1e-9
    return np.round(samples / step) * step


def hold(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Each sample held for 2 up to 12: a low rate without a filter, mixed in at -15 dB up to all."""
    count = round(between(2, 12, severity))
    held = np.repeat(samples[::count], count)[: len(samples)]
    share = np.float32(between(0.18, 1, severity))
    return (1 - share) * samples + share * held


def comb(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Metallic: a resonance every 80 to 250 Hz, feedback 0.3 to 0.95."""
    delay = 1 / rng.uniform(80, 250)
    feedback = between(0.3, 0.95, severity)
    return equalise(samples, rate, lambda f: np.abs(1 / (1 - feedback * np.exp(-2j * np.pi * f * delay))))


def ring(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Multiplied by a tone of 30 to 200 Hz, mixed in at -20 dB up to all."""
    tone = np.sin(2 * np.pi * rng.uniform(30, 200) * np.arange(len(samples)) / rate).astype(np.float32)
    share = np.float32(between(0.1, 1, severity))
    return (1 - share) * samples + share * tone * samples


def warble(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Pitch wavers 4 to 8 times a second by 0.1 up to 2 semitones."""
    cycles, width = rng.uniform(4, 8), between(0.1, 2, severity) / 12 * np.log(2)
    time = np.arange(len(samples)) / rate
    depth = width / (2 * np.pi * cycles) * rate
    return read_at(samples, np.arange(len(samples)) + depth * np.sin(2 * np.pi * cycles * time))


def robot(samples: np.ndarray, rate: int, severity: float, rng: np.random.Generator) -> np.ndarray:
    """All phases zero in every frame, a monotone buzz, mixed in at -20 dB up to all."""
    spectra = stft(samples)
    flat = istft(np.abs(spectra).astype(np.complex64), len(samples))
    share = np.float32(between(0.1, 1, severity))
    return (1 - share) * samples + share * flat * (_rms(samples) / _rms(flat))


KINDS: tuple[Kind, ...] = tuple(
    Kind(function.__name__, axis, function, (function.__doc__ or "").strip())
    for axis, functions in {
        "coherence": (shuffle, cut, splice, jump, stutter, reverse, medley),
        "clarity": (noise, hum, crackle, clip, saturate, pump, dull, thin, shrill, boxy, mud, echo, codec, holes),
        "naturalness": (blur, vocoder, stretch, grains, crush, hold, comb, ring, warble, robot),
    }.items()
    for function in functions
)


# ---- harmless ----------------------------------------------------------------------------------------------------


def faster(samples: np.ndarray, rate: int) -> np.ndarray:
    """The whole song 3% faster and higher."""
    return varispeed(samples, 1.03)


def brighter(samples: np.ndarray, rate: int) -> np.ndarray:
    """A tilt of 3 dB over the spectrum, up."""
    return equalise(samples, rate, lambda f: (f / 1000) ** 0.05)


def darker(samples: np.ndarray, rate: int) -> np.ndarray:
    """A tilt of 3 dB over the spectrum, down."""
    return equalise(samples, rate, lambda f: (f / 1000) ** -0.05)


def louder(samples: np.ndarray, rate: int) -> np.ndarray:
    """12 dB up."""
    return samples * np.float32(10 ** (12 / 20))


def softer(samples: np.ndarray, rate: int) -> np.ndarray:
    """12 dB down."""
    return samples * np.float32(10 ** (-12 / 20))


def mp3_128(samples: np.ndarray, rate: int) -> np.ndarray:
    """Through MP3 at 128 kbit/s."""
    return mp3(samples, rate, 0.2)


def through_44100(samples: np.ndarray, rate: int) -> np.ndarray:
    """To 44.1 kHz and back."""
    return resample(resample(samples, rate, 44_100), 44_100, rate)


def through_32000(samples: np.ndarray, rate: int) -> np.ndarray:
    """To 32 kHz and back."""
    return resample(resample(samples, rate, 32_000), 32_000, rate)


def trimmed(samples: np.ndarray, rate: int) -> np.ndarray:
    """The first 0.7 s missing."""
    return samples[int(0.7 * rate) :]


def first_part(samples: np.ndarray, rate: int) -> np.ndarray:
    """The last third missing."""
    return samples[: len(samples) * 2 // 3]


def last_part(samples: np.ndarray, rate: int) -> np.ndarray:
    """The first third missing."""
    return samples[len(samples) // 3 :]


HARMLESS = {
    function.__name__: function
    for function in (
        louder,
        softer,
        mp3_128,
        through_44100,
        through_32000,
        trimmed,
        first_part,
        last_part,
        faster,
        brighter,
        darker,
    )
}
"""What a judge must not mind, by name: `(samples [N], rate) -> samples`."""


# ---- inaudible ---------------------------------------------------------------------------------------------------


def quieter(samples: np.ndarray, rate: int) -> np.ndarray:
    """3 dB down."""
    return samples * np.float32(10 ** (-3 / 20))


def later(samples: np.ndarray, rate: int) -> np.ndarray:
    """The first 0.2 s missing."""
    return samples[int(0.2 * rate) :]


def mp3_best(samples: np.ndarray, rate: int) -> np.ndarray:
    """Through MP3 at its highest rate, 160 kbit/s at 24 kHz."""
    return mp3(samples, rate, 0.0)


def sixteen_bits(samples: np.ndarray, rate: int) -> np.ndarray:
    """Rounded to 16 bits of full scale."""
    return np.round(samples * np.float32(32_768)) / np.float32(32_768)


INAUDIBLE = {function.__name__: function for function in (quieter, later, mp3_best, sixteen_bits, through_44100)}
"""What no listener would notice in a song, by name: `(samples [N], rate) -> samples`."""
