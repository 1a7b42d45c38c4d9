"""The songs that battles are drawn from: the examples, a folder, or a dataset on the Hub."""

import json
import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from secrets import token_hex
from typing import Any

from .. import files, tables
from ..audio import Waveform
from ..errors import AudioError, BattleStale, PoolError
from ..judges import load_audio
from ..report import shown
from ..settings import settings
from .playback import Copy, write_copy
from .records import Song

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".webm", ".aiff", ".aif"}
MOST_SONGS = 2_000
"""Of a folder; a copy to listen to takes 2 MB a minute in the system's temporary folder."""
MOST_ROWS, MOST_BYTES = 200, 2_000_000_000
"""Of a dataset, whose first songs are taken as they are streamed; the originals stay on disk beside the copies."""
LONGEST_TEXT = {"title": 200, "generator": 100, "prompt": 2_000}
COLUMNS = {
    "title": ("title", "name", "song", "track"),
    "generator": ("generator", "model", "system", "model_name", "artist"),
    "prompt": ("prompt", "caption", "description", "text"),
}
"""What a dataset may call ours; the first that is there. The sound is the first column of the type Audio."""
DATASET = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
RETRY_SECONDS = 300
PATIENCE_SECONDS = 10
"""To wait at the end for a song that is being prepared, or a network that does not answer."""
PREFIX = "apex-arena-"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """A song on offer. `row` names it in messages, without what it is called."""

    row: str
    file: Path
    title: str = ""
    generator: str = ""
    prompt: str = ""


@dataclass(frozen=True)
class Progress:
    """How many songs are ready, and how many were left out because their file cannot be heard.

    `trouble` is what keeps the source, "" if nothing does; `complete` once every song was looked at.
    """

    ready: int
    left_out: int
    trouble: str
    complete: bool


@dataclass(frozen=True)
class _Ready:
    song: Song
    original: Path
    copy: Copy


