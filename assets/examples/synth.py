"""A small synthesizer for the example songs: score notation, instruments, playing and mixing, mastering.

Waves are [n] mono or [n, 2] stereo at SAMPLE_RATE; pitches are MIDI numbers; scores count beats, sound seconds. An
instrument is a function of (pitch, seconds, random generator); nothing else is random.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pyloudnorm
from scipy import ndimage, signal

SAMPLE_RATE = 44_100
LOUDNESS = -14.0  # LUFS, what streaming services play at
CEILING = 10 ** (-2.8 / 20)  # true peak before the codec, which adds up to 1.4 dB
Wave = np.ndarray
Rng = np.random.Generator
Harmony = list[tuple[float, float, tuple[int, ...]]]  # (beat, beats, pitches)

# ---------------------------------------------------------------- score

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {"": 0, "#": 1, "b": -1, "♯": 1, "♭": -1}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
QUALITIES = {  # as voiced: ninths and thirteenths leave the root to the bass
    "": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "maj7": (0, 4, 7, 11), "m6": (0, 3, 7, 9),
    "m7b5": (0, 3, 6, 10), "add9": (0, 2, 4, 7), "6": (0, 4, 7, 9), "maj9": (2, 4, 7, 11), "m9": (2, 3, 7, 10),
    "13": (2, 4, 9, 10), "7b9": (1, 4, 7, 10), "5": (0, 7), "sus4": (0, 5, 7), "9": (2, 4, 7, 10), "dim7": (0, 3, 6, 9),
}  # fmt: skip


def timed(text: str, beats: float) -> list[tuple[float, float, str]]:
    """`"A:2 B C:1"` as (beat, beats, token); a length holds until the next one is given."""
    notes, beat = [], 0.0
    for word in text.split():
        token, _, length = word.partition(":")
        beats = float(length) if length else beats
        notes.append((beat, beats, token))
        beat += beats
    return notes


def parse_chord(symbol: str) -> tuple[int, int, list[int]]:
    """`"Gm7/Bb"` as root, bass and chord tones, all pitch classes."""
    letter, sign, quality, _, bass, flat = re.fullmatch(r"([A-G])([#b]?)([^/]*)(/([A-G])([#b]?))?", symbol).groups()
    root = LETTERS[letter] + SIGNS[sign]
    tones = [(root + step) % 12 for step in QUALITIES[quality]]
    return root, LETTERS[bass] + SIGNS[flat] if bass else root, tones


def voiced(text: str, centre: int, beats: float = 4) -> Harmony:
    """Close voicings about `centre`, each the inversion that moves least from the one before."""
    harmony, last = [], []
    for beat, length, symbol in timed(text, beats):
        tones = parse_chord(symbol)[2]
        lows = [low for low in range(centre - 12, centre) if low % 12 in tones]
        options = [sorted(low + (tone - low) % 12 for tone in tones) for low in lows]
        costs = [
            abs(np.mean(option) - centre)
            + sum(min(abs(pitch - before) for before in last or [pitch]) for pitch in option)
            + 2 * (option[-1] - option[-2] == 1)  # a semitone on top sounds harsh
            for option in options
        ]
        last = options[int(np.argmin(costs))]
        harmony.append((beat, length, tuple(last)))
    return harmony


def low(text: str, floor: int, beats: float = 4) -> Harmony:
    """What a bass plays: bass note, fifth, octave and third of each chord, from `floor` up."""
    harmony = []
    for beat, length, symbol in timed(text, beats):
        root, bass, tones = parse_chord(symbol)
        note = floor + (bass - floor) % 12
        fifth, third = (next((t for t in tones if (t - root) % 12 in steps), root) for steps in ((6, 7), (3, 4)))
        harmony.append((beat, length, (note, note + (fifth - bass) % 12, note + 12, note + (third - bass) % 12)))
    return harmony


def degree(token: str, tonic: int, mode: str) -> int:
    """Scale degree to pitch: `3` the third, `b7` lowered, `9` beyond the octave, `5,` an octave down."""
    sign, number, down = re.fullmatch(r"([#b]?)(\d+)(,*)", token).groups()
    octave, step = divmod(int(number) - 1, 7)
    return tonic + SCALES[mode][step] + SIGNS[sign] + 12 * (octave - len(down))


# ---------------------------------------------------------------- instruments


def hertz(pitch: float | np.ndarray) -> float | np.ndarray:
    return 440.0 * 2 ** ((pitch - 69) / 12)


def clock(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def envelope(seconds: float, attack: float, decay: float, sustain: float, release: float) -> Wave:
    t = clock(seconds + release)
    rise = np.sin(np.pi / 2 * np.clip(t / attack, 0, 1)) ** 2
    return rise * (sustain + (1 - sustain) * np.exp(-t / decay)) * np.clip((seconds + release - t) / release, 0, 1) ** 2


def sawtooth(frequency: np.ndarray, phase: np.ndarray) -> Wave:
    """Band-limited by a polynomial step (polyBLEP, Valimaki 2007): `frequency` [n, v] in Hz, `phase` [v] in cycles."""
    step = frequency / SAMPLE_RATE
    t = (phase + np.cumsum(step, axis=0)) % 1
    early, late = t / step, (t - 1) / step
    return 2 * t - 1 + np.where(t < step, (early - 1) ** 2, 0) - np.where(t > 1 - step, (late + 1) ** 2, 0)


def filtered(x: Wave, kind: str, edge: float | tuple[float, float], order: int = 1) -> Wave:
    return signal.sosfilt(signal.butter(order, edge, kind, fs=SAMPLE_RATE, output="sos"), x, axis=0)


def peaking(x: Wave, centre: float, gain_db: float, q: float) -> Wave:
    """The peaking filter of the Audio EQ Cookbook (R. Bristow-Johnson)."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * centre / SAMPLE_RATE
    alpha, cos = np.sin(w) / (2 * q), -2 * np.cos(w)
    return signal.lfilter([1 + alpha * a, cos, 1 - alpha * a], [1 + alpha / a, cos, 1 - alpha / a], x, axis=0)


