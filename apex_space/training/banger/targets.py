"""Turns numbers of plays into Banger's scores, as published: the logarithm of each, stretched to 0 to 10.

Songs that nobody played are left out. The least and the greatest number are those of all songs that are left, also of
those to measure with: that is how the published scores were made, and they are kept.
"""

import csv
import hashlib
import math
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ... import __version__
from ...core import tables
from ...core.axes import BY_KEY
from ...core.errors import TrainingError
from ..apex.targets import COLUMNS
from ..columns import SONG_IDS, song_id
from ..table import PARTS

FMA_SUBSET = "small"
"""The songs of FMA's tracks.csv to take."""
FMA_COLUMNS = (("set", "subset"), ("track", "listens"), ("track", "genre_top"))
HIGH = BY_KEY["banger"].high


@dataclass(frozen=True)
class BangerSong:
    """A row of the table of targets. `split` is "" where training shall split the songs as published."""

    id: str
    platform: str
    genre: str
    listens: float
    split: str
    banger_score: float = 0.0


@dataclass(frozen=True)
class BangerManifest:
    """What the targets were made of. `left_out` counts the songs that nobody played."""

    version: str
    source: str
    sha256: str
    least: float
    greatest: float
    songs: int
    left_out: int


def make_targets(source: Path) -> tuple[list[BangerSong], BangerManifest]:
    """Return the targets of the songs in a table of plays, and how they were made. Raises TrainingError.

    The table is FMA's tracks.csv, or has the columns id and listens, and perhaps platform, genre and split.
    """
    try:
        found = [*(_fma(source) if _is_fma(source) else _rows(source))]
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
    except (OSError, ValueError, csv.Error) as error:
        raise TrainingError(f"{source} cannot be read ({str(error).splitlines()[0]}). Check it.") from error
    played = [song for song in found if song.listens > 0]
    known: set[tuple[str, str]] = set()
    for song in played:
        if (song.id, song.platform) in known:
            raise TrainingError(f"{source} has the song {song.id} twice. Keep one of its rows.")
        known.add((song.id, song.platform))
    listens = np.array([song.listens for song in played])
    if len(set(listens)) < 2:
        raise TrainingError(f"{source}: nothing can be learned from fewer than two different numbers of plays above 0.")
    made = [replace(song, banger_score=score) for song, score in zip(played, scores(listens).tolist(), strict=True)]
    numbers = float(listens.min()), float(listens.max()), len(made), len(found) - len(made)
    return made, BangerManifest(__version__, source.name, digest, *numbers)


def scores(listens: np.ndarray) -> np.ndarray:
    """Return the scores [N] of numbers of plays [N], from 0 for the least to 10 for the greatest."""
    logs = np.log1p(listens)
    found: np.ndarray = HIGH * (
        (logs - logs.min()) / (logs.max() - logs.min())
    )  # in this order, the greatest is exactly 10
    return found


def _is_fma(source: Path) -> bool:
    """Return whether a table has the three rows of headings of FMA's tracks.csv."""
    if source.suffix.lower() != ".csv":
        return False
    with tables.open_text(source) as file:
        head = [row for row, _ in zip(csv.reader(file), range(3), strict=False)]
    return len(head) == 3 and head[2][:1] == ["track_id"] and not any(head[2][1:])


def _fma(source: Path) -> Iterator[BangerSong]:
    with tables.open_text(source) as file:
        lines = csv.reader(file)
        groups, names, _ = (next(lines) for _ in range(3))
        place = {column: number for number, column in enumerate(zip(groups, names, strict=True))}
        if lacking := [key for key in FMA_COLUMNS if key not in place]:
            raise ValueError(f"it has no column {' '.join(lacking[0])}")
        subset, listens, genre = (place[key] for key in FMA_COLUMNS)
        for row in lines:
            where = f"{source}, line {lines.line_num}"
            if row and len(row) != len(names):
                raise TrainingError(f"{where}: it has {len(row)} cells, not {len(names)}. Download the table again.")
            if row and row[subset] == FMA_SUBSET:
                yield BangerSong(row[0], "", row[genre], _count(row[listens], where), "")


def _rows(source: Path) -> Iterator[BangerSong]:
    for line, row in tables.numbered(source):
        where = f"{source}, line {line}"
        identity = tables.unicode_text(song_id(row))
        if not (counts := [row[name] for name in COLUMNS["streams"] if name in row]):
            raise TrainingError(
                f"{where} has no number of plays. Name the column one of {', '.join(COLUMNS['streams'])}."
            )
        split = tables.text(row.get("split"))
        if not identity:
            raise TrainingError(f"{where} has no id. Name the column one of {', '.join(SONG_IDS)}.")
        if split not in ("", *PARTS):
            raise TrainingError(f"{where}: split is {split!r}, not one of {', '.join(PARTS)}.")
        platform, genre = (tables.unicode_text(row.get(name)) for name in ("platform", "genre"))
        yield BangerSong(identity, platform, genre, _count(counts[0], where), split)


def _count(cell: object, where: str) -> float:
    """Return a number of plays, 0 for an empty cell as published."""
    try:
        number = 0.0 if tables.is_blank(cell) else tables.number(cell)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise TrainingError(f"{where}: its number of plays is {reprlib.repr(cell)}, not a count. Correct it.")
    return number
