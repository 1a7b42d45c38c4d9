"""Decodes a file to a `Waveform` within limits. No models."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import EmptyAudio, NotAudio, SilentAudio, TooLarge, TooLong, TooShort, UnsupportedFormat
from ..core.settings import settings
from ..core.text import message
from .containers import check_length, span
from .decode import Stream
from .isolated import open_stream
from .levels import Levels, Meter

__all__ = ["Levels", "Limits", "Waveform", "load"]

SILENCE = 1e-4
"""Peak below which a sound counts as silent: -80 dBFS as an amplitude."""
MAX_CHANNELS = 8
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 8_000, 192_000
MAX_SAMPLES_PER_SECOND = 384_000
"""Samples of all channels in a second of a song of the maximum length, such as 8 channels at 48 kHz. A song with more
has to be shorter, in proportion, because decoding takes as much longer."""
SAMPLE_BYTES = 4


@dataclass(frozen=True)
class Limits:
    """The shortest and longest duration and the largest size of a file, in seconds and bytes."""

    min_seconds: float = 1.0
    max_seconds: float = 600.0
    max_bytes: int = 50_000_000


@dataclass(frozen=True)
class Waveform:
    """A decoded sound: mono `samples` [T] float32, the mean of the channels, at the file's own `rate` in Hz.

    `sha256` is the hash of the samples' bytes and the rate. `levels` are measured on all channels.
    """

    samples: np.ndarray
    rate: int
    sha256: str
    levels: Levels

    @property
    def duration(self) -> float:
        """Return the duration in seconds."""
        return len(self.samples) / self.rate


DEFAULT = Limits()


def load(path: str | os.PathLike[str], limits: Limits = DEFAULT) -> Waveform:
    """Decode the sound file at `path`. Raises AudioError, with a subclass for each kind of problem.

    Codecs run in a separate process, see `isolated`. Channels are averaged while decoding, so memory is bounded by the
    mono signal of `limits.max_seconds`.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise NotAudio(_why_no_file(path))
        size = path.stat().st_size
    except OSError as error:
        raise NotAudio("The file cannot be read. Check that you may open it.") from error
    _check_size(size, limits)
    return _decode(path, limits)


def _why_no_file(path: Path) -> str:
    if path.is_dir():
        return "This is a folder; name a file in it."
    if path.exists():
        return "This is a pipe or a device. Save the sound to a file first."
    if path == Path("-"):
        return "Standard input is not taken. Save the sound to a file first."
    return "There is no such file. Check its name."


def _decode(path: Path, limits: Limits) -> Waveform:
    with open_stream(path) as stream:
        _check_format(stream)
        _check_longest(stream.announced or 0, "By its header, the sound", stream, limits)
        meter = Meter(stream.rate, stream.channels)
        mono = bytearray()
        for block in stream.blocks:
            meter.add(block)
            mono += (sum(block[1:], block[0]) / np.float32(len(block))).tobytes()
            _check_longest(len(mono) / SAMPLE_BYTES / stream.rate, "The sound", stream, limits)
        check_length(stream.announced, len(mono) / SAMPLE_BYTES / stream.rate)
        levels = meter.levels(stream.loudness())
    samples = np.frombuffer(mono, np.float32)
    waveform = Waveform(samples, stream.rate, fingerprint(samples, stream.rate), levels)
    _check_content(waveform, limits)
    return waveform


def _check_size(size: int, limits: Limits) -> None:
    if not size:
        raise EmptyAudio("The file is empty: it has no bytes. Export or upload it again.")
    if size > limits.max_bytes:
        megabytes = message(
            "{size:.1f} MB; at most {limit:g} MB are taken", size=size / 1e6, limit=limits.max_bytes / 1e6
        )
        raise TooLarge("The file has {megabytes}. Export it as mp3, ogg or m4a, or cut it.", megabytes=megabytes)


def _check_format(stream: Stream) -> None:
    if not 1 <= stream.channels <= MAX_CHANNELS:
        raise UnsupportedFormat(
            "The file has {channels} channels; 1 to {max_channels} are taken. Mix it down to stereo.",
            channels=stream.channels,
            max_channels=MAX_CHANNELS,
        )
    if not MIN_SAMPLE_RATE <= stream.rate <= MAX_SAMPLE_RATE:
        rates = message("{low:g} to {high:g} kHz are taken", low=MIN_SAMPLE_RATE / 1000, high=MAX_SAMPLE_RATE / 1000)
        raise UnsupportedFormat(
            "The file has {rate:g} kHz; {rates}. Export it at 44.1 or 48 kHz.", rate=stream.rate / 1000, rates=rates
        )


def _check_longest(seconds: float, what: str, stream: Stream, limits: Limits) -> None:
    most = limits.max_seconds * min(1.0, MAX_SAMPLES_PER_SECOND / (stream.rate * stream.channels))
    if seconds <= most:
        return
    limit = message("at most {duration} are taken", duration=span(most))
    if most < limits.max_seconds:
        limit = message(
            "at most {duration} are taken of {channels} channels at {rate:g} kHz",
            duration=span(most),
            channels=stream.channels,
            rate=stream.rate / 1000,
        )
    raise TooLong(
        "{what} runs {duration} or more; {limit}. Cut it, or take a part of it.",
        what=what,
        duration=span(seconds),
        limit=limit,
    )


def _check_content(waveform: Waveform, limits: Limits) -> None:
    if not len(waveform.samples):
        raise EmptyAudio("The file holds no samples. Export it again.")
    if waveform.duration < limits.min_seconds:
        least = message("at least {min_seconds:g} s are needed", min_seconds=limits.min_seconds)
        raise TooShort(
            "The sound lasts {duration:.2f} s; {least}. Take a longer part.", duration=waveform.duration, least=least
        )
    if np.ptp(waveform.samples) / 2 >= SILENCE:
        return
    if waveform.levels.peak < 20 * np.log10(SILENCE):
        raise SilentAudio("The file is silent: nothing in it is above -80 dBFS. Check the export or the recording.")
    if abs(waveform.samples[0]) >= SILENCE:
        raise SilentAudio("The file is silent: its samples are all alike. Check the export or the recording.")
    raise SilentAudio("The channels cancel each other out: their mean is silent. Turn the phase of one around.")


def fingerprint(samples: np.ndarray, rate: int) -> str:
    """Return the hash by which samples [T] float32 at `rate` Hz are known."""
    digest = hashlib.sha256(samples.data)
    digest.update(f" {rate} Hz".encode())
    return digest.hexdigest()


def file_hash(path: str | Path) -> str | None:
    """Return the hash of a file's bytes, or None where it is no file, cannot be read or is over the size limit.

    `load_song` raises the error for such a file.
    """
    if not os.path.isfile(path):  # to open a pipe would wait for somebody to write into it
        return None
    try:
        with Path(path).open("rb") as file:
            within = os.fstat(file.fileno()).st_size <= settings().max_megabytes * 1_000_000
            return hashlib.file_digest(file, "sha256").hexdigest() if within else None
    except OSError:
        return None


def load_song(path: str | Path) -> Waveform:
    """Decode a song within the limits of the settings. Raises AudioError."""
    config = settings()
    return load(path, Limits(max_seconds=60 * config.max_minutes, max_bytes=int(1_000_000 * config.max_megabytes)))
