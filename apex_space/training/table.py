"""Reads and checks the tables of embedded segments, and averages segments into songs.

The tables are Parquet files in APEX's published schema: `audio_id`, `segment_id`, `platform`, `score_streams`,
`score_likes`, `segment_embedding`, and `songeval_scores` (the five aesthetics, as a struct or as JSON); or in that of
the dataset of Banger on the Hub: `track_id`, `embedding` and `banger_score`, a row for each song. Those of APEX lie in
the folders `train`, `val` and `test`, or anywhere if a table of targets says which song is in which part.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..core import tables
from ..core.axes import AESTHETICS, BY_KEY
from ..core.errors import TrainingError
from .columns import EMBEDDING, ERRORS, MADE_BY, PLATFORM, SONGEVAL, aesthetics, column_of, song_id

if TYPE_CHECKING:
    import pyarrow as pa

PARTS = ("train", "val", "test")
IDS = ("audio_id", "segment_id")
BANGER_COLUMNS = {"audio_id": "track_id", "segment_id": "track_id", EMBEDDING: "embedding"}
"""Our column -> its name in the dataset of Banger, where a song has one row."""


@dataclass(frozen=True)
class Encoder:
    """What made the embeddings: how many numbers they have, and what it is called in messages."""

    width: int
    name: str


MERT_95M = Encoder(768, "APEX's encoder, MERT-v1-95M")
MERT_330M = Encoder(1024, "Banger's encoder, MERT-v1-330M")


NONE_KNOWN = {
    "banger": "Make the table of targets with targets --banger.",
    **dict.fromkeys(AESTHETICS, "With streams and likes alone, choose --task popularity, without --grid."),
}
"""Axis -> what to do if no song has a score on it."""


class Labelled(Protocol):
    """Songs with their labels [N, T] of the axes [T]."""

    @property
    def labels(self) -> np.ndarray: ...
    @property
    def axes(self) -> tuple[str, ...]: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Samples:
    """N segments, or N songs, with T scores each."""

    ids: np.ndarray
    """[N] of str: the song's id. With the platform it is the song's name."""
    platforms: np.ndarray
    """[N] of str, "" where none is named."""
    names: np.ndarray
    """[N] of str: the segment's id, or the song's id again."""
    embeddings: np.ndarray
    """[N, D] float32."""
    labels: np.ndarray
    """[N, T] float64, NaN where there is none."""
    axes: tuple[str, ...]
    """[T] the axes of the labels."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: np.ndarray) -> "Samples":
        columns = self.ids[rows], self.platforms[rows], self.names[rows]
        return Samples(*columns, self.embeddings[rows], self.labels[rows], self.axes)

    def only(self, axes: Sequence[str]) -> "Samples":
        """Return the same samples with the labels of `axes` alone."""
        return replace(self, labels=self.labels[:, [self.axes.index(axis) for axis in axes]], axes=tuple(axes))

    def keys(self) -> set[tuple[str, str]]:
        """Return id and platform of each song."""
        return set(zip(self.ids, self.platforms, strict=True))


@dataclass(frozen=True)
class Split:
    """The three parts of the songs: to learn from, to choose the best epoch by, and to measure with."""

    train: Samples
    val: Samples
    test: Samples

    def parts(self) -> Iterator[tuple[str, Samples]]:
        """Yield each part with its name."""
        return ((part, getattr(self, part)) for part in PARTS)

    def map(self, change: Callable[[Samples], Samples]) -> "Split":
        """Return the split with each part changed."""
        return Split(*(change(samples) for _, samples in self.parts()))

    def songs(self) -> "Split":
        """Return the split with the segments of each song averaged."""
        return self.map(by_song)

    def fingerprint(self) -> str:
        """Return a hash of all samples, in their order."""
        found = hashlib.sha256()
        for _, samples in self.parts():
            found.update("\0".join((*samples.ids, *samples.platforms)).encode())
            found.update(np.ascontiguousarray(samples.embeddings).data)
            found.update(np.ascontiguousarray(samples.labels).data)
        return found.hexdigest()


def load(folder: Path, axes: Sequence[str], targets: Path | None = None, encoder: Encoder = MERT_95M) -> Split:
    """Read all segments below `folder`, split by its folders or by the table `targets`. Raises TrainingError."""
    if targets is not None:
        segments, part_of = joined(read(files_below(folder), axes, encoder), read_targets(targets), targets)
        split = Split(*(segments[part_of == part] for part in PARTS))
    else:
        if lacking := [part for part in PARTS if not (folder / part).is_dir()]:
            raise TrainingError(
                f"{folder} has no folder {lacking[0]}. Sort the Parquet files into {', '.join(PARTS)}, or make a table "
                "that splits the songs with the command targets, and pass it with --targets."
            )
        files = {part: files_below(folder / part) for part in PARTS}
        check_encoder([file for part in PARTS for file in files[part]])
        split = Split(*(read(files[part], axes, encoder) for part in PARTS))
    check_split(split)
    return split


