"""The songs of a batch, and the names that people know them by."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..audio.decode import SUFFIXES
from ..core.errors import TooManySongs

ENDINGS = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
MAX_NAME_LENGTH = 120


@dataclass(frozen=True)
class BatchSong:
    """A song of a batch, and the name that people know it by. `error`: why it cannot even be opened, or empty."""

    path: Path
    name: str
    group: str = ""
    error: str = ""


def is_song(name: str) -> bool:
    """Whether a file in a folder or a zip is taken for a song."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def check_number(songs: int, most: int) -> None:
    """Raises TooManySongs."""
    if songs > most:
        raise TooManySongs(f"More than {most} songs at once are not taken. Rank them in parts.")


def base_name(name: str) -> str:
    """The last part of a path of any system."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def split_name(name: str) -> tuple[str, str]:
    """A file's name and its ending, if that is one of sound."""
    return (name[: name.rindex(".")], name[name.rindex(".") :]) if is_song(name) else (name, "")
