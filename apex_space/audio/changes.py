"""Changes that a musician could make to a song: each takes the song's channels and returns them changed.

HARMLESS are changes that nobody should mind. How far a judge's scores move by them is its noise floor. A change that
does not apply to a song raises CannotChange with the reason. All are made in floating point, so none of them clips.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..core.errors import CannotChange
from ..core.text import clock, message, minus
from .features import ONE_FROM_TWO
from .filters import MP3, Chain
from .isolated import filtered, open_stream
from .levels import Levels, in_flat_top
from .waveform import Waveform, fingerprint, load_song

MAX_SECONDS, MAX_SAMPLES = 240.0, 240 * 2 * 48_000
"""Seconds of a song that are changed, from its start, and samples of all channels: 92 MB."""
MIN_SECONDS = 1.0
"""Shortest sound that judges take, as in Limits."""
TARGET_LOUDNESS = -14.0
"""Loudness in LUFS to which most streaming services turn songs down, see streaming.py."""
MAX_TRUE_PEAK = -1.0
"""True peak in dBTP that a song may reach when it is made louder, as EBU R 128 and the services ask for."""
MIN_GAIN = 0.5
"""Smallest gain in dB that is a change."""
TILT, CUT = 3, -4
"""Gain in dB of the tilt at both ends of the spectrum, and of the wide cuts in their middle."""
LOW_CUT = 80
"""Frequency in Hz below which the low cut takes 12 dB an octave."""
MUD, HARSHNESS = 283, 3536
"""Middle frequencies in Hz of the octaves from 200 to 400 Hz and from 2.5 to 5 kHz."""
MAX_CLIPPED = 0.02
"""Share of clipped samples up to which declipping makes sense and takes seconds.

With 2% clipped, `adeclip` takes 0.15 s for a second of stereo music, and halves the error. It takes 20 s for a second
of a sine that is clipped for nearly half of the time.
"""
DECLIP: Chain = [["adeclip", "w=20"]]
"""Windows of 20 ms: on music, they repair as well as the usual 55 ms in less than half of the time."""
SILENCE = 1e-3
"""Peak below which a song's beginning and end count as silent: -60 dBFS as an amplitude."""
MIN_SILENCE = 0.1
"""Shortest silence in seconds at both ends together that is worth a trial."""
MIN_WIDTH = 1e-6
"""Share of the energy in the difference of two channels below which they are alike."""
NARROWER, WIDER = 0.5, 2.0
"""Factors of the difference between left and right."""
SPEED = 1.03
PART_SECONDS, MAX_PARTS = 10.0, 24
"""Shortest part of a song that is left out, and most parts: each takes the judge as long as the song."""
JOINT_SECONDS = 0.01
"""Length of the crossfade where a part was left out."""
MP3_RATES = (44_100, 48_000)
BITS_PER_SECOND = 128_000
ALREADY = "The song has {loudness} LUFS already."
NO_ROOM = "Its true peak, {peak} dBTP, leaves no room for gain."


@dataclass(frozen=True)
class Sound:
    """A song's channels [C, T] float32 at `rate` Hz: two, or else one, the mean of all.

    `levels` are those of the whole song as it was. `note` says what was done to this song, such as a gain.
    """

    samples: np.ndarray
    rate: int
    levels: Levels
    note: str = ""

    @property
    def duration(self) -> float:
        """Return the duration in seconds."""
        return self.samples.shape[1] / self.rate

    def waveform(self) -> Waveform:
        """Return what judges hear: the mean of the channels, as decoding computes it."""
        mono = sum(self.samples[1:], self.samples[0]) / np.float32(len(self.samples))
        return Waveform(mono, self.rate, fingerprint(mono, self.rate), self.levels)

    def with_samples(self, samples: np.ndarray, note: str = "") -> "Sound":
        """Return this sound with other samples [C, n]."""
        return replace(self, samples=samples.astype(np.float32, copy=False), note=note)


