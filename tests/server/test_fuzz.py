"""Broken files through the decoder: some of those of `thorough/test_fuzz.py`."""

import os
import random
import re
import resource
import struct
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from apex_space.audio import isolated
from apex_space.audio.waveform import load
from apex_space.core.errors import AudioError
from helpers.sounds import KINDS, tone, write

EVERY = 6
"""Of all broken files, the share that is tried every day; `thorough` tries them all."""
ROUNDS = 2
"""Files of each kind that are cut, that have bits turned over, and that are joined with another."""
HEAD = 400
"""Bytes from the start on where half of the damage is done: most of what a decoder believes is there."""
HANG_SECONDS, MAX_BYTES = 20, 300_000_000
UNEXPECTED = re.compile(r"crash|cannot be decoded \(")
"""Held off by the process around the codecs, and still a fault in how they are used."""
GREEDY, MOST_GREEDY = "takes more memory than a song can need", 4
"""What is said of each kind of m4a whose table of times claims billions of entries, and of no other file."""
BILLIONS = 4_000_000_000
LIES = (  # marker, offset from it, what is written there; in every file that has the marker
    *((b"fmt ", 10, struct.pack("<H", channels)) for channels in (0, 9, 65_535)),
    *((b"fmt ", 12, struct.pack("<I", rate)) for rate in (0, 1, BILLIONS)),
    *((b"fmt ", 20, struct.pack("<HH", *form)) for form in ((0, 0), (0, 16), (65_535, 65_535))),
    *((marker, 4, struct.pack("<I", size)) for marker in (b"RIFF", b"fmt ", b"data") for size in (0, 2**31, BILLIONS)),
    *((b"COMM", 8, struct.pack(">H", channels)) for channels in (0, 65_535)),
    *((b"COMM", 10, struct.pack(">I", frames)) for frames in (0, BILLIONS)),
    *((b"COMM", 14, struct.pack(">H", bits)) for bits in (0, 65_535)),
    *(
        (b"COMM", 16, rate)
        for rate in (bytes(10), b"\x7f" + bytes(9), b"\xff" * 10, b"\x40\x1d\xee\x6b\x28" + bytes(5))
    ),
    *((marker, 4, struct.pack(">I", size)) for marker in (b"FORM", b"COMM", b"SSND") for size in (0, 2**31, BILLIONS)),
    *((b"SSND", 8, struct.pack(">II", offset, 0)) for offset in (1_000_000, BILLIONS)),
    *((b"fLaC", 5, size) for size in (b"\0\0\0", b"\xff\xff\xff")),
    *((b"fLaC", 8, struct.pack(">HH", *blocks)) for blocks in ((0, 0), (65_535, 65_535))),
    *((b"fLaC", 18, rate_and_channels) for rate_and_channels in (b"\0\0\x02", b"\xff\xff\xf2", b"\x0a\xc4\x4e")),
    *((b"fLaC", 21, b"\xf0" + struct.pack(">I", frames)) for frames in (1, BILLIONS)),
    *((marker, 8, struct.pack(">I", frames)) for marker in (b"Xing", b"Info") for frames in (0, BILLIONS)),
    *((b"\x01vorbis", 11, bytes([channels])) for channels in (0, 255)),
    *((b"\x01vorbis", 12, struct.pack("<I", rate)) for rate in (0, BILLIONS)),
    *((b"\x01vorbis", 28, sizes) for sizes in (b"\0", b"\xff")),
    *((b"OpusHead", 9, bytes([channels])) for channels in (0, 255)),
    *((b"OpusHead", 10, struct.pack("<HI", *form)) for form in ((65_535, 48_000), (0, 0), (0, BILLIONS))),
    *((b"OggS", 6, struct.pack("<q", position)) for position in (-1, 2**62)),
    *((b"OggS", 26, bytes([segments])) for segments in (0, 255)),
    *(
        (box, -4, struct.pack(">I", size))
        for box in (b"ftyp", b"moov", b"mdat", b"stsd")
        for size in (0, 1, 9, BILLIONS)
    ),
    *((box, 16, struct.pack(">II", *times)) for box in (b"mvhd", b"mdhd") for times in ((0, 0), (1, BILLIONS))),
    *((box, 8, struct.pack(">I", count)) for box in (b"stts", b"stsc", b"stco", b"stsd") for count in (0, BILLIONS)),
    *((b"stsz", 8, struct.pack(">II", *sizes)) for sizes in ((0, 0), (0, BILLIONS), (BILLIONS, BILLIONS))),
    *((sound, 20, struct.pack(">H", channels)) for sound in (b"mp4a", b"alac") for channels in (0, 65_535)),
    *((sound, 28, struct.pack(">I", rate)) for sound in (b"mp4a", b"alac") for rate in (0, BILLIONS)),
    *((b"\xff\xf1", 2, form) for form in (b"\x7c", b"\xff\xff\xff\xff", b"\x50\x00\x00\x00")),
    *((b"\xb5\x88", 2, struct.pack(">d", rate)) for rate in (0.0, 1e300, float("nan"))),
    *((b"\x9f\x81", 2, bytes([channels])) for channels in (0, 255)),
    *((b"\x44\x89\x88", 3, struct.pack(">d", duration)) for duration in (-1.0, 1e300, float("nan"))),
    *((b"\x18\x53\x80\x67", 4, size) for size in (b"\xff", b"\x01" + b"\xff" * 7, b"\x80")),
)
TAGS = tuple(b"ID3\x03\0\0" + size for size in (bytes(4), b"\x7f\x7f\x7f\x7f", b"\xff\xff\xff\xff", b"\0\0\0\x0a"))