class Pool:
    """Songs ready to be heard, one after another. `start` returns at once.

    `source`: a folder or the name of a dataset on the Hub; None: the examples. A folder is read at once: raises
    PoolError.
    """

    def __init__(self, source: str | None = None) -> None:
        self._source = candidates(source)
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        files.mark_own(Path(self._folder.name))
        self._songs: dict[str, _Ready] = {}
        self._left_out = 0
        self._trouble = ""
        self._complete = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pool", daemon=True)

    def start(self) -> None:
        """Prepare the songs in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop preparing, and delete every copy."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)
        self._folder.cleanup()

    def songs(self) -> tuple[Song, ...]:
        """Those that are ready."""
        with self._lock:
            return tuple(ready.song for ready in self._songs.values())

    def copy(self, song: str) -> Copy:
        """What listeners hear of the song with that id. Raises BattleStale."""
        return self._get(song).copy

    def file(self, song: str) -> Path:
        """Where the song with that id is. Raises BattleStale."""
        return self._get(song).original

    def waveform(self, song: str) -> Waveform:
        """The song with that id, decoded again. Raises AudioError, and PoolError if the file is another one by now."""
        waveform = load_audio(self.file(song))
        if waveform.sha256 != song:
            raise PoolError("The file of a song in the arena's pool was replaced. Restart to take the new one.")
        return waveform

    def progress(self) -> Progress:
        """How far the preparation is."""
        with self._lock:
            return Progress(len(self._songs), self._left_out, self._trouble, self._complete)

    def touch(self) -> None:
        """Show that the copies are in use: folders that nobody touched for an hour are deleted, see battles."""
        with suppress(OSError):
            os.utime(self._folder.name)

    def _get(self, song: str) -> _Ready:
        with self._lock:
            if song not in self._songs:
                raise BattleStale("A song of this battle is not in the arena any more. Take the next battle.")
            return self._songs[song]

    def _run(self) -> None:
        lower_priority()
        while not self._fill() and not self._stop.wait(RETRY_SECONDS):
            pass

    def _fill(self) -> bool:
        """Whether there is no sense in trying again."""
        try:
            for candidate in self._source(Path(self._folder.name)):
                if self._stop.is_set():
                    return True
                self._prepare(candidate)
        except PoolError as error:
            self._trouble = str(error)
            logger.error("the arena's pool: %s", error)
            return False
        self._trouble, self._complete = "", True
        logger.info("the arena's pool: %d songs, %d left out", len(self._songs), self._left_out)
        return True

    def _prepare(self, candidate: Candidate) -> None:
        try:
            waveform = load_audio(candidate.file)
            if waveform.sha256 in self._songs:
                logger.info("%s of the arena's pool was there before", candidate.row)
                return
            copy = write_copy(candidate.file, waveform, Path(self._folder.name))
        except Exception as error:  # whatever a library makes of a file, the others are prepared
            why = str(error) if isinstance(error, AudioError) else type(error).__name__
            logger.warning("%s of the arena's pool is left out: %s", candidate.row, why)
            with self._lock:
                self._left_out += 1
            return
        song = Song(waveform.sha256, candidate.title, candidate.generator, candidate.prompt)
        with self._lock:
            self._songs[song.id] = _Ready(song, candidate.file, copy)


def lower_priority() -> None:
    """Let this thread, and those that it starts, yield to the ones that visitors wait for. Where the system can."""
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def candidates(source: str | None) -> Callable[[Path], Iterable[Candidate]]:
    """What gives the songs of a pool, as often as it is called, with a folder where a dataset's files go.

    Raises PoolError, and so does what it returns.
    """
    if source is None:
        found = from_examples()
    elif source and Path(source).is_dir():
        found = from_folder(Path(source))
    elif DATASET.fullmatch(source):
        return lambda folder: from_dataset(source, _open_dataset(source), folder)
    else:
        raise PoolError(f"APEX_POOL: {source!r} is neither a folder that is there nor a dataset's owner/name.")
    return lambda folder: found


def from_examples() -> list[Candidate]:
    """The space's own songs. Those that were damaged on purpose count as another generator's."""
    rows = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    return [
        Candidate(
            row=f"Example {number}",
            file=EXAMPLES / row["file"],
            title=row["title"],
            generator=f"Synthesised, {row['damage']} damaged" if row["damage"] else "Synthesised",
            prompt=f"{row['style']}. {row['description']}",
        )
        for number, row in enumerate(rows, 1)
    ]


def from_folder(folder: Path) -> list[Candidate]:
    """The rows of its `songs.csv`, `.jsonl` or `.parquet` (file, title, generator, prompt), or every sound file in it.

    Without a table, the file's name is the title and the first folder's name the generator. Raises PoolError.
    """
    folder = folder.resolve()
    listed = [table for suffix in tables.READERS if (table := folder / f"songs{suffix}").is_file()]
    if len(listed) > 1:
        raise PoolError(f"The arena's pool holds {' and '.join(t.name for t in listed)}. Keep one of them.")
    found = list(islice(_tabled(listed[0], folder) if listed else _untabled(folder), MOST_SONGS + 1))
    if not found:
        raise PoolError("The arena's pool is empty: no row in its table, or no sound file. Add songs to the folder.")
    if len(found) > MOST_SONGS:
        logger.warning("the arena's pool holds more than %d songs; the first ones are taken", MOST_SONGS)
    return found[:MOST_SONGS]


def _tabled(table: Path, folder: Path) -> Iterator[Candidate]:
    for number, row in enumerate(_rows(table), 1):
        name = f"Row {number} of {table.name}"
        file = row.get("file")
        if not isinstance(file, str) or not file:
            raise PoolError(f"{name} has no file. The columns are file, and if you like title, generator and prompt.")
        yield Candidate(name, _inside(folder, file, name), **_texts(row, {"title": Path(file).stem}))


def _rows(table: Path) -> Iterator[tables.Record]:
    try:
        yield from tables.records(table)
    except (OSError, ValueError) as error:
        raise PoolError(f"{table.name} in the arena's pool cannot be read: {error}. Write it again.") from error


def _untabled(folder: Path) -> Iterator[Candidate]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    for number, path in enumerate(files, 1):
        name, inner = f"File {number} of the folder", path.relative_to(folder)
        generator = inner.parts[0] if len(inner.parts) > 1 else ""
        yield Candidate(
            name, _inside(folder, str(inner), name), **_texts({}, dict(title=path.stem, generator=generator))
        )


def _inside(folder: Path, name: str, row: str) -> Path:
    """The file called `name` in `folder`. Raises PoolError if it is not there, or elsewhere, also by a link."""
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise PoolError(f"{row}, {name!r}, is not inside the pool's folder. Copy the file there.")
        if path.is_file():
            return path
    except (OSError, ValueError):  # a name that no file can have
        pass
    raise PoolError(f"{row}, {name!r}, is not there. Correct its name, or take it out.")


def _texts(row: Mapping[str, Any], otherwise: Mapping[str, str]) -> dict[str, str]:
    """Title, generator and prompt, each on one line and of bounded length."""

    def text(name: str) -> str:
        value = row.get(name)
        value = value if isinstance(value, str) and value.strip() else otherwise.get(name, "")
        return shown(" ".join(value.split()), LONGEST_TEXT[name])

    return {name: text(name) for name in LONGEST_TEXT}


def _open_dataset(name: str) -> Iterator[Any]:
    """The rows of a dataset on the Hub, an IterableDataset for each of its configurations: the training split's."""
    import datasets

    for configuration in datasets.get_dataset_config_names(name):
        splits = datasets.load_dataset(name, configuration, streaming=True)
        yield splits["train"] if "train" in splits else next(iter(splits.values()))