@dataclass(frozen=True)
class Change:
    """A change by the `name` that JSON has. `title` says to people what it is.

    `part` is from and to which second the song is left out, if that is the change.
    """

    name: str
    title: str
    function: Callable[[Sound], Sound]
    part: tuple[float, float] | None = None

    def __call__(self, sound: Sound) -> Sound:
        """Return the changed sound. Raises CannotChange."""
        changed = self.function(sound)
        if changed.duration < MIN_SECONDS:
            raise CannotChange("Less than a second would be left.")
        return changed


def load_sound(path: Path) -> tuple[Sound, float]:
    """Decode a song's beginning, and return it with the duration of the whole song. Raises AudioError."""
    waveform = load_song(path)
    most = int(min(MAX_SECONDS * waveform.rate, MAX_SAMPLES / min(2, waveform.levels.channels)))
    samples = _stereo(path, most) if waveform.levels.channels == 2 else waveform.samples[None, :most]
    return Sound(samples, waveform.rate, waveform.levels), waveform.duration


def load_mono(path: Path) -> tuple[Sound, float]:
    """Decode the mean of a song's channels, at most MAX_SAMPLES of it, and the song's duration. Raises AudioError."""
    waveform = load_song(path)
    return Sound(waveform.samples[None, :MAX_SAMPLES], waveform.rate, waveform.levels), waveform.duration


def _stereo(path: Path, most: int) -> np.ndarray:
    """Decode two channels again, of which a waveform keeps only the mean. Return the first samples [2, n]."""
    blocks, count = [], 0
    with open_stream(path) as stream:
        for block in stream.blocks:
            blocks.append(block[:, : max(0, most - count)])
            count += block.shape[1]
    return np.hstack(blocks)


def louder(sound: Sound) -> Sound:
    """Raise the level to the target, or as far as the true peak allows. No limiter: gain only."""
    missing = TARGET_LOUDNESS - _loudness(sound)
    if missing < MIN_GAIN:
        raise CannotChange(ALREADY, loudness=minus(f"{_loudness(sound):.1f}"))
    peak = sound.levels.true_peak if sound.levels.true_peak is not None else sound.levels.peak
    gain = min(missing, MAX_TRUE_PEAK - peak)
    if gain < MIN_GAIN:
        raise CannotChange(NO_ROOM, peak=minus(f"{peak:.1f}"))
    if gain < missing:
        return _amplified(sound, gain, message("+{gain:.1f} dB; its true peak allows no more", gain=gain))
    return _amplified(sound, gain, message("+{gain:.1f} dB", gain=gain))


def softer(sound: Sound) -> Sound:
    """Lower the level to the target, as streaming services do."""
    gain = TARGET_LOUDNESS - _loudness(sound)
    if gain > -MIN_GAIN:
        raise CannotChange(ALREADY, loudness=minus(f"{_loudness(sound):.1f}"))
    return _amplified(sound, gain, message("−{gain:.1f} dB", gain=-gain))


def _loudness(sound: Sound) -> float:
    """Return the loudness from two loudspeakers."""
    if sound.levels.loudness is None:
        raise CannotChange("The song is too quiet or too short to measure its loudness.")
    return sound.levels.loudness + (ONE_FROM_TWO if sound.levels.channels == 1 else 0.0)


def _amplified(sound: Sound, gain: float, note: str = "") -> Sound:
    return sound.with_samples(sound.samples * np.float32(10 ** (gain / 20)), note)


def filter_by(sound: Sound, chain: Chain) -> Sound:
    """Let FFmpeg's filters change a sound."""
    return sound.with_samples(filtered(sound.samples, sound.rate, chain))


def cut_octave(sound: Sound, middle: int) -> Sound:
    """Lower an octave around `middle` Hz."""
    return filter_by(sound, [["equalizer", f"f={middle}:t=o:w=1:g={CUT}"]])


