"""The folder that an extraction writes: numbered shards of rows, the songs that failed, and a manifest.

A song is done when its rows are in a shard. There is no other list of songs, so a run that was killed at any moment
goes on without losing or doubling one. Files of others in the folder are left as they are.
"""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ...core.errors import OutputRefused
from ...core.files import replacing
from ...evaluation.metrics import DIMENSIONS
from ..columns import ERRORS, FRAMES, MADE_BY, PLATFORM, SONGEVAL
from ..provenance import record
from .encoders import MadeBy

SHARD = re.compile(r"segments-(\d{5,})\.parquet")
MANIFEST, LOCK = "extract.json", ".apex-space-extract.lock"
MAX_ROWS, MAX_BYTES, MAX_SECONDS = 10_000, 256_000_000, 300.0
"""A shard is written as soon as it has so many rows or bytes of numbers, or its first song is so many seconds old."""
ERROR_SCHEMA = pa.schema([("audio_id", pa.string()), ("kind", pa.string()), ("reason", pa.string())])
LABELS = {
    "score_streams": pa.float64(),
    "score_likes": pa.float64(),
    PLATFORM: pa.string(),
    SONGEVAL: pa.struct([(dimension, pa.float64()) for dimension in DIMENSIONS]),
}
"""Types of the labels. A label that a song lacks is null."""


@dataclass(frozen=True)
class Outcome:
    """What became of a song: an array for each of its segments, or the kind of error and its reason."""

    id: str
    segments: Sequence[np.ndarray] = ()
    labels: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    reason: str = ""


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into OutputRefused."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error).splitlines()[0]
        raise OutputRefused(
            f"{folder} cannot be written to ({reason}). What is in it stays; mend that and run the command again, or "
            "choose another --out."
        ) from error


def check_encoder(folder: Path, encoder: str) -> None:
    """Raise OutputRefused if the folder's manifest is of another encoder. It is asked before the weights are loaded."""
    manifest = _manifest(folder)
    if manifest and manifest["made_by"]["encoder"] != encoder:
        raise _differs(folder, "encoder", manifest["made_by"]["encoder"], encoder)


