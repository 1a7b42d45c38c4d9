"""Reads rows as dictionaries, from a local csv, jsonl or parquet file or from a dataset with sounds."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used, and the reason."""

    name: str
    why: str


def records(path: Path) -> Iterator[Record]:
    """Yield the rows one by one, so that a table with songs in it need not fit into memory.

    The file's suffix must be one of READERS. Raises OSError where the file cannot be read, and ValueError where its
    content does not match its suffix.
    """
    try:
        yield from READERS[path.suffix.lower()](path)
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _csv(path: Path) -> Iterator[Record]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


def _jsonl(path: Path) -> Iterator[Record]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError(f"line {number} is not an object")
                yield record


def _parquet(path: Path) -> Iterator[Record]:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=16):
            yield from batch.to_pylist()


READERS: dict[str, Callable[[Path], Iterator[Record]]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}


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
