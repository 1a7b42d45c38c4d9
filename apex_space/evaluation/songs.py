"""Reads ratings and predictions from a table or the SongEval dataset, and gets predictions from a judge."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from ..audio.song_names import SongFolder, SongNames
from ..core import tables
from ..core.errors import AudioError, EvaluationError, NotAudio, PreferenceError
from ..core.tables import BadRow, text
from ..core.text import first_line
from ..judges.judge import Judge
from ..preference.fitting.sources import remote
from .metrics import DIMENSIONS, Rated
from .published import SONGEVAL

COLUMNS = {
    "id": ("id", "song_id", "song", "utt", "file_name", "file", "name"),
    "system": ("system", "system_id", "generator", "model"),
    "set": ("set", "test_set"),
    **{f"truth {d}": (f"truth_{d}", f"true_{d}", f"{d}_truth", f"{d}_true", d) for d in DIMENSIONS},
    **{f"predicted {d}": (f"pred_{d}", f"predicted_{d}", f"{d}_pred", f"{d}_predicted") for d in DIMENSIONS},
}
"""Possible names of each column, in upper or lower case. Only `id` and one dimension must be there.

SongEval's `metadata.jsonl` has `annotation` instead: a list of each rater's five ratings. Their means are taken.
"""
ANNOTATION = "annotation"
METADATA = "metadata.jsonl"
MAX_SONGS = 20_000


@dataclass(frozen=True)
class RatedSong:
    """A song with its ratings and predictions by dimension. `open` gives the song's file, or raises AudioError."""

    id: str
    system: str
    set: str
    truth: Mapping[str, float]
    predicted: Mapping[str, float]
    open: Callable[[], AbstractContextManager[Path]]


OpenSong = Callable[[str], AbstractContextManager[Path]]
"""Function from a song's id to the song's file."""


def is_dataset(source: str) -> bool:
    """Return whether `source` is a folder or a name on the Hub, rather than a table."""
    path = Path(source)
    named = re.fullmatch(r"[\w.-]+/[\w.-]+", source) and path.suffix.lower() not in tables.READERS
    return path.is_dir() or bool(named)


def read(source: str, audio: Path | None = None, unrated: bool = False) -> list[RatedSong | BadRow]:
    """Read the songs of a table, or of a dataset with SongEval's layout.

    A song without ratings is a BadRow, or with `unrated` one with an empty `truth`. The songs' files lie in the folder
    `audio`, or without it beside the table or in the dataset. Raises EvaluationError.
    """
    path = Path(source)
    folder = audio or (path if path.is_dir() else path.parent)
    open_song: OpenSong = partial(_inside, SongFolder(folder))
    if is_dataset(source):
        found = _metadata(source)
        if audio is None and not path.is_dir():
            open_song = lambda name: remote(source, name).open()  # noqa: E731
    elif path.suffix.lower() in tables.READERS:
        found = tables.records(path)
    else:
        raise EvaluationError(
            f"{source} is neither a table ({', '.join(tables.READERS)}), nor a folder that holds {METADATA}, nor a "
            f"dataset's name on the Hub, such as {SONGEVAL}."
        )
    try:
        records = enumerate(islice(found, MAX_SONGS + 1), 1)
        songs = [_song(f"{path.name}, song {number}", record, open_song, unrated) for number, record in records]
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{source} cannot be read ({first_line(error)}). Check it.") from error
    if not 0 < len(songs) <= MAX_SONGS:
        raise EvaluationError(f"{source} holds {'too many' if songs else 'no'} songs; 1 to {MAX_SONGS} are taken.")
    return songs


