"""Turns counts of plays and likes into scores from 0 to 100, and splits the songs into train, val and test.

Published (arXiv 2605.03395): counts become percentiles, then a power function reshapes the upper tail. Not published:
the exponent, what ties get, whether platforms are ranked apart, and how songs were split. These are our choices, which
the settings name and the manifest repeats. Percentiles are taken among the songs of `train` alone, so that nothing of
the other songs is known in training.
"""

import hashlib
import math
import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ... import __version__
from ...core import tables
from ...core.axes import AESTHETICS, BY_KEY
from ...core.errors import TrainingError
from ..columns import SONG_IDS, SONGEVAL, aesthetics, score, song_id
from ..table import PARTS

COLUMNS = {
    "streams": ("plays", "streams", "play_count", "listens"),
    "likes": ("likes", "like_count", "favorites"),
}
"""Possible names of each column of counts, in upper or lower case. SONG_IDS are those of the id;
`platform` and `split` may be there, too."""
COUNTS = ("streams", "likes")
Ties = Literal["low", "mid", "high"]


@dataclass(frozen=True)
class TargetSettings:
    """How scores and the split are made: score = 100 * percentile ** gamma. All of it is our choice."""

    gamma: float = 2.0
    ties: Ties = "mid"
    """Percentile of equal counts: the lowest, the middle or the highest of those that they span."""
    per_platform: bool = True
    """Whether a song is ranked among those of its platform alone."""
    group: str = ""
    """Column whose values stay on one side of the split, such as an artist or a generator; "" for songs alone."""
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of the songs in train, val and test, if the table has no column `split`."""
    seed: int = 42


@dataclass(frozen=True)
class CountedSong:
    """A row of the table of counts. `aesthetics` are the five scores, or nothing; `split` is "" if it is to be made."""

    id: str
    platform: str
    streams: float
    likes: float
    group: str
    split: str
    aesthetics: Mapping[str, float]


@dataclass(frozen=True)
class TargetSong:
    """A row of the table of targets, in the names of APEX's tables."""

    id: str
    platform: str
    group: str
    split: str
    score_streams: float
    score_likes: float
    songeval_scores: Mapping[str, float] | None


@dataclass(frozen=True)
class Manifest:
    """What the targets were made of, and how. `songs` are by part and platform."""

    version: str
    source: str
    sha256: str
    settings: TargetSettings
    percentiles_of: str
    songs: Mapping[str, Mapping[str, int]]


def make_targets(source: Path, settings: TargetSettings) -> tuple[list[TargetSong], Manifest]:
    """Return the targets of the songs in a table of counts, and how they were made. Raises TrainingError."""
    check_settings(settings)
    songs = read(source, settings.group)
    parts = parts_of(songs, settings)
    columns = {count: _scores(songs, parts, count, settings) for count in COUNTS}
    made = [
        TargetSong(song.id, song.platform, song.group, part, streams, likes, song.aesthetics or None)
        for song, part, streams, likes in zip(songs, parts, columns["streams"], columns["likes"], strict=True)
    ]
    numbers = {part: dict(Counter(song.platform for song in made if song.split == part)) for part in PARTS}
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return made, Manifest(__version__, source.name, digest, settings, "train", numbers)


def check_settings(settings: TargetSettings) -> None:
    """Raise TrainingError unless scores and a split can be made with these settings."""
    if not 0 < settings.gamma < math.inf or not math.isclose(sum(settings.shares), 1) or min(settings.shares) <= 0:
        raise TrainingError("The exponent and the three shares must be above 0, and the shares must add up to 1.")


# ---- reading -----------------------------------------------------------------------------------------------------


def read(source: Path, group: str = "") -> list[CountedSong]:
    """Read a csv, jsonl or parquet file of counts. `group` names the column of groups. Raises TrainingError."""
    try:
        found = [_song(row, f"{source}, line {line}", group.lower()) for line, row in tables.numbered(source)]
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{source} cannot be read ({str(error).splitlines()[0]}). Check it.") from error
    check_songs(found, source)
    return found


def check_songs(found: Sequence[CountedSong], source: Path) -> None:
    """Raise TrainingError unless there are songs, each once on a platform."""
    known: set[tuple[str, str]] = set()
    for song in found:
        if (song.id, song.platform) in known:
            raise TrainingError(f"{source} has the song {song.id} twice. Keep one of its rows.")
        known.add((song.id, song.platform))
    if not found:
        raise TrainingError(f"{source} holds no songs.")


def _song(row: tables.Record, where: str, group: str) -> CountedSong:
    cells = {key: next((row[name] for name in names if name in row), None) for key, names in COLUMNS.items()}
    if not (identity := tables.unicode_text(song_id(row))):
        raise TrainingError(f"{where} has no id. Name the column one of {', '.join(SONG_IDS)}.")
    belongs, split = side_of(row, where, group)
    streams, likes = (_count(cells[count], count, where) for count in COUNTS)
    platform = tables.unicode_text(row.get("platform"))
    return CountedSong(identity, platform, streams, likes, belongs, split, read_aesthetics(row, where))


