"""Code that the commands share. Results go to stdout, progress and messages to stderr."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from ..core.errors import ApexSpaceError, OutputRefused, SettingsError, UnknownJudge, WeightsError

messages = Console(stderr=True, highlight=False, markup=False)


class Format(StrEnum):
    """The formats in which results are written."""

    table = "table"
    json = "json"
    csv = "csv"


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
        messages.print(str(error))
        raise typer.Exit(2 if isinstance(error, UnknownJudge | WeightsError | SettingsError) else status) from error


class Commands(TyperGroup):
    """Checks the settings before a command does anything.

    An error that is raised on purpose never becomes a traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        from ..core.settings import settings

        with exiting(2):
            if "--help" not in ctx.args:
                settings()
            return super().invoke(ctx)


def check_results(folder: Path, stem: str, record: type) -> None:
    """Raise OutputRefused if `folder` has a `stem`.json or .svg that an earlier run did not write.

    An earlier run wrote the files from a `record` (a dataclass), so the json has all its fields.
    """
    results = folder / f"{stem}.json"
    if not any(os.path.lexists(path) for path in (results, results.with_suffix(".svg"))):
        return
    try:
        known = {field.name for field in fields(record)} <= json.loads(results.read_text(encoding="utf-8")).keys()
    except (OSError, ValueError, AttributeError, RecursionError):
        known = False
    if not known:
        raise OutputRefused(f"{results} or its svg is there and not from here. Choose another --out.")


def show(table: Table) -> None:
    """Print a table in the terminal's width, or as wide as it needs if stdout is not a terminal."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = console.measure(table, options=console.options.update(width=10_000)).maximum
    console.print(table)