def declip(sound: Sound) -> Sound:
    """Compute the clipped samples anew from their neighbours. All others stay as they are."""
    clipped = in_flat_top(sound.samples)
    share = clipped.mean()
    if not share:
        raise CannotChange("Nothing is clipped.")
    note = message("{share:.3f}% of the samples", share=100 * share)
    if share > MAX_CLIPPED:
        raise CannotChange("Too much is clipped to repair it: {note}.", note=note)
    repaired = filtered(sound.samples, sound.rate, DECLIP)
    if repaired.shape != sound.samples.shape:
        raise CannotChange("FFmpeg did not manage it for this song, or took too long.")
    beyond = clipped & (repaired * np.sign(sound.samples) > np.abs(sound.samples))  # it fades in the first milliseconds
    return sound.with_samples(np.where(beyond, repaired, sound.samples), note)


def set_width(sound: Sound, factor: float) -> Sound:
    """Multiply the difference of left and right. Their mean stays as it is."""
    if len(sound.samples) != 2:
        raise CannotChange("The song is not stereo: it has {channels} channels.", channels=sound.levels.channels)
    if (sound.levels.width or 0.0) < MIN_WIDTH:
        raise CannotChange("Left and right are alike.")
    middle, side = sound.samples.mean(0), np.float32(factor / 2) * (sound.samples[0] - sound.samples[1])
    return sound.with_samples(np.stack([middle + side, middle - side]))


def trim(sound: Sound) -> Sound:
    """Cut off the silence at both ends."""
    heard = np.flatnonzero(np.abs(sound.samples).max(0) >= SILENCE)
    if not len(heard):
        raise CannotChange("All of it is below -60 dBFS.")
    trimmed = sound.samples[:, heard[0] : heard[-1] + 1]
    removed = sound.duration - trimmed.shape[1] / sound.rate
    if removed < MIN_SILENCE:
        raise CannotChange("It begins and ends without silence.")
    return sound.with_samples(trimmed, message("{removed:.1f} s of silence", removed=removed))


def set_speed(sound: Sound, factor: float) -> Sound:
    """Play faster and higher, or slower and lower, as a record does."""
    return sound.with_samples(_resampled(sound.samples, sound.rate * factor, sound.rate))


def code_mp3(sound: Sound) -> Sound:
    """Export as mp3 at 128 kbit/s, and open that."""
    rate = sound.rate if sound.rate in MP3_RATES else MP3_RATES[-1]
    samples = _resampled(sound.samples, sound.rate, rate)
    return replace(sound, samples=filtered(samples, rate, [[MP3, str(BITS_PER_SECOND)]]), rate=rate)


def _resampled(samples: np.ndarray, orig: float, new: float) -> np.ndarray:
    import soxr

    return samples if orig == new else np.ascontiguousarray(soxr.resample(samples.T, orig, new, "HQ").T)


def start_later(sound: Sound, seconds: float) -> Sound:
    """Leave out the beginning."""
    return sound.with_samples(sound.samples[:, int(seconds * sound.rate) :])


def start_earlier(sound: Sound, seconds: float) -> Sound:
    """Put silence before the beginning."""
    return sound.with_samples(np.pad(sound.samples, ((0, 0), (int(seconds * sound.rate), 0))))


def dither(sound: Sound) -> Sound:
    """Round to 16 bits with triangular dither."""
    generator = np.random.default_rng(0)
    noise = generator.random(sound.samples.shape, np.float32) - generator.random(sound.samples.shape, np.float32)
    return sound.with_samples(np.round(sound.samples * np.float32(32767) + noise) / np.float32(32767))


