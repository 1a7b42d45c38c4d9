"""The command `publish`."""

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import TrainingError
from .common import exiting, messages


def publish(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run of train.")],
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Repository on the Hub, as OWNER/NAME.")],
    licence: Annotated[
        str, typer.Option(metavar="ID", help="Licence in the card: an identifier of the Hub.")
    ] = "cc-by-nc-4.0",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the card and list the files. The Hub is not asked.")
    ] = False,
) -> None:
    """Publish a trained head of APEX, Banger, HEAR or SongEval on the Hub with a card, so that others can use it.

    Nothing is overwritten that this command did not write. A new repository is private at first. It needs HF_TOKEN.
    Exit status: 0 published, 1 not published, 2 the checkpoint cannot be used.
    """
    with exiting(1):
        from ..models.cards import CARD, check_licence
        from ..training.publish import contents, publish

        check_licence(licence, TrainingError)
        files = contents(folder, repository, licence)
        if dry_run:
            typer.echo(files[CARD])
            for name, content in files.items():
                size = len(content.encode()) if isinstance(content, str) else content.stat().st_size
                messages.print(f"{name}: {size:,} bytes")
            messages.print("Nothing was published.")
            return
        messages.print(f"Published: {publish(repository, files)}")
