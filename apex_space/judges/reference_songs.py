"""Where a song's scores are among the scores of reference songs by the same judge.

The reference songs of the judge pocket are shipped, as a table of scores and genres. The setting `reference` names a
table for any judge, such as the csv of the commands `score` and `rank`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from ..core.axes import KEYS
from ..core.errors import SettingsError
from ..core.intervals import wilson
from ..core.settings import settings
from ..core.tables import READERS, Record, number, numbered, text
from ..core.text import message, sanitize
from ..models import heads
from .registry import REGISTRY
from .report import Report
from .report_csv import weights

SHIPPED = Path(heads.__file__).with_name("pocket_reference.csv")
"""The scores of the songs that pocket learned from. `training.pocket.reference` writes it."""
SHIPPED_SONGS = "the songs that Pocket learned from, each scored by a model that had not learned from it"
ALL = ""
"""Stands for the songs of all genres."""
LEVEL = 0.95
"""Level of the interval of a percentile."""
FEWEST = 20
"""Number of songs below which a score is not compared with a genre, or with all songs: the interval would be wide."""
FOLDER = (
    "APEX_REFERENCE: {path} is a folder. Score its songs once, and name the table: "
    "apex-space rank {path} --judge NAME --format csv > reference.csv"
)


@dataclass(frozen=True)
class Percentile:
    """The share of the reference songs that have a lower score, in percent. Equal scores count as half a song.

    `low` to `high` is its 95% interval, from the number of `songs` (Wilson). `least` and `most` are the shares at the
    ends of the score's own interval; they are None if the judge knows none.
    """

    value: float
    low: float
    high: float
    songs: int
    least: float | None = None
    most: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        ends = None if self.least is None else {"low": self.least, "high": self.most}
        return {"value": self.value, "low": self.low, "high": self.high, "songs": self.songs, "score_interval": ends}


@dataclass(frozen=True)
class ReferenceSongs:
    """Scores of songs by one judge.

    `source` says for people which songs these are. `scores` has the known scores in rising order, by genre and axis;
    the genre ALL comes first. `table` [S, len(KEYS)] has them song by song, NaN where there is none.
    """

    source: str
    scores: Mapping[str, Mapping[str, tuple[float, ...]]]
    table: np.ndarray = field(compare=False, repr=False)

    @property
    def songs(self) -> dict[str, int]:
        """Return the number of songs of each genre."""
        return {genre: max(map(len, by_axis.values())) for genre, by_axis in self.scores.items()}

    def percentiles(self, report: Report, genre: str = ALL) -> dict[str, Percentile]:
        """Return the percentile of each score of a report of which enough songs of the genre have one."""
        known = {key: score for key, score in report.scores.items() if score is not None}
        intervals, found = report.intervals, self.scores[genre]
        return {key: percentile(found[key], score, intervals.get(key)) for key, score in known.items() if key in found}

    def as_dict(self, report: Report) -> dict[str, Any]:
        """Return plain values for JSON: the percentiles of a report among all songs, and by genre."""
        found = {
            genre: {key: each.as_dict() for key, each in self.percentiles(report, genre).items()}
            for genre in self.scores
        }
        return {"source": self.source, "level": LEVEL, "all": found.pop(ALL), "genres": found}


def percentile(scores: Sequence[float], score: float, interval: tuple[float, float] | None) -> Percentile:
    """Return where a score with its interval is among `scores`, one or more in rising order."""
    share = wilson(_below(scores, score), len(scores))
    ends = () if interval is None else (100 * _below(scores, end) / len(scores) for end in interval)
    return Percentile(100 * share.value, 100 * share.low, 100 * share.high, len(scores), *ends)


def _below(scores: Sequence[float], score: float) -> float:
    """Return how many of the scores are lower. Equal ones count as half."""
    return (bisect_left(scores, score) + bisect_right(scores, score)) / 2


def reference_songs(report: Report) -> ReferenceSongs | None:
    """Return the songs with which a report's scores can be compared: scored by the same judge with the same weights.

    A table that does not name the weights is taken to be of the same. Raises SettingsError.
    """
    found = references(settings().reference)
    keys = (report.judge, weights(report)), (report.judge, "")
    return next((found[key] for key in keys if key in found), None)


@cache
def references(table: Path | None) -> Mapping[tuple[str, str], ReferenceSongs]:
    """Return the reference songs by judge and weights: the shipped ones, and those of a table instead of them.

    Raises SettingsError.
    """
    found = _grouped(SHIPPED, SHIPPED_SONGS)
    if table is None:
        return found
    own = _grouped(table, message("the songs of {table}", table=sanitize(table.name)))
    judges = {judge for judge, _ in own}
    return {key: songs for key, songs in found.items() if key[0] not in judges} | own


def _grouped(table: Path, source: str) -> dict[tuple[str, str], ReferenceSongs]:
    rows: dict[tuple[str, str], list[tuple[str, Mapping[str, float]]]] = {}
    try:
        for judge, made_by, genre, scores in _rows(table):
            rows.setdefault((judge, made_by), []).append((genre, scores))
    except (OSError, ValueError) as error:
        raise SettingsError("APEX_REFERENCE: {path}: {reason}", path=table, reason=error) from error
    songs = {key: ReferenceSongs(source, _by_genre(found), _by_song(found)) for key, found in rows.items()}
    if not all(each.scores for each in songs.values()) or not songs:
        raise SettingsError(
            "APEX_REFERENCE: {path} has fewer than {fewest} songs with scores of a judge. Add songs.",
            path=table,
            fewest=FEWEST,
        )
    return songs


def _by_genre(rows: list[tuple[str, Mapping[str, float]]]) -> dict[str, dict[str, tuple[float, ...]]]:
    """Return the scores by genre and axis, without what has too few songs."""
    found = {}
    for genre in [ALL, *sorted({genre for genre, _ in rows} - {ALL})]:
        inside = [scores for name, scores in rows if genre in (ALL, name)]
        columns = {key: tuple(sorted(scores[key] for scores in inside if key in scores)) for key in KEYS}
        if enough := {key: column for key, column in columns.items() if len(column) >= FEWEST}:
            found[genre] = enough
    return found


def _by_song(rows: list[tuple[str, Mapping[str, float]]]) -> np.ndarray:
    return np.array([[scores.get(key, np.nan) for key in KEYS] for _, scores in rows])


def _rows(table: Path) -> Iterator[tuple[str, str, str, dict[str, float]]]:
    """Yield the judge, the weights, the genre and the scores of each song of a table.

    Raises OSError, ValueError and SettingsError.
    """
    if table.is_dir():
        raise SettingsError(FOLDER, path=table)
    if table.suffix.lower() not in READERS:
        raise ValueError(f"it is none of {', '.join(READERS)}")
    for line, row in numbered(table):
        if text(row.get("part")) in ("", "song") and not text(row.get("error")) and not text(row.get("same_as")):
            judge = text(row.get("judge"))
            if judge not in REGISTRY:
                raise ValueError(f"line {line}: the column judge must name one of {', '.join(REGISTRY)}")
            genre = sanitize(text(row.get("genre")) or text(row.get("group")))
            yield judge, text(row.get("weights")), genre, _scores(row, line)


def _scores(row: Record, line: int) -> dict[str, float]:
    found = {key: row[key] for key in KEYS if text(row.get(key))}
    try:
        scores = {key: number(cell) for key, cell in found.items()}
    except ValueError as error:
        raise ValueError(f"line {line}: {error}") from error
    if wrong := [key for key, score in scores.items() if not isfinite(score)]:
        raise ValueError(f"line {line}: {wrong[0]} is no finite number")
    return scores