def side_of(row: tables.Record, where: str, group: str) -> tuple[str, str]:
    """Return a row's group, by the column of that name, and its split; each "" if there is none."""
    if group and group not in row:
        raise TrainingError(f"{where} has no column {group}.")
    if (split := tables.text(row.get("split"))) not in ("", *PARTS):
        raise TrainingError(f"{where}: split is {split!r}, not one of {', '.join(PARTS)}.")
    return tables.unicode_text(row.get(group)), split


def _count(cell: Any, count: str, where: str) -> float:
    try:
        number = tables.number(cell)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        names = ", ".join(COLUMNS[count])
        raise TrainingError(
            f"{where}: its number of {count} is {reprlib.repr(cell)}, not a count. The column is one of {names}."
        )
    return number


def read_aesthetics(row: tables.Record, where: str) -> dict[str, float]:
    """Return the five aesthetics by axis, from their columns or from `songeval_scores`; nothing if there are none."""
    try:
        cells = {**row, **aesthetics(row.get(SONGEVAL))}
        found = {axis: score(BY_KEY[axis], cells[axis]) for axis in AESTHETICS if tables.text(cells.get(axis))}
    except ValueError as error:
        raise TrainingError(f"{where}: {error}. Correct it.") from error
    if found and len(found) < len(AESTHETICS):
        raise TrainingError(f"{where} has {', '.join(found)} alone. Give all of {', '.join(AESTHETICS)}, or none.")
    return found


# ---- split and scores --------------------------------------------------------------------------------------------


def parts_of(songs: Sequence[CountedSong], settings: TargetSettings) -> list[str]:
    """Return the part of each song: the table's, or else a random one. Raises TrainingError."""
    return _given(songs) if any(song.split for song in songs) else _assigned(songs, settings)


def _unit(song: CountedSong) -> tuple[str, str]:
    """Return what stays on one side of the split: the song's group, or the song on all its platforms."""
    return ("group", song.group) if song.group else ("song", song.id)


def _given(songs: Sequence[CountedSong]) -> list[str]:
    """Return the split that the table has. Raises TrainingError unless each song and group is on one side."""
    side: dict[tuple[str, str], str] = {}
    for song in songs:
        if not song.split:
            raise TrainingError(f"The song {song.id} has no split, but others have. Fill in all or none.")
        for unit in (("song", song.id), _unit(song)):
            if side.setdefault(unit, song.split) != song.split:
                where = f"in {side[unit]} and in {song.split}"
                raise TrainingError(f"The {unit[0]} {unit[1]} would be {where}. Keep it in one of them.")
    return [song.split for song in songs]


def _assigned(songs: Sequence[CountedSong], settings: TargetSettings) -> list[str]:
    """Return a part for each song. Songs of one group, and one song's platforms, are in the same part."""
    unit_of: dict[str, tuple[str, str]] = {}
    for song in songs:
        if unit_of.setdefault(song.id, _unit(song)) != _unit(song):
            first = unit_of[song.id][1]
            raise TrainingError(
                f"The song {song.id} is in the groups {first} and {song.group}. Keep it in one of them."
            )
    sizes = Counter(map(_unit, songs))
    units = sorted(sizes)
    order = np.random.default_rng(settings.seed).permutation(len(units))
    ends, before, part_of = np.cumsum(settings.shares)[:-1], 0, {}
    for unit in (units[place] for place in order):
        middle = (before + sizes[unit] / 2) / len(songs)
        part_of[unit] = PARTS[int(np.searchsorted(ends, middle))]
        before += sizes[unit]
    if lacking := [part for part in PARTS if part not in part_of.values()]:
        raise TrainingError(f"No song would be in {lacking[0]}: there are too few songs or groups for these shares.")
    return [part_of[_unit(song)] for song in songs]


def _scores(songs: Sequence[CountedSong], parts: Sequence[str], count: str, settings: TargetSettings) -> list[float]:
    values = np.array([getattr(song, count) for song in songs])
    rankings = np.array([song.platform if settings.per_platform else "" for song in songs], object)
    train, found = np.array(parts, object) == "train", np.empty(len(songs))
    for ranking in sorted(set(rankings)):
        own = rankings == ranking
        if not (own & train).any():
            raise TrainingError(
                f"No song of {ranking} is in train, so its songs have no percentiles. Rank all together."
            )
        found[own] = 100 * percentiles(values[own], values[own & train], settings.ties) ** settings.gamma
    return [float(score) for score in found]


def percentiles(values: np.ndarray, among: np.ndarray, ties: Ties) -> np.ndarray:
    """Return the share [N] of `among` [M] below each of `values` [N]. Of equal ones, none, half or all count."""
    ranked = np.sort(among)
    below, up_to = (np.searchsorted(ranked, values, side) / len(ranked) for side in ("left", "right"))
    return {"low": below, "mid": (below + up_to) / 2, "high": up_to}[ties]
