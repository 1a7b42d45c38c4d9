"""The commands `votes export` and `votes import`."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import exiting, messages

if TYPE_CHECKING:
    from ..storage.vote_store import VoteStore

votes = typer.Typer(help="Export and import the arena's votes.", no_args_is_help=True)
VotesFile = Annotated[Path, typer.Argument(metavar="FILE", help="File whose name ends in .parquet, .csv or .jsonl.")]


@votes.command("export")
def export_(file: VotesFile) -> None:
    """Write every vote to FILE, one per row, without the voters' hashes. Exit status: 0 written, 2 it cannot be."""
    from ..storage.vote_io import export_votes

    with exiting(2), _store() as store:
        messages.print(f"{file}: {_counted(export_votes(store, file))} written")


@votes.command("import")
def import_(file: VotesFile) -> None:
    """Import the votes in FILE. Votes that are here already stay as they are.

    Exit status: 0 taken in, 1 some row is no vote and so none was taken in, 2 the file or the database cannot be used.
    """
    from rich.progress import MofNCompleteColumn, Progress

    from ..storage.vote_io import import_votes

    bar = Progress(MofNCompleteColumn(), console=messages, transient=True, disable=not messages.is_terminal)
    with exiting(2), _store() as store, bar:
        task = bar.add_task("votes", total=None)
        found = import_votes(store, file, lambda done: bar.update(task, completed=done))
    for row in found.bad:
        messages.print(f"{file}, line {row.line}: {row.reason}")
    if found.bad:
        messages.print(f"{file}: nothing was taken in. Correct or remove these lines and start again.")
        raise typer.Exit(1)
    messages.print(f"{file}: {_counted(found.new)} taken in, {found.known} were here already")


def _store() -> "closing[VoteStore]":
    from ..core.settings import settings
    from ..storage.vote_store import open_store

    return closing(open_store(settings()))


def _counted(number: int) -> str:
    return f"{number} vote" if number == 1 else f"{number} votes"