def lowpass_along(x: Wave, cutoff: np.ndarray, q: float) -> Wave:
    """The cookbook's lowpass with a moving `cutoff` [n] in Hz, renewed every 128 samples (3 ms)."""
    state, out = np.zeros((2, *x.shape[1:])), np.empty_like(x)
    for at in range(0, len(x), 128):
        w = 2 * np.pi * min(cutoff[at], 16_000) / SAMPLE_RATE
        alpha, cos = np.sin(w) / (2 * q), np.cos(w)
        b, a = [(1 - cos) / 2, 1 - cos, (1 - cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]
        out[at : at + 128], state = signal.lfilter(b, a, x[at : at + 128], axis=0, zi=state)
    return out


def saws(
    pitch: float, seconds: float, rng: Rng, voices=5, detune=0.1, attack=0.01, decay=0.3, sustain=0.6, release=0.15,
    cutoff=900.0, sweep=3000.0, fall=0.25, q=0.8, width=0.9, vibrato=0.0, glide=0.0, sub=0.0,
) -> Wave:  # fmt: skip
    """Detuned saws across the stereo field through a lowpass with an envelope: bass, stab, lead, strings, pad."""
    shape = envelope(seconds, attack, decay, sustain, release)
    t = np.arange(len(shape)) / SAMPLE_RATE
    bend = vibrato * np.sin(2 * np.pi * 5.4 * t) * np.clip(t / 0.5 - 0.4, 0, 1) - glide * np.exp(-t / 0.03)
    places = np.linspace(-1, 1, voices) if voices > 1 else np.zeros(1)
    spread = detune * places + rng.normal(0, detune / 8, voices)
    wave = sawtooth(hertz(pitch + bend[:, None] + spread), rng.random(voices))
    angle = np.pi / 4 * (1 + width * np.concatenate([places[::2], places[1::2]]))
    stereo = wave @ np.stack([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(voices)
    stereo = lowpass_along(stereo, cutoff + sweep * np.exp(-t / fall), q)
    if sub:
        stereo += sub * np.sin(2 * np.pi * np.cumsum(hertz(pitch + bend)) / SAMPLE_RATE)[:, None]
    return stereo * shape[:, None]


def pluck(pitch: float, seconds: float, rng: Rng, bright=0.5, ring=2.5, release=0.12, place=0.18) -> Wave:
    """Karplus-Strong string, tuned by a cubic Lagrange delay; `ring` is its T60 in seconds."""
    period, damping = SAMPLE_RATE / hertz(pitch), 0.5 - 0.45 * bright
    whole = int(period - damping) - 1
    fraction = period - damping - whole
    lagrange = [np.prod([(fraction - j) / (k - j) for j in range(4) if j != k]) for k in range(4)]
    taps = 10 ** (-3 * period / SAMPLE_RATE / ring) * np.convolve(lagrange, [1 - damping, damping])
    burst = filtered(rng.uniform(-1, 1, int(period)), "low", 1200 + 7000 * bright)
    burst -= np.roll(burst, int(place * period))  # where it is plucked: a comb
    shape, start = envelope(seconds, 0.001, 1, 1, release), whole + 4
    out = np.zeros(len(shape) + start)
    out[start : start + len(burst)] = (burst - burst.mean())[: len(shape)]
    for at in range(start, len(out), whole):  # one period at a time; each hears only earlier ones
        stop = min(at + whole, len(out))
        out[at:stop] += np.convolve(out[at - whole - 4 : stop - whole], taps, "valid")
    return 2 * out[start:] * shape


def piano(pitch: float, seconds: float, rng: Rng, bright=0.5) -> Wave:
    """Stretched partials of two strings, high ones and high notes fading sooner; a felt thump."""
    shape, f = envelope(seconds, 0.002, 1, 1, 0.25), hertz(pitch)
    t = np.arange(len(shape)) / SAMPLE_RATE
    out = np.outer(filtered(rng.normal(0, 0.25, len(t)), "band", (90, 700)) * np.exp(-t / 0.02), [1, 1])
    for k in range(1, min(28, int(9000 / f)) + 1):
        level = abs(np.sin(np.pi * k / 8.3)) / k * np.exp(-k * f / (1500 + 4500 * bright))
        tau = 4.5 * (110 / f) ** 0.5 / (1 + 0.18 * k)
        heard = t[: int(5 * tau * SAMPLE_RATE)]
        decay = level * (0.7 * np.exp(-heard / (0.3 * tau)) + 0.3 * np.exp(-heard / tau))
        for cents, sides in ((-0.6, [1.0, 0.5]), (0.5, [0.5, 1.0])):
            w = 2 * np.pi * f * k * np.sqrt(1 + 0.0004 * k * k) * 2 ** (cents / 1200)
            out[: len(heard)] += np.outer(decay * np.sin(w * heard + 6.28 * rng.random()), sides)
    return out * shape[:, None]


def epiano(pitch: float, seconds: float, rng: Rng, bright=0.5) -> Wave:
    """Frequency modulation: a 1:1 pair for the bar, a short 14:1 pair for the tine; tremolo from side to side."""
    shape = envelope(seconds, 0.003, 1.1, 0.12, 0.2)
    t = np.arange(len(shape)) / SAMPLE_RATE
    w = 2 * np.pi * hertz(pitch) * t
    body = np.sin(w + (0.3 + 1.5 * bright) * np.exp(-t / 0.7) * np.sin(w))
    tine = np.sin(w + 0.6 * bright * np.exp(-t / 0.12) * np.sin(14 * w))
    sway = 0.25 * np.sin(2 * np.pi * 4.6 * t + 0.4 * rng.random())
    return np.stack([1 + sway, 1 - sway], axis=1) * ((0.7 * body + 0.35 * tine) * shape)[:, None]


def mallet(pitch: float, seconds: float, rng: Rng, bright=0.5, ring=1.2) -> Wave:
    """Vibraphone: a bar's tuned partials 1, 4 and 10, with a motor."""
    shape = envelope(seconds, 0.002, 1, 1, ring)
    t = np.arange(len(shape)) / SAMPLE_RATE
    w = 2 * np.pi * hertz(pitch) * t + 0.3 * rng.random()
    partials = ((1, 1.0, 1.0), (4, 0.5 * bright, 0.3), (10, 0.2 * bright, 0.06))
    tone = sum(level * np.sin(k * w) * np.exp(-t / (ring * tau)) for k, level, tau in partials)
    return tone * shape * (0.88 - 0.12 * np.sin(2 * np.pi * 5.2 * t))


FLUTE, CLARINET = (1, 0.4, 0.22, 0.08, 0.05), (1, 0.04, 0.55, 0.05, 0.35, 0.05, 0.18, 0.03, 0.08)


def whistle(pitch: float, seconds: float, rng: Rng, breath=0.05, harmonics=FLUTE) -> Wave:
    """A flute or clarinet: few harmonics, a scoop into the note, late vibrato, breath."""
    shape = envelope(seconds, 0.06, 0.4, 0.75, 0.12)
    t = np.arange(len(shape)) / SAMPLE_RATE
    bend = 0.18 * np.sin(2 * np.pi * 5.1 * t) * np.clip(t / 0.5 - 0.5, 0, 1) - 0.4 * np.exp(-t / 0.025)
    w = 2 * np.pi * np.cumsum(hertz(pitch + bend)) / SAMPLE_RATE
    tone = sum(level * np.sin(k * w) for k, level in enumerate(harmonics, 1))
    noise = filtered(rng.normal(0, 3, len(t)), "band", (hertz(pitch), 5 * hertz(pitch)))
    return (tone + breath * noise) * shape


def pulse(
    pitch: float, seconds: float, rng: Rng, duty=0.5, attack=0.003, decay=0.3, sustain=0.7, release=0.03, vibrato=0.0,
    detune=0.0,
) -> Wave:  # fmt: skip
    """Pulses, as the difference of two saws: a game's sound chip; with `detune` an accordion's two reeds."""
    shape = envelope(seconds, attack, decay, sustain, release)
    t = np.arange(len(shape)) / SAMPLE_RATE
    bend = vibrato * np.sin(2 * np.pi * 5.8 * t) * np.clip(t / 0.2 - 0.5, 0, 1)
    voices = np.array([-detune / 2, detune / 2] if detune else [0.0])
    frequency, phase = hertz(pitch + bend[:, None] + voices), rng.random(len(voices))
    return (sawtooth(frequency, phase) - sawtooth(frequency, phase + duty)).mean(axis=1) * shape


def organ(pitch: float, seconds: float, rng: Rng, drawbars=(0.7, 0.3, 1, 0.5, 0.3, 0.3, 0, 0, 0.15), turn=6.2) -> Wave:
    """Sines at the ratios of nine drawbars, a key's click, a loudspeaker that turns."""
    shape = envelope(seconds, 0.004, 1, 1, 0.06)
    t = np.arange(len(shape)) / SAMPLE_RATE
    angle = 2 * np.pi * turn * t + 6.28 * rng.random()
    w = 2 * np.pi * np.cumsum(hertz(pitch + 0.05 * np.cos(angle))) / SAMPLE_RATE
    ratios = (0.5, 1.5, 1, 2, 3, 4, 5, 6, 8)
    tone = sum(level * np.sin(ratio * w) for ratio, level in zip(ratios, drawbars, strict=True) if level)
    tone += filtered(rng.normal(0, 0.6, len(t)), "band", (1000, 4000)) * np.exp(-t / 0.004)
    return np.stack([1 + 0.3 * np.sin(angle), 1 - 0.3 * np.sin(angle)], axis=1) * (tone * shape)[:, None]


VOWELS = {  # formants: Hz, level
    "a": ((700, 1.0), (1150, 0.7), (2800, 0.35)),
    "o": ((430, 1.0), (820, 0.6), (2700, 0.15)),
    "u": ((330, 1.0), (680, 0.35), (2600, 0.08)),
}


def choir(pitch: float, seconds: float, rng: Rng, vowel="a", attack=0.2, release=0.4) -> Wave:
    """Six singers on a vowel, each with a vibrato of its own."""
    shape, places = envelope(seconds, attack, 1, 1, release), np.linspace(0.1, 0.9, 6)
    t = np.arange(len(shape))[:, None] / SAMPLE_RATE
    bend = 0.16 * np.sin(2 * np.pi * rng.uniform(4.6, 5.8, 6) * t + rng.uniform(0, 6.28, 6)) + rng.normal(0, 0.05, 6)
    wave = sawtooth(hertz(pitch + bend), rng.random(6))
    stereo = wave @ np.stack([np.cos(np.pi / 2 * places), np.sin(np.pi / 2 * places)], axis=1)
    sung = sum(level * filtered(stereo, "band", (0.9 * f, 1.1 * f)) for f, level in VOWELS[vowel])
    return (sung + 0.05 * filtered(stereo, "low", 500)) * shape[:, None]


def brass(pitch: float, seconds: float, rng: Rng, bright=1.0, attack=0.04, players=2) -> Wave:
    """Trumpets and horns: the louder, the brighter; a scoop into the note, late vibrato."""
    shape = envelope(seconds, attack, 0.5, 0.8, 0.09)
    t = np.arange(len(shape)) / SAMPLE_RATE
    bend = 0.12 * np.sin(2 * np.pi * 5.2 * t) * np.clip(t / 0.4 - 0.5, 0, 1) - 0.5 * np.exp(-t / 0.02)
    wave = sawtooth(hertz(pitch + bend[:, None] + rng.normal(0, 0.04, players)), rng.random(players))
    places = np.linspace(0.25, 0.75, players) if players > 1 else np.full(1, 0.5)
    stereo = wave @ np.stack([np.cos(np.pi / 2 * places), np.sin(np.pi / 2 * places)], axis=1) / np.sqrt(players)
    return lowpass_along(stereo, hertz(pitch) * (1 + (1 + 5 * bright) * shape), 0.9) * shape[:, None]


def bronze(pitch: float, seconds: float, rng: Rng, bright=0.5, ring=1.5, beating=5.0) -> Wave:
    """A gamelan's bar or gong: inharmonic partials, in pairs tuned `beating` Hz apart."""
    shape, f = envelope(seconds, 0.002, 1, 1, ring), hertz(pitch)
    t = np.arange(len(shape)) / SAMPLE_RATE
    hammer = bright * filtered(rng.normal(0, 0.5, len(t)), "band", (2000, 9000)) * np.exp(-t / 0.008)
    tone = np.outer(hammer, [1, 1])
    overtones = ((2.76, 0.5, 0.3), (5.4, 0.35, 0.1), (8.9, 0.3, 0.06))
    for ratio, level, tau in ((1, 1.0, 1.0), *((ratio, bright * level, tau) for ratio, level, tau in overtones)):
        pair = [np.sin(2 * np.pi * (ratio * f + shift) * t + 6.28 * rng.random()) for shift in (0, beating)]
        tone += level * np.exp(-t / (ring * tau))[:, None] * np.stack(pair, axis=1) @ [[0.8, 0.4], [0.4, 0.8]]
    return tone * shape[:, None]


def drum(pitch: float, seconds: float, rng: Rng, ring=0.5, drop=0.15, noise=0.2) -> Wave:
    """A tuned drum: kettledrum, or with more `drop` and less `noise` the bass of a drum machine."""
    return struck(
        seconds + 0.05, rng, tone=hertz(pitch), drop=drop, ring=ring, noise=noise, band=(100, 1200), hiss=0.05
    )


def driven(x: Wave, gain: float) -> Wave:
    """An amplifier in overdrive and its cabinet."""
    x = filtered(x / np.abs(x).max(), "high", 100)
    return peaking(filtered(filtered(np.tanh(gain * x), "low", 4500, 2), "high", 80), 2200, 4, 0.8)


def struck(
    seconds: float, rng: Rng, tone=0.0, drop=0.0, ring=0.1, noise=0.0, band=(300.0, 8000.0), hiss=0.1, attack=0.0005
) -> Wave:
    """A drum: a tone (Hz) that falls from `1 + drop` times its pitch, and a band of noise; decay times in seconds."""
    t = clock(seconds)
    sweep = tone * (1 + drop * np.exp(-t / 0.025) + 0.4 * drop * np.exp(-t / 0.006))
    body = np.tanh(1.6 * np.sin(2 * np.pi * np.cumsum(sweep) / SAMPLE_RATE)) * np.exp(-t / ring)
    rough = noise * filtered(rng.normal(0, 1, len(t)), "band", band) * np.exp(-t / hiss)
    return (body + rough) * np.clip(t / attack, 0, 1) * np.clip((seconds - t) / 0.02, 0, 1)


def metal(seconds: float, rng: Rng, ring=0.04, floor=7000.0, noise=0.6) -> Wave:
    """Cymbals and hats: a cluster of inharmonic partials and noise above `floor` Hz."""
    t = clock(seconds)
    partials = np.sin(2 * np.pi * np.outer(t, floor * 2 ** (1.2 * rng.random(12))) + 6.28 * rng.random(12)).mean(axis=1)
    hiss = filtered(rng.normal(0, 0.3, len(t)), "high", floor, 2)
    return (partials + noise * hiss) * np.exp(-t / ring) * np.clip((seconds - t) / 0.02, 0, 1)


def clap(seconds: float, rng: Rng) -> Wave:
    wave = struck(seconds, rng, noise=1.0, band=(900, 3800), hiss=0.11)
    for at in (40, 525, 1010):  # hands a hundredth of a second apart
        wave[at:] += struck(seconds, rng, noise=1.0, band=(900, 3800), hiss=0.006)[:-at]
    return wave


KIT: dict[str, tuple[Callable[[Rng], Wave], float, float]] = {  # wave, gain, pan
    "kick": (partial(struck, 0.45, tone=47, drop=4.5, ring=0.16, noise=0.15, band=(1500, 6000), hiss=0.004), 1.0, 0.0),
    "snare": (partial(struck, 0.35, tone=185, drop=0.5, ring=0.07, noise=0.9, band=(700, 9000), hiss=0.09), 0.7, 0.05),
    "gated": (partial(struck, 0.26, tone=175, drop=0.4, noise=1.0, band=(500, 7000), hiss=0.4), 0.7, 0.0),
    "clap": (partial(clap, 0.4), 0.6, -0.05),
    "hat": (partial(metal, 0.12), 0.5, 0.25),
    "open": (partial(metal, 0.4, ring=0.14), 0.4, 0.25),
    "ride": (partial(metal, 1.2, ring=0.35, floor=4200, noise=0.3), 0.3, -0.3),
    "crash": (partial(metal, 2.5, ring=0.7, floor=3300, noise=1.4), 0.4, -0.35),
    "shaker": (partial(struck, 0.12, noise=0.7, band=(4500, 11000), hiss=0.03, attack=0.02), 0.5, -0.35),
    "rim": (partial(struck, 0.1, tone=820, drop=0.5, ring=0.012, noise=0.4, band=(2000, 6000), hiss=0.008), 0.3, 0.3),
    "tom": (partial(struck, 0.5, tone=105, drop=0.9, ring=0.18, noise=0.1), 0.8, -0.2),
    "floor": (partial(struck, 0.6, tone=72, drop=0.9, ring=0.22, noise=0.1), 0.9, 0.3),
    "conga": (partial(struck, 0.3, tone=310, drop=0.12, ring=0.09, noise=0.25, band=(600, 3000), hiss=0.01), 0.6, -0.3),
    "tumba": (partial(struck, 0.4, tone=205, drop=0.15, ring=0.13, noise=0.15, band=(400, 2000), hiss=0.012), 0.7, 0.2),
    "bell": (partial(metal, 0.4, ring=0.07, floor=600, noise=0.02), 0.6, 0.35),
    "clave": (partial(struck, 0.15, tone=2300, ring=0.025), 0.35, -0.25),
    "scrape": (partial(struck, 0.2, noise=0.8, band=(2500, 7000), hiss=0.07, attack=0.05), 0.45, 0.3),
    "boom": (partial(struck, 1.2, tone=52, drop=1.2, ring=0.35, noise=0.5, band=(80, 500), hiss=0.08), 1.0, 0.0),
    "brush": (partial(struck, 0.3, noise=0.8, band=(1200, 7500), hiss=0.07, attack=0.012), 0.5, 0.15),
}

# ---------------------------------------------------------------- session: playing and mixing

ACCENTS = {"X": 1.0, "x": 0.72, "o": 0.4}


class Session:
    """One song's key, time, random numbers and stereo buses.

    `step` is the grid of its patterns in beats, `swing` where the second of two steps falls (0.5: even), and from
    beat `slow` on it slows down.
    """

    def __init__(self, seed: int, key: str, tempo: float, beats: float, step=0.25, swing=0.5, slow=1e9) -> None:
        note, self.mode = key.split()
        self.tonic, self.rng = 60 + LETTERS[note[0]] + SIGNS[note[1:]], np.random.default_rng(seed)
        self.tempo, self.step, self.swing, self.slow = tempo, step, swing, slow
        self.length = int((self.seconds(beats) + 2.5) * SAMPLE_RATE)
        self.bus: dict[str, Wave] = {}

    def seconds(self, beat: float) -> float:
        """When a beat sounds."""
        pair, part = divmod(beat / (2 * self.step), 1)
        part = 2 * part * self.swing if part < 0.5 else 1 - 2 * (1 - part) * (1 - self.swing)
        late = max(0.0, beat - self.slow)
        return (2 * self.step * (pair + part) + 0.02 * late**2) * 60 / self.tempo + 0.05

    def add(self, bus: str, at: float, wave: Wave, gain: float = 1.0, pan: float = 0.0) -> None:
        """Mix `wave` in from `at` seconds, placed at equal power; `pan` is -1 (left) to 1."""
        target = self.bus.setdefault(bus, np.zeros((self.length, 2)))
        start, angle = int(at * SAMPLE_RATE), np.pi / 4 * (1 + pan)
        wave = wave.reshape(len(wave), -1)[: self.length - start]
        target[start : start + len(wave)] += gain * np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)]) * wave

    def note(self, bus, beat, beats, instrument, pitch, velocity, gain=1.0, pan=0.0) -> None:
        """A human plays it: a little early or late, a little louder or softer."""
        seconds = self.seconds(beat + beats) - self.seconds(beat)
        velocity = np.clip(velocity + self.rng.normal(0, 0.05), 0.1, 1)
        at = max(0, self.seconds(beat) + self.rng.normal(0, 0.004))
        self.add(bus, at, instrument(pitch, seconds, self.rng), gain * velocity**1.5, pan)

    def melody(self, bus, start, text, instrument, octave=0, gain=1.0, pan=0.0) -> None:
        for beat, beats, token in timed(text, 1):
            if token != "-":
                velocity = 0.7 + 0.1 * (beat % 1 == 0) + 0.08 * (beats > 1)
                pitch = degree(token, self.tonic, self.mode) + 12 * octave
                self.note(bus, start + beat, 0.96 * beats, instrument, pitch, velocity, gain, pan)

    def riff(self, bus, start, harmony, steps, instrument, gate=1.0, gain=1.0, pan=0.0, strum=0.0, step=None) -> None:
        """Play a harmony by step pattern: X x o the whole chord, a digit one of its notes, p a step into the next."""
        step, end = step or self.step, harmony[-1][0] + harmony[-1][1]
        hits = [(i * step, steps[i % len(steps)]) for i in range(int(end / step)) if steps[i % len(steps)] != "."]
        for (beat, mark), (following, _) in pairwise([*hits, (end, "")]):
            index = max(i for i, chord in enumerate(harmony) if chord[0] <= beat)
            begin, beats, pitches = harmony[index]
            if mark == "p":
                ahead = harmony[(index + 1) % len(harmony)][2][0]
                pitches = (ahead - 1 if ahead > pitches[0] else ahead + 1,)
            elif mark.isdigit():
                pitches = (pitches[int(mark) % len(pitches)],)
            sounding = min(gate * (following - beat), begin + beats - beat)
            velocity = ACCENTS.get(mark, 0.72 + 0.08 * (beat % 1 == 0))
            for i, pitch in enumerate(pitches):
                self.note(bus, start + beat + i * strum, sounding, instrument, pitch, velocity, gain, pan)

    def drums(self, start: float, beats: float, gain: float = 1.0, **patterns: str) -> None:
        for name, steps in patterns.items():
            wave, level, pan = KIT[name]
            for i in range(int(beats / self.step)):
                if (mark := steps[i % len(steps)]) != ".":
                    velocity = ACCENTS[mark] * gain * (1 + self.rng.normal(0, 0.06))
                    at = self.seconds(start + i * self.step) + self.rng.normal(0, 0.002)
                    self.add("kick" if name == "kick" else "drums", at, wave(self.rng), level * velocity, pan)

    def rise(self, start: float, beats: float) -> None:
        """Noise that opens up towards the next section."""
        t = np.linspace(0, 1, int(beats * 60 / self.tempo * SAMPLE_RATE))
        noise = lowpass_along(self.rng.normal(0, 1, (len(t), 2)), 300 * 30**t, 1.5)
        self.add("rise", self.seconds(start), noise * (t**2 * np.clip((1 - t) / 0.02, 0, 1))[:, None])

    def duck(self, bus: str, beats: list[int], depth: float, release: float = 0.16) -> None:
        """Sidechain: press the bus down at each kick."""
        t, gain = np.arange(self.length) / SAMPLE_RATE, np.ones(self.length)
        for since in (t - self.seconds(beat) for beat in beats):
            gain = np.minimum(gain, 1 - depth * np.exp(np.minimum(since / 0.003, -since / release)))
        self.bus[bus] *= gain[:, None]

    def echo(self, bus: str, beats: float, level: float) -> None:
        """Four repeats from side to side, each darker."""
        wave = self.bus[bus]
        for i in range(1, 5):
            late = int(i * beats * 60 / self.tempo * SAMPLE_RATE)
            wave = filtered(wave, "low", 4500)[:, ::-1]
            self.bus[bus][late:] += level**i * (wave * ([1.0, 0.6] if i % 2 else [0.6, 1.0]))[:-late]

    def mix(self, room: float, levels: dict[str, tuple[float, float]]) -> Wave:
        """Bring each bus to its loudness (LU) and send part of it to a reverb of `room` seconds."""
        meter, dry, sent = pyloudnorm.Meter(SAMPLE_RATE), np.zeros((self.length, 2)), np.zeros((self.length, 2))
        for name, (level, send) in levels.items():
            wave = self.bus[name] * 10 ** ((level - 20 - meter.integrated_loudness(self.bus[name])) / 20)
            dry += wave
            sent += send * wave
        return dry + reverb(filtered(sent, "high", 180), room, self.rng)