def load_part(folder: Path, axes: Sequence[str], part: str, targets: Path | None = None) -> Samples:
    """Read the segments of one part. A folder without parts is read as a whole. Raises TrainingError."""
    if targets is None:
        parts = [each for each in PARTS if (folder / each).is_dir()]
        if parts and part not in parts:
            raise TrainingError(f"{folder} has no folder {part}, but {' and '.join(parts)}. Choose one with --part.")
        return read(files_below(folder / part if parts else folder), axes)
    segments, part_of = joined(read(files_below(folder), axes), read_targets(targets), targets)
    if not (part_of == part).any():
        raise TrainingError(f"{targets} has no song of {folder} in the part {part}.")
    return segments[part_of == part]


def files_below(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [folder]
    files = [file for file in files if file.name != ERRORS and not file.is_dir()]
    if not files or not folder.exists():
        raise TrainingError(f"{folder} holds no Parquet files. Name the folder that the command extract wrote.")
    return files


# ---- reading -----------------------------------------------------------------------------------------------------


def read(files: Sequence[Path], axes: Sequence[str], encoder: Encoder = MERT_95M) -> Samples:
    """Read segments from Parquet files, in the files' order. Labels that are not there are NaN. Raises TrainingError.

    Every segment must have an id and an embedding of the encoder's width, of finite numbers, and occur once. All must
    be from one encoder.
    """
    check_encoder(files)
    parts = [_read(file, tuple(axes), encoder) for file in files]
    ids, platforms, names, embeddings, labels = (
        np.concatenate([getattr(part, field) for part in parts])
        for field in ("ids", "platforms", "names", "embeddings", "labels")
    )
    found = Samples(ids, platforms, names, embeddings, labels, tuple(axes))
    known = set()
    for key in zip(found.ids, found.platforms, found.names, strict=True):
        if key in known:
            raise TrainingError(f"The segment {key[2]}{_of(key[1])} is there twice. Keep one of its rows.")
        known.add(key)
    return found


def check_encoder(files: Sequence[Path]) -> None:
    """Raise TrainingError if the files were extracted by different encoders, revisions or precisions."""
    made_by = [((_schema(file).metadata or {}).get(MADE_BY), file) for file in files]
    for known, file in made_by:
        if known != made_by[0][0]:
            raise TrainingError(
                f"{made_by[0][1]} and {file} are from different encoders, revisions or precisions. Extract all songs "
                "with the same one."
            )


def _schema(file: Path) -> "pa.Schema":
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_schema(file)
    except (OSError, ArrowException) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> TrainingError:
    return TrainingError(f"{file} cannot be read ({str(error).splitlines()[0]}). Write it again.")


def _read(file: Path, axes: tuple[str, ...], encoder: Encoder) -> Samples:
    from pyarrow import ArrowException, parquet

    there = set(_schema(file).names)
    named = BANGER_COLUMNS if {*BANGER_COLUMNS.values()} <= there else {key: key for key in BANGER_COLUMNS}
    if lacking := sorted({*named.values()} - there):
        raise TrainingError(f"{file} has no column {lacking[0]}. It is not a table of embedded segments.")
    wanted = {*named.values(), PLATFORM, SONGEVAL, *map(column_of, axes)}
    try:
        table = parquet.read_table(file, columns=sorted(wanted & there))
    except (OSError, ArrowException) as error:
        raise _unreadable(file, error) from error
    ids, names = (np.array([*map(tables.text, table[named[name]].to_pylist())], object) for name in IDS)
    for name, values in zip(IDS, (ids, names), strict=True):
        _refuse(file, values == "", f"it has no {name}")
    platforms = [tables.text(value) for value in table[PLATFORM].to_pylist()] if PLATFORM in there else [""] * len(ids)
    labels = np.full((len(table), len(axes)), np.nan)
    songeval = _songeval(file, table) if SONGEVAL in there and set(axes) & set(AESTHETICS) else {}
    for place, axis in enumerate(axes):
        if (name := column_of(axis)) in there:
            labels[:, place] = _numbers(file, name, table[name].to_pylist())
        elif axis in songeval:
            labels[:, place] = songeval[axis]
        low, high = BY_KEY[axis].low, BY_KEY[axis].high
        outside = (labels[:, place] < low) | (labels[:, place] > high)
        _refuse(file, outside, f"{column_of(axis)} is not a number from {low:g} to {high:g}")
    return Samples(
        ids, np.array(platforms, object), names, _embeddings(file, table[named[EMBEDDING]], encoder), labels, axes
    )


def _embeddings(file: Path, cells: "pa.ChunkedArray", encoder: Encoder) -> np.ndarray:
    """Return the embeddings [N, D] in a column of a table."""
    import pyarrow as pa
    from pyarrow import compute

    column = cells.combine_chunks()
    kind = column.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not lists or not pa.types.is_floating(kind.value_type):
        raise TrainingError(f"{file}: {EMBEDDING} is {kind}, not a list of numbers. Write it again.")
    widths = np.array(compute.list_value_length(column).fill_null(0))
    if (wrong := widths != encoder.width).any():
        width = widths[wrong.argmax()]
        why = f"its embedding has {width} numbers, not {encoder.width}: it is not from {encoder.name}"
        _refuse(file, wrong, why)
    found = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, encoder.width)
    _refuse(file, ~np.isfinite(found).all(1), "its embedding holds a number that is not finite")
    return found