def _metadata(source: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of SongEval's table only. `datasets` needs another decoder even to give the songs undecoded."""
    import datasets

    try:
        yield from datasets.load_dataset(source, data_files=METADATA, split="train", streaming=True)
    except Exception as error:  # the network, the client and each format have their own exceptions
        raise EvaluationError(
            f"{METADATA} of the dataset {source} cannot be read ({first_line(error)}). Check its name and the network."
        ) from error


def _song(name: str, record: Mapping[str, Any], open_song: OpenSong, unrated: bool) -> RatedSong | BadRow:
    there = {str(column).strip().lower(): value for column, value in record.items()}
    cells = {key: there[name] for key, names in COLUMNS.items() for name in reversed(names) if name in there}
    identity = text(cells.get("id"))
    if not identity:
        raise EvaluationError(f"{name} has no id. Name the column one of {', '.join(COLUMNS['id'])}.")
    truth, predicted = (_numbers(cells, kind, name) for kind in ("truth", "predicted"))
    if ANNOTATION in there:
        truth = mean_ratings(there[ANNOTATION], f"{name}, {ANNOTATION}")
    if not truth and not unrated:
        return BadRow(identity, "It has no ratings.")
    part = re.sub(r"^(\d+)\.0+$", r"\1", text(cells.get("set")))  # as some programs write whole numbers
    return RatedSong(identity, text(cells.get("system")), part, truth, predicted, partial(open_song, identity))


def mean_ratings(annotation: Any, name: str) -> dict[str, float]:
    """Return the raters' mean of each dimension, or nothing if there are no raters. Raises EvaluationError."""
    try:
        raters = [{str(key).lower(): value for key, value in rater.items()} for rater in annotation or ()]
        return {d: fmean(_number(rater[d], name) for rater in raters) for d in DIMENSIONS} if raters else {}
    except (AttributeError, KeyError, TypeError) as error:
        raise EvaluationError(f"{name}: that is not a list of each rater's five ratings.") from error


def _numbers(cells: Mapping[str, Any], kind: str, name: str) -> dict[str, float]:
    """Return the numbers by dimension, without dimensions whose cell is empty."""
    filled = {d: cell for d in DIMENSIONS if text(cell := cells.get(f"{kind} {d}"))}
    return {d: _number(cell, f"{name}, {kind} {d}") for d, cell in filled.items()}


def _number(value: Any, name: str) -> float:
    try:
        number = tables.number(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise EvaluationError(f"{name}: {value!r} is not a number. Correct it, or leave the song out.")
    return number


def _inside(folder: SongFolder, name: str) -> AbstractContextManager[Path]:
    return nullcontext(find_file(folder, name))


def find_file(folder: SongFolder, name: str) -> Path:
    """Find the file `name` in the folder, with or without its ending. Raises AudioError."""
    found = folder.find(name)
    if not found:
        raise NotAudio(f"{folder.path} holds no sound file of that name. Check it, or name the folder with --audio.")
    if len(found) > 1:
        raise NotAudio(f"It may be {found[0].name} or {found[1].name}. Give the id its file's ending.")
    return found[0]


def choose(songs: Sequence[RatedSong | BadRow], ids: Path) -> list[RatedSong | BadRow]:
    """Return the songs named in the file `ids`, one id per line, by the rules of SongNames.

    Raises EvaluationError, also if one of the ids is not among the songs or may mean several of them.
    """
    try:
        with tables.open_text(ids) as file:
            wanted = [line.strip() for _, line in tables.nonblank(file)]
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{ids} cannot be read ({first_line(error)}). Give an id a line, as text.") from error
    identities = [song.id if isinstance(song, RatedSong) else song.name for song in songs]
    names = SongNames(identities)
    found = [names.find(name) for name in wanted]
    if lacking := [name for name, numbers in zip(wanted, found, strict=True) if not numbers]:
        raise EvaluationError(
            f"{len(lacking)} of the {len(wanted)} songs in {ids} are not there, such as {lacking[0]}. Check the list."
        )
    for name, numbers in zip(wanted, found, strict=True):
        if names.differ(numbers):
            first, second, *_ = (identities[number] for number in numbers)
            raise EvaluationError(f"{name} in {ids} may be {first} or {second}. Write the folder, too.")
    return [songs[number] for number in sorted({number for numbers in found for number in numbers})]


def predict(songs: Iterable[RatedSong | BadRow], judge: Judge) -> Iterator[RatedSong | BadRow]:
    """Yield the same songs with the judge's scores as predictions. A song without scores becomes a BadRow."""
    axes = [axis for axis in judge.head.axes if axis in DIMENSIONS]
    if not axes:
        raise EvaluationError(f"{judge.name} predicts none of {', '.join(DIMENSIONS)}. Choose another judge.")
    for song in songs:
        if isinstance(song, BadRow):
            yield song
            continue
        try:
            with song.open() as path:
                scores = judge(path).scores
            yield replace(song, predicted={axis: score for axis in axes if (score := scores[axis]) is not None})
        except (AudioError, PreferenceError) as error:
            yield BadRow(song.id, str(error))


def as_sets(songs: Sequence[RatedSong]) -> dict[str, Rated]:
    """Return the songs by set, with the dimensions that are both rated and predicted.

    Raises EvaluationError if any dimension is incomplete.
    """
    if not songs:
        raise EvaluationError("No song is left to evaluate.")
    dimensions = [d for d in DIMENSIONS if any(d in s.truth for s in songs) and any(d in s.predicted for s in songs)]
    if not dimensions:
        columns = ", ".join(f"pred_{d}" for d in DIMENSIONS)
        raise EvaluationError(f"Nothing is both rated and predicted: give predictions as {columns}, or name a --judge.")
    known = set()
    for song in songs:
        if (song.set, song.id) in known:
            raise EvaluationError(f"The song {song.id} is there twice. Keep one of them.")
        known.add((song.set, song.id))
        for what, cells in (("rating", song.truth), ("prediction", song.predicted)):
            if missing := [d for d in dimensions if d not in cells]:
                raise EvaluationError(
                    f"The song {song.id} has no {what} of {missing[0]}. Fill it in, or leave the song out."
                )
        if bool(song.system) != bool(songs[0].system):
            raise EvaluationError(f"Some songs have a system and some, such as {song.id}, differ. Fill in all or none.")
    return {part: _rated([s for s in songs if s.set == part], dimensions) for part in sorted({s.set for s in songs})}


def _rated(songs: Sequence[RatedSong], dimensions: Sequence[str]) -> Rated:
    truth, predicted = (
        {d: np.array([getattr(song, kind)[d] for song in songs]) for d in dimensions} for kind in ("truth", "predicted")
    )
    return Rated(truth, predicted, np.array([song.system for song in songs]) if songs[0].system else None)