def reverb(x: Wave, seconds: float, rng: Rng) -> Wave:
    """Convolve with a diffuse room: noise that decays by 60 dB in `seconds`, sooner in the treble, 15 ms late."""
    t = clock(1.2 * seconds)[:, None]
    noise = rng.normal(0, 1, (len(t), 2))
    room = filtered(noise, "low", 3000) * np.exp(-6.9 * t / seconds)
    room += filtered(noise, "high", 3000) * np.exp(-6.9 * t / (0.45 * seconds))
    room *= np.clip(t / 0.01, 0, 1) / np.sqrt((room**2).sum(axis=0))
    return signal.fftconvolve(x, np.pad(room, ((int(0.015 * SAMPLE_RATE), 0), (0, 0))), axes=0)[: len(x)]


def bend(x: Wave, delay: np.ndarray) -> Wave:
    """Read `x` at a moving delay, [n] or [n, 2] seconds."""
    n = np.arange(len(x))
    delays = np.broadcast_to(delay.reshape(len(x), -1), x.shape)
    return np.stack([np.interp(n - SAMPLE_RATE * d, n, side) for d, side in zip(delays.T, x.T, strict=True)], axis=1)


def chorus(x: Wave, wet: float) -> Wave:
    """Each side with a copy of itself whose delay sways around 12 ms."""
    angle = 2 * np.pi * 0.7 * np.arange(len(x)) / SAMPLE_RATE
    return (1 - wet / 2) * x + wet * bend(x, 0.012 + 0.0025 * np.sin(np.stack([angle, angle + 2], axis=1)))


