"""Compose and render the example songs: `python assets/examples/compose.py` (numpy, scipy, soundfile, pyloudnorm).

A song is a score (chord symbols, melodies in scale degrees, step patterns), played by the small instruments below
on named buses, mixed by loudness and mastered. Every random number comes from the song's own seed, so rendering
twice gives the same samples. Waves are [n] mono or [n, 2] stereo at RATE; pitches are MIDI numbers; times are beats
in scores, seconds in sound. The code is Apache-2.0 as the project; the songs are CC0-1.0.
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
LOUDNESS, CEILING = -14.0, 10 ** (-2.0 / 20)  # LUFS; true peak before the codec, which adds up to 1 dB
Harmony = list[tuple[float, float, tuple[int, ...]]]  # (beat, beats, pitches)

# ---------------------------------------------------------------- score

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
SIGNS = {"#": 1, "b": -1}
QUALITIES = {  # as voiced: ninths and thirteenths leave the root to the bass
    "": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "maj7": (0, 4, 7, 11), "m6": (0, 3, 7, 9),
    "m7b5": (0, 3, 6, 10), "add9": (0, 2, 4, 7), "69": (2, 4, 7, 9), "maj9": (2, 4, 7, 11), "m9": (2, 3, 7, 10),
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


def pitch_class(name: str) -> int:
    return LETTERS[name[0]] + sum(SIGNS[sign] for sign in name[1:])


def parse_chord(symbol: str) -> tuple[int, int, list[int]]:
    """`"Gm7/Bb"` as root, bass and chord tones, all pitch classes."""
    name, _, bass = symbol.partition("/")
    root, quality = re.fullmatch(r"([A-G][#b]?)(.*)", name).groups()
    tones = [(pitch_class(root) + step) % 12 for step in QUALITIES[quality]]
    return pitch_class(root), pitch_class(bass or root), tones


def voiced(text: str, beats: float = 4, centre: int = 62) -> Harmony:
    """Close voicings about `centre`, each the inversion that moves least from the one before."""
    harmony, last = [], None
    for beat, length, symbol in timed(text, beats):
        tones = parse_chord(symbol)[2]
        options = [
            sorted(low + (tone - low) % 12 for tone in tones) for low in range(centre - 12, centre) if low % 12 in tones
        ]
        near = [
            abs(np.mean(option) - centre)
            + (0 if last is None else np.abs(np.subtract.outer(option, last)).min(axis=1).sum())
            + 2 * (option[-1] - option[-2] == 1)  # a semitone on top sounds harsh
            for option in options
        ]
        last = options[int(np.argmin(near))]
        harmony.append((beat, length, tuple(last)))
    return harmony


def low(text: str, beats: float = 4, floor: int = 28) -> Harmony:
    """What a bass plays: bass note, fifth, octave and third of each chord, from `floor` up."""
    harmony = []
    for beat, length, symbol in timed(text, beats):
        root, bass, tones = parse_chord(symbol)
        note = floor + (bass - floor) % 12
        fifth, third = (next((t for t in tones if (t - root) % 12 in want), root) for want in ((6, 7), (3, 4)))
        harmony.append((beat, length, (note, note + (fifth - bass) % 12, note + 12, note + (third - bass) % 12)))
    return harmony


def degree(token: str, tonic: int, mode: str) -> int:
    """Scale degree to pitch: `3` the third, `b7` lowered, `9` beyond the octave, `5,` an octave down."""
    sign, number, down = re.fullmatch(r"([#b]?)(\d+)(,*)", token).groups()
    octave, step = divmod(int(number) - 1, 7)
    return tonic + SCALES[mode][step] + SIGNS.get(sign, 0) + 12 * (octave - len(down))


# ---------------------------------------------------------------- sound


def hertz(pitch: np.ndarray | float) -> np.ndarray | float:
    return 440.0 * 2 ** ((np.asarray(pitch) - 69) / 12)


def clock(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * RATE)) / RATE


def envelope(seconds: float, attack: float, decay: float, sustain: float, release: float) -> np.ndarray:
    t = clock(seconds + release)
    rise = np.sin(np.pi / 2 * np.clip(t / attack, 0, 1)) ** 2
    return rise * (sustain + (1 - sustain) * np.exp(-t / decay)) * np.clip((seconds + release - t) / release, 0, 1) ** 2


def sawtooth(frequency: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Band-limited by a polynomial step (polyBLEP, Valimaki 2007): `frequency` [n, v], `phase` [v] in cycles."""
    step = frequency / RATE
    t = (phase + np.cumsum(step, axis=0)) % 1
    early, late = t / step, (t - 1) / step
    blep = np.where(t < step, 2 * early - early**2 - 1, np.where(t > 1 - step, late**2 + 2 * late + 1, 0))
    return 2 * t - 1 - blep


def filtered(x: np.ndarray, kind: str, edge: float | tuple[float, float], order: int = 2) -> np.ndarray:
    return signal.sosfilt(signal.butter(order, edge, kind, fs=RATE, output="sos"), x, axis=0)


def peaking(x: np.ndarray, centre: float, gain_db: float, q: float = 0.8) -> np.ndarray:
    """Audio EQ Cookbook's (R. Bristow-Johnson) peaking filter."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * centre / RATE
    alpha, cos = np.sin(w) / (2 * q), -2 * np.cos(w)
    return signal.lfilter([1 + alpha * a, cos, 1 - alpha * a], [1 + alpha / a, cos, 1 - alpha / a], x, axis=0)


def lowpass_along(x: np.ndarray, cutoff: np.ndarray, q: float) -> np.ndarray:
    """The cookbook's lowpass with a moving `cutoff` [n] in Hz, renewed every 128 samples."""
    state, out = np.zeros((2, *x.shape[1:])), np.empty_like(x)
    for at in range(0, len(x), 128):
        w = 2 * np.pi * min(cutoff[at], 16_000) / RATE
        alpha, cos = np.sin(w) / (2 * q), np.cos(w)
        b = np.array([(1 - cos) / 2, 1 - cos, (1 - cos) / 2])
        block = slice(at, at + 128)
        a = [1 + alpha, -2 * cos, 1 - alpha]
        out[block], state = signal.lfilter(b, a, x[block], axis=0, zi=state)
    return out


