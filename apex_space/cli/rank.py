"""The command `rank`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..core.axes import AXES
from .common import Format, JudgeName, WeightsFolder, cached_judge, exiting, messages, show

if TYPE_CHECKING:
    from ..judges.panel import Load
    from ..ranking.order import Ranking
    from ..ranking.rank import RankingProgress, RankRequest


def rank(
    sources: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders, zip files or single songs.")],
    keep: Annotated[int, typer.Option(min=1, help="Number of songs to keep.")] = 5,
    copy_to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="New or empty folder to copy the kept songs to.")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="AXIS|preference", help="Score to rank by, or `preference`: the predicted choices of people."
        ),
    ] = "preference",
    judge: JudgeName = "pocket",
    groups: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV file with the columns file and group; the output then has the groups."),
    ] = None,
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.table,
    weights: WeightsFolder = None,
) -> None:
    """Rank many songs, the best first, and show which ones to keep and how sure that is.

    Embeddings (no audio, no names) are cached in APEX_CACHE_DIR, or else in embeddings/ in the data folder, so that an
    interrupted run continues where it stopped.
    Exit status: 0 all ranked, 1 not, or some file failed, 2 the judge is not available, 130 interrupted.
    """
    with exiting(1):
        complete = _rank(sources, keep, copy_to, by, judge, groups, format, weights)
    raise typer.Exit(int(not complete))


def _rank(
    sources: list[Path],
    keep: int,
    copy_to: Path | None,
    by: str,
    judge: str,
    groups: Path | None,
    format: Format,
    weights: Path | None,
) -> bool:
    """Rank the songs, and write the results. Return whether every song has a rank."""
    from ..ranking.export import check_target, copy_kept
    from ..ranking.rank import RankRequest

    if copy_to is not None:
        check_target(copy_to)  # before an hour's work, not after it
    with TemporaryDirectory(prefix="apex-rank-") as scratch:
        request = RankRequest(tuple(sources), judge, by, keep, groups)
        ranking, interrupted = _rank_with_progress(request, Path(scratch), weights)
        _write(ranking, format)
        if interrupted:
            raise KeyboardInterrupt
        if copy_to is not None:
            messages.print(f"{copy_kept(ranking, copy_to)} songs copied to {copy_to}")
    return all(row.rank is not None for row in ranking.rows)


def _rank_with_progress(request: "RankRequest", scratch: Path, weights: Path | None) -> "tuple[Ranking, bool]":
    """Return the ranking, and whether an interruption cut it short."""
    from rich.progress import BarColumn, Progress, TextColumn

    from ..audio.waveform import load_song
    from ..plots import ranking_text
    from ..ranking.batch import Batch
    from ..ranking.rank import RankingProgress, rank_files

    done, columns = None, (BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("", total=None)
        try:
            for step in rank_files(request, scratch, _loader(weights), load_song):
                if isinstance(step, Batch):
                    for text in ranking_text.left_out(step):
                        messages.print(text)
                elif isinstance(step, RankingProgress):
                    done = step
                    share = step.current.share if step.current else 0
                    bar.update(task, description=_so_far(step), total=step.total, completed=step.done + share)
                    if step.outcome is not None and (step.outcome.error or not messages.is_terminal):
                        messages.print(f"{_so_far(step)}: {step.outcome.song.name} {step.outcome.error}")
        except KeyboardInterrupt:
            if done is None:
                raise
            return done.ranking, True
    assert done is not None
    return done.ranking, False


def _loader(weights: Path | None) -> "Load":
    """Return a function that loads judges with a cache on disk."""
    return lambda name: iter([cached_judge(name, weights)])


def _so_far(step: "RankingProgress") -> str:
    from ..core.i18n import format_duration

    return f"{step.done} of {step.total}{f', {format_duration(step.left)} left' if step.left else ''}"


def _write(ranking: "Ranking", format: Format) -> None:
    from ..ranking.export import to_csv, to_json

    if format is Format.json:
        typer.echo(to_json(ranking))
    elif format is Format.csv:
        typer.echo(to_csv(ranking), nl=False)
    else:
        show(_table(ranking))


def _table(ranking: "Ranking") -> Table:
    from ..plots import ranking_text

    rules = ranking.rules
    shown = [axis for axis in AXES if any(row.report and axis in row.report.axes for row in ranking.rows)]
    table = Table(
        caption="\n".join((ranking_text.verdict(ranking), *ranking_text.notes(ranking))), caption_justify="left"
    )
    table.add_column("")
    table.add_column("song", overflow="fold")
    passages = ["best 30 s"] if any(row.passage for row in ranking.rows) else []
    for label in (ranking_text.label(rules), *(f"{axis.label}\n{axis.span}" for axis in shown), *passages):
        table.add_column(label, justify="right")
    table.add_column("", overflow="fold")
    for row in ranking.rows:
        scores = (row.report.scores[axis.key] if row.report else None for axis in shown)
        cells = ("-" if score is None else f"{score:.2f}" for score in scores)
        rank = "-" if row.rank is None else str(row.rank)
        best = f"{row.passage.start:.0f}–{row.passage.end:.0f} s" if row.passage else "-"
        found = [best] if passages else []
        table.add_row(rank, row.song.name, ranking_text.figure(row, rules), *cells, *found, ranking_text.note(row))
    return table