# ---------------------------------------------------------------- mastering

OCTAVES = 31.25 * 2.0 ** np.arange(10)
TILT = np.array([-8, -1, -2, -4, -6, -9, -12.5, -13.5, -15, -18.0])  # dB an octave: the mean of a few released songs


def master(x: Wave) -> Wave:
    """Glue, most of the way towards a common spectral tilt, trimmed, faded, at LOUDNESS under a limiter."""
    x = filtered(x, "high", 25, 2)
    level = 10 * np.log10(signal.lfilter([0.0004], [1, -0.9996], (x**2).mean(axis=1)) + 1e-9)
    x = x * 10 ** (-0.35 * np.clip(level - np.percentile(level, 60), 0, None) / 20)[:, None]
    x = signal.fftconvolve(x, tilt_filter(x)[:, None], mode="same", axes=0)
    loud = np.flatnonzero(np.abs(x).max(axis=1) > 10 ** (-55 / 20) * np.abs(x).max())
    x = x[max(0, loud[0] - 400) : loud[-1]]
    n = np.arange(len(x))
    return loudest(x * np.clip(np.minimum(n / 200, n[::-1] / (0.5 * SAMPLE_RATE)), 0, 1)[:, None] ** 2)


def tilt_filter(x: Wave) -> np.ndarray:
    """Taps that bring the octaves' levels 70% of the way to TILT, by 8 dB at most."""
    f, power = signal.welch(x.mean(axis=1), SAMPLE_RATE, nperseg=8192)
    has = np.array([10 * np.log10(power[(f >= o / 2**0.5) & (f < o * 2**0.5)].sum()) for o in OCTAVES])
    change = np.clip(0.7 * (TILT - has - (TILT - has).mean()), -8, 8)
    grid = np.linspace(0, SAMPLE_RATE / 2, 2049)
    decibels = np.interp(np.log2(grid + 8), np.log2(OCTAVES + 8), change)
    return signal.firwin2(4097, grid, 10 ** (decibels / 20), fs=SAMPLE_RATE)


def loudest(x: Wave) -> Wave:
    """To LOUDNESS by gain, then a limiter that looks 3 ms ahead; three rounds, as limiting costs loudness."""
    meter, reach, gain, out = pyloudnorm.Meter(SAMPLE_RATE), int(0.003 * SAMPLE_RATE), 1.0, x
    hann = signal.windows.hann(2 * reach + 1) / reach
    peaks = np.abs(signal.resample_poly(x, 4, 1, axis=0)).max(axis=1).reshape(-1, 4).max(axis=1)
    for _ in range(3):
        gain *= 10 ** ((LOUDNESS - meter.integrated_loudness(out)) / 20)
        held = ndimage.minimum_filter1d(np.minimum(1, CEILING / np.maximum(gain * peaks, 1e-9)), 2 * reach + 1)
        out = gain * x * signal.fftconvolve(np.pad(held, reach, mode="edge"), hann, "valid")[:, None]
    return out
