"""Exports votes to a file and imports them: one flat row per vote, as parquet, csv or jsonl.

The file holds no hash of a voter. In a row, predictions and scores are JSON texts, and times are seconds since 1970
(UTC).
"""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..core import tables
from ..core.errors import ArenaError
from ..core.files import replacing
from ..core.text import escape_formula
from .vote_rows import COLUMNS, REQUIRED, Row, parse_row, to_json, to_rows
from .vote_store import VoteStore

BATCH = 1000
MAX_BAD = 100
"""Number of bad rows after which an import stops reading a file."""

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
    save(path, write, to_rows(votes, store.scored()))
    return len(votes)


def _is_export(path: Path) -> bool:
    """Return whether a file is empty, or begins with a row of `export_votes`, or is an export of no votes."""
    form = _form(path)
    try:
        if path.is_file() and path.stat().st_size == 0:
            return True
        for _, row in form.read(path):
            parse_row(row)
            return True
        with TemporaryDirectory() as folder:
            nothing = Path(folder, "nothing")
            form.write(nothing, [])
            return nothing.read_bytes() == path.read_bytes()
    except (OSError, ValueError, RecursionError):
        return False


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
                parse_row(row)
            except (ValueError, RecursionError) as error:
                bad.append(BadVote(line, str(error)))
            if len(bad) == MAX_BAD:
                break
        if bad:
            return ImportResult(0, 0, tuple(bad))
        done = new = 0
        for batch in _batches(parse_row(row) for _, row in read(path)):
            new += store.add_all(batch)
            done += len(batch)
            on_rows(done)
    except (OSError, ValueError, RecursionError) as error:
        raise ArenaError(
            "{path} cannot be read as votes: {reason}. Give a file that `votes export` wrote.", path=path, reason=error
        ) from error
    return ImportResult(new, done - new)


def save(path: Path, write: Callable[[Path, Iterable[Row]], None], what: Iterable[Row]) -> None:
    """Write the rows `what` to a file, which replaces `path` when it is complete and on disk. Raises ArenaError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            write(part, what)
    except OSError as error:
        raise ArenaError("{path} cannot be written: {reason}.", path=path, reason=error.strerror or error) from error


def write_parquet(path: Path, what: Iterable[Row], columns: Iterable[str] = tuple(COLUMNS)) -> None:
    """Write these columns of rows as parquet. All are strings or float64."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), float: pa.float64()}
    schema = pa.schema([(name, kinds[COLUMNS.get(name, str)]) for name in columns])
    with pq.ParquetWriter(path, schema) as writer:
        for batch in _batches(what):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def _write_csv(path: Path, what: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS))
        writer.writeheader()
        writer.writerows({name: _guarded(value) for name, value in row.items()} for row in what)


def _read_table(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a csv or parquet file with their lines."""
    for place, (line, row) in enumerate(tables.numbered(path)):
        if place == 0 and (missing := [name for name in REQUIRED if name not in row]):
            raise ValueError(f"it has no column {', '.join(missing)}")
        yield line, row


def _read_csv(path: Path) -> Iterator[tuple[int, Row]]:
    for line, row in _read_table(path):
        yield line, {name: _unguarded(value) for name, value in row.items()}


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
        file.writelines(to_json(row) + "\n" for row in what)


def _read_jsonl(path: Path) -> Iterator[tuple[int, str]]:
    with tables.open_text(path) as file:
        yield from tables.nonblank(file)


@dataclass(frozen=True)
class _Form:
    """The functions that write and read one kind of file.

    `read` yields pairs of a line number and a row, or of a line number and a row's JSON.
    """

    write: Callable[[Path, Iterable[Row]], None]
    read: Callable[[Path], Iterator[tuple[int, Row | str]]]


FORMS = {
    ".parquet": _Form(write_parquet, _read_table),
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


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
