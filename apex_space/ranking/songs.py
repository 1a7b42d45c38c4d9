"""The songs of a batch, and the names that people know them by."""

from dataclasses import dataclass
from pathlib import Path

from ..core.errors import TooManySongs


@dataclass(frozen=True)
class BatchSong:
    """A song of a batch, and its name: its path from the folder or zip in which it was found.

    `error` is the reason why the song cannot be opened, or empty.
    """

    path: Path
    name: str
    group: str = ""
    error: str = ""


def check_number(songs: int, most: int) -> None:
    """Raise TooManySongs if there are more than `most` songs."""
    if songs > most:
        raise TooManySongs("There are more than {most} songs. Rank them in parts.", most=most)