def _songeval(file: Path, table: "pa.Table") -> dict[str, np.ndarray]:
    """Return the labels [N] of each aesthetic axis, from structs or JSON texts."""
    cells = [_aesthetics(cell, f"{file}, row {row}") for row, cell in enumerate(table[SONGEVAL].to_pylist(), 1)]
    return {axis: _numbers(file, axis, [cell.get(axis) for cell in cells]) for axis in AESTHETICS}


def _aesthetics(cell: Any, row: str) -> Mapping[str, Any]:
    """Return the five aesthetics of a cell by axis, or nothing for an empty cell."""
    try:
        return aesthetics(cell)
    except ValueError as error:
        raise TrainingError(f"{row}: {SONGEVAL} cannot be read ({error}). Correct it.") from error


def _numbers(file: Path, column: str, cells: Sequence[Any]) -> np.ndarray:
    """Return a column's numbers [N], NaN for empty cells."""
    try:
        return np.array([math.nan if cell is None else tables.number(cell) for cell in cells])
    except ValueError as error:
        raise TrainingError(f"{file}: {column} holds what is no number ({error}). Correct it.") from error


def _refuse(file: Path, wrong: np.ndarray, why: str) -> None:
    """Raise TrainingError for the first row that is wrong [N]."""
    if wrong.any():
        raise TrainingError(f"{file}, row {wrong.argmax() + 1}: {why}. Write the row again, or leave it out.")


# ---- targets -----------------------------------------------------------------------------------------------------

Target = tuple[str, dict[str, float]]
"""A song's part of the split, and its labels by axis."""


def read_targets(path: Path, parts: Sequence[str] = PARTS) -> dict[tuple[str, str], Target]:
    """Return the targets of each song by id and platform, from a csv, jsonl or parquet file. Raises TrainingError.

    The split must be one of `parts`; among them, "" is for a song without one.
    """
    found: dict[tuple[str, str], Target] = {}
    try:
        for line, row in tables.numbered(path):
            where = f"{path}, line {line}"
            key = song_id(row), tables.unicode_text(row.get(PLATFORM))
            part = tables.text(row.get("split"))
            if not key[0] or part not in parts:
                raise TrainingError(f"{where}: it needs an id, and a split that is one of {', '.join(PARTS)}.")
            if key in found:
                raise TrainingError(f"{where}: the song {key[0]}{_of(key[1])} is there twice. Keep one of them.")
            found[key] = part, _labels(row, where)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{path} cannot be read ({str(error).splitlines()[0]}). Check it.") from error
    return found


def _labels(row: Mapping[str, Any], where: str) -> dict[str, float]:
    """Return the labels of a row of targets by axis, without those that are empty."""
    cells = {**row, **_aesthetics(row.get(SONGEVAL) or None, where)}
    named: dict[str, Any] = {axis: cells.get(column_of(axis)) for axis in BY_KEY}
    try:
        return {axis: tables.number(cell) for axis, cell in named.items() if tables.text(cell)}
    except ValueError as error:
        raise TrainingError(f"{where}: a score is no number ({error}). Correct it.") from error


