"""Lists the songs of a pool's source: the examples, a folder, or a dataset on the Hub."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from secrets import token_hex
from typing import Any

from ..audio.song_names import SongFolder, is_song
from ..core import tables
from ..core.errors import PoolError
from ..core.settings import settings
from ..core.text import message, sanitize
from .kinds import Columns, read_kinds

SYNTHESISED, DAMAGED = "Synthesised", "Synthesised, {damage} damaged"
"""What the example songs have in place of a generator."""
EXAMPLES = Path(__file__).resolve().with_name("examples")
OFFERED = 9
"""Number of the first rows of `examples.json` that the pages offer to score, compare and rank."""
MAX_SONGS = 2_000
"""Maximum number of songs from a folder. A clip takes 2 MB a minute in the system's temporary folder."""
MAX_ROWS, MAX_BYTES = 200, 2_000_000_000
"""Maximum number of songs from a dataset, and maximum total bytes of their files. A dataset is streamed and its first
songs are taken; the original files stay on disk beside the clips."""
MAX_TEXT_LENGTH = {"title": 200, "generator": 100, "prompt": 2_000, "licence": 100}
COLUMNS = {
    "title": ("title", "name", "song", "track"),
    "generator": ("generator", "model", "system", "model_name", "artist"),
    "prompt": ("prompt", "caption", "description", "text"),
    "licence": ("licence", "license"),
}
"""Names that a dataset's columns may have for each of our fields; the first name that is present is used. The sound is
the first column of the type Audio."""
OURS = frozenset(("file", "file_name", *chain.from_iterable(COLUMNS.values())))
"""Names of columns that tell no kind of songs."""
ANYONES = "CC0-1.0"
"""Licence of the example songs."""
COPIES = re.compile(r"(cc0|cc by( sa)?)( \d(\.\d)?)?|public domain")
"""Licences that let everybody copy and change a song, in lower case and with spaces."""
DATASET = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """A song that the pool may take. `row` identifies it in messages by position, not by its title."""

    row: str
    file: Path
    title: str = ""
    generator: str = ""
    prompt: str = ""
    licence: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)


def allows_copies(licence: str) -> bool:
    """Return whether visitors may download a song under this licence. An unknown licence does not allow it."""
    return bool(COPIES.fullmatch(" ".join(re.split(r"[\s_-]+", licence.strip().lower()))))


def candidates(source: str | None) -> Callable[[Path], Iterable[Candidate]]:
    """Return a function that lists the songs of `source`.

    The function can be called again and again. It takes a folder, where it stores the files of a dataset. Both
    `candidates` and the function raise PoolError.
    """
    if source is None:
        found = from_examples()
    elif source and Path(source).is_dir():
        found = from_folder(Path(source))
    elif DATASET.fullmatch(source):
        return lambda folder: from_dataset(source, _open_dataset(source), folder)
    else:
        raise PoolError(
            "APEX_POOL: {source!r} is neither a folder that is there nor a dataset's owner/name.", source=source
        )
    return lambda folder: found


def from_examples(damaged: bool = False, offered: bool = False) -> list[Candidate]:
    """Return the space's own songs, or only those `offered` on the pages.

    The copies `damaged` on purpose are added only on request, as of another generator.
    """
    rows = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    return [
        Candidate(
            row=f"Example {number}",
            file=EXAMPLES / row["file"],
            title=row["title"],
            generator=DAMAGED.format(damage=row["damage"]) if row["damage"] else SYNTHESISED,
            prompt=f"{row['style']}. {row['description']}",
            licence=ANYONES,
            kinds={"key": _key(row)},
        )
        for number, row in enumerate(rows[:OFFERED] if offered else rows, 1)
        if damaged or not row["damage"]
    ]


@cache
def example_texts() -> dict[str, str]:
    """Return each title, generator, prompt and key of the example songs -> the same text, to be translated."""
    rows = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    prompts = [message("{style}. {description}", style=row["style"], description=row["description"]) for row in rows]
    makers = [message(DAMAGED, damage=row["damage"]) for row in rows if row["damage"]]
    keys = [_key(row) for row in rows]
    return {str(text): text for text in (SYNTHESISED, *makers, *prompts, *keys, *(row["title"] for row in rows))}


def _key(row: Mapping[str, Any]) -> str:
    """Return whether an example song is in major or minor."""
    return str(row["key"]).split()[-1]


def from_folder(folder: Path) -> list[Candidate]:
    """Return the songs in the folder's `songs.csv`, `.jsonl` or `.parquet`, or every sound file if it has no table.

    The table's columns are file, title, generator, prompt and licence. Further columns with few values tell kinds of
    songs. Without a table, the title is the file's name and the generator is the first folder's name. Raises PoolError.
    """
    folder = folder.resolve()
    listed = [table for suffix in tables.READERS if (table := folder / f"songs{suffix}").is_file()]
    if len(listed) > 1:
        raise PoolError(
            "The arena's pool holds {tables}. Keep one of them.", tables=" and ".join(t.name for t in listed)
        )
    found = list(islice(_tabled(listed[0], folder) if listed else _untabled(folder), MAX_SONGS + 1))
    if not found:
        raise PoolError("The arena's pool is empty: no row in its table, or no sound file. Add songs to the folder.")
    if len(found) > MAX_SONGS:
        logger.warning("the arena's pool holds more than %d songs; the first ones are taken", MAX_SONGS)
    return _with_few_values(found[:MAX_SONGS])


def _with_few_values(songs: Sequence[Candidate]) -> list[Candidate]:
    columns = Columns()
    for song in songs:
        columns.add(song.kinds)
    return [replace(song, kinds=columns.kept(song.kinds)) for song in songs]


