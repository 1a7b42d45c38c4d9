"""Turns ratings of songs into SongEval's labels and a split.

A label is the mean over a song's raters. Songs without ratings are left out, as HEAR's published code does.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ... import __version__
from ...core import tables
from ...core.errors import EvaluationError, TrainingError
from ...evaluation.songs import ANNOTATION, mean_ratings
from ..apex.targets import CountedSong, TargetSettings, check_settings, check_songs, parts_of, read_aesthetics, side_of
from ..columns import SONGEVAL, named


@dataclass(frozen=True)
class LabelledSong:
    """A row of the table of targets."""

    id: str
    group: str
    split: str
    songeval_scores: Mapping[str, float]


@dataclass(frozen=True)
class RatingsManifest:
    """What the targets were made of, and how. `songs` are by part, `left_out` counts those without ratings.

    `group`, `shares` and `seed` tell how songs were split if the table did not.
    """

    version: str
    source: str
    sha256: str
    group: str
    shares: tuple[float, float, float]
    seed: int
    songs: Mapping[str, int]
    left_out: int


def make_targets(source: Path, settings: TargetSettings) -> tuple[list[LabelledSong], RatingsManifest]:
    """Return the targets of the songs in a table of ratings, and how they were made. Raises TrainingError.

    The table has ids or files, and `annotation` (a list of each rater's ratings), `songeval_scores` or a column for
    each axis. Of the settings, those of the split count.
    """
    check_settings(settings)
    try:
        rows = [_song(row, f"{source}, line {line}", settings.group.lower()) for line, row in tables.numbered(source)]
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, EvaluationError) as error:
        raise TrainingError(f"{source} cannot be read ({str(error).splitlines()[0]}). Check it.") from error
    songs = [song for song in rows if song.aesthetics]
    check_songs(songs, source)
    parts = parts_of(songs, settings)
    made = [LabelledSong(s.id, s.group, part, s.aesthetics) for s, part in zip(songs, parts, strict=True)]
    about = settings.group, settings.shares, settings.seed, dict(Counter(parts)), len(rows) - len(songs)
    return made, RatingsManifest(__version__, source.name, digest, *about)


def _song(row: tables.Record, where: str, group: str) -> CountedSong:
    """Return a song without counts. `aesthetics` is empty if nobody has rated it."""
    if not (identity := tables.unicode_text(named(row)[0])):
        raise TrainingError(f"{where} has no id.")
    rated = {SONGEVAL: mean_ratings(row[ANNOTATION], where)} if ANNOTATION in row else row
    found = read_aesthetics(rated, where)
    return CountedSong(identity, "", 0.0, 0.0, *side_of(row, where, group), found)