def from_dataset(name: str, parts: Iterable[Any], folder: Path) -> Iterator[Candidate]:
    """The first songs of `parts`, IterableDatasets; their files are kept in `folder`. Raises PoolError."""
    total = 0
    try:
        rows = chain.from_iterable(_undecoded(part, name) for part in parts)
        for number, (sound, row) in enumerate(islice(rows, MOST_ROWS), 1):
            content = _content(sound, name)
            total += len(content)
            if total > MOST_BYTES:
                return
            file = folder / token_hex(16)
            file.write_bytes(content)
            yield Candidate(f"Row {number} of {name}", file, **_texts(_renamed(row), {}))
    except PoolError:
        raise
    except Exception as error:  # the network, the client and each format have their own
        raise PoolError(f"The dataset {name} cannot be read ({type(error).__name__}: {error}).") from error


def _undecoded(rows: Any, name: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Each row's sound, as bytes or the path of a file, and the row."""
    rows, columns = tables.undecoded(rows)
    if not columns:
        raise PoolError(f"The dataset {name} has no column of the type Audio, but {', '.join(rows.features or ())}.")
    for row in rows:
        yield row[columns[0]], row


def _content(cell: Any, name: str) -> bytes:
    """The bytes of a sound; b"" where there are none, or they are elsewhere than in the dataset `name`."""
    import fsspec  # type: ignore[import-untyped]

    most = int(settings().max_megabytes * 1_000_000) + 1
    if cell and cell.get("bytes"):
        return cell["bytes"][:most]
    path = str((cell or {}).get("path") or "")
    if re.match(rf"hf://datasets/{re.escape(name)}[@/]", path) and "::" not in path and ".." not in path:
        with fsspec.open(path, "rb") as file:
            return file.read(most)
    return b""


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset's row under our names."""
    return {
        ours: next((row[column] for column in theirs if isinstance(row.get(column), str)), None)
        for ours, theirs in COLUMNS.items()
    }
