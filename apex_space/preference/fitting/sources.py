"""Reads battles and their songs from a table on this disk or a dataset on the Hub."""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from ...audio.song_names import SongFolder
from ...audio.waveform import file_hash
from ...core import tables
from ...core.errors import AudioError, PreferenceError, TooLarge
from ...core.settings import settings
from ...core.tables import BadRow, text
from ...core.text import first_line
from ...models.hub import unreachable
from ...storage.records import Winner
from .music_arena import HUB

COLUMNS = {
    "a": ("audio_a", "a_audio", "song_a", "file_a", "path_a", "a"),
    "b": ("audio_b", "b_audio", "song_b", "file_b", "path_b", "b"),
    "winner": ("winner", "preference", "vote", "preferred", "choice"),
    "generator_a": ("generator_a", "system_a", "model_a", "a_generator"),
    "generator_b": ("generator_b", "system_b", "model_b", "b_generator"),
}
"""Names that each column may have, in upper or lower case. music-arena-dataset has the columns `audio_a`, `system_a`,
`audio_b`, `system_b` and `preference`, which is A, B, TIE or BOTH_BAD. An audio column holds a file's path in the
repository; it is empty if the audio is withheld. An export of votes has `a_generator` and `b_generator`."""
CONNECT_SECONDS = 10.0
"""Time limit for finding out whether there is a Hub."""
OPTIONAL = ("generator_a", "generator_b")
WINNERS: dict[str, Winner] = {
    **dict.fromkeys(("a", "left", "model_a", "system_a", "song_a", "generator_a", "audio_a"), "a"),
    **dict.fromkeys(("b", "right", "model_b", "system_b", "song_b", "generator_b", "audio_b"), "b"),
    **dict.fromkeys(("tie", "draw", "equal", "both", "both_good", "tie_(both_good)"), "tie"),
    **dict.fromkeys(("bad", "both_bad", "bothbad", "neither", "tie_(both_bad)", "tie_(bothbad)"), "both_bad"),
}


@dataclass(frozen=True)
class AudioSource:
    """A song's file.

    `key` identifies its content. `open` gives a path that is valid while the context is open, or raises AudioError.
    """

    key: str
    open: Callable[[], AbstractContextManager[Path]]


@dataclass(frozen=True)
class BattleRow:
    """A battle whose songs are not scored yet. `name` says where the row is, for messages."""

    name: str
    a: AudioSource
    b: AudioSource
    winner: Winner
    generator_a: str
    generator_b: str


def read(source: str) -> Iterator[BattleRow | BadRow]:
    """Return the battles in a table, in a folder that holds a dataset, or in a dataset on the Hub.

    Raises PreferenceError if there is no such source, or if its columns are not those in COLUMNS.
    """
    path = Path(source)
    if path.suffix.lower() in tables.READERS:
        if not path.is_file():
            raise PreferenceError(f"There is no table {source}. Check its name.")
        return _rows(path.name, _table(path), partial(_local, SongFolder(path.parent)))
    if path.is_file():
        raise PreferenceError(f"{source} is not a table. Use one of {', '.join(tables.READERS)}.")
    if path.is_dir():
        return _rows(source, dataset_rows(source), partial(_inside, SongFolder(path.resolve())))
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", source):
        raise PreferenceError(
            f"{source} is neither a table here ({', '.join(tables.READERS)}), nor a folder that holds a dataset, "
            f"nor `votes`, nor a dataset's name on the Hub, such as {HUB}."
        )
    return _rows(source, dataset_rows(source), partial(remote, source))


FindSong = Callable[[str], AudioSource]
"""Finds a song's file from the path in a row."""


def _rows(source: str, records: Iterator[Mapping[str, Any]], find_song: FindSong) -> Iterator[BattleRow | BadRow]:
    for number, record in enumerate(records, 1):
        name = f"{source}, battle {number}"
        fields = fields_of(source, record)
        try:
            yield BattleRow(
                name,
                audio_source(fields["a"], find_song),
                audio_source(fields["b"], find_song),
                winner_of(fields["winner"]),
                *(text(fields.get(column)) for column in OPTIONAL),
            )
        except PreferenceError as error:
            yield BadRow(name, str(error))


