"""Code that the commands share. Results go to stdout, progress and messages to stderr."""

import codecs
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from enum import StrEnum
from errno import EACCES, ENAMETOOLONG, EPIPE
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from ..core.errors import ApexSpaceError, OutputRefused, SettingsError, UnknownJudge, WeightsError
from ..core.files import check_own, replacing
from ..core.text import printable

if TYPE_CHECKING:
    from ..judges.judge import Judge

CACHE_FOLDER = "embeddings"
"""Subfolder of the data folder that holds the cache if APEX_CACHE_DIR is not set."""
OFTEN = 25
"""Number of songs or battles between two lines of progress, if stderr is not a terminal."""
messages = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


class Format(StrEnum):
    """The formats in which results are written."""

    table = "table"
    json = "json"
    csv = "csv"


class EngineName(StrEnum):
    """What does long work."""

    local = "local"
    ray = "ray"


RayAddress = Annotated[
    str | None,
    typer.Option("--address", help="Ray cluster to join; default: one that starts and ends with the command."),
]
JudgeName = Annotated[str, typer.Option("--judge", help="Judge that scores the songs: a name from `judges`.")]
WeightsFolder = Annotated[
    Path | None,
    typer.Option(
        "--weights", metavar="DIR", help="Folder with one subfolder per repository. The network is then not used."
    ),
]


@contextmanager
def exiting(status: int, interrupted: str = "Interrupted.") -> Iterator[None]:
    """Turn an error that is raised on purpose into a message and the exit status `status`.

    The exit status is 2 if a judge is not available or the settings are wrong, and 130 after an interruption.
    """
    try:
        yield
    except KeyboardInterrupt:
        messages.print(interrupted)
        raise typer.Exit(130) from None
    except ApexSpaceError as error:
        lines = str(error).split("\n") if isinstance(error, SettingsError) else [str(error)]  # one for each variable
        messages.print("\n".join(map(printable, lines)))  # an error may quote a song's id, or a cell of a table
        raise typer.Exit(2 if isinstance(error, UnknownJudge | WeightsError | SettingsError) else status) from error


class Commands(TyperGroup):
    """Checks the settings before a command does anything.

    An error that is raised on purpose never becomes a traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        from ..core.settings import settings

        make_streams_lenient()
        with exiting(2):
            if "--help" not in ctx.args and (table := settings().reference):
                from ..judges.reference_songs import references

                references(table)
            try:
                return super().invoke(ctx)
            except OSError as error:
                if error.errno == ENAMETOOLONG:
                    messages.print(f"{printable(str(error.filename))[:60]}… is too long for the name of a file.")
                    raise typer.Exit(1) from error
                if error.errno == EPIPE or error.filename:  # typer ends quietly if the reader has enough; not stdout
                    raise
                messages.print(f"The results cannot be written ({error.strerror or error}).")
                raise typer.Exit(1) from error


def cached_judge(name: str, weights: Path | None) -> "Judge":
    """Load a judge with a cache of embeddings on disk, for long runs. Raises UnknownJudge and WeightsError."""
    from ..core.settings import settings
    from ..judges.embedding_cache import EmbeddingCache
    from ..judges.loading import load_judge

    config = settings()
    cache = EmbeddingCache(config.cache_dir or config.data / CACHE_FOLDER, config.cache_megabytes)
    return replace(load_judge(name, weights), cache=cache)


def check_results(
    folder: Path, stem: str, record: type, suffixes: Sequence[str] = (".json", ".svg"), source: Path | None = None
) -> None:
    """Make `folder` if it is not there, before the work whose results it is for.

    Raises OutputRefused if that fails, or if it has files `stem` with `suffixes` that an earlier run did not write. An
    earlier run wrote the files from a `record` (a dataclass), so the first, a json, has all its fields. `source` is
    what is read: no result may replace it.
    """
    with _refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    names = [f"{stem}{suffix}" for suffix in suffixes]
    if source is not None and any(_same(folder / name, source) for name in names):
        raise OutputRefused(f"The results would replace {source}. Choose another --out.")
    check_own(folder, names, lambda text: {field.name for field in fields(record)} <= json.loads(text).keys())


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def write_results(folder: Path, stem: str, contents: Mapping[str, str]) -> None:
    """Write a file for each suffix in `contents`, each completely or not at all. Raises OutputRefused."""
    with _refusing(folder):
        for suffix, content in contents.items():
            with replacing(folder / f"{stem}{suffix}") as part:
                part.write_text(content, encoding="utf-8")


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into OutputRefused."""
    try:
        yield
    except OSError as error:
        raise OutputRefused(f"{folder} cannot be written to ({error.strerror}). Choose another --out.") from error


def make_streams_lenient() -> None:
    """Make stdout and stderr write what their encoding lacks as JSON escapes, such as \\u4e2d, instead of failing."""
    codecs.register_error("json", lambda error: (_as_json(error), getattr(error, "end", 0)))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="json")


def _as_json(error: Exception) -> str:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1]


def show(table: Table) -> None:
    """Print a table in the terminal's width, or as wide as it needs if stdout is not a terminal."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = console.measure(table, options=console.options.update(width=10_000)).maximum
    console.print(table)
