"""Reads the frames that HEAR is trained on: a `.npy` for each song, [1, T, 4096] or [T, 4096], beside their ratings."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.errors import TrainingError
from ..columns import ENCODERS
from ..table import PARTS, Samples, Split, read_targets

COPY = re.compile(r"_aug(\d+)$")
"""End of the name of a song's changed copy."""
MIN_FRAMES = 3
"""Frames that become one: a song needs them."""


@dataclass(frozen=True)
class Songs:
    """N files of one part, copies of songs among them, with T ratings each."""

    files: tuple[Path, ...]
    ids: tuple[str, ...]
    labels: np.ndarray
    """[N, T] float64."""
    axes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def frames(self, row: int) -> np.ndarray:
        """Read the frames [T, W] of a file as float32. Raises TrainingError."""
        found = _open(self.files[row]).astype(np.float32)
        if not np.isfinite(found).all():
            raise TrainingError(f"{self.files[row]} holds a number that is not finite. Compute it again.")
        return found

    def means(self) -> Samples:
        """Return the songs with the mean of their frames as embedding."""
        names = np.array(self.ids, object)
        means = np.stack([self.frames(row).mean(0) for row in range(len(self))])
        return Samples(names, np.full(len(names), "", object), names, means, self.labels, self.axes)


@dataclass(frozen=True)
class Parts:
    """The three parts of the songs. Copies are in `train` alone."""

    train: Songs
    val: Songs
    test: Songs
    width: int
    """Numbers of a frame."""
    encoders: bytes = b""
    """What says which encoders made the frames, "" if nothing does."""

    def split(self) -> Split:
        """Return the songs with their mean frames, without copies unless a song has nothing else."""
        return Split(_originals(self.train).means(), self.val.means(), self.test.means())

    def fingerprint(self) -> str:
        """Return a hash of the files' names and sizes, of their encoders, and of the ratings, in their order."""
        found = hashlib.sha256(self.encoders)
        for songs in (self.train, self.val, self.test):
            found.update("\0".join(f"{file.name} {file.stat().st_size}" for file in songs.files).encode())
            found.update(np.ascontiguousarray(songs.labels).data)
        return found.hexdigest()


def load(folder: Path, targets: Path, axes: Sequence[str], as_published: bool = False) -> Parts:
    """Find the files of the songs in the table `targets`, which has their ratings and parts. Raises TrainingError.

    As published, of a song with copies only the last copy is learned from, and not the song.
    """
    told = read_targets(targets)
    known = {key[0]: target for key, target in told.items()}
    if len(known) < len(told):
        twice = next(name for name, count in Counter(key[0] for key in told).items() if count > 1)
        raise TrainingError(f"{targets} has the song {twice} on several platforms. Keep one of its rows.")
    files = sorted(folder.rglob("*.npy"))
    songs_of = {file: song_of(file, folder) for file in files}
    widths = {file: _open(file).shape[1] for file in files}
    for file, width in widths.items():
        if width != widths[files[0]]:
            raise TrainingError(f"{file} has {width} numbers a frame, {files[0]} has {widths[files[0]]}.")
    parts = []
    for part in PARTS:
        chosen = [file for file in files if known.get(songs_of[file], ("",))[0] == part]
        if part != "train":
            chosen = [file for file in chosen if not COPY.search(file.stem)]
        elif as_published:
            chosen = [*{songs_of[file]: file for file in sorted(chosen, key=_number)}.values()]
        if not chosen:
            raise TrainingError(f"{folder} has no .npy of a song that {targets} has in the part {part}.")
        ids = tuple(songs_of[file] for file in chosen)
        labels = np.array([[known[i][1].get(axis, np.nan) for axis in axes] for i in ids])
        parts.append(Songs(tuple(chosen), ids, labels, tuple(axes)))
    train, val, test = parts
    made_by = folder / ENCODERS
    found = Parts(train, val, test, widths[files[0]], made_by.read_bytes() if made_by.is_file() else b"")
    for part, songs in zip(PARTS, parts, strict=True):
        wrong = ~((songs.labels >= 1) & (songs.labels <= 5))
        if wrong.any():
            row, place = np.argwhere(wrong)[0]
            raise TrainingError(f"{part}, {songs.ids[row]}: {axes[place]} is not a number from 1 to 5. Correct it.")
    return found


def song_of(file: Path, folder: Path) -> str:
    """Return the id of the song that a file in a folder is, or is a copy of: its path without the ending."""
    return COPY.sub("", file.relative_to(folder).with_suffix("").as_posix())


def _number(file: Path) -> int:
    found = COPY.search(file.stem)
    return int(found[1]) if found else 0


def _originals(songs: Songs) -> Songs:
    """Return the first file of each song, which is the song itself if it is there."""
    rows = [row for row, song in enumerate(songs.ids) if songs.ids.index(song) == row]
    return Songs(tuple(songs.files[r] for r in rows), tuple(songs.ids[r] for r in rows), songs.labels[rows], songs.axes)


def _open(file: Path) -> np.ndarray:
    """Return the frames [T, W] of a file, which are not read yet. Raises TrainingError."""
    try:
        found = np.load(file, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise TrainingError(f"{file} cannot be read ({error.strerror or error}). Compute it again.") from error
    except (ValueError, EOFError) as error:  # the text of numpy's ValueError advises to run what is in the file
        raise TrainingError(f"{file} is no array of numbers, or half of one. Compute it again.") from error
    if not isinstance(found, np.ndarray):
        raise TrainingError(f"{file} is an archive, not an array. Compute it again.")
    frames: np.ndarray = found[0] if found.ndim == 3 and len(found) == 1 else found
    if frames.ndim != 2 or len(frames) < MIN_FRAMES or not frames.size or not np.issubdtype(frames.dtype, np.floating):
        raise TrainingError(f"{file} is {found.dtype} {list(found.shape)}, not numbers [1, T, W] of a song's frames.")
    return frames
