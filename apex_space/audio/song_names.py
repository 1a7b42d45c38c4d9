"""Names of songs: which files are songs, and which song is meant by a name in a table or a list.

A song's name is its path from the folder or zip in which it was found. So `a/1.wav` and `b/1.wav` are two songs.
"""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from .containers import SUFFIXES

ENDINGS = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))


def is_song(name: str) -> bool:
    """Return whether the ending of a file in a folder or a zip is one of sound files."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def base_name(name: str) -> str:
    """Return the last part of a path from any operating system."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def split_name(name: str) -> tuple[str, str]:
    """Return a file's name without its ending, and the ending. The ending is empty if it is not one of sound files."""
    return (name[: name.rindex(".")], name[name.rindex(".") :]) if is_song(name) else (name, "")


class SongNames:
    """Finds songs by name. Sound files' endings, and the form of Unicode (NFC, NFD), need not be the same."""

    def __init__(self, names: Iterable[str]) -> None:
        self._paths = [_path(name) for name in names]
        self._by_path: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[int]] = defaultdict(list)
        for number, path in enumerate(self._paths):
            for known in {path, _bare(path)}:
                self._by_path[known].append(number)
            self._by_stem[_bare(path)[-1]].append(number)

    def find(self, name: str) -> list[int]:
        """Return the numbers of the songs that fit `name` best; several if it may mean each of them.

        The best fit is the same path with the same ending, then the same path. Then come songs whose path ends with
        `name`, and last songs whose whole path is the end of `name`.
        """
        path = _path(name)
        bare = _bare(path)
        if found := self._by_path.get(path) or self._by_path.get(bare):
            return found
        alike = [(number, _bare(self._paths[number])) for number in self._by_stem.get(bare[-1], ())]
        longer = [number for number, other in alike if other[-len(bare) :] == bare]
        return longer or [number for number, other in alike if bare[-len(other) :] == other]

    def differ(self, numbers: Iterable[int]) -> bool:
        """Return whether these songs have different names. The same song may be listed more than once."""
        return len({self._paths[number] for number in numbers}) > 1


class SongFolder:
    """Finds the files of songs in a folder by their names in a table."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self._resolved = folder.resolve()
        self._listed: dict[Path, tuple[list[Path], SongNames]] = {}

    def find(self, name: str) -> list[Path]:
        """Return the files that `name` may mean, with or without a sound file's ending: none, one or several.

        A name that leads out of the folder finds no file.
        """
        if "\0" in name or not self.leads_inside(name):
            return []
        if os.path.isfile(self.path / name):  # unlike Path.is_file, this does not raise if a name is too long
            return [self.path / name]
        for form in ("NFC", "NFD"):
            path = self.path / unicodedata.normalize(form, name)
            if os.path.isdir(path.parent):
                files, names = self._songs(path.parent)
                return [files[number] for number in names.find(path.name)]
        return []

    def leads_inside(self, name: str) -> bool:
        """Return whether `name` stays in the folder, links followed."""
        try:
            return (self.path / name).resolve().is_relative_to(self._resolved)
        except RuntimeError:  # links that lead to each other
            return False

    def _holds(self, path: Path) -> bool:
        """Return whether a file, and the one that it may link to, is in the folder."""
        return path.is_file() and path.resolve().is_relative_to(self._resolved)

    def _songs(self, folder: Path) -> tuple[list[Path], SongNames]:
        if folder not in self._listed:
            files = sorted(path for path in folder.iterdir() if is_song(path.name) and self._holds(path))
            self._listed[folder] = files, SongNames(path.name for path in files)
        return self._listed[folder]


def walk(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, sorted. A link to a folder is followed once.

    Hidden files and folders are skipped.
    """
    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        state = os.stat(place)
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.isfile(path := os.path.join(place, name)):
                yield Path(path)


def _path(name: str) -> tuple[str, ...]:
    """Return folders and name of a song, in the form NFC."""
    parts = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").split("/")
    return tuple(part for part in parts if part not in ("", ".")) or ("",)


def _bare(path: tuple[str, ...]) -> tuple[str, ...]:
    return *path[:-1], split_name(path[-1])[0]