def fields_of(
    source: str, record: Mapping[str, Any], required: Collection[str] = ("a", "b", "winner")
) -> dict[str, Any]:
    """Return the record's values by our names of the columns. Raises PreferenceError if a required one is missing."""
    there = {str(name).strip().lower(): value for name, value in record.items()}
    fields = {column: there[name] for column, names in COLUMNS.items() for name in reversed(names) if name in there}
    lacking = [column for column in required if column not in fields]
    if lacking:
        wanted = "; ".join(f"{column} may be called {', '.join(COLUMNS[column])}" for column in lacking)
        raise PreferenceError(f"{source} has the columns {', '.join(there) or 'none'}, and lacks some: {wanted}.")
    return fields


def winner_of(value: Any) -> Winner:
    """Return the winner that a cell names. Raises PreferenceError."""
    told = re.sub(r"[\s-]+", "_", text(value).lower())
    if told not in WINNERS:
        raise PreferenceError(f"Its winner {value!r} is none of a, b, tie and both_bad.")
    return WINNERS[told]


def audio_source(value: Any, find_song: FindSong) -> AudioSource:
    """Return the source of a song, from a file's path or from what a dataset holds in an audio column.

    Raises PreferenceError.
    """
    if isinstance(value, Mapping):
        content, value = value.get("bytes"), value.get("path")
        if content:
            return AudioSource(hashlib.sha256(content).hexdigest(), partial(_unpacked, bytes(content)))
    if not isinstance(value, str) or not value.strip():
        raise PreferenceError("It has no audio (some are withheld by their makers).")
    return find_song(value.strip())


@contextmanager
def _unpacked(content: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


def _local(folder: SongFolder, name: str) -> AudioSource:
    found = [folder.path / name] if os.path.isfile(folder.path / name) else folder.find(name)
    if len(found) > 1:
        raise PreferenceError(f"{name} may be {found[0].name} or {found[1].name}. Write its ending.")
    path = found[0] if found else folder.path / name
    key = file_hash(path) if found else None
    if key is None:
        raise PreferenceError(f"{name} is not there, cannot be read, or is too large.")
    return AudioSource(key, lambda: nullcontext(path))


def _inside(folder: SongFolder, name: str) -> AudioSource:
    if "\0" in name or not folder.leads_inside(name):
        raise PreferenceError(f"{name} is outside of the dataset.")
    return _local(folder, name)


def remote(source: str, name: str) -> AudioSource:
    """Return a file of a dataset on the Hub. It is fetched when it is opened.

    Its key is its path and not a hash of its content, because a hash would require fetching it.
    """
    root = f"hf://datasets/{source}"
    place = re.sub(rf"^{re.escape(root)}(@[^/]*)?/", "", name)
    if ".." in place.split("/") or place.startswith("/") or "::" in place or "://" in place:
        raise PreferenceError(f"{name} is outside of the dataset.")
    return AudioSource(f"{root}/{place}", partial(fetched, f"{root}/{place}"))


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    import fsspec  # type: ignore[import-untyped]

    with tempfile.NamedTemporaryFile() as copy:
        try:
            with fsspec.open(address, "rb") as file:
                _copy(file, copy)
        except TooLarge:
            raise
        except Exception as error:  # the network, the client and the file system raise different errors
            raise AudioError(f"{address} cannot be fetched ({first_line(error)}).") from error
        copy.flush()
        yield Path(copy.name)


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    limit = settings().max_megabytes
    while block := source.read(1 << 20):
        target.write(block)
        if target.tell() > limit * 1_000_000:
            raise TooLarge(f"It has more than {limit:g} MB. Raise APEX_MAX_MEGABYTES to take it.")


def _table(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        yield from tables.records(path)
    except (OSError, ValueError) as error:
        kind = path.suffix[1:].lower()
        raise PreferenceError(f"{path} cannot be read as {kind} ({first_line(error)}). Write it again.") from error


_UNREAD = "The dataset {} cannot be read ({}). Check its name and the network; a private one needs HF_TOKEN."


def dataset_rows(source: str) -> Iterator[Mapping[str, Any]]:
    """Yield every row of every split of every configuration. music-arena-dataset has one configuration per month.

    Sounds are not decoded. Raises PreferenceError.
    """
    trouble = None if os.path.exists(source) else unreachable(CONNECT_SECONDS)
    if trouble is not None:  # the library would try for half a minute
        raise PreferenceError(_UNREAD.format(source, trouble))
    import datasets

    try:
        for name in datasets.get_dataset_config_names(source):
            for split in datasets.load_dataset(source, name, streaming=True).values():
                yield from tables.undecoded(split)[0]
    except Exception as error:  # the network, the client and each format raise different errors
        raise PreferenceError(_UNREAD.format(source, first_line(error))) from error
