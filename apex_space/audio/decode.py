"""Decodes a sound file to blocks of samples. The only module that knows codecs and containers.

soundfile decodes PCM in wav and all codecs in Ogg; PyAV decodes everything else. Measurements led to this choice:
- libsndfile's mp3 decoder writes to the process's stderr. FFmpeg returns as many samples, equal to within 2e-6, and
  writes nothing.
- libsndfile trusts a flac that announces too few samples and a wav that announces 0, and ignores an aiff's count.
The file's first bytes choose FFmpeg's demuxer: by itself, FFmpeg would also accept playlists, which open other files.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, Literal

import numpy as np

from ..core.errors import DamagedAudio, EmptyAudio, NotAudio
from ..core.text import message

BLOCK = 65_536
SLACK = 0.25
"""Seconds by which a header may be wrong, because of codecs' delay and padding and containers' rounding."""
KNOWN = "wav, flac, mp3, ogg, opus, m4a, aac, webm and aiff are taken"
SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".webm", ".aiff", ".aif"}
"""Suffixes of sound files' names."""
MAGIC = (  # offset, first bytes, FFmpeg's demuxer
    (8, b"WAVE", "wav"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (4, b"ftyp", "mp4"),
)
PLAIN_WAV = (1, 3, 0xFFFE)
"""Format tags of a wav with PCM, float or extensible format."""
STREAMED = 0x7FFF_F000
"""Smallest data size by which a wav's writer says that it did not know the size. A size of 0 says the same."""
MAX_CHUNKS = 1000
OGG_PAGE = 65_307
TELLS_DURATION = ("wav", "aiff", "flac", "mp4")


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
    start = audio_start(file)
    kind = sniff(file, start)
    if kind == "ogg":
        check_last_page(file)
    sound = None
    if kind == "ogg" or (kind == "wav" and check_wav(file)):
        sound = _open_soundfile(file)
    if sound is not None:
        with sound:
            seconds = sound.frames / sound.samplerate
            yield Stream(sound.samplerate, sound.channels, seconds, _soundfile_blocks(sound))
        return
    tells = kind in TELLS_DURATION or (kind == "mp3" and mp3_tells_duration(file, start))
    with _open_av(file, kind) as container:
        yield _av_stream(container, kind == "matroska", tells)


def check_length(announced: float | None, found: float) -> None:
    """Raise DamagedAudio if the duration by the header differs from the one found, both in seconds."""
    if announced is None or abs(announced - found) <= SLACK:
        return
    if found < announced:
        what = message(
            "breaks off after {found} of the {announced} that its header announces",
            found=span(found),
            announced=span(announced),
        )
    else:
        what = message(
            "holds {found}, but its header announces {announced}", found=span(found), announced=span(announced)
        )
    raise DamagedAudio("The file {what}. Export or download it again.", what=what)


def span(seconds: float) -> str:
    """Format a duration for people."""
    if seconds < 120:
        return message("{seconds:.1f} s", seconds=seconds)
    return (
        message("{minutes:.1f} minutes", minutes=seconds / 60)
        if seconds < 7200
        else message("{hours:,.0f} hours", hours=seconds / 3600)
    )


def audio_start(file: BinaryIO) -> int:
    """Return the offset after an ID3v2 tag, or 0 without one. The tag's size is stored as four bytes of seven bits."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def sniff(file: BinaryIO, start: int) -> str:
    """Return the kind of file as the name of FFmpeg's demuxer. Raises NotAudio if the kind is not supported."""
    file.seek(start)
    head = file.read(4096)
    for at, magic, kind in MAGIC:
        if head.startswith(magic, at):
            return kind
    sync = int.from_bytes(head.lstrip(b"\0")[:2], "big")
    if sync & 0xFFF6 == 0xFFF0:
        return "aac"
    if sync & 0xFFE0 == 0xFFE0 and sync & 6 in (2, 4):  # layers III and II; nobody uses I, but UTF-16 looks like it
        return "mp3"
    if start:
        return "mp3"
    raise NotAudio("This is not a sound file: {known}.", known=KNOWN)


def check_wav(file: BinaryIO) -> bool:
    """Compare the data size that a wav announces with the file; return whether soundfile decodes it correctly.

    Raises DamagedAudio if they differ.
    """
    file.seek(0)
    order: Literal["big", "little"] = "big" if file.read(12)[:4] == b"RIFX" else "little"

    def number(data: bytes) -> int:
        return int.from_bytes(data, order)

    tag = bytes_per_second = 0
    for _ in range(MAX_CHUNKS):
        name, size = file.read(4), number(file.read(4))
        body = file.tell()
        if name == b"fmt ":
            layout = file.read(16)
            tag, bytes_per_second = number(layout[:2]), number(layout[4:8]) * number(layout[12:14])
        if name == b"data":
            if tag not in PLAIN_WAV or size == 0 or STREAMED <= size < 0xFFFF_FFFF:
                return False
            if bytes_per_second and size < STREAMED:
                check_length(size / bytes_per_second, _data_bytes(file, size) / bytes_per_second)
            return True
        file.seek(body + size + size % 2)
    return False


def _data_bytes(file: BinaryIO, size: int) -> int:
    """Return the number of bytes of sound from the current position.

    This is `size` if the file ends there or continues with a chunk, else all remaining bytes.
    """
    body = file.tell()
    there = os.fstat(file.fileno()).st_size - body
    file.seek(body + size + size % 2)
    name = file.read(4)
    ends = size <= there and (not any(name) or (name.isascii() and name.decode().isprintable()))
    return size if ends else there


def check_last_page(file: BinaryIO) -> None:
    """Raise DamagedAudio if an Ogg file's last page is cut.

    Ogg pages announce no length that could be compared with the sound.
    """
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - OGG_PAGE))
    tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    if page[:4] == b"OggS" and (len(page) < 27 or len(page) < 27 + page[26] + sum(segments)):
        raise DamagedAudio("The file breaks off in the middle of a page. Export or download it again.")


