"""Decodes a sound file to blocks of samples. The only module that knows codecs and containers.

soundfile decodes PCM in wav and all codecs in Ogg; PyAV decodes everything else. Measurements led to this choice:
- libsndfile's mp3 decoder writes to the process's stderr. FFmpeg returns as many samples, equal to within 2e-6, and
  writes nothing.
- libsndfile trusts a flac that announces too few samples and a wav that announces 0, and ignores an aiff's count.
The file's first bytes choose FFmpeg's demuxer: by itself, FFmpeg would also accept playlists, which open other files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from ..core.errors import DamagedAudio, EmptyAudio, NotAudio
from .containers import (
    KINDS,
    SLACK,
    check_length,
    file_size,
    find_sound,
    matroska_is_cut,
    mp3_tells_duration,
    mp4_is_cut,
    ogg_links,
    part,
    span,
    wav_is_plain,
)

BLOCK = 65_536
PACKET_HEADER = 64
"""Most bytes of headers before a packet of a webm."""
TELLS_DURATION = {
    "wav": lambda file: True,
    "aiff": lambda file: True,
    "flac": lambda file: True,
    "mp3": mp3_tells_duration,
    "mp4": mp4_is_cut,
    "matroska": matroska_is_cut,
}
"""Kind of file -> whether to compare the duration that FFmpeg finds in its header with the sound's.

An mp4 or webm announces its last time stamp, which tells only where a file that was cut should have ended: time stamps
may begin late, pause, or follow a clock that runs fast or slow.
"""


@dataclass(frozen=True)
class Stream:
    """A sound that is decoded block by block.

    `rate` is in Hz, `announced` is the duration in seconds by a header (None if there is none), and `blocks` are
    [C, n] float32.
    """

    rate: int
    channels: int
    announced: float | None
    blocks: Iterator[np.ndarray]


@contextmanager
def open_stream(file: BinaryIO) -> Iterator[Stream]:
    """Open the sound in `file`; each block is decoded on request. Raises AudioError if no sound can be decoded."""
    kind, start = find_sound(file)
    file = part(file, start, file_size(file))
    if kind == "ogg":
        links = ogg_links(file)
        if len(links) > 1:
            yield _chain(file, links)
            return
    sound = _open_soundfile(file) if kind == "ogg" or (kind == "wav" and wav_is_plain(file)) else None
    if sound is not None:
        with sound:
            seconds = sound.frames / sound.samplerate
            yield Stream(sound.samplerate, sound.channels, seconds, _soundfile_blocks(sound))
        return
    tells = kind in TELLS_DURATION and TELLS_DURATION[kind](file)
    with _open_av(file, kind) as container:
        yield _av_stream(container, tells)


def _chain(file: BinaryIO, links: list[tuple[int, int]]) -> Stream:
    """Return the sounds of a chained Ogg file as one."""
    with _link(file, links[0]) as sound:
        form = sound.samplerate, sound.channels

    def blocks() -> Iterator[np.ndarray]:
        for link in links:
            found = 0
            with _link(file, link) as sound:
                if (sound.samplerate, sound.channels) != form:
                    raise DamagedAudio(MIDWAY)
                for block in _soundfile_blocks(sound):
                    found += block.shape[1]
                    yield block
                check_length(sound.frames / form[0], found / form[0])

    return Stream(*form, None, blocks())


def _link(file: BinaryIO, link: tuple[int, int]) -> Any:
    sound = _open_soundfile(part(file, *link))
    if sound is None:
        raise DamagedAudio("The file is a chain of sounds, and one of them cannot be decoded. Export each on its own.")
    return sound


MIDWAY = "The file's sample rate or channels change midway. Export it again as one piece."


def _open_soundfile(file: BinaryIO) -> Any:
    import soundfile

    file.seek(0)
    try:
        return soundfile.SoundFile(file)
    except soundfile.LibsndfileError:
        return None


def _soundfile_blocks(sound: Any) -> Iterator[np.ndarray]:
    import soundfile

    while True:
        try:
            block = sound.read(BLOCK, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            return
        if not len(block):
            return
        yield block.T


def _open_av(file: BinaryIO, kind: str) -> Any:
    import av

    file.seek(0)
    try:
        return av.open(file, format=kind, metadata_errors="ignore")
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise DamagedAudio(
            "The file's header cannot be read; it may be cut short or damaged. Export or download it again."
        ) from error


def _av_stream(container: Any, tells: bool) -> Stream:
    """Open the first sound of a container. `tells` means that its header announces the sound's duration.

    A container's own duration is the sound's only if it holds no picture.
    """
    if not container.streams.audio:
        raise NotAudio("The file holds no sound. Use one of these: {kinds}.", kinds=KINDS)
    stream = container.streams.audio[0]
    announced = None
    if tells and stream.duration:
        announced = float(stream.duration * stream.time_base)
    elif tells and container.duration and len(container.streams) == 1:
        announced = container.duration / 1e6
    frames = _av_frames(container, stream)
    first = next(frames, None)
    if first is None:
        check_length(announced, 0)
        raise EmptyAudio("The file holds no samples. Export it again.")
    return Stream(first.sample_rate, first.layout.nb_channels, announced, _av_blocks(first, frames))


def _av_frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield decoded frames. Raises DamagedAudio if too much cannot be decoded.

    A packet that cannot be decoded is skipped, as players do, but at most SLACK seconds, and never most packets.
    """
    import av

    losses = _Losses(dense=container.format.name.startswith("matroska") and len(container.streams) == 1)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except MemoryError:
            raise
        except av.FFmpegError:
            packet = None
        if packet is None:
            break
        losses.add(packet)
        try:
            for frame in packet.decode():
                losses.seconds += frame.samples / frame.sample_rate
                yield frame
        except MemoryError:
            raise
        except av.FFmpegError:
            losses.add_bad(packet)
    losses.check()


