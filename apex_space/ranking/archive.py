"""Unpacks the songs in a zip from an untrusted source.

Names in the zip are shown and never used as paths. The sizes that the zip states are not trusted.
"""

import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ..audio.song_names import base_name, is_song
from ..core.errors import ArchiveRefused
from ..core.settings import settings
from ..core.text import message
from .songs import BatchSong, check_number

MAX_FILES = 10_000
"""Maximum number of files of any kind in a zip, and the default maximum number of songs in a batch."""
MAX_BYTES = 1_000_000_000
"""Default maximum number of bytes of everything that is unpacked from the zips of a batch."""
CHUNK = 1_000_000
ENTRY = b"PK\x01\x02"
"""Bytes at which every entry of a zip's table of contents begins."""
SYSTEM_FOLDERS = {"__MACOSX"}
UTF8 = 0x800
"""Flag of an entry whose name is in UTF-8."""
MAX_NAME_LENGTH = 4096


def unpack(archive: Path, folder: Path, most: int, most_bytes: int = MAX_BYTES) -> tuple[list[BatchSong], int]:
    """Unpack the songs in a zip as numbered files in a new folder in `folder`, which is deleted after an error.

    Return the songs, and the number of other files in the zip. A song that cannot be unpacked has the reason in
    `error`. Hidden files, and zips in the zip, are not opened. Raises ArchiveRefused, also if there are more than
    `most_bytes`, and TooManySongs if there are more than `most` songs.
    """
    try:
        _check_contents(archive)
        with ZipFile(archive) as opened, _new_folder(folder) as own:
            return _unpack(opened, own, most, most_bytes)
    except OSError as error:
        raise ArchiveRefused("The zip cannot be unpacked here ({reason}).", reason=error.strerror) from error
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise ArchiveRefused("The zip is damaged, or is none. Make it again.") from error


@contextmanager
def _new_folder(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _check_contents(archive: Path) -> None:
    """Raise ArchiveRefused if the zip lists more than MAX_FILES files.

    Entries are counted before they are parsed: each takes a kilobyte of memory, and a zip of 50 MB can list a million.
    """
    found, end = 0, b""
    with archive.open("rb") as file:
        while chunk := file.read(CHUNK):
            found += (end + chunk).count(ENTRY)
            end = chunk[1 - len(ENTRY) :]
    if found > MAX_FILES:
        raise ArchiveRefused("The zip lists more than {limit:,} files. Zip the songs alone.", limit=MAX_FILES)


def _unpack(archive: ZipFile, folder: Path, most: int, most_bytes: int) -> tuple[list[BatchSong], int]:
    files = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_hidden(entry)]
    songs = sorted((entry for entry in files if is_song(entry.filename)), key=lambda entry: entry.filename)
    check_number(len(songs), most)
    return _write(archive, songs, folder, most_bytes), len(files) - len(songs)


def _is_hidden(entry: ZipInfo) -> bool:
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    return not SYSTEM_FOLDERS.isdisjoint(parts) or base_name(entry.filename).startswith(".")


def _name(entry: ZipInfo) -> str:
    """Return the path of a file in a zip, of which a very long one loses its beginning.

    The zips of macOS hold names in UTF-8 without the flag that says so. Python then reads them as code page 437.
    """
    name = entry.filename
    if not entry.flag_bits & UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    parts = name.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))[-MAX_NAME_LENGTH:]


def _write(archive: ZipFile, entries: Sequence[ZipInfo], folder: Path, left: int) -> list[BatchSong]:
    songs = []
    for number, entry in enumerate(entries):
        name = _name(entry)
        path = folder / f"{number:05}{PurePosixPath(name).suffix.lower()}"
        error, written = _why_not(entry), 0
        if not error:
            try:
                written = _copy(archive, entry, path, left)
            except (BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError):
                error = "This entry of the zip is damaged. Make the zip again."
        if written > _most_bytes():
            error = message(
                "Unpacked it has more than the {limit:g} MB that are taken.", limit=settings().max_megabytes
            )
        if error:
            path.unlink(missing_ok=True)
        left -= written
        songs.append(BatchSong(path, name, error=error))
    return songs


def _why_not(entry: ZipInfo) -> str:
    """Return the reason why an entry is not unpacked, or an empty text."""
    if entry.flag_bits & 1:
        return "It is encrypted. Zip it without a password."
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "It is a link or no plain file, which is not followed. Zip the file itself."
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # other types can unpack to any size in one step
        return "It is compressed in an unusual way. Make a plain zip."
    return ""


def _copy(archive: ZipFile, entry: ZipInfo, path: Path, left: int) -> int:
    """Unpack an entry. Return the number of bytes written: all, or a little more than one song may have.

    Raises ArchiveRefused if more than `left` bytes are unpacked.
    """
    written = 0
    with archive.open(entry) as source, path.open("xb") as target:
        while written <= _most_bytes() and (chunk := source.read(CHUNK)):
            written += target.write(chunk)
            if written > left:
                raise ArchiveRefused(
                    "Unpacked, the zips have more than {limit:,.0f} MB, or than there is room for. Zip fewer songs.",
                    limit=MAX_BYTES / 1e6,
                )
    return written


def _most_bytes() -> int:
    return int(settings().max_megabytes * 1_000_000)
