"""The command `extract`."""

import time
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.text import printable
from .common import EngineName, RayAddress, WeightsFolder, exiting, messages

if TYPE_CHECKING:
    from ..training.extract.extraction import Progress, Request

EVERY_SECONDS = 10.0
"""Seconds between two lines of progress, if stderr is not a terminal."""


class EncoderName(StrEnum):
    """The encoders, as in `training.extract.encoders`."""

    mert_95m = "mert-95m"
    mert_330m = "mert-330m"
    muq = "muq"
    muq_songeval = "muq-songeval"
    musicfm = "musicfm"
    pocket = "pocket"


def extract(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SONGS",
            help="Folder, zip, table (csv, jsonl, parquet) or dataset on the Hub. Columns of a table: id, and if you "
            "like file, score_streams, score_likes, platform and songeval_scores.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to. Other files in it stay as they are.")],
    encoder: Annotated[EncoderName, typer.Option(help="Encoder of the segments.")] = EncoderName.mert_95m,
    audio: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of a table's songs, named by id; default: the table's folder."),
    ] = None,
    engine: Annotated[
        EngineName, typer.Option(help="What does the work: this process, or Ray (pip install 'ray[data]').")
    ] = EngineName.local,
    address: RayAddress = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of Ray's workers, each with a model; default: one for each GPU, or each CPU."),
    ] = None,
    weights: WeightsFolder = None,
) -> None:
    """Encode songs and write a table with a row for each segment, from which judges can be trained.

    A run that was interrupted or killed goes on where it stopped if the command is repeated. With APEX_CACHE_DIR,
    embeddings that a judge has computed before are used.
    Exit status: 0 all songs are extracted, 1 not, or some song failed, 2 the encoder is not available, 130 interrupted.
    """
    from ..training.extract.extraction import Request

    if engine is EngineName.local and (address or workers):
        raise typer.BadParameter("--address and --workers are for --engine ray.")
    request = Request(source, encoder.value, out, audio, weights, engine.value, address, workers)
    interrupted = f"Interrupted. What is done is in {out}. Run the same command again to go on."
    with exiting(1, interrupted), TemporaryDirectory(prefix="apex-extract-") as scratch:
        end = _extract(request, Path(scratch))
    typer.echo(f"{_count(end.earlier + end.done, 'song')} in {out}, of which {end.done} are new.")
    if end.failed:
        typer.echo(f"{_count(end.failed, 'song')} failed; {out / 'errors.parquet'} has the reasons.")
    raise typer.Exit(int(end.failed > 0))


def _extract(request: "Request", scratch: Path) -> "Progress":
    """Extract the songs, show the progress, and return it at the end."""
    from rich.progress import BarColumn, Progress, TextColumn

    from ..training.extract.extraction import extract

    columns, said = (BarColumn(), TextColumn("{task.description}", markup=False)), time.monotonic()
    bar = Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal)
    with closing(extract(request, scratch)) as steps, bar:
        task = bar.add_task("loading", total=None)
        for step in steps:
            completed = step.earlier + step.done + step.failed
            bar.update(task, description=_so_far(step), total=step.total, completed=completed)
            if step.outcome is not None and step.outcome.reason:
                messages.print(f"{printable(step.outcome.id)}: {printable(step.outcome.reason)}")
            if not messages.is_terminal and time.monotonic() - said >= EVERY_SECONDS:
                said = time.monotonic()
                messages.print(_so_far(step))
    return step


def _so_far(step: "Progress") -> str:
    from ..core.i18n import format_duration

    completed = step.earlier + step.done + step.failed
    parts = [f"{completed:,} of {step.total:,} songs" if step.total is not None else f"{completed:,} songs"]
    if step.rate:
        parts.append(f"{step.rate:.3g} songs/s")
    if step.left:
        parts.append(f"{format_duration(step.left)} left")
    return ", ".join([*parts, f"{step.failed} failed"] if step.failed else parts)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