@dataclass
class _Losses:
    """Counts what is lost of a sound: packets that cannot be decoded, and bytes that the demuxer skips as damaged.

    `dense` means that nothing but packets and their headers lies between the first and the last packet.
    """

    dense: bool
    seconds: float = 0.0
    """Duration of what was decoded."""
    _lost: float = 0.0
    _packets: int = 0
    _bad: int = 0
    _bytes: int = 0
    _skipped: int = 0
    _end: int | None = None

    def add(self, packet: Any) -> None:
        """Count a packet. At the end of a file, FFmpeg gives one without bytes."""
        if not packet.size:
            return
        self._packets += 1
        self._bytes += packet.size
        if self.dense and packet.pos is not None:
            if self._end is not None:
                self._skipped += max(0, packet.pos - self._end - PACKET_HEADER)
            self._end = packet.pos + packet.size

    def add_bad(self, packet: Any) -> None:
        """Count a packet that cannot be decoded."""
        self._bad += 1
        self._lost += float((packet.duration or 0) * (packet.time_base or 0))

    def check(self) -> None:
        """Raise DamagedAudio if too much is lost."""
        skipped = self._skipped / self._bytes * self.seconds if self._bytes else 0.0
        if self._bad > self._packets / 2 or self._lost > SLACK:
            raise DamagedAudio(
                "{bad} of the file's {total} packets cannot be decoded. Export or download it again.",
                bad=self._bad,
                total=self._packets,
            )
        if skipped > SLACK:
            raise DamagedAudio(
                "The file is damaged: about {lost} of its sound cannot be read. Export or download it again.",
                lost=span(skipped),
            )


def _av_blocks(first: Any, frames: Iterator[Any]) -> Iterator[np.ndarray]:
    """Yield blocks of joined frames: planes as they are, or interleaved samples where planes are unsafe.

    Planes are unsafe from eight channels on: PyAV 18 counts a frame's planes up to a null pointer, and with eight
    planes it looks for it beyond the array's end.
    """
    import av

    channels = first.layout.nb_channels
    target = "fltp" if channels < 8 else "flt"
    convert = av.AudioResampler(format=target)
    parts: list[np.ndarray] = []
    count = 0
    for frame in chain([first], frames):
        if _form(frame) != _form(first):
            raise DamagedAudio(MIDWAY)
        same = frame.format.name == target
        arrays = [part.to_ndarray() for part in ([frame] if same else convert.resample(frame))]
        parts += arrays if target == "fltp" else [array.reshape(-1, channels).T for array in arrays]
        count += frame.samples
        if count >= BLOCK:
            yield np.hstack(parts)
            parts, count = [], 0
    if count:
        yield np.hstack(parts)


def _form(frame: Any) -> tuple[int, str, str]:
    return frame.sample_rate, frame.layout.name, frame.format.name
