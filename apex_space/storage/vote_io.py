"""Exports votes to a file and imports them: one flat row per vote, as parquet, csv or jsonl.

The file holds no hash of a voter. In a row, predictions and scores are JSON texts, and times are seconds since 1970
(UTC).
"""

import csv
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from ..core.errors import ArenaError
from ..core.files import replacing
from ..core.text import escape_formula
from .records import Battle, Prediction, Song, SongScores, Source, Vote, Winner
from .votes import DatedScores, VoteStore

TEXTS = tuple(field.name for field in fields(Song))
COLUMNS: dict[str, type] = {
    "battle": str,
    "source": str,
    "issued": float,
    "at": float,
    "winner": str,
    **{f"{side}_{name}": str for side in "ab" for name in TEXTS},
    "heard_a": float,
    "heard_b": float,
    "suspicion": str,
    "predictions": str,
    "scores": str,
}
OLD_WORDS = {"own": "uploaded", "bad": "both_bad"}
"""Names of a source and a winner in exports of version 0.1.0 -> their names today."""
BATCH = 1000
MAX_BAD = 100
"""Number of bad rows after which an import stops reading a file."""

Row = Mapping[str, Any]
OnRows = Callable[[int], object]
"""Function that is called with the number of rows handled so far."""


@dataclass(frozen=True)
class BadVote:
    """A row that is not a valid vote: its line (in a parquet file, its row, from 1) and what is wrong with it."""

    line: int
    reason: str


@dataclass(frozen=True)
class ImportResult:
    """The result of an import: how many votes are new, how many were known before, and the bad rows.

    If there is any bad row, no row was imported.
    """

    new: int
    known: int
    bad: tuple[BadVote, ...] = ()


def export_votes(store: VoteStore, path: Path) -> int:
    """Write all votes to a `.parquet`, `.csv` or `.jsonl` file, completely or not at all, and return their number.

    An earlier export is replaced. Raises ArenaError where the file cannot be written or is not an export, and
    StoreError.
    """
    write = _form(path).write
    if os.path.lexists(path) and not _is_export(path):
        raise ArenaError(
            "{path} is there and no export of votes. Name another file, so that nothing is overwritten.", path=path
        )
    votes = store.votes()
    save(path, write, rows(votes, store.scored()))
    return len(votes)


def _is_export(path: Path) -> bool:
    """Return whether a file is empty or begins with a row as `export_votes` writes it."""
    try:
        for _, row in _form(path).read(path):
            _parsed(row)
            break
    except (OSError, ValueError, csv.Error, RecursionError):
        return path.is_file() and path.stat().st_size == 0
    return True


def import_votes(store: VoteStore, path: Path, on_rows: OnRows = lambda done: None) -> ImportResult:
    """Import the votes of a file that `export_votes` wrote, here or elsewhere. A second import changes nothing.

    The whole file is checked before the first row is stored. Raises ArenaError where the file cannot be read, and
    StoreError.
    """
    read = _form(path).read
    bad: list[BadVote] = []
    try:
        for line, row in read(path):
            try:
                _parsed(row)
            except (ValueError, RecursionError) as error:
                bad.append(BadVote(line, str(error)))
            if len(bad) == MAX_BAD:
                break
        if bad:
            return ImportResult(0, 0, tuple(bad))
        done = new = 0
        for batch in _batches(_parsed(row) for _, row in read(path)):
            new += store.add_all(batch)
            done += len(batch)
            on_rows(done)
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise ArenaError(
            "{path} cannot be read as votes: {reason}. Give a file that `votes export` wrote.", path=path, reason=error
        ) from error
    return ImportResult(new, done - new)


def rows(votes: Iterable[Vote], scored: Mapping[str, list[DatedScores]]) -> Iterator[Row]:
    """Yield a flat row for each vote. `scored` holds the judges' scores of songs, by the song's id."""
    for vote in votes:
        battle = vote.battle
        known = [(at, each) for song in {battle.a.id: 0, battle.b.id: 0} for at, each in scored.get(song, ())]
        yield {
            "battle": battle.id,
            "source": battle.source,
            "issued": battle.issued,
            "at": vote.at,
            "winner": vote.winner,
            **{f"a_{name}": getattr(battle.a, name) for name in TEXTS},
            **{f"b_{name}": getattr(battle.b, name) for name in TEXTS},
            "heard_a": vote.heard[0],
            "heard_b": vote.heard[1],
            "suspicion": vote.suspicion,
            "predictions": _json([vars(prediction) for prediction in battle.predictions]),
            "scores": _json([vars(each) | {"at": at, "scores": dict(each.scores)} for at, each in known]),
        }


