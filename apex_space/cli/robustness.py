"""The command `robustness`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..core.axes import BY_KEY
from .common import (
    Format,
    JudgeName,
    WeightsFolder,
    cached_judge,
    check_results,
    exiting,
    messages,
    show,
    write_results,
)

if TYPE_CHECKING:
    from ..core.intervals import ConfidenceInterval
    from ..evaluation.profile import Check, Half, Profile, Response
    from ..evaluation.robustness import RobustnessProgress, Scores
    from ..judges.judge import Judge
    from ..ranking.songs import BatchSong

FILES = "robustness"
CAPTION = (
    "Numbers below severities: mean change of the score, with a * where half of the songs or more are noticed: their",
    "score falls below the intact song's by more than the noise floor. The noise floor is what 95% of changes that",
    "nobody hears do not exceed. Order: rank correlation of score and severity, -1 if it falls at each step. Falls:",
    "share of steps at which it falls. Half noticed at: the first severity at which half of the songs are; below the",
    "mildest that was tried, it is a guess. In brackets: 95% intervals, from resampling songs; csv and json have all.",
)


def robustness(
    sources: Annotated[list[Path], typer.Argument(metavar="SONGS...", help="Songs, folders or zip files.")],
    judge: JudgeName = "pocket",
    damage: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Try only this damage; can be given several times.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=3, max=600, help="Seconds from the middle of each song.")] = 30,
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.table,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder in which to also write robustness.json and robustness.svg."),
    ] = None,
    weights: WeightsFolder = None,
) -> None:
    """Measure what damage to songs does to a judge's scores, by kind of damage and severity.

    Each song is scored in about 160 versions. Embeddings (no audio, no names) are cached as by `rank`, so that an
    interrupted run continues where it stopped; it also shows the profile of the songs that were done.
    Exit status: 0 measured, 1 not, or some song failed, 2 the judge is not available, 130 interrupted.
    """
    with exiting(1):
        complete = _robustness(sources, judge, damage or [], seconds, format, out, weights)
    raise typer.Exit(int(not complete))


def _robustness(
    sources: Sequence[Path],
    name: str,
    damage: Sequence[str],
    seconds: float,
    format: Format,
    out: Path | None,
    weights: Path | None,
) -> bool:
    """Measure, and write the results. Return whether no song failed."""
    from ..evaluation.profile import Profile, to_json
    from ..evaluation.robustness import Scores, choose, profile
    from ..plots.robustness import robustness as draw
    from ..ranking.batch import gather

    kinds = choose(damage)
    if out is not None:
        check_results(out, FILES, Profile)
    with TemporaryDirectory(prefix="apex-robustness-") as scratch:
        songs = gather(sources, Path(scratch)).songs
        judge = cached_judge(name, weights)
        scores = Scores(kinds, tuple(axis for axis in BY_KEY if axis in judge.head.axes))
        interrupted = _measure(songs, judge, scores, seconds)
    if interrupted and len(scores.songs) < 2:
        raise KeyboardInterrupt
    found = profile(judge, scores, seconds)
    _write(found, scores, format)
    if out is not None:
        write_results(out, FILES, {".json": to_json(found, scores.failed), ".svg": draw(found)})
    if interrupted:
        raise KeyboardInterrupt
    return not scores.failed


def _measure(songs: "Sequence[BatchSong]", judge: "Judge", scores: "Scores", seconds: float) -> bool:
    """Score all versions of the songs. Return whether an interruption cut it short."""
    from rich.progress import BarColumn, Progress, TextColumn

    from ..evaluation.robustness import measure

    columns = BarColumn(), TextColumn("{task.description}", markup=False)
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("", total=None)
        try:
            for step in measure(songs, judge, scores, seconds):
                bar.update(task, description=_so_far(step), total=step.total, completed=step.done)
                if step.error or (step.song and not messages.is_terminal):
                    messages.print(f"{_so_far(step)}: {step.song} {step.error}".rstrip())
        except KeyboardInterrupt:
            return True
    return False


def _so_far(step: "RobustnessProgress") -> str:
    from ..core.i18n import format_duration

    left = f", {format_duration(step.left)} left" if step.left else ""
    return f"{step.done} of {step.total} versions of songs{left}"


def _write(found: "Profile", scores: "Scores", format: Format) -> None:
    from ..evaluation.profile import to_csv, to_json

    if format is Format.json:
        typer.echo(to_json(found, scores.failed))
    elif format is Format.csv:
        typer.echo(to_csv(found), nl=False)
    else:
        for axis in found.floors:
            show(_table(found, axis))
        typer.echo("\n".join(CAPTION))
        if found.check is not None:
            show(_check(found.check))


def _table(found: "Profile", key: str) -> Table:
    """Return what each kind of damage does to one score."""
    axis = BY_KEY[key]
    table = Table(
        title=f"{found.judge}: {axis.label}{f', {axis.span}' if axis.span else ''}, of {len(found.songs)} songs. "
        f"Intact: {found.intact[key]:.2f} on average. Noise floor: {_interval(found.floors[key])}",
        padding=0,  # so that it fits into 80 columns
    )
    table.add_column("damage", no_wrap=True)
    for column in (*map(str, found.severities), "order", "falls"):
        table.add_column(column, justify="right", no_wrap=True)
    for column in ("half noticed at", "change at worst"):
        table.add_column(column, justify="right")
    for row in found.responses:
        if row.axis == key:
            table.add_row(row.kind, *_cells(row))
    return table


def _cells(row: "Response") -> Iterable[str]:
    for change, noticed in zip(row.change, row.noticed, strict=True):
        yield f"{change.value:+.2f}{'*' if noticed.value >= 0.5 else ' '}"
    yield f"{row.order.value:+.2f}"
    yield f"{100 * row.falls.value:.0f}%"
    yield _half(row.half)
    worst = row.change[-1]
    yield f"({worst.low:+.2f} to {worst.high:+.2f})"


def _half(half: "Half") -> str:
    if half.value is None:
        return "never" if half.low is None else f"never ({half.low:.2f} to never)"
    return f"{half.value:.2f} ({half.low:.2f} to {'never' if half.high is None else f'{half.high:.2f}'})"


def _interval(figure: "ConfidenceInterval") -> str:
    return f"{figure.value:.3g} ({figure.low:.3g} to {figure.high:.3g})"


def _check(check: "Check") -> Table:
    """Return what listeners said of such damage beside what the score says of it."""
    from ..evaluation.published import PMQD_ORIGINAL

    table = Table(
        title=f"{BY_KEY[check.axis].label} beside listeners' ratings of audio quality, 1-5 (PMQD, arXiv 2006.06287)",
        caption=f"Listeners gave the music as it was {PMQD_ORIGINAL:.2f}. Their songs, and how their severities were "
        f"made, are others.\nRank correlation over all fifths of intensity: {check.agreement}",
    )
    for column in ("damage", "what listeners heard"):
        table.add_column(column)
    for column in ("their mean at 80 to 100", "and how far below", "the score's change at 0.8 to 1"):
        table.add_column(column, justify="right")
    for row in sorted(check.rows, key=lambda row: row.ratings[-1]):
        change = row.change[-1]
        table.add_row(
            row.kind,
            row.degradation,
            f"{row.ratings[-1]:.2f}",
            f"{row.ratings[-1] - PMQD_ORIGINAL:+.2f}",
            f"{change.value:+.2f} ({change.low:+.2f} to {change.high:+.2f})",
        )
    return table
