"""Names the columns of the tables that training reads and writes: songs, embedded segments and targets."""

import json
from collections.abc import Mapping
from typing import Any

SONG_IDS = ("audio_id", "id", "song_id", "track_id")
"""Names that the column of a song's id may have in a table of songs, in upper or lower case."""
PLATFORM, SONGEVAL = "platform", "songeval_scores"
EMBEDDING, FRAMES = "segment_embedding", "segment_frames"
MADE_BY, ERRORS = b"apex_space_extract", "errors.parquet"
"""Metadata of a file of embedded segments, which tells the encoder as JSON; and the list of songs that failed."""


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