def save(path: Path, write: Callable[[Path, Iterable[Row]], None], what: Iterable[Row]) -> None:
    """Write the rows `what` to a file, which replaces `path` when it is complete and on disk. Raises ArenaError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            write(part, what)
    except OSError as error:
        raise ArenaError("{path} cannot be written: {reason}.", path=path, reason=error.strerror or error) from error


def write_parquet(path: Path, what: Iterable[Row]) -> None:
    """Write rows as parquet. All columns are strings or float64."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), float: pa.float64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    with pq.ParquetWriter(path, schema) as writer:
        for batch in _batches(what):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def _read_parquet(path: Path) -> Iterator[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _require(file.schema_arrow.names)
            batches = file.iter_batches(BATCH, columns=list(COLUMNS))
            yield from enumerate((row for batch in batches for row in batch.to_pylist()), 1)
    except pa.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from error


def _write_csv(path: Path, what: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS))
        writer.writeheader()
        writer.writerows({name: _guarded(value) for name, value in row.items()} for row in what)


def _read_csv(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        _require(reader.fieldnames or ())
        before = reader.line_num
        for row in reader:
            yield before + 1, {name: _unguarded(value) for name, value in row.items()}
            before = reader.line_num


def _guarded(value: str | float) -> str | float:
    """Put an apostrophe before a text that a spreadsheet could take for a formula, as in a report's CSV.

    A text that begins with an apostrophe gets another one, so that one can always be removed when reading.
    """
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.startswith("'") else escape_formula(value)


def _unguarded(value: object) -> object:
    return value.removeprefix("'") if isinstance(value, str) else value


def _write_jsonl(path: Path, what: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_json(row) + "\n" for row in what)


def _read_jsonl(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())


@dataclass(frozen=True)
class _Form:
    """The functions that write and read one kind of file.

    `read` yields pairs of a line number and a row, or of a line number and a row's JSON.
    """

    write: Callable[[Path, Iterable[Row]], None]
    read: Callable[[Path], Iterator[tuple[int, Row | str]]]


FORMS = {
    ".parquet": _Form(write_parquet, _read_parquet),
    ".csv": _Form(_write_csv, _read_csv),
    ".jsonl": _Form(_write_jsonl, _read_jsonl),
}


def _form(path: Path) -> _Form:
    if path.suffix.lower() not in FORMS:
        raise ArenaError(
            "{path} has no ending that tells what to write or read. End it in {endings}.",
            path=path,
            endings=" or ".join(FORMS),
        )
    return FORMS[path.suffix.lower()]


def _require(columns: Iterable[str]) -> None:
    if missing := COLUMNS.keys() - set(columns):
        raise ValueError(f"it has no column {', '.join(name for name in COLUMNS if name in missing)}")


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _parsed(row: Row | str) -> tuple[Vote, list[DatedScores]]:
    """Return a vote and the judges' scores of its songs. Raises ValueError that says what is wrong in the row."""
    row = _object(json.loads(row) if isinstance(row, str) else row, "the row")
    a, b = (Song(_word(row, f"{side}_id"), *(_text(row, f"{side}_{name}") for name in TEXTS[1:])) for side in "ab")
    battle = Battle(
        id=_word(row, "battle"),
        a=a,
        b=b,
        source=_choice(row, "source", get_args(Source)),
        issued=_number(row, "issued"),
        predictions=tuple(_prediction(entry) for entry in _list(row, "predictions")),
    )
    heard = _number(row, "heard_a"), _number(row, "heard_b")
    winner: Winner = _choice(row, "winner", get_args(Winner))
    vote = Vote(battle, winner, _number(row, "at"), heard, suspicion=_text(row, "suspicion"))
    return vote, [_dated(entry, (a.id, b.id)) for entry in _list(row, "scores")]


def _prediction(entry: Row) -> Prediction:
    judge, head, revision = (_word(entry, name) for name in ("judge", "head", "revision"))
    probability, low, high = (_number(entry, name, most=1) for name in ("probability", "low", "high"))
    return Prediction(judge, head, revision, probability, low, high)


def _dated(entry: Row, songs: tuple[str, str]) -> DatedScores:
    song, judge, revision = (_word(entry, name) for name in ("song", "judge", "revision"))
    if song not in songs:
        raise ValueError(f"scores are of a song that is not in the battle, {song!r}")
    scores = _object(entry.get("scores"), "scores")
    values = {axis: None if value is None else _number(scores, axis, -math.inf) for axis, value in scores.items()}
    return _number(entry, "at"), SongScores(song, judge, revision, values)


def _object(value: object, name: str) -> Row:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be an object with names and values")
    return value


def _list(row: Row, name: str) -> list[Row]:
    value = json.loads(_text(row, name))
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    return [_object(entry, f"an entry of {name}") for entry in value]


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, not {value!r}")
    if "\0" in value or value.encode(errors="ignore").decode() != value:
        raise ValueError(f"{name} must hold no NUL and no lone surrogate")
    return value


def _word(row: Row, name: str) -> str:
    if not (value := _text(row, name)):
        raise ValueError(f"{name} must not be empty")
    return value


def _choice(row: Row, name: str, choices: tuple[Any, ...]) -> Any:
    value = row.get(name)
    value = OLD_WORDS.get(value, value) if isinstance(value, str) else value
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def _number(row: Row, name: str, least: float = 0, most: float = math.inf) -> float:
    value = row.get(name)
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (least <= number <= most and math.isfinite(number)):
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}, not {value!r}")
    return number
