"""Reads rows as dictionaries, from a local csv, jsonl or parquet file or from a dataset with sounds."""

import codecs
import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

Record = dict[str, Any]
DELIMITERS = ",;\t"
MAX_CELL = 10_000_000
"""Maximum number of characters of a cell of a csv."""


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used, and the reason."""

    name: str
    why: str


def records(path: Path) -> Iterator[Record]:
    """Yield the rows as in `numbered`, without their numbers."""
    return (record for _, record in numbered(path))


def numbered(path: Path) -> Iterator[tuple[int, Record]]:
    """Yield each row and its line in the file (in a parquet file, its row), without blank rows.

    The rows come one by one, so that a table with songs in it need not fit into memory. Columns' names are trimmed and
    in lower case. A csv may be separated by commas, semicolons or tabs. Raises OSError where the file cannot be read,
    and ValueError where its suffix is none of READERS, or its content does not match the suffix.
    """
    if (read := READERS.get(path.suffix.lower())) is None:
        raise ValueError(f"its name does not end in {', '.join(READERS)}")
    try:
        for line, row in read(path):
            record = _named(row, line)
            if not all(map(is_blank, record.values())):
                yield line, record
    except csv.Error as error:
        raise ValueError(str(error)) from error


def text(cell: Any) -> str:
    """Return a cell as text without surrounding spaces: 0 -> "0", 1.0 -> "1"; "" for None, NaN and what is no text."""
    if cell is None or isinstance(cell, list | dict | bytes) or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()


def unicode_text(cell: Any) -> str:
    """Return a cell as `text` does. Raises UnicodeError for half a character, which JSON can hold and UTF-8 cannot."""
    found = text(cell)
    found.encode()
    return found


def escaped(text: str) -> str:
    """Return a text with each half of a character as an escape, such as \\ud83d."""
    return text.encode(errors="backslashreplace").decode()


def number(cell: Any) -> float:
    """Return a cell as a number, which may be NaN or infinite. Raises ValueError where it is none, or is too large."""
    if isinstance(cell, bool):
        raise ValueError(f"{cell} is no number")
    try:
        return float(cell)
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from error


def is_blank(cell: Any) -> bool:
    """Return whether a cell holds nothing: None, NaN or a text of spaces."""
    return cell is None or (isinstance(cell, str | float) and not text(cell))


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a text file in UTF-8, or in UTF-16 with a byte order mark.

    Raises OSError, and ValueError where the file is in another encoding.
    """
    with path.open("rb") as file:
        start = file.read(4)
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in start and not utf16:
        raise ValueError("it is not text in UTF-8; save it as UTF-8")
    try:
        with path.open(encoding="utf-16" if utf16 else "utf-8-sig", newline="") as lines:
            yield lines
    except UnicodeDecodeError as error:
        raise ValueError("it is not in UTF-8, perhaps in Latin-1 or Windows-1252; save it as UTF-8") from error


def _named(row: Mapping[Any, Any], line: int) -> Record:
    """Return a row by its columns' names, trimmed and in lower case. A column without a name is left out."""
    if not all(map(is_blank, row.get(None) or ())):  # where DictReader puts what no column is for
        raise ValueError(f"line {line} has more cells than there are columns; put texts with commas in quotes")
    return {name: cell for name, cell in zip(_columns(tuple(row)), row.values(), strict=True) if name}


@lru_cache
def _columns(given: tuple[Any, ...]) -> list[str]:
    """Return the columns' names, trimmed and in lower case. Most rows of a table have the same ones."""
    names = [str(name or "").strip().lower() for name in given]
    if twice := {name for name in names if name and names.count(name) > 1}:
        raise ValueError(f"two columns are called {min(twice)}")
    return names


def _csv(path: Path) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    csv.field_size_limit(MAX_CELL)
    with open_text(path) as file:
        head, skipped = file.readline(), 0
        told = re.fullmatch(r'"?sep=(.)"?', head.strip("\r\n"), re.IGNORECASE)  # for Excel
        if told:
            head, skipped = file.readline(), 1
        if not head.strip():
            raise ValueError("its first line does not name columns")
        unquoted = re.sub(r'"[^"]*"', "", head)
        delimiter = told[1] if told else max(DELIMITERS, key=unquoted.count)
        yield from _lines(csv.DictReader(chain([head], file), delimiter=delimiter, strict=True), skipped)


def _lines(reader: "csv.DictReader[str]", skipped: int) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """Yield each row with the line in which it begins."""
    _ = reader.fieldnames
    before = reader.line_num
    for row in reader:
        yield skipped + before + 1, row
        before = reader.line_num


def _jsonl(path: Path) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    with open_text(path) as file:
        for number, line in nonblank(file):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"line {number} is not JSON: {error}") from error
            if not isinstance(record, dict):
                raise ValueError(f"line {number} is not an object")
            yield number, record


def nonblank(file: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text that are not blank, each with its number."""
    return ((number, line) for number, line in enumerate(file, 1) if line.strip())


def _parquet(path: Path) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=16)
            yield from enumerate((row for batch in batches for row in batch.to_pylist()), 1)
    except ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from error


READERS: dict[str, Callable[[Path], Iterator[tuple[int, Mapping[Any, Any]]]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}


def undecoded(rows: Any) -> tuple[Any, list[str]]:
    """Return the rows of a `datasets` stream with sounds as bytes or file paths, and the columns that hold sounds.

    The library's own decoding needs a codec that this program does not need. The library needs that codec even to
    return a plain path.
    """
    from datasets import Audio

    class Undecoded(Audio):  # type: ignore[misc]
        def encode_example(self, value: Any) -> Any:
            return {"bytes": None, "path": value} if isinstance(value, str) else value

    features = rows.features or rows._resolve_features().features
    columns = [column for column, kind in features.items() if isinstance(kind, Audio)]
    for column in columns:
        rows = rows.cast_column(column, Undecoded(decode=False))
    return rows, columns
