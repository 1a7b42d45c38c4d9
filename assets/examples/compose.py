"""Compose and render the example songs: `python assets/examples/compose.py`.

A song is a score (chord symbols, melodies in scale degrees, step patterns), played by the small instruments below
on named buses, mixed by loudness and mastered. Every random number comes from the song's own seed, so rendering
twice gives the same samples. Waves are [n] mono or [n, 2] stereo at RATE; pitches are MIDI numbers; scores count
beats, sound seconds. The code is Apache-2.0 as the project; the songs are CC0-1.0.
"""

import argparse
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyloudnorm
import soundfile
from scipy import ndimage, signal

RATE = 44_100
LOUDNESS = -14.0  # LUFS, what streaming services play at
CEILING = 10 ** (-2 / 20)  # true peak before the codec, which adds up to 1 dB
Wave = np.ndarray
Rng = np.random.Generator
Harmony = list[tuple[float, float, tuple[int, ...]]]  # (beat, beats, pitches)

# ---------------------------------------------------------------- score

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {"": 0, "#": 1, "b": -1}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
QUALITIES = {  # as voiced: ninths and thirteenths leave the root to the bass
    "": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "maj7": (0, 4, 7, 11), "m6": (0, 3, 7, 9),
    "m7b5": (0, 3, 6, 10), "add9": (0, 2, 4, 7), "69": (0, 2, 4, 9), "maj9": (2, 4, 7, 11), "m9": (2, 3, 7, 10),
    "13": (2, 4, 9, 10), "7b9": (1, 4, 7, 10),
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
    return np.arange(int(seconds * RATE)) / RATE


def envelope(seconds: float, attack: float, decay: float, sustain: float, release: float) -> Wave:
    t = clock(seconds + release)
    rise = np.sin(np.pi / 2 * np.clip(t / attack, 0, 1)) ** 2
    return rise * (sustain + (1 - sustain) * np.exp(-t / decay)) * np.clip((seconds + release - t) / release, 0, 1) ** 2


def sawtooth(frequency: np.ndarray, phase: np.ndarray) -> Wave:
    """Band-limited by a polynomial step (polyBLEP, Valimaki 2007): `frequency` [n, v] in Hz, `phase` [v] in cycles."""
    step = frequency / RATE
    t = (phase + np.cumsum(step, axis=0)) % 1
    early, late = t / step, (t - 1) / step
    return 2 * t - 1 + np.where(t < step, (early - 1) ** 2, 0) - np.where(t > 1 - step, (late + 1) ** 2, 0)


def filtered(x: Wave, kind: str, edge: float | tuple[float, float], order: int = 1) -> Wave:
    return signal.sosfilt(signal.butter(order, edge, kind, fs=RATE, output="sos"), x, axis=0)


def peaking(x: Wave, centre: float, gain_db: float, q: float) -> Wave:
    """The peaking filter of the Audio EQ Cookbook (R. Bristow-Johnson)."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * centre / RATE
    alpha, cos = np.sin(w) / (2 * q), -2 * np.cos(w)
    return signal.lfilter([1 + alpha * a, cos, 1 - alpha * a], [1 + alpha / a, cos, 1 - alpha / a], x, axis=0)


def lowpass_along(x: Wave, cutoff: np.ndarray, q: float) -> Wave:
    """The cookbook's lowpass with a moving `cutoff` [n] in Hz, renewed every 128 samples (3 ms)."""
    state, out = np.zeros((2, *x.shape[1:])), np.empty_like(x)
    for at in range(0, len(x), 128):
        w = 2 * np.pi * min(cutoff[at], 16_000) / RATE
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
    t = np.arange(len(shape)) / RATE
    bend = vibrato * np.sin(2 * np.pi * 5.4 * t) * np.clip(t / 0.5 - 0.4, 0, 1) - glide * np.exp(-t / 0.03)
    places = np.linspace(-1, 1, voices) if voices > 1 else np.zeros(1)
    spread = detune * places + rng.normal(0, detune / 8, voices)
    wave = sawtooth(hertz(pitch + bend[:, None] + spread), rng.random(voices))
    angle = np.pi / 4 * (1 + width * np.concatenate([places[::2], places[1::2]]))
    stereo = wave @ np.stack([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(voices)
    stereo = lowpass_along(stereo, cutoff + sweep * np.exp(-t / fall), q)
    if sub:
        stereo += sub * np.sin(2 * np.pi * np.cumsum(hertz(pitch + bend)) / RATE)[:, None]
    return stereo * shape[:, None]


def pluck(pitch: float, seconds: float, rng: Rng, bright=0.5, ring=2.5, release=0.12, place=0.18) -> Wave:
    """Karplus-Strong string, tuned by a cubic Lagrange delay; `ring` is its T60 in seconds."""
    period, damping = RATE / hertz(pitch), 0.5 - 0.45 * bright
    whole = int(period - damping) - 1
    fraction = period - damping - whole
    lagrange = [np.prod([(fraction - j) / (k - j) for j in range(4) if j != k]) for k in range(4)]
    taps = 10 ** (-3 * period / RATE / ring) * np.convolve(lagrange, [1 - damping, damping])
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
    t = np.arange(len(shape)) / RATE
    out = np.outer(filtered(rng.normal(0, 0.25, len(t)), "band", (90, 700)) * np.exp(-t / 0.02), [1, 1])
    for k in range(1, min(28, int(9000 / f)) + 1):
        level = abs(np.sin(np.pi * k / 8.3)) / k * np.exp(-k * f / (1500 + 4500 * bright))
        tau = 4.5 * (110 / f) ** 0.5 / (1 + 0.18 * k)
        heard = t[: int(5 * tau * RATE)]
        decay = level * (0.7 * np.exp(-heard / (0.3 * tau)) + 0.3 * np.exp(-heard / tau))
        for cents, sides in ((-0.6, [1.0, 0.5]), (0.5, [0.5, 1.0])):
            w = 2 * np.pi * f * k * np.sqrt(1 + 0.0004 * k * k) * 2 ** (cents / 1200)
            out[: len(heard)] += np.outer(decay * np.sin(w * heard + 6.28 * rng.random()), sides)
    return out * shape[:, None]


def epiano(pitch: float, seconds: float, rng: Rng, bright=0.5) -> Wave:
    """Frequency modulation: a 1:1 pair for the bar, a short 14:1 pair for the tine; tremolo from side to side."""
    shape = envelope(seconds, 0.003, 1.1, 0.12, 0.2)
    t = np.arange(len(shape)) / RATE
    w = 2 * np.pi * hertz(pitch) * t
    body = np.sin(w + (0.3 + 1.5 * bright) * np.exp(-t / 0.7) * np.sin(w))
    tine = np.sin(w + 0.6 * bright * np.exp(-t / 0.12) * np.sin(14 * w))
    sway = 0.25 * np.sin(2 * np.pi * 4.6 * t + 0.4 * rng.random())
    return np.stack([1 + sway, 1 - sway], axis=1) * ((0.7 * body + 0.35 * tine) * shape)[:, None]


def mallet(pitch: float, seconds: float, rng: Rng, bright=0.5, ring=1.2) -> Wave:
    """Vibraphone: a bar's tuned partials 1, 4 and 10, with a motor."""
    shape = envelope(seconds, 0.002, 1, 1, ring)
    t = np.arange(len(shape)) / RATE
    w = 2 * np.pi * hertz(pitch) * t + 0.3 * rng.random()
    partials = ((1, 1.0, 1.0), (4, 0.5 * bright, 0.3), (10, 0.2 * bright, 0.06))
    tone = sum(level * np.sin(k * w) * np.exp(-t / (ring * tau)) for k, level, tau in partials)
    return tone * shape * (0.88 - 0.12 * np.sin(2 * np.pi * 5.2 * t))


def whistle(pitch: float, seconds: float, rng: Rng, breath=0.05) -> Wave:
    """A flute: few harmonics, a scoop into the note, late vibrato, breath."""
    shape = envelope(seconds, 0.06, 0.4, 0.75, 0.12)
    t = np.arange(len(shape)) / RATE
    bend = 0.18 * np.sin(2 * np.pi * 5.1 * t) * np.clip(t / 0.5 - 0.5, 0, 1) - 0.4 * np.exp(-t / 0.025)
    w = 2 * np.pi * np.cumsum(hertz(pitch + bend)) / RATE
    tone = sum(level * np.sin(k * w) for k, level in enumerate((1, 0.4, 0.22, 0.08, 0.05), 1))
    noise = filtered(rng.normal(0, 3, len(t)), "band", (hertz(pitch), 5 * hertz(pitch)))
    return (tone + breath * noise) * shape


def struck(
    seconds: float, rng: Rng, tone=0.0, drop=0.0, ring=0.1, noise=0.0, band=(300.0, 8000.0), hiss=0.1, attack=0.0005
) -> Wave:
    """A drum: a tone (Hz) that falls from `1 + drop` times its pitch, and a band of noise; decay times in seconds."""
    t = clock(seconds)
    sweep = tone * (1 + drop * np.exp(-t / 0.025) + 0.4 * drop * np.exp(-t / 0.006))
    body = np.tanh(1.6 * np.sin(2 * np.pi * np.cumsum(sweep) / RATE)) * np.exp(-t / ring)
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
        self.tonic, self.rng = 60 + LETTERS[note], np.random.default_rng(seed)
        self.tempo, self.step, self.swing, self.slow = tempo, step, swing, slow
        self.length = int((self.seconds(beats) + 2.5) * RATE)
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
        start, angle = int(at * RATE), np.pi / 4 * (1 + pan)
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
        t = np.linspace(0, 1, int(beats * 60 / self.tempo * RATE))
        noise = lowpass_along(self.rng.normal(0, 1, (len(t), 2)), 300 * 30**t, 1.5)
        self.add("rise", self.seconds(start), noise * (t**2 * np.clip((1 - t) / 0.02, 0, 1))[:, None])

    def duck(self, bus: str, beats: list[int], depth: float, release: float = 0.16) -> None:
        """Sidechain: press the bus down at each kick."""
        t, gain = np.arange(self.length) / RATE, np.ones(self.length)
        for since in (t - self.seconds(beat) for beat in beats):
            gain = np.minimum(gain, 1 - depth * np.exp(np.minimum(since / 0.003, -since / release)))
        self.bus[bus] *= gain[:, None]

    def echo(self, bus: str, beats: float, level: float) -> None:
        """Four repeats from side to side, each darker."""
        wave = self.bus[bus]
        for i in range(1, 5):
            late = int(i * beats * 60 / self.tempo * RATE)
            wave = filtered(wave, "low", 4500)[:, ::-1]
            self.bus[bus][late:] += level**i * (wave * ([1.0, 0.6] if i % 2 else [0.6, 1.0]))[:-late]

    def mix(self, room: float, levels: dict[str, tuple[float, float]]) -> Wave:
        """Bring each bus to its loudness (LU) and send part of it to a reverb of `room` seconds."""
        meter, dry, sent = pyloudnorm.Meter(RATE), np.zeros((self.length, 2)), np.zeros((self.length, 2))
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
    return signal.fftconvolve(x, np.pad(room, ((int(0.015 * RATE), 0), (0, 0))), axes=0)[: len(x)]


def bend(x: Wave, delay: np.ndarray) -> Wave:
    """Read `x` at a moving delay, [n] or [n, 2] seconds."""
    n = np.arange(len(x))
    delays = np.broadcast_to(delay.reshape(len(x), -1), x.shape)
    return np.stack([np.interp(n - RATE * d, n, side) for d, side in zip(delays.T, x.T, strict=True)], axis=1)


def chorus(x: Wave, wet: float) -> Wave:
    """Each side with a copy of itself whose delay sways around 12 ms."""
    angle = 2 * np.pi * 0.7 * np.arange(len(x)) / RATE
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
    return loudest(x * np.clip(np.minimum(n / 200, n[::-1] / (0.5 * RATE)), 0, 1)[:, None] ** 2)


def tilt_filter(x: Wave) -> np.ndarray:
    """Taps that bring the octaves' levels 70% of the way to TILT, by 8 dB at most."""
    f, power = signal.welch(x.mean(axis=1), RATE, nperseg=8192)
    has = np.array([10 * np.log10(power[(f >= o / 2**0.5) & (f < o * 2**0.5)].sum()) for o in OCTAVES])
    change = np.clip(0.7 * (TILT - has - (TILT - has).mean()), -8, 8)
    grid = np.linspace(0, RATE / 2, 2049)
    decibels = np.interp(np.log2(grid + 8), np.log2(OCTAVES + 8), change)
    return signal.firwin2(4097, grid, 10 ** (decibels / 20), fs=RATE)


def loudest(x: Wave) -> Wave:
    """To LOUDNESS by gain, then a limiter that looks 3 ms ahead; three rounds, as limiting costs loudness."""
    meter, reach, gain, out = pyloudnorm.Meter(RATE), int(0.003 * RATE), 1.0, x
    hann = signal.windows.hann(2 * reach + 1) / reach
    peaks = np.abs(signal.resample_poly(x, 4, 1, axis=0)).max(axis=1).reshape(-1, 4).max(axis=1)
    for _ in range(3):
        gain *= 10 ** ((LOUDNESS - meter.integrated_loudness(out)) / 20)
        held = ndimage.minimum_filter1d(np.minimum(1, CEILING / np.maximum(gain * peaks, 1e-9)), 2 * reach + 1)
        out = gain * x * signal.fftconvolve(np.pad(held, reach, mode="edge"), hann, "valid")[:, None]
    return out


# ---------------------------------------------------------------- songs


@dataclass(frozen=True)
class Song:
    """`score` plays into a Session(seed, key, tempo, beats, **feel) and returns bus: (loudness, reverb send)."""

    title: str
    style: str
    key: str
    tempo: float
    description: str
    score: Callable[[Session], dict[str, tuple[float, float]]]
    seed: int
    beats: float
    room: float
    feel: dict[str, float]

    def render(self) -> Wave:
        """[n, 2] at RATE."""
        session = Session(self.seed, self.key, self.tempo, self.beats, **self.feel)
        levels = self.score(session)
        return master(session.mix(self.room, levels))


SONGS: dict[str, Song] = {}


def song(title, style, key, tempo, description, *, seed, beats, room, **feel):
    def register(score):
        SONGS[score.__name__] = Song(title, style, key, tempo, description, score, seed, beats, room, feel)
        return score

    return register


@song("Glass Morning", "House", "A minor", 122, "Stabs under a ducking kick, then a hook.", seed=11, beats=64, room=1.8)
def house(s):
    loop = "Am7 Fmaj7 Dm9 E7"
    stab = partial(saws, decay=0.18, sustain=0.25, cutoff=500, sweep=4200, fall=0.16, q=1.1)
    pad = partial(saws, voices=6, attack=0.25, sustain=0.9, release=0.5, cutoff=700, sweep=500, fall=1.0)
    bass = partial(saws, voices=1, decay=0.15, release=0.05, cutoff=180, sweep=900, fall=0.09, q=1.4, sub=0.8)
    lead = partial(saws, voices=3, detune=0.07, decay=0.22, sustain=0.3, release=0.25, sweep=5000, fall=0.2)
    hook = "5:.75 5:.25 4:.5 3 - 1:.25 2 3:1 5:.75 5:.25 4:.5 3 - 2:.25 1 1:1 "
    answer = "6:.75 6:.25 5:.5 4 - 1:.25 3 4:1 5:.75 4:.25 2:.5 4 5 #7 5:1 "
    s.riff("chords", 0, voiced("Am7 Fmaj7", 62), "x..x..x.........", stab, gain=0.8, gate=0.5)
    for start, chords in ((8, loop), (32, loop + " Am7 Fmaj7")):
        s.riff("chords", start, voiced(chords, 62), "x..x..x...x..x..", stab, gate=0.6)
        s.riff("bass", start, low(chords, 33), "..0...2...0.0.p.", bass, gate=0.9)
    s.riff("pad", 24, voiced("Dm9 E7 " + loop + " Am7 Fmaj7 Am7:8", 66), "x", pad, step=4)
    s.melody("lead", 8, "-:2.5 1:.25 2 3:1 -:4 -:2.5 1:.25 3 4:1 -:4", lead, gain=0.6)
    s.melody("lead", 24, "5:.75 5:.25 4:.5 3 -:2 5:.5 5 5:.25 5 5 5 5 5 5 5 #7:1", lead, gain=0.5)
    s.melody("lead", 32, hook + answer + hook + "5:.75 5:.25 4:.5 3 1:2", lead)
    s.drums(0, 24, kick="X...", hat="..x.")
    s.drums(8, 16, clap="....x...", shaker="xoxo", open="..o.")
    s.drums(24, 8, clap="x...x...x...x...x.x.x.x.xxxxxxxx", shaker="xoXo", gain=0.8)
    s.drums(32, 24, kick="X...", clap="....X...", open="..X.", hat="xoxo", shaker="oxox", ride="x...")
    for start in (32, 56):
        s.drums(start, 0.25, kick="X", crash="x", clap="x")
    s.rise(24, 8)
    for name, depth in (("chords", 0.7), ("pad", 0.7), ("bass", 0.5)):
        s.duck(name, [*range(24), *range(32, 57)], depth)
    s.bus["pad"] = chorus(s.bus["pad"], 0.5)
    s.echo("lead", 0.75, 0.35)
    levels = {"kick": (-5, 0.02), "drums": (-8, 0.15), "bass": (-6, 0), "chords": (-7, 0.25)}
    return levels | {"pad": (-12, 0.3), "lead": (-5, 0.3), "rise": (-14, 0.3)}


@song(
    "Rain on the Window Seat", "Lo-fi hip hop", "F major", 82, "Swung drums, electric piano and vibraphone on old tape.",
    seed=23, beats=48, room=1.3, swing=0.57,
)  # fmt: skip
def lofi(s):
    verse, refrain = "Fmaj7:4 Em7b5:2 A7b9 Dm7:4 Cm9:2 F13", "Bbmaj7:4 Am7:2 D7b9 Gm7:4 C13"
    keys, bell = partial(epiano, bright=0.4), partial(mallet, bright=0.5)
    bass = partial(pluck, bright=0.12, ring=3.0, release=0.06)
    strings = partial(saws, voices=6, attack=0.3, release=0.4, sweep=0)
    tune = "-:1 5:.5 6 8:.75 6:.25 5:1 -:.5 7, 1 2 3:1 #5, -:1 6,:.5 1 3:.75 2:.25 1:1 -:.5 5, b7, 2 1:1.5 -:.5"
    high = "8:1.5 9:.5 10:1 8:.5 6 5:1 3:.5 5 #8 6 3:1 4:.5 6 8 9 10:1 9 8:.5 7 6 5 2:1 3"
    s.riff("keys", 0, voiced("Bbmaj7 C13", 63), "x......o..x.....", keys, strum=0.02)
    s.riff("keys", 8, voiced(verse, 63), "x......o..x..o..", keys, strum=0.02, gate=0.9)
    s.riff("keys", 24, voiced(refrain, 64), "X..o...x..x..o.o", keys, strum=0.02, gate=0.9)
    s.riff("keys", 40, voiced("Fmaj7 F69", 63), "X.....o.x.......x...............", keys, strum=0.04)
    for start, chords in ((8, verse), (24, refrain), (40, "F:4")):
        s.riff("bass", start, low(chords, 29), "0......00...2.p.", bass, gate=0.95)
    s.riff("bass", 44, low("F", 29), "0", bass, step=4)
    s.riff("strings", 24, voiced(refrain, 70), "x", strings, step=2)
    s.melody("lead", 4, "-:2.5 5:.5 3 2", bell, gain=0.8, pan=0.15)
    s.melody("lead", 8, tune, bell, pan=0.15)
    s.melody("lead", 24, high, bell, gain=1.2, pan=0.15)
    s.melody("lead", 40, "5:.5 6 8:1 7:.5 5 3:1 -:1 2:.5 3 5:2", bell, pan=0.15)
    s.drums(7, 1, snare=".oxx")
    s.drums(8, 16, kick="X......x..x.....", snare="....X.......X..o", hat="xoxo", rim="..............o.")
    s.drums(24, 16, kick="X......x.xx.....", snare="....X..o....X..o", hat="XoxoXoxx", shaker="..x...x.")
    s.drums(40, 4, kick="X......x........", snare="....x...........", hat="xoxo")
    clicks = s.rng.random((s.length, 2)) * (s.rng.random((s.length, 2)) < 0.0001)
    s.add("dust", 0, filtered(clicks + s.rng.normal(0, 0.002, clicks.shape), "band", (700, 6000)))
    t = np.arange(s.length) / RATE
    for name in ("keys", "lead", "strings"):  # the tape's wow and flutter
        wow = 0.0012 * (1 + np.sin(2 * np.pi * 0.55 * t)) + 0.00008 * np.sin(2 * np.pi * 6.3 * t)
        s.bus[name] = bend(s.bus[name], wow)
    s.bus["keys"] = np.tanh(1.2 * chorus(s.bus["keys"], 0.35))
    s.bus["drums"] = filtered(s.bus["drums"], "low", 7500)
    s.echo("lead", 0.75, 0.28)
    levels = {"kick": (-7, 0.02), "drums": (-9, 0.12), "bass": (-7, 0), "keys": (-6, 0.2)}
    return levels | {"lead": (-7, 0.35), "strings": (-15, 0.4), "dust": (-32, 0)}


@song(
    "Paper Boats", "Folk ballad", "G major", 96, "Picked guitar and whistle, then strings.", seed=37, beats=56, room=1.6
)
def folk(s):
    verse, refrain = "G D/F# Em7 Cadd9", "Cadd9 D G Em7 Cadd9 D"
    steel = partial(pluck, bright=0.72, ring=3.2, release=0.25)
    bass = partial(pluck, bright=0.15, ring=3.5, release=0.08, place=0.3)
    bow = partial(saws, voices=6, attack=0.22, sustain=0.9, release=0.35, cutoff=1300, sweep=300, vibrato=0.12)
    tune = "5,:.5 1 2 3:1 2:.5 1:1 2:1.5 5,:.5 2 3 2:1 1:.5 2 3:1 5:.5 3:1.5 2:.5 1 6,:1 1:1.5 -:.5"
    high = "5:.5 6 8:1.5 6:.5 5:1 5:1.5 3:.5 2:1 5 5:.5 6 8:1.5 9:.5 8:1 7 6:.5 5 6:1.5 -:.5 "
    high += "5:.5 6 8:1.5 6:.5 5:1 5:.5 3 2:1 1:.5 2 4 2 1:3"
    for start, chords in ((0, "G Cadd9"), (8, verse), (24, refrain)):
        s.riff("guitar", start, voiced(chords, 57), "0.2.1.3.0.3.2.1.", steel, gate=6, pan=-0.3)
        s.riff("guitar", start, low(chords, 40), "0.......1.......", steel, gain=0.8, pan=-0.25)
    s.riff("guitar", 48, voiced("G:8", 60), "0.2.1.3.2.1.0...X" + 15 * ".", steel, gate=9, strum=0.08, pan=-0.2)
    s.riff("strum", 24, voiced(refrain, 62), "X...x.xo..x.x.xo", steel, strum=0.03, pan=0.55)
    s.riff("bass", 8, low(verse, 28), "0.....0.1.....p.", bass)
    s.riff("bass", 24, low(refrain, 28), "0.....002.....1p", bass)
    s.riff("bass", 48, low("G:8", 28), "0", bass, step=4)
    s.riff("strings", 24, voiced(refrain + " G:8", 66), "x", bow, step=4)
    s.melody("lead", 8, tune, whistle, gain=0.8, pan=0.12)
    s.melody("lead", 24, high, whistle, pan=0.12)
    s.drums(8, 16, kick="x.........x.....", brush="....x.......x..o", shaker="o.x.")
    s.drums(22, 2, tom="....x.x.", floor="......xx")
    s.drums(24, 24, kick="X......x..X.....", brush="....X..o....X.oo", shaker="xoXo", ride="x...", gain=1.2)
    for start in (24, 40, 48):
        s.drums(start, 0.25, kick="x", crash="o")
    for name in ("guitar", "strum"):  # the box they sit in
        s.bus[name] = peaking(peaking(filtered(s.bus[name], "high", 75, 2), 105, 4, 2.0), 210, 3, 2.0)
    levels = {"kick": (-11, 0.03), "drums": (-12, 0.12), "bass": (-8, 0), "guitar": (-6, 0.14)}
    return levels | {"strum": (-9, 0.15), "strings": (-12, 0.35), "lead": (-7.5, 0.35)}


@song(
    "Attic Waltz", "Piano and strings waltz", "D minor", 138, "A piano alone; a string section takes the tune over.",
    seed=41, beats=72, room=2.2, step=0.5, slow=62,
)  # fmt: skip
def waltz(s):
    first, lift, coda = "Dm Gm/Bb A7/C# Dm Bb Gm6 A7 Dm", "F C/E Dm Bb Gm C7 F A7", "Dm Gm A7 Dm"
    soft, firm = partial(piano, bright=0.35), partial(piano, bright=0.75)
    bow = partial(saws, voices=6, attack=0.16, sustain=0.9, release=0.3, cutoff=1500, sweep=500, vibrato=0.15)
    cello = partial(bow, voices=4, detune=0.06, attack=0.1, cutoff=700, sweep=300)
    tune = "5:2 4:.5 3 4:2 3:.5 2 #7,:1 2 5 3:2 1:1 6:2 5:.5 4 4:1 6 2 5 #7, 2 1:3"
    high = "7:2 5:1 7 8:.5 7 4:1 8:2 5:1 8 7:.5 6 3:1 6:1.5 5:.5 4:1 2 4 6 5:2 3:1 #7, 2 5"
    for start, chords in ((0, "Dm Bb Gm A7"), (12, first), (36, lift), (60, coda)):
        s.riff("piano", start, low(chords, 38, 3), "0.....", firm, gain=0.8, pan=-0.15)
        s.riff("piano", start, voiced(chords, 60, 3), "..x.o.", soft, gate=0.8, gain=0.6)
    for start, chords, centre, gain in ((24, "Bb Gm6 A7 Dm", 65, 0.5), (36, lift, 65, 1.0), (60, coda, 62, 0.6)):
        s.riff("strings", start, voiced(chords, centre, 3), "x", bow, step=3, gain=gain)
        s.riff("cello", start, low(chords, 36, 3), "0...1.", cello)
    s.melody("piano", 6, "5:2 4:.5 3 2:1 #7, 5,", firm, octave=1, gain=0.7)
    s.melody("piano", 12, tune, firm, octave=1)
    s.melody("violin", 36, high, bow, octave=1, gain=1.2)
    s.melody("piano", 36, high, firm, octave=2, gain=0.5, pan=0.2)
    s.melody("piano", 60, "5:2 4:.5 3 4:1 6 4 5 2 #7, 1:3", firm, octave=1)
    s.drums(33, 3, floor="o.oxxX", gain=0.7)
    s.drums(36, 24, kick="x.....", brush="..x.o.", shaker="..x.xo", ride="..o.o.")
    for start in (36, 48, 60):
        s.drums(start, 0.5, kick="o", crash="o")
    s.drums(69, 0.5, kick="x")
    levels = {"kick": (-16, 0.1), "drums": (-17, 0.2), "piano": (-5, 0.22), "violin": (-8, 0.35)}
    return levels | {"strings": (-10, 0.35), "cello": (-11, 0.25)}


@song(
    "Night Bus North", "Synthwave", "E minor", 104, "Arpeggios and a gated snare under a gliding lead.",
    seed=53, beats=56, room=2.0,
)  # fmt: skip
def synthwave(s):
    verse, refrain, run = "Em Em Cmaj7 D", "C D Em G C B7", "0120321301203213"
    bass = partial(saws, voices=2, detune=0.05, decay=0.14, sustain=0.3, release=0.04, cutoff=250, sweep=1600, fall=0.1)
    bass = partial(bass, q=1.3, width=0.2, sub=0.5)
    arp = partial(saws, voices=2, decay=0.12, sustain=0.15, release=0.12, cutoff=700, sweep=4000, fall=0.08, q=1.5)
    pad = partial(saws, voices=7, detune=0.14, attack=0.3, sustain=0.9, release=0.6, cutoff=1100, sweep=900, fall=1.0)
    lead = partial(saws, voices=3, detune=0.08, attack=0.02, sustain=0.8, release=0.25, cutoff=1600, sweep=3500)
    lead = partial(lead, vibrato=0.2, glide=1.0, width=0.5)
    tune = "1:.75 2 3:.5 5:1 4:.5 3 2:.75 3 1:.5 -:2 3:.75 2 1:.5 6,:1 1 2:1.5 4:.5 2:2"
    high = "8:1.5 7:.5 5:1 3 9:1.5 7:.5 4:2 5:1 8 9:.75 10 9:.5 7:2 5:1 7 8:1.5 7:.5 8:1 10 9:2 #7 8:4"
    for start, chords, gain in ((0, "Em Em", 0.8), (8, verse, 0.7), (24, refrain, 1.0)):
        s.riff("arp", start, voiced(chords, 66 + 4 * (start == 24)), run, arp, gain=gain)
    s.riff("arp", 48, voiced("Em:8", 66), run[:8] + "0" + 23 * ".", arp)
    for start, chords, steps in ((4, "Em", "0."), (8, verse, "0.0.0.0.0.0.0.2."), (24, refrain, "000200020002002p")):
        s.riff("bass", start, low(chords, 28), steps, bass, gate=0.9)
    s.riff("bass", 48, low("Em", 28), "0", partial(bass, decay=1.0, release=0.5), step=4)
    s.riff("pad", 0, voiced("Em Em " + verse, 62), "x", pad, step=4, gain=0.8)
    s.riff("pad", 24, voiced(refrain + " Em:8", 64), "X", pad, step=4)
    s.melody("lead", 8, tune, lead, gain=0.7)
    s.melody("lead", 24, high, lead)
    s.drums(4, 4, hat="x.x.", gain=0.8)
    s.drums(8, 14, kick="X.......", gated="........x.......", hat="x.xo")
    s.drums(22, 2, kick="X...", tom="x.xx....", floor="....x.xX")
    s.drums(24, 24, kick="X...", gated="....X...", hat="xoXo", open="..............x.")
    s.drums(46, 2, tom="xxxx....", floor="....xxxx", gain=0.8)
    for start in (24, 40, 48):
        s.drums(start, 0.25, crash="x")
    s.drums(48, 0.25, kick="X", gated="X")
    s.rise(4, 4)
    s.rise(20, 4)
    s.duck("pad", [*range(24, 49)], 0.45)
    s.bus["pad"], s.bus["arp"] = chorus(s.bus["pad"], 0.5), chorus(s.bus["arp"], 0.3)
    s.echo("arp", 0.75, 0.3)
    s.echo("lead", 0.5, 0.3)
    levels = {"kick": (-7, 0.03), "drums": (-8, 0.25), "bass": (-7, 0), "arp": (-10, 0.25)}
    return levels | {"pad": (-10, 0.3), "lead": (-6, 0.3), "rise": (-18, 0.3)}


@song(
    "Two Chairs, One Shade", "Bossa nova", "C major", 132, "Nylon guitar, flute, upright bass and rim clicks.",
    seed=67, beats=72, room=1.3, step=0.5, swing=0.52,
)  # fmt: skip
def bossa(s):
    first, bridge = "Cmaj7 A7b9 Dm7 G13 Em7 A7b9 Dm7 G7", "Fmaj7 Fm6 Em7 A7b9 Dm7 G13"
    nylon = partial(pluck, bright=0.42, ring=1.8, release=0.15, place=0.3)
    upright = partial(pluck, bright=0.1, ring=2.2, release=0.07, place=0.35)
    bell, flute = partial(mallet, bright=0.4, ring=0.9), partial(whistle, breath=0.08)
    tune = "5:1.5 3:.5 2 3:1.5 -:.5 5 4 3 #1:2 6:1.5 4:.5 3 4:1.5 -:.5 6 5 4 3:2 "
    tune += "5:1.5 7:.5 8 7:1.5 -:.5 b7 6 5 #1:2 4:.5 6 8:1 9:.5 8:1.5 7:.5 b6 4 2 3 2 7,:1"
    high = "8:2.5 7:.5 6 5 b6:2 4:.5 b6 8:1 7:2.5 6:.5 5 3 5:2 #1:.5 3 b7:1 6:1.5 4:.5 2:1 3 4:.5 3 2 7, 2 5,:1.5"
    for start, chords in ((0, "Cmaj7 G13"), (8, first), (40, bridge)):
        s.riff("guitar", start, voiced(chords, 61), "x..x..x..x..x.x.", nylon, gate=0.85, strum=0.012, pan=-0.4)
        if start:
            s.riff("bass", start, low(chords, 33), "0..11..0", upright, gate=0.95)
    s.riff("guitar", 64, voiced("C69:8", 62), "x..x..x.X.......", nylon, strum=0.05, pan=-0.4)
    s.riff("bass", 64, low("C69:8", 33), "0..11..00.......", upright)
    s.riff("vibes", 24, voiced("Em7 A7b9 Dm7 G7", 70), "...x..x.", bell, pan=0.45, gain=0.6)
    s.riff("vibes", 40, voiced(bridge, 70), "x..x..x.", bell, pan=0.45)
    s.riff("vibes", 64, voiced("C69:8", 72), "x.......0.1.2.3.", bell, pan=0.45, gate=4)
    s.melody("lead", 8, tune, flute, octave=1, pan=0.1)
    s.melody("lead", 40, high, flute, octave=1, pan=0.1, gain=1.1)
    s.melody("lead", 64, "1:1.5 2:.5 3 5:1.5 9:4", flute, octave=1, pan=0.1)
    s.drums(0, 64, shaker="XoxoXoxo")
    s.drums(4, 60, rim="..x..x..x..x..x.", kick="X..oX..o", gain=0.9)
    s.drums(38, 2, brush="oxxX")
    s.drums(40, 24, ride="x.xox.xo", brush="..x...x.", gain=1.1)
    s.drums(64, 8, shaker="xoxoxoxox.......", kick="x..oo..ox.......", rim="x..x..x.x.......")
    s.bus["guitar"] = peaking(filtered(s.bus["guitar"], "high", 80, 2), 190, 3, 1.5)
    levels = {"kick": (-11, 0.03), "drums": (-12, 0.14), "bass": (-7, 0.02), "guitar": (-6, 0.15)}
    return levels | {"vibes": (-11, 0.3), "lead": (-8, 0.3)}


# ---------------------------------------------------------------- damage


def shuffled(x: Wave, rng: Rng) -> Wave:
    """Coherence: twelve pieces, cut off the beat, out of order, each at another speed and so in another key."""
    edges = np.linspace(0, len(x), 13).astype(int) + np.r_[0, rng.integers(-RATE // 2, RATE // 2, 11), 0]
    pieces = []
    for i, semitones in zip(rng.permutation(12), rng.permutation(np.r_[-5:-1, 1:5, -3, 0, 3, 6]), strict=True):
        piece = signal.resample_poly(x[edges[i] : edges[i + 1]], 1000, round(1000 * 2 ** (semitones / 12)), axis=0)
        n = np.arange(len(piece))
        pieces.append(piece * np.clip(np.minimum(n, n[::-1]) / 300, 0, 1)[:, None])
    return loudest(np.concatenate(pieces))


def buried(x: Wave, rng: Rng) -> Wave:
    """Clarity: treble lost, mud at 250 Hz, hard clipping, a bed of hiss and hum."""
    x = peaking(filtered(x, "low", 2600), 250, 9, 0.8)
    x = np.clip(x * 4 / np.abs(x).max(), -1, 1)
    hum = 0.03 * np.sin(2 * np.pi * 50 * np.arange(len(x)) / RATE)[:, None]
    return loudest(x + hum + filtered(rng.normal(0, 0.09, x.shape), "low", 6000))


def crushed(x: Wave, rng: Rng) -> Wave:
    """Naturalness: phases mostly thrown away, 6 bits, every fourth sample held."""
    spectrum = signal.stft(x.T, nperseg=2048)[2]
    smear = np.exp(1j * rng.uniform(-0.8 * np.pi, 0.8 * np.pi, spectrum.shape[1:]))
    x = signal.istft(spectrum * smear, nperseg=2048)[1].T[: len(x)]
    x = np.round(x / np.abs(x).max() * 32) / 32
    return loudest(np.repeat(x[::4], 4, axis=0))


DAMAGES = {  # song: axis, damage, description
    "synthwave": ("coherence", shuffled, "Cut up off the beat and shuffled, with jumps of key and tempo."),
    "folk": ("clarity", buried, "Muffled, muddy and clipped, under hiss and hum."),
    "waltz": ("naturalness", crushed, "Phases smeared, crushed to 6 bits at 11 kHz."),
}

# ---------------------------------------------------------------- files


def write(path: Path, x: Wave) -> None:
    """Ogg Vorbis, a second at a time: libsndfile overflows its stack on one long block."""
    with soundfile.SoundFile(path, "w", RATE, 2, format="OGG", subtype="VORBIS", compression_level=0.75) as file:
        for at in range(0, len(x), RATE):
            file.write(x[at : at + RATE])


def produce(name: str, folder: Path) -> list[dict[str, str | float | None]]:
    """Write the song and, where there is one, its damaged version; their rows of examples.json."""
    song, wave, file = SONGS[name], SONGS[name].render(), f"{name}.ogg"
    write(folder / file, wave)
    row = {"file": file, "title": song.title, "style": song.style, "description": song.description, "key": song.key}
    row |= {"tempo": song.tempo, "damage": None, "good": None, "licence": "CC0-1.0"}
    if name not in DAMAGES:
        return [row]
    axis, damage, description = DAMAGES[name]
    worse = {"file": f"{name}_damaged.ogg", "title": f"{song.title} (damaged)", "description": description}
    write(folder / worse["file"], damage(wave, np.random.default_rng(song.seed)))
    return [row, row | worse | {"damage": axis, "good": file}]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compose and render the example songs and examples.json.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder (default: this script's)")
    folder = parser.parse_args().out
    rows = [row for name in SONGS for row in produce(name, folder)]
    (folder / "examples.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
