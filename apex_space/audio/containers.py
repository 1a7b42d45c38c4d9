"""Finds the sound in a file's bytes: its kind, where it begins, and whether the file was cut. Decodes nothing."""

import io
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO, Literal

from ..core.errors import DamagedAudio, NotAudio
from ..core.text import message

SLACK = 0.25
"""Seconds by which a header may be wrong, because of codecs' delay and padding and containers' rounding."""
KINDS = "wav, flac, mp3, ogg, opus, m4a, aac, webm, aiff, or a video (mp4, mov), whose sound is used"
VIDEOS = {".mp4", ".m4v", ".mov", ".mkv"}
SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".webm", ".mka", ".aiff", ".aif"} | VIDEOS
"""Suffixes of the names of files with sound."""
MAGIC = (  # offset, first bytes, FFmpeg's demuxer
    (8, b"WAVE", "wav"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (4, b"ftyp", "mp4"),
)
NOT_TAKEN = (  # offset, first bytes, name
    (0, b"caff", "CAF"),
    (0, b".snd", "AU"),
    (0, b"riff\x2e\x91\xcf\x11", "Wave64"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (0, b"MThd", "MIDI"),
    (0, b"#!AMR", "AMR"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"DSD ", "DSF"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV", "FLV"),
    (0, b"\0\0\1\xba", "MPEG"),
)
PLAIN_WAV = (1, 3, 0xFFFE)
"""Format tags of a wav with PCM, float or extensible format."""
STREAMED = 0x7FFF_F000
"""Smallest data size by which a wav's writer says that it did not know the size. A size of 0 says the same."""
IN_DS64 = 0xFFFF_FFFF
"""Data size of an RF64 or BW64, a wav that may exceed 4 GB: the chunk `ds64` has the real one."""
MAX_CHUNKS = 1000
OGG_PAGE = 65_307
SEGMENT = 0x18538067
"""Id of the element of a Matroska file that holds everything but the file's head."""
WINDOW = 262_144
"""Bytes after the tags in which the first frame of an mp3 or aac is searched for."""
FRAMES = 3
"""Number of frames in a row by which a frame is told from bytes that only look like one."""
MPEG_RATES = (44_100, 48_000, 32_000)
KILOBITS = {  # (is MPEG 1, layer) -> kilobits per second by the header's index
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


class Part(io.RawIOBase):
    """The bytes from `start` to `end` of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file, self._start, self._size, self._at = file, start, end - start, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset` from the part's start, its end or the current position, and return the new position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read into `buffer` and return the number of bytes, 0 at the part's end."""
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def part(file: BinaryIO, start: int, end: int) -> BinaryIO:
    """Return the bytes from `start` to `end` of a file as a file; the file itself if that is all of it."""
    return file if (start, end) == (0, file_size(file)) else io.BufferedReader(Part(file, start, end))


def file_size(file: BinaryIO) -> int:
    """Return the number of bytes of a file."""
    return file.seek(0, os.SEEK_END)


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


def find_sound(file: BinaryIO) -> tuple[str, int]:
    """Return the kind of file as the name of FFmpeg's demuxer, and the offset of its first byte.

    Tags before the sound are skipped, and before the frames of an mp3 or aac also other bytes, such as half a frame or
    the text of a web server. Raises NotAudio if there is no sound of a kind that is taken.
    """
    start = _skip_tags(file)
    file.seek(start)
    head = file.read(WINDOW)
    for at, magic, kind in MAGIC:
        if head.startswith(magic, at):
            return kind, start
    for at, magic, name in NOT_TAKEN:
        if head.startswith(magic, at):
            raise NotAudio(
                "This is a file of the kind {name}. Convert it to one of these: {kinds}.", name=name, kinds=KINDS
            )
    for found in re.finditer(rb"\xff[\xe0-\xff]", head):
        if kind := _frames_at(head, found.start()):
            return kind, start + found.start()
    zeros = len(head) - len(head.lstrip(b"\0"))
    if start or _looks_like_mp3(head[zeros : zeros + 2]):  # free format, or damage that FFmpeg may get over
        return "mp3", start
    raise NotAudio("This is not a sound file. Use one of these: {kinds}.", kinds=KINDS)


def _skip_tags(file: BinaryIO) -> int:
    """Return the offset after all ID3v2 tags. A tag's size is stored as four bytes of seven bits."""
    start = 0
    while True:
        file.seek(start)
        head = file.read(10)
        if head[:3] != b"ID3" or len(head) < 10:
            return start
        start += 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        file.seek(start)
        if file.read(3) == b"3DI":  # the tag's footer
            start += 10


def _frames_at(data: bytes, at: int) -> str:
    """Return "mp3" or "aac" if FRAMES frames of it follow one another from `at` on, else an empty text."""
    kinds = set()
    for _ in range(FRAMES):
        kind, length = _frame(data[at : at + 6])
        kinds.add(kind)
        at += length
    return kinds.pop() if len(kinds) == 1 else ""


def _frame(header: bytes) -> tuple[str, int]:
    """Return the kind and the length in bytes of the frame with this header; ("", 0) for any other bytes."""
    bits = int.from_bytes(header, "big")
    if len(header) < 6 or bits >> 37 != 0x7FF:
        return "", 0
    version, layer = bits >> 35 & 3, 4 - (bits >> 33 & 3)
    if bits >> 36 & 1 and layer == 4:  # ADTS, the frames of an aac
        length = bits >> 5 & 0x1FFF
        return ("aac", length) if length > 7 and bits >> 26 & 15 < 13 else ("", 0)
    kilobits, rate = bits >> 28 & 15, bits >> 26 & 3
    if version == 1 or layer not in (2, 3) or kilobits in (0, 15) or rate == 3:  # nobody uses layer I
        return "", 0
    hertz = MPEG_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 576 if layer == 3 and version != 3 else 1152
    length = samples // 8 * 1000 * KILOBITS[version == 3, layer][kilobits - 1] // hertz + (bits >> 25 & 1)
    return "mp3", length


def _looks_like_mp3(header: bytes) -> bool:
    sync = int.from_bytes(header, "big")
    return sync & 0xFFE0 == 0xFFE0 and sync & 6 in (2, 4)  # layers III and II; UTF-16 looks like layer I


def wav_is_plain(file: BinaryIO) -> bool:
    """Compare the data size that a wav announces with the file; return whether soundfile decodes it correctly.

    Raises DamagedAudio if they differ.
    """
    file.seek(0)
    order: Literal["big", "little"] = "big" if file.read(12)[:4] == b"RIFX" else "little"

    def number(data: bytes) -> int:
        return int.from_bytes(data, order)

    tag = bytes_per_second = long_size = 0
    for _ in range(MAX_CHUNKS):
        name, size = file.read(4), number(file.read(4))
        body = file.tell()
        if name == b"ds64":
            long_size = number(file.read(16)[8:])
        if name == b"fmt ":
            layout = file.read(16)
            tag, bytes_per_second = number(layout[:2]), number(layout[4:8]) * number(layout[12:14])
        if name == b"data":
            size = long_size if size == IN_DS64 and long_size else size
            known = 0 < size < STREAMED or size == long_size > 0
            if tag not in PLAIN_WAV or not (known or size == IN_DS64):
                return False
            if bytes_per_second and known:
                check_length(size / bytes_per_second, _data_bytes(file, body, size) / bytes_per_second)
            return True
        file.seek(body + size + size % 2)
    return False


def _data_bytes(file: BinaryIO, body: int, size: int) -> int:
    """Return the number of bytes of sound from `body` on.

    This is `size` if the file ends there or continues with a chunk, else all remaining bytes.
    """
    there = file_size(file) - body
    file.seek(body + size + size % 2)
    name = file.read(4)
    ends = size <= there and (not any(name) or (name.isascii() and name.decode().isprintable()))
    return size if ends else there


def ogg_links(file: BinaryIO) -> list[tuple[int, int]]:
    """Return start and end in bytes of each link of an Ogg file. A chained file has several, one sound after another.

    Raises DamagedAudio if the last page is cut. Ogg pages announce no length that could be compared with the sound.
    """
    pages, size = list(_ogg_pages(file)), file_size(file)
    before = False, *(first for _, first, _ in pages)
    starts = [at for (at, first, _), other in zip(pages, before, strict=False) if first and not other]
    if pages and pages[-1][2] > size:
        raise DamagedAudio("The file breaks off in the middle of a page. Export or download it again.")
    return list(pairwise([*starts, size]))


def _ogg_pages(file: BinaryIO) -> Iterator[tuple[int, bool, int]]:
    """Yield start and end in bytes of each page, and between them whether the page is the first of a stream."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(27)
        if head[:4] != b"OggS":  # damage: players go on at the next page
            skipped = (head + file.read(OGG_PAGE)).find(b"OggS", 1)
            if skipped < 0:
                return
            at += skipped
            continue
        lengths = file.read(head[26]) if len(head) == 27 else b""
        end = at + 27 + len(lengths) + sum(lengths)
        if len(head) < 27 or len(lengths) < head[26]:
            end = file_size(file) + 1
        yield at, len(head) > 5 and bool(head[5] & 2), end
        at = end


def mp3_tells_duration(file: BinaryIO) -> bool:
    """Return whether the first frame holds a count of frames (Xing or Info) that FFmpeg uses. Else FFmpeg guesses."""
    file.seek(0)
    head = file.read(4096)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0 or not head[at + 7 : at + 8] or not head[at + 7] & 1 or not any(head[at + 8 : at + 12]):
        return False
    size = int.from_bytes(head[at + 12 : at + 16], "big") if head[at + 7] & 2 else 0
    joined = size and file_size(file) > size * 17 // 16  # several files in one
    return not joined


def mp4_is_cut(file: BinaryIO) -> bool:
    """Return whether a box of an mp4 reaches beyond the end of the file."""
    at, size = 0, file_size(file)
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # 0: to the end of the file; else damage
            return False
        at += length
    return at != size


def matroska_is_cut(file: BinaryIO) -> bool:
    """Return whether an element of a webm or another Matroska file reaches beyond the end of the file.

    In a file that was streamed, elements may be of unknown size. Then this is not known, and the result is False.
    """
    at, size, inside = 0, file_size(file), False
    while at < size:
        file.seek(at)
        name, length = _ebml_number(file, marked=True), _ebml_number(file)
        if name is None or (length is None and inside):
            return False
        if name == SEGMENT and length is None:
            at, inside = file.tell(), True
            continue
        at = file.tell() + (length or 0)
    return at > size


def _ebml_number(file: BinaryIO, marked: bool = False) -> int | None:
    """Read a number of variable length, with or without the bit that marks its length. None: unknown or no number."""
    first = file.read(1)
    length = 9 - first[0].bit_length() if first and first[0] else 0
    rest = file.read(length - 1) if length else b""
    if not length or len(rest) < length - 1:
        return None
    number, mark = int.from_bytes(first + rest, "big"), 1 << 7 * length
    if marked:
        return number
    all_ones = 2 * mark - 1  # means that the size is unknown
    return None if number == all_ones else number - mark
