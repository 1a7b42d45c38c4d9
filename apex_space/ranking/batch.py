"""Gathers the songs of a batch from files, folders and zips, and reads the groups of the songs from a table."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from os.path import isdir
from pathlib import Path

from ..core import tables
from ..core.errors import BatchError
from ..core.text import sanitize
from .archive import MAX_FILES, unpack
from .songs import ENDINGS, MAX_NAME_LENGTH, BatchSong, base_name, check_number, is_song, split_name

ZIP = ".zip"
MAX_GROUP_LENGTH = 60


@dataclass(frozen=True)
class Batch:
    """Songs in the order in which they were given.

    `left_out` is the number of files in folders and zips whose names are not those of sound files.
    """

    songs: tuple[BatchSong, ...]
    left_out: int = 0


def gather(
    sources: Iterable[Path], scratch: Path, groups: Mapping[str, str] | None = None, most: int = MAX_FILES
) -> Batch:
    """Return the songs in files, folders (including their subfolders) and zips.

    Zips are unpacked into the existing folder `scratch`. `groups` is as from `read_groups`. Raises BatchError, and
    TooManySongs if there are more than `most` songs.
    """
    songs: list[BatchSong] = []
    left_out = 0
    for source in sources:
        if isdir(source):  # unlike Path.is_dir, this does not raise if a name is too long for a file
            found, others = _in_folder(source)
        elif source.suffix.lower() == ZIP:
            found, others = unpack(source, scratch, most - len(songs))
        else:
            found, others = [BatchSong(source, source.name)], 0
        songs += found
        left_out += others
        check_number(len(songs), most)
    if not songs:
        raise BatchError("There is no song: no file has a sound file’s ending ({endings}).", endings=ENDINGS)
    return Batch(tuple(_named(songs, groups or {})), left_out)


def _in_folder(folder: Path) -> tuple[list[BatchSong], int]:
    """Return the songs in a folder, and the number of its other files. Hidden files and folders are skipped."""
    inside = [(path, path.relative_to(folder)) for path in sorted(folder.rglob("*"))]
    files = [(path, name) for path, name in inside if path.is_file() and not any(p[0] == "." for p in name.parts)]
    songs = [BatchSong(path, name.as_posix()) for path, name in files if is_song(name.name)]
    return songs, len(files) - len(songs)


def _named(songs: Iterable[BatchSong], groups: Mapping[str, str]) -> Iterator[BatchSong]:
    """Yield the songs with their groups, and with names that can be shown.

    If another song has the same name already, the name gets a number.
    """
    taken: set[str] = set()
    for song in songs:
        stem, suffix = split_name(song.name)
        stem = sanitize(stem, MAX_NAME_LENGTH - len(suffix))
        names = chain([stem + suffix], (f"{stem} ({number}){suffix}" for number in count(2)))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        yield replace(song, name=name, group=groups.get(base_name(song.name), ""))


def read_groups(table: Path) -> dict[str, str]:
    """Return the group of each file by its name (without its folder), from a csv with the columns `file` and `group`.

    Raises BatchError.
    """
    if table.suffix.lower() != ".csv":
        raise BatchError("The table of groups must be a csv with the columns file and group.")
    try:
        rows = list(islice(tables.records(table), MAX_FILES))
    except (OSError, ValueError) as error:
        raise BatchError(
            "The table of groups cannot be read ({kind}). Save it as csv, UTF-8.", kind=type(error).__name__
        ) from error
    if not rows or not {"file", "group"} <= rows[0].keys():
        raise BatchError("The table of groups needs the columns file and group, and a row for each song.")
    return {base_name(row["file"] or ""): sanitize((row["group"] or "").strip(), MAX_GROUP_LENGTH) for row in rows}
