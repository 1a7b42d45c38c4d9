"""The songs of a batch, and the names that people know them by."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..audio.containers import SUFFIXES
from ..core.errors import TooManySongs

ENDINGS = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
MAX_NAME_LENGTH = 120


@dataclass(frozen=True)
class BatchSong:
    """A song of a batch, and the name that people know it by.

    `error` is the reason why the song cannot be opened, or empty.
    """

    path: Path
    name: str
    group: str = ""
    error: str = ""


def is_song(name: str) -> bool:
    """Return whether the ending of a file in a folder or a zip is one of sound files."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def check_number(songs: int, most: int) -> None:
    """Raise TooManySongs if there are more than `most` songs."""
    if songs > most:
        raise TooManySongs("There are more than {most} songs. Rank them in parts.", most=most)


def base_name(name: str) -> str:
    """Return the last part of a path from any operating system."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def split_name(name: str) -> tuple[str, str]:
    """Return a file's name without its ending, and the ending. The ending is empty if it is not one of sound files."""
    return (name[: name.rindex(".")], name[name.rindex(".") :]) if is_song(name) else (name, "")
