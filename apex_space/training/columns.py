"""Names the columns of the tables that training reads and writes: songs, embedded segments and targets."""

import json
import math
import reprlib
from collections.abc import Mapping
from typing import Any

from ..audio.song_names import split_name
from ..core import tables
from ..core.axes import Axis

SONG_IDS = ("audio_id", "id", "song_id", "track_id")
"""Names that the column of a song's id may have in a table of songs, in upper or lower case."""
FILES = ("audio", "file", "file_name", "path")
"""Likewise of the column of its file. Without a column of SONG_IDS, the file's name without the ending is the id."""
PLATFORM, SONGEVAL = "platform", "songeval_scores"
EMBEDDING, FRAMES = "segment_embedding", "segment_frames"
MADE_BY, ERRORS = b"apex_space_extract", "errors.parquet"
"""Metadata of a file of embedded segments, which tells the encoder as JSON; and the list of songs that failed."""
SCORES = {"streams": "score_streams", "likes": "score_likes", "banger": "banger_score"}
"""Axis -> its column, where the names differ."""
ENCODERS = "frames.json"
"""File in a folder of songs' frames that tells the encoders, in the order of their numbers."""


def column_of(axis: str) -> str:
    """Return the name of an axis in tables: streams -> score_streams."""
    return SCORES.get(axis, axis)


def song_id(row: Mapping[str, Any]) -> str:
    """Return a song's id from the first of the columns SONG_IDS that is not blank, "" if all are."""
    return next((known for name in SONG_IDS if (known := tables.text(row.get(name)))), "")


def named(row: Mapping[str, Any]) -> tuple[str, Any]:
    """Return a song's id, "" if there is none, and the cell of its file. The row's columns are in lower case."""
    sound = next((row[name] for name in FILES if row.get(name) not in (None, "")), None)
    file = tables.text(sound.get("path") if isinstance(sound, Mapping) else sound)
    return song_id(row) or split_name(file)[0], sound


def aesthetics(cell: Any) -> dict[str, Any]:
    """Return the values in a cell of `songeval_scores`, a struct or JSON, by lower-case name; none if it is empty.

    Raises ValueError.
    """
    try:
        found = json.loads(cell) if isinstance(cell, str) and cell else cell
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    if found and not isinstance(found, Mapping):
        raise ValueError("it is not a record of the five aesthetics")
    return {str(name).strip().lower(): value for name, value in (found or {}).items()}


def score(axis: Axis, cell: Any) -> float:
    """Return a score on an axis. Raises ValueError if the cell is no number in the axis' range."""
    try:
        number = tables.number(cell)
    except ValueError:
        number = math.nan
    if not axis.low <= number <= axis.high:
        given = f"{column_of(axis.key)} is {reprlib.repr(cell)}"
        raise ValueError(f"{given}, not a number from {axis.low:g} to {axis.high:g}")
    return number