def _tabled(table: Path, folder: Path) -> Iterator[Candidate]:
    songs = SongFolder(folder)
    for number, row in enumerate(_rows(table), 1):
        name = message("Row {number} of {table}", number=number, table=table.name)
        file = tables.text(row.get("file"))
        if not file:
            raise PoolError(
                "{name} has no file. The columns are file, and if you like title, generator, prompt and licence.",
                name=name,
            )
        otherwise = {"title": Path(file).stem, "licence": tables.text(row.get("license"))}
        yield Candidate(name, _inside(songs, file, name), kinds=read_kinds(row, OURS), **_texts(row, otherwise))


def _rows(table: Path) -> Iterator[tables.Record]:
    try:
        yield from tables.records(table)
    except (OSError, ValueError) as error:
        raise PoolError(
            "{table} in the arena's pool cannot be read: {reason}. Write it again.", table=table.name, reason=error
        ) from error


def _untabled(folder: Path) -> Iterator[Candidate]:
    songs = SongFolder(folder)
    files = sorted(path for path in folder.rglob("*") if is_song(path.name))
    for number, path in enumerate(files, 1):
        name, inner = message("File {number} of the folder", number=number), path.relative_to(folder)
        generator = inner.parts[0] if len(inner.parts) > 1 else ""
        yield Candidate(
            name, _inside(songs, str(inner), name), **_texts({}, dict(title=path.stem, generator=generator))
        )


def _inside(folder: SongFolder, name: str, row: str) -> Path:
    """Return the path of the file called `name` in `folder`.

    Raises PoolError if the file does not exist or lies elsewhere, also if a link leads elsewhere.
    """
    try:
        if not (folder.path / name).resolve().is_relative_to(folder.path):
            raise PoolError(
                "{row}, {name!r}, is not inside the pool's folder. Copy the file there.", row=row, name=name
            )
        found = folder.find(name)
    except (OSError, ValueError, RuntimeError):  # no file can have this name, or links lead to each other
        found = []
    if len(found) == 1:
        return found[0].resolve()
    if found:
        raise PoolError(
            "{row}, {name!r}, may be {first} or {second}. Write its ending.",
            row=row,
            name=name,
            first=found[0].name,
            second=found[1].name,
        )
    raise PoolError("{row}, {name!r}, is not there. Correct its name, or take it out.", row=row, name=name)


def _texts(row: Mapping[str, Any], otherwise: Mapping[str, str]) -> dict[str, Any]:
    """Return title, generator and prompt, each on one line and of bounded length."""

    def text(name: str) -> str:
        value = tables.text(row.get(name)) or otherwise.get(name, "")
        return sanitize(" ".join(value.split()), MAX_TEXT_LENGTH[name])

    return {name: text(name) for name in MAX_TEXT_LENGTH}


def _open_dataset(name: str) -> Iterator[Any]:
    """Yield an IterableDataset for each configuration of a dataset on the Hub.

    It is the training split, or the first split if there is no training split.
    """
    import datasets

    for configuration in datasets.get_dataset_config_names(name):
        splits = datasets.load_dataset(name, configuration, streaming=True)
        yield splits["train"] if "train" in splits else next(iter(splits.values()))


def from_dataset(name: str, parts: Iterable[Any], folder: Path) -> Iterator[Candidate]:
    """Yield the first songs of the IterableDatasets `parts` and store their files in `folder`. Raises PoolError.

    All of them are read before the first one is yielded: only then is it known which columns tell kinds of songs. If
    reading breaks off, the songs until then are yielded first.
    """
    found: list[Candidate] = []
    try:
        found.extend(_read_dataset(name, parts, folder))
    finally:
        yield from _with_few_values(found)


def _read_dataset(name: str, parts: Iterable[Any], folder: Path) -> Iterator[Candidate]:
    total = 0
    try:
        rows = chain.from_iterable(_undecoded(part, name) for part in parts)
        for number, (sound, row) in enumerate(islice(rows, MAX_ROWS), 1):
            content = _content(sound, name)
            total += len(content)
            if total > MAX_BYTES:
                return
            file = folder / token_hex(16)
            file.write_bytes(content)
            place = message("Row {number} of {table}", number=number, table=name)
            yield Candidate(place, file, kinds=read_kinds(row, OURS), **_texts(_renamed(row), {}))
    except PoolError:
        raise
    except Exception as error:  # the network, the client and each format raise their own errors
        raise PoolError(
            "The dataset {name} cannot be read ({kind}: {reason}).", name=name, kind=type(error).__name__, reason=error
        ) from error


def _undecoded(rows: Any, name: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Yield each row's sound, as bytes or the path of a file, together with the row, with labels by their names."""
    from datasets import ClassLabel

    rows, columns = tables.undecoded(rows)
    if not columns:
        raise PoolError(
            "The dataset {name} has no column of the type Audio, but {columns}.",
            name=name,
            columns=", ".join(rows.features or ()),
        )
    named = {column: kind.int2str for column, kind in (rows.features or {}).items() if isinstance(kind, ClassLabel)}
    for row in rows:
        given = {column: row[column] for column in named if row[column] is not None and row[column] >= 0}
        labels = {column: named[column](number) for column, number in given.items()}
        yield row[columns[0]], {**row, **dict.fromkeys(named), **labels}


def _content(cell: Any, name: str) -> bytes:
    """Return the bytes of a sound, or b"" if there are none or they lie outside the dataset `name`."""
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
    """Return a dataset's row under our field names."""
    return {
        ours: next((row[column] for column in theirs if _is_text(row.get(column))), None)
        for ours, theirs in COLUMNS.items()
    }


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str | int | float) and bool(tables.text(cell))