def mp3_tells_duration(file: BinaryIO, start: int) -> bool:
    """Return whether the first frame holds a count of frames (Xing or Info) that FFmpeg uses. Else FFmpeg guesses."""
    file.seek(start)
    head = file.read(4096)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0 or not head[at + 7 : at + 8] or not head[at + 7] & 1:
        return False
    size = int.from_bytes(head[at + 12 : at + 16], "big") if head[at + 7] & 2 else 0
    joined = size and os.fstat(file.fileno()).st_size - start > size * 17 // 16  # several files in one
    return not joined


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
    except (av.FFmpegError, ValueError) as error:
        raise DamagedAudio(
            "The file's header cannot be read; it may be cut short or damaged. Export or download it again."
        ) from error


def _av_stream(container: Any, whole: bool, tells: bool) -> Stream:
    """Open the first sound of a container.

    `tells` means that the stream announces the sound's duration. `whole` means that the container announces a
    duration, which is the sound's only if the container holds no picture.
    """
    if not container.streams.audio:
        raise NotAudio("The file holds no sound: {known}.", known=KNOWN)
    stream = container.streams.audio[0]
    announced = None
    if tells and stream.duration:
        announced = float(stream.duration * stream.time_base)
    elif whole and container.duration and len(container.streams) == 1:
        announced = container.duration / 1e6
    frames = _av_frames(container, stream)
    first = next(frames, None)
    if first is None:
        check_length(announced, 0)
        raise EmptyAudio("The file holds no samples. Export it again.")
    return Stream(first.sample_rate, first.layout.nb_channels, announced, _av_blocks(first, frames))


def _av_frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield decoded frames. Raises DamagedAudio if most packets cannot be decoded.

    A packet that cannot be decoded is skipped, as players do. The check of the length finds files that lost much.
    """
    import av

    good = bad = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            packet = None
        if packet is None:
            break
        try:
            yield from packet.decode()
            good += 1
        except av.FFmpegError:
            bad += 1
    if bad > good:
        raise DamagedAudio(
            "{bad} of the file's {total} packets cannot be decoded. Export or download it again.",
            bad=bad,
            total=bad + good,
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
            raise DamagedAudio("The file's sample rate or channels change midway. Export it again as one piece.")
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
