"""Gathers the songs of a batch from files, folders and zips, and reads the groups of the songs from a table."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from os.path import isdir
from pathlib import Path

from ..audio.song_names import ENDINGS, SongNames, is_song, split_name, walk
from ..core import tables
from ..core.errors import BatchError
from ..core.text import printable, sanitize
from .archive import MAX_BYTES, MAX_FILES, unpack
from .songs import BatchSong, check_number

ZIP = ".zip"
MAX_GROUP_LENGTH = 60
MAX_TABLE_BYTES = 2_000_000
"""Maximum size of a table of groups: 200 bytes for each of MAX_FILES songs."""
Groups = Sequence[tuple[str, str]]
"""Names of songs, as a person wrote them, and the songs' groups."""


@dataclass(frozen=True)
class Batch:
    """Songs in the order in which they were given.

    `left_out` is the number of files in folders and zips whose names are not those of sound files. `without_song` are
    the names in the table of groups that no song has.
    """

    songs: tuple[BatchSong, ...]
    left_out: int = 0
    without_song: tuple[str, ...] = ()


def gather(
    sources: Iterable[Path], scratch: Path, groups: Groups = (), most: int = MAX_FILES, most_bytes: int = MAX_BYTES
) -> Batch:
    """Return the songs in files, folders (including their subfolders) and zips.

    Zips are unpacked into the existing folder `scratch`, at most `most_bytes` together. `groups` is as from
    `read_groups`. Raises BatchError, and TooManySongs if there are more than `most` songs.
    """
    songs: list[BatchSong] = []
    origins: list[str] = []
    left_out, left = 0, most_bytes
    for source in sources:
        origin = source
        if isdir(source):  # unlike Path.is_dir, this does not raise if a name is too long for a file
            found, others = _in_folder(source)
        elif source.suffix.lower() == ZIP:
            found, others = unpack(source, scratch, most - len(songs), left)
            left -= sum(song.path.stat().st_size for song in found if not song.error)
        else:
            found, others, origin = [BatchSong(source, source.name)], 0, source.parent
        songs += found
        origins += [origin.absolute().name] * len(found)
        left_out += others
        check_number(len(songs), most)
    if not songs:
        raise BatchError("There is no song: no file has a sound file’s ending ({endings}).", endings=ENDINGS)
    songs = [replace(song, name=name) for song, name in zip(songs, _names(songs, origins), strict=True)]
    return _grouped(songs, groups, left_out)


def _in_folder(folder: Path) -> tuple[list[BatchSong], int]:
    """Return the songs in a folder, and the number of its other files."""
    files = sorted(walk(folder))
    songs = [BatchSong(path, path.relative_to(folder).as_posix()) for path in files if is_song(path.name)]
    return songs, len(files) - len(songs)


def _names(songs: Sequence[BatchSong], origins: Sequence[str]) -> list[str]:
    """Return a name for each song that no other song has, and that can be shown.

    Songs of the same name from several folders or zips get the name of the folder or zip in front. If that does not
    tell them apart, they get numbers.
    """
    names = [printable(song.name) for song in songs]
    often = Counter(names)
    names = [
        f"{printable(origin)}/{name}" if often[name] > 1 else name for name, origin in zip(names, origins, strict=True)
    ]
    taken: set[str] = set()
    numbers: defaultdict[str, count[int]] = defaultdict(lambda: count(2))
    for place, name in enumerate(names):
        stem, suffix = split_name(name)
        while names[place] in taken:
            names[place] = f"{stem} ({next(numbers[name])}){suffix}"
        taken.add(names[place])
    return names


def _grouped(songs: list[BatchSong], groups: Groups, left_out: int) -> Batch:
    """Return the batch with the songs' groups. Raises BatchError if a name in the table may mean several songs."""
    names, without_song = SongNames(song.name for song in songs), []
    for name, group in groups:
        found = names.find(name)
        if names.differ(found):
            raise BatchError(
                "In the table of groups, {name} may mean {first} or {second}. Write the folder, too.",
                name=name,
                first=songs[found[0]].name,
                second=songs[found[1]].name,
            )
        if not found:
            without_song.append(name)
        for number in found:
            songs[number] = replace(songs[number], group=group)
    return Batch(tuple(songs), left_out, tuple(without_song))


def read_groups(table: Path) -> list[tuple[str, str]]:
    """Return the songs' names and groups from a csv with the columns `file` and `group`. Raises BatchError."""
    if table.suffix.lower() != ".csv":
        raise BatchError("The table of groups must be a csv with the columns file and group.")
    try:
        if table.stat().st_size > MAX_TABLE_BYTES:
            raise BatchError(
                "The table of groups has more than {limit:g} MB. Keep the columns file and group alone.",
                limit=MAX_TABLE_BYTES / 1e6,
            )
        rows = list(islice(tables.records(table), MAX_FILES + 1))
    except (OSError, ValueError) as error:
        raise BatchError(
            "The table of groups cannot be read ({reason}). Save it as csv, UTF-8.", reason=_reason(error)
        ) from error
    if not rows or not {"file", "group"} <= rows[0].keys():
        raise BatchError("The table of groups needs the columns file and group, and a row for each song.")
    if len(rows) > MAX_FILES:
        raise BatchError("The table of groups has more than {most:,} rows. Rank the songs in parts.", most=MAX_FILES)
    named = ((tables.text(row["file"]), tables.text(row["group"])) for row in rows)
    return [(printable(name), sanitize(group, MAX_GROUP_LENGTH)) for name, group in named if name]


def _reason(error: OSError | ValueError) -> str:
    """Return the reason of an error without a path of this machine."""
    return str(error.strerror if isinstance(error, OSError) else error)