def saws(
    pitch, seconds, rng, voices=5, detune=0.1, attack=0.01, decay=0.3, sustain=0.6, release=0.15,
    cutoff=900.0, sweep=3000.0, fall=0.25, q=0.8, width=0.9, vibrato=0.0, glide=0.0, sub=0.0,
):  # fmt: skip
    """Detuned saws across the stereo field through a lowpass with an envelope: bass, stab, lead, strings, pad."""
    shape = envelope(seconds, attack, decay, sustain, release)
    t = np.arange(len(shape)) / RATE
    bend = vibrato * np.sin(2 * np.pi * 5.4 * t) * np.clip(t / 0.5 - 0.4, 0, 1) - glide * np.exp(-t / 0.03)
    spread = detune * np.linspace(-1, 1, voices) + rng.normal(0, detune / 8, voices)
    wave = sawtooth(hertz(pitch + bend[:, None] + spread), rng.random(voices))
    angle = np.pi / 4 * (1 + width * np.linspace(-1, 1, voices)[np.argsort(np.arange(voices) % 2, kind="stable")])
    stereo = wave @ np.stack([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(voices)
    stereo = lowpass_along(stereo, cutoff + sweep * np.exp(-t / fall), q)
    stereo += sub * np.sin(2 * np.pi * np.cumsum(hertz(pitch + bend)) / RATE)[:, None]
    return stereo * shape[:, None]


def pluck(pitch, seconds, rng, bright=0.5, ring=2.5, release=0.12, place=0.18):
    """Karplus-Strong string, tuned by a cubic Lagrange delay; `ring` is its T60 in seconds."""
    period, damping = RATE / hertz(pitch), 0.5 - 0.45 * bright
    whole = int(period - damping) - 1
    fraction = period - damping - whole
    lagrange = [np.prod([(fraction - j) / (k - j) for j in range(4) if j != k]) for k in range(4)]
    taps = 10 ** (-3 * period / RATE / ring) * np.convolve(lagrange, [1 - damping, damping])
    burst = filtered(rng.uniform(-1, 1, int(period)), "low", 1200 + 7000 * bright, 1)
    burst -= np.roll(burst, int(place * period))  # where it is plucked: a comb
    out = np.zeros(len(clock(seconds + release)) + whole + 4)
    start = whole + 4
    out[start : start + len(burst)] = (burst - burst.mean())[: len(out) - start]
    for at in range(start, len(out), whole):  # one period at a time; each hears only earlier ones
        stop = min(at + whole, len(out))
        out[at:stop] += np.convolve(out[at - whole - 4 : stop - whole], taps, "valid")
    return 2 * out[start:] * envelope(seconds, 0.001, 1, 1, release)


def piano(pitch, seconds, rng, bright=0.5, release=0.25):
    """Stretched partials of three strings, high ones and high notes fading sooner; a felt thump."""
    shape, f = envelope(seconds, 0.002, 1, 1, release), float(hertz(pitch))
    t = np.arange(len(shape)) / RATE
    out = np.zeros((len(t), 2))
    for k in range(1, min(28, int(9000 / f)) + 1):
        partial_f = f * k * np.sqrt(1 + 0.0004 * k * k)
        level = abs(np.sin(np.pi * k / 8.3)) / k * np.exp(-k * f / (1500 + 4500 * bright))
        tau = 4.5 * (110 / f) ** 0.5 / (1 + 0.18 * k)
        decay = level * (0.7 * np.exp(-t / (0.3 * tau)) + 0.3 * np.exp(-t / tau))
        for cents, left in ((-0.6, 0.8), (0.5, 0.4), (0.1, 0.6)):
            phase = 2 * np.pi * rng.random()
            out += np.outer(decay * np.sin(2 * np.pi * partial_f * 2 ** (cents / 1200) * t + phase), [left, 1.2 - left])
    thump = filtered(rng.normal(0, 1, len(t)), "band", (90, 700)) * np.exp(-t / 0.02) * 0.25
    return (out + thump[:, None]) * shape[:, None]


def epiano(pitch, seconds, rng, bright=0.5, release=0.2):
    """Frequency modulation: a 1:1 pair for the bar, a short 14:1 pair for the tine; tremolo from side to side."""
    shape = envelope(seconds, 0.003, 1.1, 0.12, release)
    t = np.arange(len(shape)) / RATE
    w = 2 * np.pi * hertz(pitch) * t
    body = np.sin(w + (0.3 + 1.5 * bright) * np.exp(-t / 0.7) * np.sin(w))
    tine = np.sin(w + 0.6 * bright * np.exp(-t / 0.12) * np.sin(14 * w)) if pitch < 78 else np.sin(w)
    sway = 0.25 * np.sin(2 * np.pi * 4.6 * t + 0.4 * rng.random())
    return np.stack([1 + sway, 1 - sway], axis=1) * ((0.7 * body + 0.35 * tine) * shape)[:, None]


def mallet(pitch, seconds, rng, bright=0.5, tremolo=0.25, ring=1.2):
    """Vibraphone: a bar's tuned partials 1, 4 and 10, with a motor."""
    t = clock(seconds + ring)
    w = 2 * np.pi * hertz(pitch) * t + 0.3 * rng.random()
    out = sum(a * np.sin(k * w) * np.exp(-t / (ring * d)) for k, a, d in ((1, 1, 1), (4, 0.5 * bright, 0.3), (10, 0.2 * bright, 0.06)))
    return out * (1 - tremolo * (0.5 + 0.5 * np.sin(2 * np.pi * 5.2 * t))) * envelope(seconds, 0.002, 1, 1, ring)


def whistle(pitch, seconds, rng, breath=0.05):
    """A flute: few harmonics, a scoop into the note, late vibrato, breath."""
    shape = envelope(seconds, 0.06, 0.4, 0.75, 0.12)
    t = np.arange(len(shape)) / RATE
    bend = 0.18 * np.sin(2 * np.pi * 5.1 * t) * np.clip(t / 0.5 - 0.5, 0, 1) - 0.4 * np.exp(-t / 0.025)
    w = 2 * np.pi * np.cumsum(hertz(pitch + bend)) / RATE
    tone = sum(a * np.sin(k * w) for k, a in ((1, 1), (2, 0.4), (3, 0.22), (4, 0.08), (5, 0.05)))
    f = float(hertz(pitch))
    return (tone + breath * filtered(rng.normal(0, 3, len(t)), "band", (f, 5 * f), 1)) * shape


def struck(seconds, rng, tone=0.0, drop=0.0, ring=0.1, noise=0.0, band=(300.0, 8000.0), hiss=0.1, attack=0.0005, cut=None):
    """Any drum: a tone (Hz) that falls from `1 + drop` times its pitch, and a band of noise; decay times in seconds."""
    t = clock(seconds)
    sweep = tone * (1 + drop * np.exp(-t / 0.025) + 0.4 * drop * np.exp(-t / 0.006))
    body = np.tanh(1.6 * np.sin(2 * np.pi * np.cumsum(sweep) / RATE)) * np.exp(-t / ring)
    rough = noise * filtered(rng.normal(0, 1, len(t)), "band", band, 1) * np.exp(-t / hiss)
    out = (body + rough) * np.clip(t / attack, 0, 1) * np.clip((seconds - t) / 0.02, 0, 1)
    return out if cut is None else out * np.clip((cut - t) / 0.03, 0, 1)  # a gate


def metal(seconds, rng, ring=0.04, floor=7000.0, noise=0.6):
    """Cymbals and hats: a cluster of inharmonic partials and noise above `floor` Hz."""
    t = clock(seconds)
    partials = np.sin(2 * np.pi * np.outer(t, floor * 2 ** (1.2 * rng.random(12))) + 6.28 * rng.random(12)).mean(axis=1)
    hiss = filtered(rng.normal(0, 0.3, len(t)), "high", floor)
    return (partials + noise * hiss) * np.exp(-t / ring) * np.clip((seconds - t) / 0.02, 0, 1)


def clap(seconds, rng):
    one = partial(struck, seconds, rng, noise=1.0, band=(900, 3800))
    wave = one(hiss=0.11)
    for late in (0.0, 0.011, 0.022):
        at = int((late + 0.001) * RATE)
        wave[at:] += one(hiss=0.006)[: len(wave) - at]
    return wave


Drum = tuple[Callable, float, float]  # wave(rng), gain, pan
KIT: dict[str, Drum] = {
    "kick": (partial(struck, 0.45, tone=47, drop=4.5, ring=0.16, noise=0.15, band=(1500, 6000), hiss=0.004), 1.0, 0.0),
    "snare": (partial(struck, 0.35, tone=185, drop=0.5, ring=0.07, noise=0.9, band=(700, 9000), hiss=0.09), 0.7, 0.05),
    "clap": (partial(clap, 0.4), 0.6, -0.05),
    "hat": (partial(metal, 0.12), 0.5, 0.25),
    "open": (partial(metal, 0.4, ring=0.14), 0.4, 0.25),
    "ride": (partial(metal, 1.2, ring=0.35, floor=4200, noise=0.3), 0.3, -0.3),
    "crash": (partial(metal, 2.5, ring=0.7, floor=3300, noise=1.4), 0.4, -0.35),
    "shaker": (partial(struck, 0.12, noise=0.7, band=(4500, 11000), hiss=0.03, attack=0.02), 0.5, -0.35),
    "rim": (partial(struck, 0.1, tone=820, drop=0.8, ring=0.012, noise=0.4, band=(2000, 7000), hiss=0.008), 0.5, 0.3),
    "tom": (partial(struck, 0.5, tone=105, drop=0.9, ring=0.18, noise=0.1), 0.8, -0.2),
    "low": (partial(struck, 0.6, tone=72, drop=0.9, ring=0.22, noise=0.1), 0.9, 0.3),
    "brush": (partial(struck, 0.3, noise=0.8, band=(1200, 7500), hiss=0.07, attack=0.012), 0.5, 0.15),
}
GATED = struck, 0.5  # the eighties' snare: long noise, cut off
KIT["gated"] = (partial(*GATED, tone=175, drop=0.4, ring=0.1, noise=1.0, band=(500, 7000), hiss=0.4, cut=0.26), 0.7, 0.0)

# ---------------------------------------------------------------- session: playing, mixing, mastering

ACCENTS = {"X": 1.0, "x": 0.72, "o": 0.4}


class Session:
    """One song's time, random numbers and stereo buses. `swing` is where the second of two steps falls (0.5: even)."""

    def __init__(self, seed: int, tempo: float, beats: float, swing: float = 0.5, step: float = 0.25, slow: float = 1e9):
        self.rng, self.tempo, self.swing, self.step, self.slow = np.random.default_rng(seed), tempo, swing, step, slow
        self.length = int((self.seconds(beats) + 2.5) * RATE)
        self.bus: dict[str, np.ndarray] = {}

    def seconds(self, beat: float) -> float:
        """When a beat sounds: swing inside each pair of steps, and a ritardando after beat `slow`."""
        pair, part = divmod(beat / (2 * self.step), 1)
        part = 2 * part * self.swing if part < 0.5 else 1 - 2 * (1 - part) * (1 - self.swing)
        late = max(0.0, beat - self.slow)
        return (2 * self.step * (pair + part) + 0.02 * late**2) * 60 / self.tempo + 0.05

    def add(self, bus: str, at: float, wave: np.ndarray, gain: float = 1.0, pan: float = 0.0) -> None:
        """Mix `wave` in from `at` seconds, placed at equal power; `pan` is -1 (left) to 1."""
        target = self.bus.setdefault(bus, np.zeros((self.length, 2)))
        start = max(0, int(at * RATE))
        wave = (wave if wave.ndim == 2 else np.stack([wave, wave], axis=1))[: self.length - start]
        sides = np.sqrt(2) * np.array([np.cos(np.pi / 4 * (1 + pan)), np.sin(np.pi / 4 * (1 + pan))])
        target[start : start + len(wave)] += gain * sides * wave

    def note(self, bus, beat, beats, instrument, pitch, velocity=0.75, gain=1.0, pan=0.0, loose=0.004):
        """A human plays it: a little early or late, a little louder or softer."""
        seconds = self.seconds(beat + beats) - self.seconds(beat)
        velocity = np.clip(velocity + self.rng.normal(0, 0.05), 0.1, 1)
        at = self.seconds(beat) + self.rng.normal(0, loose)
        self.add(bus, at, instrument(pitch, seconds, self.rng), gain * velocity**1.5, pan)

    def melody(self, bus, start, text, instrument, tonic, mode, gain=1.0, pan=0.0, gate=0.96):
        for beat, beats, token in timed(text, 1):
            if token != "-":
                velocity = 0.7 + 0.1 * (beat % 1 == 0) + 0.08 * (beats > 1)
                self.note(bus, start + beat, gate * beats, instrument, degree(token, tonic, mode), velocity, gain, pan)

    def riff(self, bus, start, harmony, steps, instrument, gate=1.0, gain=1.0, pan=0.0, strum=0.0, step=0.25):
        """Play a harmony by step pattern: X x o the whole chord, a digit one of its notes, p a step into the next."""
        end = harmony[-1][0] + harmony[-1][1]
        hits = [(i * step, steps[i % len(steps)]) for i in range(int(end / step)) if steps[i % len(steps)] != "."]
        for (beat, mark), (following, _) in pairwise([*hits, (end, "")]):
            index = max(i for i, chord in enumerate(harmony) if chord[0] <= beat)
            begin, beats, chord = harmony[index]
            ahead = harmony[(index + 1) % len(harmony)][2][0]
            pitches = {"p": (ahead - 1 if ahead > chord[0] else ahead + 1,)}.get(mark, chord)
            pitches = (chord[int(mark) % len(chord)],) if mark.isdigit() else pitches
            sounding = min(gate * (following - beat), begin + beats - beat)
            velocity = ACCENTS.get(mark, 0.72 + 0.08 * (beat % 1 == 0))
            for i, pitch in enumerate(pitches):
                self.note(bus, start + beat + i * strum, sounding, instrument, pitch, velocity, gain, pan)

    def drums(self, start: float, beats: float, step: float = 0.25, gain: float = 1.0, **patterns: str) -> None:
        for name, steps in patterns.items():
            wave, level, pan = KIT[name]
            for i in range(int(beats / step)):
                if (mark := steps[i % len(steps)]) != ".":
                    velocity = ACCENTS[mark] * gain * (1 + self.rng.normal(0, 0.06))
                    at = self.seconds(start + i * step) + self.rng.normal(0, 0.001 if name == "kick" else 0.003)
                    self.add("kick" if name == "kick" else "drums", at, wave(self.rng), level * velocity, pan)

    def rise(self, start: float, beats: float) -> None:
        """Noise that opens up towards the next section."""
        t = np.linspace(0, 1, int(beats * 60 / self.tempo * RATE))
        noise = lowpass_along(self.rng.normal(0, 1, (len(t), 2)), 300 * 30**t, 1.5)
        self.add("fx", self.seconds(start), noise * (t**2 * np.clip((1 - t) / 0.02, 0, 1))[:, None])

    def duck(self, bus: str, beats: np.ndarray, depth: float = 0.75, release: float = 0.16) -> None:
        """Sidechain: press the bus down at each kick."""
        t, gain = np.arange(self.length) / RATE, np.ones(self.length)
        for beat in beats:
            since = t - self.seconds(beat)
            gain = np.minimum(gain, 1 - depth * np.exp(np.minimum(since / 0.003, -since / release)))
        self.bus[bus] *= gain[:, None]

    def echo(self, bus: str, beats: float, level: float = 0.3) -> None:
        """Four repeats from side to side, each darker."""
        wave = self.bus[bus]
        for i in range(1, 5):
            late = int(i * beats * 60 / self.tempo * RATE)
            wave = filtered(wave, "low", 4500, 1)[:, ::-1]
            self.bus[bus][late:] += level**i * (wave * [1.0, 0.6] if i % 2 else wave * [0.6, 1.0])[:-late]

    def mix(self, levels: dict[str, tuple[float, float]], room: float = 1.4) -> np.ndarray:
        """Bring each bus to its loudness (LU) and send part of it to a reverb of `room` seconds."""
        meter, dry, sent = pyloudnorm.Meter(RATE), 0.0, 0.0
        for name, (level, send) in levels.items():
            wave = self.bus[name] * 10 ** ((level - 20 - meter.integrated_loudness(self.bus[name])) / 20)
            dry, sent = dry + wave, sent + send * filtered(wave, "high", 180)
        return master(dry + reverb(sent, room, self.rng))


def reverb(x: np.ndarray, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Convolve with a diffuse room: noise that decays by 60 dB in `seconds`, sooner in the treble, 15 ms late."""
    t = clock(1.2 * seconds)
    noise = rng.normal(0, 1, (len(t), 2))
    bands = ((filtered(noise, "low", 3000, 1), 1.0), (filtered(noise, "high", 3000, 1), 0.45))
    room = sum(band * np.exp(-6.9 * t / (seconds * rt))[:, None] for band, rt in bands) * np.clip(t / 0.01, 0, 1)[:, None]
    room = np.vstack([np.zeros((int(0.015 * RATE), 2)), room / np.sqrt((room**2).sum(axis=0))])
    return signal.fftconvolve(x, room, axes=0)[: len(x)]


def chorus(x: np.ndarray, depth: float = 0.0025, speed: float = 0.7, wet: float = 0.5) -> np.ndarray:
    """Each side with a copy of itself whose delay sways around 12 ms."""
    n = np.arange(len(x))
    sways = (0.012 + depth * np.sin(2 * np.pi * speed * n / RATE + phase) for phase in (0, 2))
    copies = [np.interp(n - RATE * sway, n, side) for sway, side in zip(sways, x.T, strict=True)]
    return (1 - wet / 2) * x + wet * np.stack(copies, axis=1)


OCTAVES = 31.25 * 2.0 ** np.arange(10)
TILT = np.array([-8, -1, -2, -4, -6, -9, -12.5, -13.5, -15, -18.0])  # dB by octave: the mean of a few released songs


def master(x: np.ndarray) -> np.ndarray:
    """Glue, half-way towards a common spectral tilt, -14 LUFS under a true-peak limit, trimmed, faded."""
    x = filtered(x, "high", 25)
    level = 10 * np.log10(signal.lfilter([0.0004], [1, -0.9996], (x**2).mean(axis=1)) + 1e-9)
    over = np.clip(level - np.percentile(level, 60), 0, None)
    x = x * 10 ** (-0.35 * over / 20)[:, None]
    f, power = signal.welch(x.mean(axis=1), RATE, nperseg=8192)
    has = np.array([10 * np.log10(power[(f >= o / 1.41) & (f < o * 1.41)].sum()) for o in OCTAVES])
    change = np.clip(0.6 * (TILT - has - (TILT - has).mean()), -7, 7)
    points, gains = [0, *OCTAVES, RATE / 2], [change[0], *change, change[-1]]
    grid = np.linspace(0, RATE / 2, 2049)
    taps = signal.firwin2(4097, grid, 10 ** (np.interp(np.log2(grid + 8), np.log2(np.array(points) + 8), gains) / 20), fs=RATE)
    x = signal.fftconvolve(x, taps[:, None], mode="same", axes=0)
    loud = np.flatnonzero(np.abs(x).max(axis=1) > 10 ** (-55 / 20) * np.abs(x).max())
    x = x[max(0, loud[0] - 400) : loud[-1]]
    fade = np.clip(np.minimum(np.arange(len(x)) / 200, np.arange(len(x))[::-1] / (0.5 * RATE)), 0, 1) ** 2
    return loudest(x * fade[:, None])


def loudest(x: np.ndarray) -> np.ndarray:
    """To LOUDNESS by gain, then a limiter that looks 3 ms ahead; three rounds, as limiting costs loudness."""
    meter, reach, gain, out = pyloudnorm.Meter(RATE), int(0.003 * RATE), 1.0, x
    hann = np.hanning(2 * reach + 1) / np.hanning(2 * reach + 1).sum()
    for _ in range(3):
        gain *= 10 ** ((LOUDNESS - meter.integrated_loudness(out)) / 20)
        peaks = np.abs(signal.resample_poly(gain * x, 4, 1, axis=0)).max(axis=1).reshape(-1, 4).max(axis=1)
        held = ndimage.minimum_filter1d(np.minimum(1, CEILING / np.maximum(peaks, 1e-9)), 2 * reach + 1)
        out = gain * x * np.convolve(np.pad(held, reach, mode="edge"), hann, "valid")[:, None]
    return out


# ---------------------------------------------------------------- songs


def house() -> np.ndarray:
    s = Session(seed=11, tempo=122, beats=64)
    loop = "Am9 Fmaj7 Dm9 Em7"
    stab = partial(saws, voices=5, decay=0.18, sustain=0.25, cutoff=500, sweep=4200, fall=0.16, q=1.1)
    pad = partial(saws, voices=6, attack=0.25, sustain=0.9, release=0.5, cutoff=700, sweep=500, fall=1.0)
    bass = partial(saws, voices=1, decay=0.15, sustain=0.5, release=0.05, cutoff=180, sweep=900, fall=0.09, q=1.4, sub=0.8)
    lead = partial(saws, voices=3, detune=0.07, decay=0.22, sustain=0.3, release=0.25, cutoff=900, sweep=5000, fall=0.2)
    hook = "5:.75 5:.25 4:.5 3:.5 -:.5 1:.25 2:.25 3:1 5:.75 5:.25 4:.5 3:.5 -:.5 2:.25 1:.25 1:1 "
    answer = "6:.75 6:.25 5:.5 4:.5 -:.5 1:.25 3:.25 4:1 5:.75 4:.25 2:.5 4:.5 5:.5 7:.5 5:1"
    four, offbeat, groove = "X...", "..x.", "x..x..x...x..x.."
    for start, chords in ((8, loop), (32, loop), (48, "Am9 Fmaj7")):
        s.riff("bass", start, low(chords, floor=33), "..0...2...0.0.p.", bass, gate=0.9)
    s.riff("chords", 0, voiced("Am9 Fmaj7"), "x..x..x.........", stab, gain=0.8, gate=0.5)
    for start, chords in ((8, loop), (32, loop), (48, "Am9 Fmaj7")):
        s.riff("chords", start, voiced(chords), groove, stab, gate=0.6)
    s.riff("pad", 24, voiced("Dm9 Em7", centre=66), "x...............", pad)
    s.riff("pad", 32, voiced(loop + " Am9 Fmaj7", centre=66), "x...............", pad)
    s.riff("pad", 56, voiced("Am9:8", centre=66), "x" + "." * 31, pad)
    s.melody("lead", 8, "-:2.5 1:.25 2:.25 3:1 -:4 -:2.5 1:.25 3:.25 4:1 -:4", lead, 69, "minor", gain=0.6)
    s.melody("lead", 24, "5:.75 5:.25 4:.5 3:.5 -:2 5:.5 5 5:.25 5 5 5 5 5 5 5 7:1", lead, 69, "minor", gain=0.5)
    s.melody("lead", 32, hook + answer + " " + hook, lead, 69, "minor")
    s.melody("lead", 56, "5:.75 5:.25 4:.5 3:.5 1:2", lead, 69, "minor", gain=0.8)
    s.drums(0, 24, kick=four, hat=offbeat)
    s.drums(8, 16, clap="....x...", shaker="xoxo", open="..o.")
    s.drums(24, 8, clap="x...x...x...x...x.x.x.x.xxxxxxxx", shaker="xoXo", gain=0.8)
    s.drums(32, 24, kick=four, clap="....X...", open="..X.", hat="xoxo", shaker="oxox", ride="x...")
    s.drums(56, 8, kick="X" + "." * 31, crash="x" + "." * 31, clap="....x...........................")
    s.drums(32, 16, crash="x" + "." * 63)
    s.rise(24, 8)
    for name in ("chords", "pad", "bass"):
        s.duck(name, np.array([*range(24), *range(32, 57)]), depth=0.7 if name != "bass" else 0.5)
    s.bus["pad"] = chorus(s.bus["pad"])
    s.echo("lead", 0.75, 0.35)
    return s.mix(
        {"kick": (-5, 0.02), "drums": (-8, 0.15), "bass": (-6, 0), "chords": (-7, 0.25), "pad": (-12, 0.3),
         "lead": (-5, 0.3), "fx": (-14, 0.3)},
        room=1.8,
    )  # fmt: skip


def lofi() -> np.ndarray:
    s = Session(seed=23, tempo=82, beats=48, swing=0.6)
    verse = "Fmaj9:4 Em7b5:2 A7b9 Dm9:4 Cm9:2 F13"
    refrain = "Bbmaj9:4 Am7:2 D7b9 Gm9:4 C13"
    keys, bell = partial(epiano, bright=0.4), partial(mallet, bright=0.5)
    bass = partial(pluck, bright=0.12, ring=3.0, release=0.06)
    s.riff("keys", 0, voiced("Bbmaj9 C13", centre=63), "x......o..x.....", keys, strum=0.02)
    s.riff("keys", 8, voiced(verse, centre=63), "x......o..x..o..", keys, strum=0.02, gate=0.9)
    s.riff("keys", 24, voiced(refrain, centre=64), "X..o...x..x..o.o", keys, strum=0.02, gate=0.9)
    s.riff("keys", 40, voiced("Fmaj9:8", centre=63), "X.....o.x......." + "x" + "." * 15, keys, strum=0.04)
    for start, chords in ((8, verse), (24, refrain)):
        s.riff("bass", start, low(chords, floor=29), "0......00...2.p.", bass, gate=0.95)
    s.riff("bass", 40, low("Fmaj9:8", floor=29), "0......00......." + "0" + "." * 15, bass)
    s.melody("lead", 4, "-:2.5 5:.5 3:.5 2:.5", bell, 65, "major", gain=0.8, pan=0.15)
    tune = "-:1 5:.5 6:.5 8:.75 6:.25 5:1 -:.5 7,:.5 1:.5 2:.5 3:1 #5,:1 "
    tune += "-:1 6,:.5 1:.5 3:.75 2:.25 1:1 -:.5 5,:.5 b7,:.5 2:.5 1:1.5 -:.5"
    high = "8:1.5 9:.5 10:1 8:.5 6:.5 5:1 3:.5 5:.5 #8:.5 6:.5 3:1 "
    high += "4:.5 6:.5 8:.5 9:.5 10:1 9:1 8:.5 7:.5 6:.5 5:.5 2:1 3:1"
    s.melody("lead", 8, tune, bell, 65, "major", pan=0.15)
    s.melody("lead", 24, high, bell, 65, "major", pan=0.15, gain=1.2)
    s.melody("lead", 40, "5:.5 6:.5 8:1 7:.5 5:.5 3:1 -:1 2:.5 3:.5 5:2", bell, 65, "major", pan=0.15)
    s.riff("strings", 24, voiced(refrain, centre=70), "x.......", partial(saws, voices=6, attack=0.3, release=0.4, cutoff=900, sweep=0))
    s.drums(8, 16, kick="X......x..x.....", snare="....X.......X..o", hat="xoxoxoxo", rim="..............o.")
    s.drums(24, 16, kick="X......x.xx.....", snare="....X..o....X..o", hat="XoxoXoxx", shaker="..x...x.", open="..............x.")
    s.drums(7, 1, snare=".oxx")
    s.drums(40, 4, kick="X......x........", snare="....x...........", hat="xoxoxoxo")
    dust = s.rng.random((s.length, 2)) * (s.rng.random((s.length, 2)) < 0.00012) + s.rng.normal(0, 0.002, (s.length, 2))
    s.add("dust", 0, filtered(dust, "band", (700, 6000), 1))
    t = np.arange(s.length)
    wow = t + RATE * (0.0012 * np.sin(2 * np.pi * 0.55 * t / RATE) + 0.00008 * np.sin(2 * np.pi * 6.3 * t / RATE))
    for name in ("keys", "lead", "strings"):  # the tape it was found on
        s.bus[name] = np.stack([np.interp(wow, t, side) for side in s.bus[name].T], axis=1)
    s.bus["keys"] = np.tanh(1.2 * chorus(s.bus["keys"], wet=0.35))
    s.bus["drums"] = filtered(s.bus["drums"], "low", 7500, 1)
    s.echo("lead", 0.75, 0.28)
    return s.mix(
        {"kick": (-7, 0.02), "drums": (-9, 0.12), "bass": (-7, 0), "keys": (-6, 0.2), "lead": (-7, 0.35),
         "strings": (-15, 0.4), "dust": (-30, 0)},
        room=1.3,
    )  # fmt: skip


def folk() -> np.ndarray:
    s = Session(seed=37, tempo=96, beats=56)
    verse, refrain = "G D/F# Em7 Cadd9", "Cadd9 D G Em7 Cadd9 D"
    steel = partial(pluck, bright=0.72, ring=3.2, release=0.25)
    bass = partial(pluck, bright=0.15, ring=3.5, release=0.08, place=0.3)
    bow = partial(saws, voices=6, detune=0.09, attack=0.22, sustain=0.9, release=0.35, cutoff=1300, sweep=300, vibrato=0.12)
    travis = "0.2.1.3.0.3.2.1."
    for start, chords in ((0, "G Cadd9"), (8, verse), (24, refrain)):
        s.riff("guitar", start, voiced(chords, centre=57), travis, steel, gate=6, pan=-0.3)
        s.riff("guitar", start, low(chords, floor=40), "0.......1.......", steel, gate=0.98, gain=0.8, pan=-0.25)
    s.riff("strum", 24, voiced(refrain, centre=62), "X...x.xo..x.x.xo", steel, strum=0.03, pan=0.55)
    s.riff("guitar", 48, voiced("G:8", centre=60), "0.2.1.3.2.1.0...X..." + "." * 12, steel, gate=9, strum=0.08, pan=-0.2)
    s.riff("bass", 8, low(verse), "0.....0.1.....p.", bass)
    s.riff("bass", 24, low(refrain), "0.....002.....1p", bass)
    s.riff("bass", 48, low("G:8"), "0" + "." * 15 + "0" + "." * 15, bass)
    s.riff("strings", 24, voiced(refrain + " G:8", centre=66), "x...............", bow)
    tune = "5,:.5 1:.5 2:.5 3:1 2:.5 1:1 2:1.5 5,:.5 2:.5 3:.5 2:1 1:.5 2:.5 3:1 5:.5 3:1.5 2:.5 1:.5 6,:1 1:1.5 -:.5"
    high = "5:.5 6:.5 8:1.5 6:.5 5:1 5:1.5 3:.5 2:1 5:1 5:.5 6:.5 8:1.5 9:.5 8:1 7:1 6:.5 5:.5 6:1.5 -:.5 "
    high += "5:.5 6:.5 8:1.5 6:.5 5:1 5:.5 3:.5 2:1 1:.5 2:.5 4:.5 2:.5 1:3 -:1"
    s.melody("lead", 8, tune, whistle, 67, "major", gain=0.8, pan=0.12)
    s.melody("lead", 24, high, whistle, 67, "major", pan=0.12)
    s.drums(8, 16, kick="x.........x.....", brush="....x.......x..o", shaker="o.x.")
    s.drums(22, 2, tom="....x.x.", low="......xx")
    s.drums(24, 24, kick="X......x..X.....", brush="....X..o....X.oo", shaker="xoXo", gain=1.2)
    s.drums(24, 24, crash="o" + "." * 63, ride="x...")
    s.drums(48, 8, kick="x" + "." * 31, crash="o" + "." * 31)
    for name in ("guitar", "strum"):  # the box they sit in
        s.bus[name] = peaking(peaking(filtered(s.bus[name], "high", 75), 105, 4, 2.0), 210, 3, 2.0)
    return s.mix(
        {"kick": (-11, 0.03), "drums": (-12, 0.12), "bass": (-8, 0), "guitar": (-6, 0.14), "strum": (-9, 0.15),
         "strings": (-12, 0.35), "lead": (-6, 0.35)},
        room=1.6,
    )  # fmt: skip


def waltz() -> np.ndarray:
    s = Session(seed=41, tempo=138, beats=72, step=0.5, slow=62)
    first, lift, coda = "Dm Gm/Bb A7/C# Dm Bb Gm6 A7 Dm", "F C/E Dm Bb Gm C7 F A7", "Dm Gm A7 Dm"
    soft, firm = partial(piano, bright=0.35), partial(piano, bright=0.75)
    bow = partial(saws, voices=6, detune=0.1, attack=0.16, sustain=0.9, release=0.3, cutoff=1500, sweep=500, vibrato=0.15)
    cello = partial(saws, voices=4, detune=0.06, attack=0.1, sustain=0.9, release=0.25, cutoff=700, sweep=300, vibrato=0.1)
    for start, chords in ((0, "Dm Bb Gm A7"), (12, first), (36, lift), (60, coda)):
        s.riff("piano", start, low(chords, 3, floor=38), "0.....", firm, gain=0.8, step=0.5, pan=-0.15)
        s.riff("piano", start, voiced(chords, 3, centre=60), "..x.o.", soft, gate=0.8, gain=0.6, step=0.5)
    tune = "5:2 4:.5 3:.5 4:2 3:.5 2:.5 #7,:1 2:1 5:1 3:2 1:1 6:2 5:.5 4:.5 4:1 6:1 2:1 5:1 #7,:1 2:1 1:3"
    high = "7:2 5:1 7:1 8:.5 7:.5 4:1 8:2 5:1 8:1 7:.5 6:.5 3:1 6:1.5 5:.5 4:1 2:1 4:1 6:1 5:2 3:1 #7,:1 2:1 5:1"
    s.melody("piano", 6, "5:2 4:.5 3:.5 2:1 #7,:1 5,:1", firm, 74, "minor", gain=0.7)
    s.melody("piano", 12, tune, firm, 74, "minor")
    s.melody("violin", 36, high, bow, 74, "minor", gain=1.2)
    s.melody("piano", 36, high, firm, 86, "minor", gain=0.5, pan=0.2)
    s.melody("piano", 60, "5:2 4:.5 3:.5 4:1 6:1 4:1 5:1 2:1 #7,:1 1:3", firm, 74, "minor")
    s.riff("strings", 24, voiced("Bb Gm6 A7 Dm", 3, centre=65), "x..", bow, gain=0.5, step=1)
    s.riff("strings", 36, voiced(lift, 3, centre=65), "x..", bow, step=1)
    s.riff("strings", 60, voiced(coda, 3, centre=62), "x..", bow, step=1, gain=0.6)
    for start, chords in ((24, "Bb Gm6 A7 Dm"), (36, lift), (60, coda)):
        s.riff("cello", start, low(chords, 3, floor=36), "0.. 0.1".replace(" ", ""), cello, step=1)
    s.drums(36, 24, step=0.5, kick="x.....", brush="..x.o.", shaker="..x.xo")
    s.drums(33, 3, step=0.5, low="o.oxxX", gain=0.7)
    s.drums(36, 24, step=0.5, crash="o" + "." * 23, ride="..o.o.")
    s.drums(60, 12, step=0.5, kick="o" + "." * 17 + "x.....")
    return s.mix(
        {"kick": (-16, 0.1), "drums": (-17, 0.2), "piano": (-5, 0.22), "violin": (-8, 0.35), "strings": (-10, 0.35),
         "cello": (-11, 0.25)},
        room=2.2,
    )  # fmt: skip


def synthwave() -> np.ndarray:
    s = Session(seed=53, tempo=104, beats=56)
    verse, refrain = "Em Em Cmaj7 D", "C D Em G C B7"
    bass = partial(saws, voices=2, detune=0.05, decay=0.14, sustain=0.3, release=0.04, cutoff=250, sweep=1600, fall=0.1, q=1.3, width=0.2, sub=0.5)
    arp = partial(saws, voices=2, detune=0.06, decay=0.12, sustain=0.15, release=0.12, cutoff=700, sweep=4000, fall=0.08, q=1.5)
    pad = partial(saws, voices=7, detune=0.14, attack=0.3, sustain=0.9, release=0.6, cutoff=1100, sweep=900, fall=1.0)
    lead = partial(saws, voices=3, detune=0.08, attack=0.02, sustain=0.8, release=0.25, cutoff=1600, sweep=3500, fall=0.3, vibrato=0.2, glide=1.0, width=0.5)
    run = "0120321301203213"
    s.riff("arp", 0, voiced("Em:8", centre=66), run, arp, gain=0.8)
    s.riff("arp", 8, voiced(verse, centre=66), run, arp, gain=0.7)
    s.riff("arp", 24, voiced(refrain, centre=70), run, arp)
    s.riff("arp", 48, voiced("Em:8", centre=66), run[:8] + "0" + "." * 23, arp)
    for start, chords, steps in ((4, "Em", "0." * 8), (8, verse, "0.0.0.0.0.0.0.2."), (24, refrain, "000200020002002p")):
        s.riff("bass", start, low(chords, floor=28), steps, bass, gate=0.9)
    s.riff("bass", 48, low("Em:8"), "0" + "." * 31, partial(bass, decay=1.0, sustain=0.5, release=0.5), gate=0.5)
    s.riff("pad", 0, voiced("Em:8 " + verse.replace("Em", "Em:4", 1), centre=62), "x" + "." * 15, pad, gain=0.8)
    s.riff("pad", 24, voiced(refrain + " Em:8", centre=64), "X" + "." * 15, pad)
    s.melody("lead", 8, "1:.75 2 3:.5 5:1 4:.5 3 2:.75 3 1:.5 -:2 3:.75 2 1:.5 6,:1 1 2:1.5 4:.5 2:2", lead, 64, "minor", gain=0.7)
    high = "8:1.5 7:.5 5:1 3 9:1.5 7:.5 4:2 5:1 8 9:.75 10 9:.5 7:2 5:1 7 8:1.5 7:.5 8:1 10 9:2 #7 8:4"
    s.melody("lead", 24, high, lead, 64, "minor")
    s.drums(4, 4, hat="x.x.", gain=0.8)
    s.drums(8, 14, kick="X.......X.......", gated="........x.......", hat="x.xo")
    s.drums(22, 2, tom="x.xx....", low="....x.xX", kick="X...X...")
    s.drums(24, 24, kick="X...X...", gated="....X...", hat="xoXo", open="..............x.")
    s.drums(24, 24, crash="x" + "." * 63)
    s.drums(46, 2, tom="xxxx....", low="....xxxx", gain=0.8)
    s.drums(48, 8, kick="X" + "." * 31, crash="x" + "." * 31, gated="X" + "." * 31)
    s.rise(4, 4)
    s.rise(20, 4)
    s.duck("pad", np.arange(24, 49), depth=0.45)
    s.bus["pad"], s.bus["arp"] = chorus(s.bus["pad"]), chorus(s.bus["arp"], wet=0.3)
    s.echo("arp", 0.75, 0.3)
    s.echo("lead", 0.5, 0.3)
    return s.mix(
        {"kick": (-7, 0.03), "drums": (-8, 0.25), "bass": (-7, 0), "arp": (-10, 0.25), "pad": (-10, 0.3),
         "lead": (-6, 0.3), "fx": (-18, 0.3)},
        room=2.0,
    )  # fmt: skip


def bossa() -> np.ndarray:
    s = Session(seed=67, tempo=132, beats=72, step=0.5, swing=0.52)
    first = "Cmaj9 A7b9 Dm9 G13 Em7 A7b9 Dm9 G7b9"
    bridge = "Fmaj9 Fm6 Em7 A7b9 Dm9 G13"
    nylon = partial(pluck, bright=0.42, ring=1.8, release=0.15, place=0.3)
    upright = partial(pluck, bright=0.1, ring=2.2, release=0.07, place=0.35)
    bell = partial(mallet, bright=0.4, ring=0.9)
    comp, walk = "x..x..x..x..x.x.", "0..11..0"
    for start, chords in ((0, "Cmaj9 G13"), (8, first), (40, bridge)):
        s.riff("guitar", start, voiced(chords, centre=61), comp, nylon, step=0.5, gate=0.85, strum=0.012, pan=-0.4)
    s.riff("guitar", 64, voiced("C69:8", centre=62), "x..x..x.X.......", nylon, step=0.5, strum=0.05, pan=-0.4)
    for start, chords in ((8, first), (40, bridge)):
        s.riff("bass", start, low(chords, floor=33), walk, upright, step=0.5, gate=0.95)
    s.riff("bass", 64, low("C69:8", floor=33), "0..11..00.......", upright, step=0.5)
    tune = "5:1.5 3:.5 2:.5 3:1.5 -:.5 5:.5 4:.5 3:.5 #1:2 6:1.5 4:.5 3:.5 4:1.5 -:.5 6:.5 5:.5 4:.5 3:2 "
    tune += "5:1.5 7:.5 8:.5 7:1.5 -:.5 b7:.5 6:.5 5:.5 #1:2 4:.5 6:.5 8:1 9:.5 8:1.5 7:.5 b6:.5 4 2 3 2 7,:1"
    high = "8:2.5 7:.5 6 5 b6:2 4:.5 b6 8:1 7:2.5 6:.5 5 3 5:2 #1:.5 3 b7:1 6:1.5 4:.5 2:1 3 4:.5 3 2 7, 2 5,:1.5"
    s.melody("lead", 8, tune, partial(whistle, breath=0.08), 72, "major", pan=0.1)
    s.melody("lead", 40, high, partial(whistle, breath=0.08), 72, "major", pan=0.1, gain=1.1)
    s.melody("lead", 64, "1:1.5 2:.5 3 5:1.5 9:3.5", partial(whistle, breath=0.08), 72, "major", pan=0.1)
    s.riff("vibes", 24, voiced("Em7 A7b9 Dm9 G7b9", centre=70), "...x..x.", bell, step=0.5, pan=0.45, gain=0.6)
    s.riff("vibes", 40, voiced(bridge, centre=70), "x..x..x.", bell, step=0.5, pan=0.45)
    s.riff("vibes", 64, voiced("C69:8", centre=72), "x.......0.1.2.3.", bell, step=0.5, pan=0.45, gate=4)
    s.drums(0, 64, step=0.5, shaker="xoxoxoxo")
    s.drums(4, 60, step=0.5, rim="..x..x..x..x..x.", kick="x..oo..o", gain=0.9)
    s.drums(38, 2, step=0.25, brush="..o.xxxx")
    s.drums(40, 24, step=0.5, ride="x.xox.xo", brush="..x...x.", gain=1.1)
    s.drums(64, 8, step=0.5, shaker="xoxoxoxox.......", kick="x..oo..ox.......", rim="x..x..x.x.......", ride="........x.......")
    s.bus["guitar"] = peaking(filtered(s.bus["guitar"], "high", 80), 190, 3, 1.5)
    return s.mix(
        {"kick": (-13, 0.03), "drums": (-12, 0.14), "bass": (-7, 0.02), "guitar": (-6, 0.15), "vibes": (-11, 0.3),
         "lead": (-6, 0.3)},
        room=1.3,
    )  # fmt: skip


# ---------------------------------------------------------------- damage


def shuffled(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coherence: pieces of about 2.7 s, cut off the beat, out of order, each at another speed and so another key."""
    edges = np.linspace(0, len(x), 13).astype(int) + np.r_[0, rng.integers(-RATE // 2, RATE // 2, 11), 0]
    pieces = []
    for i, semitones in zip(rng.permutation(12), rng.permutation(np.r_[-5:-1, 1:5, -3, 0, 3, 6]), strict=True):
        piece = signal.resample_poly(x[edges[i] : edges[i + 1]], 1000, round(1000 * 2 ** (semitones / 12)), axis=0)
        ramp = np.clip(np.minimum(np.arange(len(piece)), np.arange(len(piece))[::-1]) / 300, 0, 1)
        pieces.append(piece * ramp[:, None])
    return loudest(np.concatenate(pieces))


def buried(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clarity: treble lost, mud at 250 Hz, hard clipping, a bed of hiss and hum."""
    x = peaking(filtered(x, "low", 2600, 1), 250, 9)
    x = np.clip(x * 4 / np.abs(x).max(), -1, 1)
    hum = 0.03 * np.sin(2 * np.pi * 50 * np.arange(len(x)) / RATE)[:, None]
    return loudest(x + hum + filtered(rng.normal(0, 0.09, x.shape), "low", 6000, 1))


def crushed(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Naturalness: phases half thrown away, 6 bits, every fourth sample held."""
    spectrum = signal.stft(x.T, nperseg=2048)[2]
    smear = np.exp(1j * 2.2 * rng.uniform(-np.pi / 2, np.pi / 2, spectrum.shape))
    x = signal.istft(spectrum * smear, nperseg=2048)[1].T[: len(x)]
    x = np.round(x / np.abs(x).max() * 32) / 32
    return loudest(np.repeat(x[::4], 4, axis=0))


# ---------------------------------------------------------------- catalogue


@dataclass(frozen=True)
class Example:
    name: str
    render: Callable[[], np.ndarray]
    title: str
    style: str
    tempo: float
    key: str
    description: str


@dataclass(frozen=True)
class Damage:
    axis: str
    apply: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    description: str


EXAMPLES = (
    Example("house", house, "Glass Morning", "House", 122, "A minor", "Filtered stabs, a ducked bass and a plucked hook."),
    Example("lofi", lofi, "Rain on the Window Seat", "Lo-fi hip hop", 82, "F major", "Swung drums, electric piano, vibraphone."),
    Example("folk", folk, "Paper Boats", "Folk ballad", 96, "G major", "Picked steel guitar, whistle, brushes and strings."),
    Example("waltz", waltz, "Attic Waltz", "Piano and strings waltz", 138, "D minor", "A piano alone; then the strings come in."),
    Example("synthwave", synthwave, "Night Bus North", "Synthwave", 104, "E minor", "Arpeggios, a gated snare and a gliding lead."),
    Example("bossa", bossa, "Two Chairs, One Shade", "Bossa nova", 132, "C major", "Nylon guitar, flute, upright bass and rim clicks."),
)
DAMAGES = {
    "synthwave": Damage("coherence", shuffled, "Cut up off the beat and shuffled, with jumps of key and tempo."),
    "folk": Damage("clarity", buried, "Muffled, muddy, clipped, under hiss and hum."),
    "waltz": Damage("naturalness", crushed, "Phases smeared, crushed to 6 bits and 11 kHz."),
}


def write(path: Path, x: np.ndarray) -> None:
    """Ogg Vorbis, a second at a time: libsndfile overflows its stack on one long block."""
    with soundfile.SoundFile(path, "w", RATE, 2, format="OGG", subtype="VORBIS", compression_level=0.65) as file:
        for at in range(0, len(x), RATE):
            file.write(x[at : at + RATE])


def main() -> None:
    parser = argparse.ArgumentParser(description="Compose and render the example songs.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write (default: beside this script)")
    parser.add_argument("names", nargs="*", help="only these songs (no examples.json then)")
    args = parser.parse_args()
    rows = []
    for example in EXAMPLES:
        if args.names and example.name not in args.names:
            continue
        song, file = example.render(), f"{example.name}.ogg"
        write(args.out / file, song)
        row = {"file": file, "title": example.title, "style": example.style, "description": example.description,
               "tempo": example.tempo, "key": example.key, "damage": None, "good": None, "licence": "CC0-1.0"}  # fmt: skip
        rows.append(row)
        if damage := DAMAGES.get(example.name):
            worse = f"{example.name}_damaged.ogg"
            write(args.out / worse, damage.apply(song, np.random.default_rng(7)))
            changes = {"file": worse, "title": f"{example.title} (damaged)", "description": damage.description}
            rows.append(row | changes | {"damage": damage.axis, "good": file})
    if not args.names:
        (args.out / "examples.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
