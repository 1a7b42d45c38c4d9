"""Lists the songs of a folder, a zip, a table or a dataset, with the labels that a table or a dataset has."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ...audio.song_names import SongFolder, split_name
from ...core import tables
from ...core.axes import BY_KEY
from ...core.errors import AudioError, EvaluationError, ExtractionError, PreferenceError
from ...core.tables import BadRow, escaped, text, unicode_text
from ...evaluation.metrics import DIMENSIONS
from ...evaluation.songs import ANNOTATION, find_file, mean_ratings
from ...preference.fitting.sources import AudioSource, FindSong, audio_source, dataset_rows
from ...preference.fitting.sources import remote as _remote
from ...ranking.batch import gather
from ..columns import PLATFORM, SONG_IDS, SONGEVAL, aesthetics, column_of, named, score

POPULARITY = {column_of(axis): BY_KEY[axis] for axis in ("streams", "likes")}
"""Names of columns, and their axes."""
MAX_SONGS = 10_000_000

OpenSong = Callable[[], AbstractContextManager[Path]]


@dataclass(frozen=True)
class Song:
    """A song to extract. `open` gives its file, or raises AudioError or PreferenceError.

    `labels` holds those of score_streams, score_likes, platform and songeval_scores that are known.
    """

    id: str
    open: OpenSong
    labels: Mapping[str, Any] = field(default_factory=dict)


Listing = Callable[[], Iterable[Song | BadRow]]
"""Function that lists the songs anew with each call. A song that cannot be opened is a BadRow."""


def listing(source: str, audio: Path | None, scratch: Path) -> Listing:
    """Return a function that lists the songs of `source`: a folder, a zip, a table or the name of a dataset on the Hub.

    The files of a table's songs lie in the folder `audio`, or else beside the table. A zip is unpacked into the folder
    `scratch`. `listing` raises BatchError and ExtractionError; the function raises ExtractionError and PreferenceError.
    """
    path = Path(source).absolute()  # workers may be in another folder
    if audio is not None and not audio.is_dir():
        raise ExtractionError(f"{audio} is no folder. Name that of the songs with --audio.")
    if path.suffix.lower() in tables.READERS and path.is_file():
        return partial(_from_table, path, (audio or path.parent).absolute())
    if path.exists():
        batch = gather([path], scratch, most=MAX_SONGS, most_bytes=shutil.disk_usage(scratch).free)
        songs = [_from_file(song.name, song.path, song.error) for song in batch.songs]
        return lambda: songs
    if is_dataset(source):
        return partial(_from_dataset, source, audio and audio.absolute())
    raise ExtractionError(
        f"{source} is neither a folder, a zip or a table ({', '.join(tables.READERS)}) that is there, nor a dataset's "
        "owner/name on the Hub."
    )


def is_dataset(source: str) -> bool:
    """Return whether `source` can only be a dataset on the Hub, which is too large to be listed before the work."""
    named = re.fullmatch(r"[\w.-]+/[\w.-]+", source) and Path(source).suffix.lower() not in tables.READERS
    return bool(named) and not Path(source).exists()


def distinct(songs: Iterable[Song | BadRow]) -> Iterator[Song | BadRow]:
    """Yield the songs. Raises ExtractionError at the second song with the same id."""
    seen: set[str] = set()
    for song in songs:
        identity = identity_of(song)
        if identity in seen:
            raise ExtractionError(f"The id {identity} is there twice. Give each song an id of its own.")
        seen.add(identity)
        yield song


def identity_of(song: Song | BadRow) -> str:
    """Return the song's id."""
    return song.id if isinstance(song, Song) else song.name


def _given(path: Path) -> AbstractContextManager[Path]:
    return nullcontext(path)


def _from_file(name: str, path: Path, error: str) -> Song | BadRow:
    identity = text(escaped(split_name(name)[0]))
    if not identity:
        return BadRow(repr(name), "Its name has nothing before the ending. Rename it.")
    return BadRow(identity, error) if error else Song(identity, partial(_given, path))


def _from_table(path: Path, audio: Path) -> Iterator[Song | BadRow]:
    find = partial(_in_folder, SongFolder(audio))
    try:
        for line, row in tables.numbered(path):
            yield _from_row(f"row {line} of {path.name}", row, find)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ExtractionError(f"{path} cannot be read ({reason.splitlines()[0]}). Write it again.") from error


def _from_dataset(source: str, audio: Path | None) -> Iterator[Song | BadRow]:
    find = partial(_remote, source) if audio is None else partial(_in_folder, SongFolder(audio))
    for number, row in enumerate(dataset_rows(source), 1):
        there = {str(column).strip().lower(): cell for column, cell in row.items()}
        yield _from_row(f"row {number} of {source}", there, find)


def _in_folder(folder: SongFolder, name: str) -> AudioSource:
    return AudioSource(name, partial(_given, find_file(folder, name)))


def _from_row(place: str, row: Mapping[str, Any], find: FindSong) -> Song | BadRow:
    identity, sound = named(row)
    if not identity:
        raise ExtractionError(f"{place} has no id. Name the column one of {', '.join(SONG_IDS)}.")
    try:
        source = sound if isinstance(sound, Mapping) else text(sound) or identity
        return Song(unicode_text(identity), audio_source(source, find).open, _labels(row))
    except UnicodeError:
        return BadRow(escaped(identity), "Its id, platform or file's name holds half a character. Correct it.")
    except ValueError as error:
        return BadRow(identity, escaped(f"Its {error}."))
    except (AudioError, EvaluationError, PreferenceError) as error:
        return BadRow(identity, escaped(str(error)))


def _labels(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the labels that a row has. Raises EvaluationError and ValueError."""
    labels: dict[str, Any] = {name: score(axis, row[name]) for name, axis in POPULARITY.items() if text(row.get(name))}
    if platform := unicode_text(row.get(PLATFORM)):
        labels[PLATFORM] = platform
    if scores := row.get(SONGEVAL):
        labels[SONGEVAL] = _songeval(scores)
    elif ANNOTATION in row:
        labels[SONGEVAL] = _in_range(mean_ratings(row[ANNOTATION], ANNOTATION)) or None
    return labels


def _songeval(cell: Any) -> dict[str, float]:
    """Return the five aesthetics in a struct or in JSON. Raises ValueError."""
    try:
        by_name = aesthetics(cell)
        ratings = {dimension: by_name[dimension] for dimension in DIMENSIONS}
    except (KeyError, ValueError) as error:
        raise ValueError(f"{SONGEVAL} is not a struct of {', '.join(DIMENSIONS)}") from error
    return _in_range(ratings)


def _in_range(ratings: Mapping[str, Any]) -> dict[str, float]:
    return {dimension: score(BY_KEY[dimension], rating) for dimension, rating in ratings.items()}
