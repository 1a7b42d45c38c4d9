"""Rows as dictionaries: of a csv, jsonl or parquet file on this disk, or of a dataset with sounds."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used, and why."""

    name: str
    why: str


def records(path: Path) -> Iterator[Record]:
    """Row by row, so that a table with songs in it need not fit into memory.

    Raises OSError where it cannot be read, and ValueError where it is not what its name's ending, one of READERS, says.
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
    """The rows of a `datasets` stream with their sounds as bytes or as a file's path, and the columns that hold them.

    The library's own decoding needs a codec that is not needed here, and so does its passing on of plain paths.
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