def leave_out(sound: Sound, start: float, end: float) -> Sound:
    """Leave out what is from `start` to `end` seconds. Both sides are crossfaded where they meet."""
    first, last = (round(seconds * sound.rate) for seconds in (start, end))
    before, after = sound.samples[:, :first], sound.samples[:, last:]
    length = min(int(JOINT_SECONDS * sound.rate), before.shape[1], after.shape[1])
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    joint = before[:, before.shape[1] - length :] * (1 - ramp) + after[:, :length] * ramp
    return sound.with_samples(np.hstack([before[:, : before.shape[1] - length], joint, after[:, length:]]))


def without_parts(sound: Sound) -> tuple[Change, ...]:
    """Return a change for each part of a sound, which leaves it out. The parts are equally long.

    Raises CannotChange if there are no two parts.
    """
    count = min(MAX_PARTS, int(sound.duration / PART_SECONDS))
    if count < 2:
        raise CannotChange("The song is too short: it has no two parts of {seconds:g} s.", seconds=PART_SECONDS)
    edges = np.linspace(0, sound.duration, count + 1).tolist()
    return tuple(
        Change(
            f"without_{start:.0f}_{end:.0f}",
            message("Without {start}–{end}", start=clock(start), end=clock(end)),
            partial(leave_out, start=start, end=end),
            (start, end),
        )
        for start, end in pairwise(edges)
    )


def cut_middle(sound: Sound) -> Sound:
    """Leave out a tenth of a second in the middle."""
    return leave_out(sound, sound.duration / 2, sound.duration / 2 + 0.1)


def turn(sound: Sound) -> Sound:
    """Turn the phase around."""
    return sound.with_samples(-sound.samples)


HARMLESS = (
    Change("cut_100_ms", message("0.1 s cut off at the start"), partial(start_later, seconds=0.1)),
    Change("cut_200_ms", message("0.2 s cut off at the start"), partial(start_later, seconds=0.2)),
    Change("silence_100_ms", message("0.1 s of silence before the start"), partial(start_earlier, seconds=0.1)),
    Change("silence_200_ms", message("0.2 s of silence before the start"), partial(start_earlier, seconds=0.2)),
    Change("one_decibel", message("1 dB softer"), partial(_amplified, gain=-1.0)),
    Change("polarity", message("Polarity turned around"), turn),
    Change("dither", message("16 bits with dither"), dither),
)
"""Changes that nobody should mind."""
HARMLESS_CUTS = (*HARMLESS[:4], Change("joint", message("0.1 s left out in the middle"), cut_middle))
"""Those that tell what shifts and joints do, as parts that are left out bring them with them."""
CHANGES = (
    Change("louder", message("Louder, to −14 LUFS"), louder),
    Change("softer", message("Softer, to −14 LUFS"), softer),
    Change(
        "brighter", message("Brighter: tilted by 3 dB"), partial(filter_by, chain=[["tiltshelf", f"g={-TILT}:f=1000"]])
    ),
    Change("darker", message("Darker: tilted by 3 dB"), partial(filter_by, chain=[["tiltshelf", f"g={TILT}:f=1000"]])),
    Change("low_cut", message("Low cut at 80 Hz"), partial(filter_by, chain=[["highpass", f"f={LOW_CUT}"]])),
    Change("less_mud", message("Less mud: 4 dB less from 200 to 400 Hz"), partial(cut_octave, middle=MUD)),
    Change("less_harsh", message("Less harsh: 4 dB less from 2.5 to 5 kHz"), partial(cut_octave, middle=HARSHNESS)),
    Change("declip", message("Less clipping"), declip),
    Change("narrower", message("Half as wide"), partial(set_width, factor=NARROWER)),
    Change("wider", message("Twice as wide"), partial(set_width, factor=WIDER)),
    Change("trim", message("No silence at the ends"), trim),
    Change("faster", message("3% faster and higher"), partial(set_speed, factor=SPEED)),
    Change("slower", message("3% slower and lower"), partial(set_speed, factor=1 / SPEED)),
    Change("mp3", message("As mp3 with 128 kbit/s"), code_mp3),
)
"""Changes to try."""