def mutants(songs: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """What was done to which kind of song, and the file; the same at every run."""
    chance = random.Random(0)
    for kind, song in songs.items():
        for round in range(ROUNDS):
            yield f"{kind} cut {round}", song[: place(song, chance)]
            yield f"{kind} turned {round}", signed(turned(song, chance))
            other = chance.choice(list(songs))
            yield (
                f"{kind} and {other} {round}",
                song[: place(song, chance)] + songs[other][place(songs[other], chance) :],
            )
        for marker, offset, lie in LIES:
            at = song.find(marker) + offset
            if marker in song:
                yield f"{kind} {marker!r} {offset} {lie!r}", signed(song[:at] + lie + song[at + len(lie) :])
    for tag in TAGS:
        for kind in ("mp3", "aac", "flac", "wav"):
            yield f"{kind} after {tag!r}", tag + songs[kind]


def place(song: bytes, chance: random.Random) -> int:
    return chance.randrange(chance.choice((HEAD, len(song))))


def turned(song: bytes, chance: random.Random) -> bytes:
    """With up to 20 bits turned over."""
    data = bytearray(song)
    for _ in range(chance.randint(1, 20)):
        data[place(song, chance)] ^= 1 << chance.randrange(8)
    return bytes(data)


def signed(data: bytes) -> bytes:
    """The checksums of Ogg's pages made right, or no decoder would look into them."""
    if not data.startswith(b"OggS"):
        return data
    pages = data.split(b"OggS")
    return b"OggS".join([pages[0], *map(signed_page, pages[1:])])


def signed_page(page: bytes) -> bytes:
    """`page` is without its first four bytes. Its checksum is zlib's with bits in the other order."""
    if len(page) < 22:
        return page
    blank = page[:18] + bytes(4) + page[22:]
    sum = zlib.crc32((b"OggS" + blank).translate(MIRRORED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return blank[:18] + sum.to_bytes(4, "big").translate(MIRRORED) + blank[22:]


MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A little over a second of every kind."""
    folder = tmp_path_factory.mktemp("songs")
    rates = {kind: 48_000 if kind.startswith(("webm", "opus")) else 16_000 for kind in KINDS}
    return {kind: write(folder / kind, tone(1.2, rate), rate, kind).read_bytes() for kind, rate in rates.items()}


def resident() -> int:
    """Bytes of memory that this process takes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def outcome(file: Path) -> str:
    """The kind of error, or Waveform."""
    started = time.monotonic()
    try:
        assert np.isfinite(load(file).samples).all()
        return "Waveform"
    except AudioError as error:
        message = str(error)
        assert message.endswith(".")
        assert not UNEXPECTED.search(message), message
        assert str(file.parent) not in message
        return GREEDY if GREEDY in message else type(error).__name__
    finally:
        assert time.monotonic() - started < HANG_SECONDS


def outcomes(files: list[tuple[str, bytes]], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each kind of outcome came, of files that leave nothing behind in memory, on disk, or open."""
    empty = folder / "temporary"
    empty.mkdir()
    monkeypatch.setenv("TMPDIR", str(empty))
    monkeypatch.setattr(tempfile, "tempdir", None)
    paths = [folder / str(number) for number in range(len(files))]
    for path, (_, data) in zip(paths, files, strict=True):
        path.write_bytes(data)
    assert outcome(write(folder / "sound", tone(1.2))) == "Waveform"
    isolated._end_all()
    memory, handles = resident(), len(os.listdir("/proc/self/fd"))
    with ThreadPoolExecutor(isolated.MAX_WORKERS) as pool:
        found = Counter(pool.map(outcome, paths))
    isolated._end_all()
    assert found[GREEDY] <= MOST_GREEDY
    assert resident() - memory < MAX_BYTES
    assert handles == len(os.listdir("/proc/self/fd"))
    assert not list(empty.iterdir())
    assert {path.name for path in folder.iterdir()} == {"sound", "temporary", *(path.name for path in paths)}
    return found


def test_broken_files_give_a_waveform_or_a_clear_message(
    songs: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = list(mutants(songs))[::EVERY]
    assert len(some) >= 75
    found = outcomes(some, tmp_path, monkeypatch)
    assert len(found) >= 4, found
    assert found["Waveform"] > 5, found