class Shards:
    """The rows in a folder, and those that are not written yet.

    `done` are the ids of songs in shards, `failed` the errors of songs by id. Raises OutputRefused if the folder has
    rows of another encoder, revision or precision, or files of others with our names for the manifest and the errors.
    """

    def __init__(self, folder: Path, made_by: MadeBy, column: str) -> None:
        self.folder, self.made_by, self.column = folder, made_by, column
        self._metadata = {MADE_BY: json.dumps(asdict(made_by))}
        with refusing(folder):
            manifest = _manifest(folder)
            if manifest:
                self._check(manifest["made_by"])
            self.runs: list[dict[str, Any]] = manifest["runs"] if manifest else []
            self.last = manifest["last_shard"] if manifest else 0
            self.failed: dict[str, Outcome] = _read_errors(folder / ERRORS)
            self.done = self._read_done()
        self._errors_written = dict(self.failed)
        self._empty()

    def _empty(self) -> None:
        self._songs: dict[str, Outcome] = {}
        self._rows, self._bytes, self._number, self._since = 0, 0, 0, time.monotonic()

    def _read_done(self) -> set[str]:
        done: set[str] = set()
        for path in sorted(self.folder.iterdir()):
            if (named := SHARD.fullmatch(path.name)) is not None:
                self.last = max(self.last, int(named[1]))
                if (made_by := _made_by(path)) is not None:
                    self._check(record(made_by) or {})
                    done.update(parquet.read_table(path, columns=["audio_id"])["audio_id"].to_pylist())
        return done

    def _check(self, found: Mapping[str, Any]) -> None:
        for name, wanted in asdict(self.made_by).items():
            if found.get(name) != wanted:
                raise _differs(self.folder, name, found.get(name), wanted)

    def start(self, run: Mapping[str, Any]) -> None:
        """Add a run to the manifest: its source, versions and settings."""
        self.runs.append(dict(run))
        with refusing(self.folder):
            self._write_manifest()

    def add(self, outcome: Outcome) -> None:
        """Take what became of a song. It counts as done once its shard is written, which this may do."""
        if outcome.id in self.done or outcome.id in self._songs:
            return
        if outcome.reason:
            self.failed[outcome.id] = outcome
        else:
            self.failed.pop(outcome.id, None)
            if not self._songs:
                self._since = time.monotonic()
            self._songs[outcome.id] = outcome
            self._rows += len(outcome.segments)
            self._bytes += sum(segment.nbytes for segment in outcome.segments)
        full = self._rows >= MAX_ROWS or self._bytes >= MAX_BYTES
        if full or time.monotonic() - self._since >= MAX_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are not written yet as a new shard, and the errors. Raises OutputRefused.

        It can be called again after an error or an interruption at any moment.
        """
        with refusing(self.folder):
            if self._songs:
                self._write_shard()
            if self.failed != self._errors_written:
                self._write(self.folder / ERRORS, self._error_table())
                self._errors_written = dict(self.failed)
        self._since = time.monotonic()

    def _write_shard(self) -> None:
        if not self._number:
            self.last = self._number = self.last + 1
            self._write_manifest()  # first: the number is never used again, even if the shard is moved away
        path = self.folder / f"segments-{self._number:05}.parquet"
        if _made_by(path) is None:  # else an interruption came right after it was written
            self._write(path, self._table())
        self.done.update(self._songs)
        self._empty()

    def _write(self, path: Path, table: pa.Table) -> None:
        with replacing(path) as part:
            own = table.replace_schema_metadata(self._metadata)
            parquet.write_table(own, part, compression="zstd", use_dictionary=["audio_id", "platform"])

    def _write_manifest(self) -> None:
        content = {"made_by": asdict(self.made_by), "column": self.column, "last_shard": self.last, "runs": self.runs}
        with replacing(self.folder / MANIFEST) as part:
            part.write_text(json.dumps({MADE_BY.decode(): 1} | content, indent=2, ensure_ascii=False), encoding="utf-8")

    def _table(self) -> pa.Table:
        rows = [(song, n) for song in self._songs.values() for n in range(len(song.segments))]
        columns: dict[str, pa.Array] = {
            "audio_id": pa.array([song.id for song, _ in rows], pa.string()),
            "segment_id": pa.array([f"{song.id}_{n + 1}" for song, n in rows], pa.string()),
        }
        labels = {name: pa.array([song.labels.get(name) for song, _ in rows], kind) for name, kind in LABELS.items()}
        scores = labels.pop(SONGEVAL)
        segments = _lists([song.segments[n] for song, n in rows], self.column == FRAMES)
        return pa.table(columns | labels | {self.column: segments, SONGEVAL: scores})

    def _error_table(self) -> pa.Table:
        errors = [{"audio_id": e.id, "kind": e.kind, "reason": e.reason} for e in self.failed.values()]
        return pa.Table.from_pylist(errors, ERROR_SCHEMA)


def _lists(segments: Sequence[np.ndarray], frames: bool) -> pa.Array:
    """Return a list of float32 for each segment [D]; with `frames`, a list of the frames' vectors for each [T, D]."""
    values = pa.array(np.concatenate([segment.ravel() for segment in segments]), pa.float32())
    if frames:
        values = pa.FixedSizeListArray.from_arrays(values, segments[0].shape[1])
    return pa.ListArray.from_arrays(np.cumsum([0, *map(len, segments)], dtype=np.int32), values)


def _made_by(path: Path) -> bytes | None:
    """Return what a Parquet file says it was made by, or None if it is not ours."""
    try:
        return (parquet.read_schema(path).metadata or {}).get(MADE_BY)
    except (OSError, pa.ArrowException):
        return None


def _read_errors(path: Path) -> dict[str, Outcome]:
    if not os.path.lexists(path):
        return {}
    if _made_by(path) is None:
        raise OutputRefused(f"{path} is there and not from here. Choose another --out.")
    rows = parquet.read_table(path, schema=ERROR_SCHEMA).to_pylist()
    return {row["audio_id"]: Outcome(row["audio_id"], kind=row["kind"], reason=row["reason"]) for row in rows}


def _manifest(folder: Path) -> dict[str, Any]:
    """Return the folder's manifest, or nothing if there is none. Raises OutputRefused if it is not ours."""
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return {}
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        ours = isinstance(content["last_shard"], int) and isinstance(content["runs"], list)
        if content[MADE_BY.decode()] == 1 and ours and content["made_by"]["encoder"]:
            return content
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise OutputRefused(f"{path} is there and not from here. Choose another --out.")


def _differs(folder: Path, name: str, found: Any, wanted: Any) -> OutputRefused:
    return OutputRefused(f"{folder} has rows of the {name} {found}, not {wanted}. Choose another --out.")