def joined(segments: Samples, targets: Mapping[tuple[str, str], Target], path: Path) -> tuple[Samples, np.ndarray]:
    """Return the segments with the targets' labels, and the part [N] of each. Labels of axes without a target stay.

    Where the segment or the target names no platform, the id alone must tell the song. Raises TrainingError if a song
    has no target.
    """
    axes = {axis for _, scores in targets.values() for axis in scores}
    by_id: dict[str, list[tuple[str, str]]] = {}
    for key in targets:
        by_id.setdefault(key[0], []).append(key)
    platforms, labels, parts = segments.platforms.copy(), segments.labels.copy(), np.empty(len(segments), object)
    for row, key in enumerate(zip(segments.ids, segments.platforms, strict=True)):
        known = [key] if key in targets else [k for k in by_id.get(key[0], []) if not (key[1] and k[1])]
        if len(known) != 1:
            fault = "several rows" if known else "no row"
            raise TrainingError(
                f"{path} has {fault} for the song {key[0]}{_of(key[1])}. It needs one for each song that was embedded, "
                "with the same id: in a folder of songs, a file's path without its ending."
            )
        parts[row], found = targets[known[0]]
        platforms[row] = key[1] or known[0][1]
        own = zip(segments.axes, labels[row], strict=True)
        labels[row] = [found.get(axis, math.nan) if axis in axes else label for axis, label in own]
    return replace(segments, platforms=platforms, labels=labels), parts


def _of(platform: str) -> str:
    """Return a platform as the end of a song's name."""
    return f" of {platform}" if platform else ""


# ---- songs, and what can be learned from -------------------------------------------------------------------------


def by_song(segments: Samples) -> Samples:
    """Average the segments of each song, as published: songs sorted by id and platform.

    A song's label is the first one that its segments have, in the files' order.
    """
    song_of, first = _songs(segments)
    labels = np.full((len(first), len(segments.axes)), np.nan)
    for place, column in enumerate(segments.labels.T):
        known = np.flatnonzero(~np.isnan(column))
        song, row = np.unique(song_of[known], return_index=True)
        labels[song, place] = column[known[row]]
    means = mean_by_song(segments.embeddings, segments)
    return Samples(segments.ids[first], segments.platforms[first], segments.ids[first], means, labels, segments.axes)


def mean_by_song(values: np.ndarray, segments: Samples) -> np.ndarray:
    """Average values [N, ...] of segments over each song -> [S, ...], songs sorted by id and platform."""
    song_of, _ = _songs(segments)
    ends = np.cumsum(np.bincount(song_of))[:-1]
    return np.stack([values[rows].mean(0) for rows in np.split(np.argsort(song_of, kind="stable"), ends)])


def _songs(segments: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Return the number [N] of each segment's song, songs sorted by id and platform, and the first row [S] of each."""
    _, song = np.unique(segments.ids.astype(str), return_inverse=True)
    platforms, platform = np.unique(segments.platforms.astype(str), return_inverse=True)
    _, first, song_of = np.unique(song * len(platforms) + platform, return_index=True, return_inverse=True)
    return song_of, first


def check_split(split: Split) -> None:
    songs = {part: samples.keys() for part, samples in split.parts()}
    for part, samples in split.parts():
        if not len(samples):
            raise TrainingError(f"There are no songs in the part {part}. All of {', '.join(PARTS)} are needed.")
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        if both := songs[one] & songs[other]:
            name, platform = min(both)
            raise TrainingError(f"The song {name}{_of(platform)} is in {one} and in {other}. Keep it in one of them.")


def check_labels(split: Split) -> None:
    """Check the labels of each part; none may be the same in all of `train`. Raises TrainingError."""
    for part, samples in split.parts():
        check_part(part, samples)
    for axis, column in zip(split.train.axes, split.train.labels.T, strict=True):
        if (column == column[0]).all():
            raise TrainingError(
                f"{column_of(axis)} is {column[0]:g} in all {len(column)} rows of train, from {split.train.names[0]} "
                "on: nothing can be learned from it."
            )


def check_part(part: str, samples: Samples) -> None:
    """Raise TrainingError unless every label is there and in its range."""
    for axis, column in zip(samples.axes, samples.labels.T, strict=True):
        if np.isnan(column).all():
            advice = NONE_KNOWN.get(axis, "Add it to the table of targets.")
            raise TrainingError(f"No song of {part} has the score {column_of(axis)}. {advice}")
        low, high = BY_KEY[axis].low, BY_KEY[axis].high
        wrong = ~((column >= low) & (column <= high))  # also where it is NaN
        if wrong.any():
            row = int(wrong.argmax())
            value = "not there" if math.isnan(column[row]) else f"{column[row]:g}"
            raise TrainingError(
                f"{part}, {samples.names[row]}{_of(samples.platforms[row])}: {column_of(axis)} is {value}, not a "
                f"number from {low:g} to {high:g}. Correct it, or leave the song out."
            )
