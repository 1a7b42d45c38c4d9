"""`score` and `judges`."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..axes import AXES
from ..errors import ApexSpaceError
from ..report import Failure, Report, to_csv
from .common import Format, JudgeName, WeightsFolder, messages, show

if TYPE_CHECKING:
    from ..judges import Judge


def score(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Songs: wav, flac, mp3, ogg, opus, m4a ...")],
    judge: JudgeName = "pocket",
    format: Annotated[Format, typer.Option(help="How results are written to stdout.")] = Format.table,
    weights: WeightsFolder = None,
) -> None:
    """Score songs. Exit status: 0 all scored, 1 some file failed, 2 the judge is not available, 130 interrupted."""
    from ..judges import load_judge

    try:
        ready = load_judge(judge, weights)
    except ApexSpaceError as error:
        messages.print(f"{judge}: {error}")
        raise typer.Exit(2) from error
    results: list[Report | Failure] = []
    interrupted = True
    with suppress(KeyboardInterrupt):  # what was scored so far is still written
        for result in _score_all(ready, files):
            results.append(result)  # noqa: PERF402
        interrupted = False
    _write(results, format)
    raise typer.Exit(130 if interrupted else int(any(isinstance(result, Failure) for result in results)))


def _score_all(judge: "Judge", files: Iterable[Path]) -> Iterator[Report | Failure]:
    from rich.markup import escape
    from rich.progress import Progress

    for file in files:
        with Progress(console=messages, transient=True, disable=not messages.is_terminal) as bar:
            task = bar.add_task(escape(file.name), total=None)
            try:
                for report in judge.steps(file, str(file)):
                    bar.update(task, total=report.duration, completed=report.segments[-1].end)
                messages.print(f"{file}: {report.duration:.0f} s of music scored in {report.seconds:.1f} s")
                yield report
            except ApexSpaceError as error:
                messages.print(f"{file}: {error}")
                yield Failure(str(file), str(error))


def _write(results: list[Report | Failure], format: Format) -> None:
    if format is Format.json:
        typer.echo(json.dumps([result.as_dict() for result in results], indent=1, ensure_ascii=False, allow_nan=False))
    elif format is Format.csv:
        typer.echo(to_csv(results), nl=False)
    else:
        show(_table(results))


def _table(results: list[Report | Failure]) -> Table:
    table = Table(caption=_caption(results))
    table.add_column("song", overflow="fold")
    for axis in AXES:
        table.add_column(f"{axis.label}\n{axis.low:g}-{axis.high:g}", justify="right")
    for result in results:
        if isinstance(result, Report):
            values = (result.scores[axis.key] for axis in AXES)
            table.add_row(result.file, *("-" if value is None else f"{value:.2f}" for value in values))
    return table


def _caption(results: list[Report | Failure]) -> str:
    reports = [result for result in results if isinstance(result, Report)]
    if not reports:
        return "no song was scored"
    first = reports[0]
    reasons = [f"no {axis}: {reason}" for axis, reason in first.missing.items()]
    sources = ", ".join(f"{w.repository} ({w.revision})" for w in first.weights)
    return "\n".join([f"{first.judge}, {first.precision}: {sources}", *reasons])


def judges(weights: WeightsFolder = None) -> None:
    """List each judge, its axes, its state and why."""
    from ..judges import REGISTRY, state

    table = Table(show_lines=True)
    for column in ("judge", "what it is", "axes", "state", "why"):
        table.add_column(column, overflow="fold")
    for name, entry in REGISTRY.items():
        now = state(name, weights)
        table.add_row(name, entry.summary, ", ".join(now.axes), "ready" if now.ready else "not ready", now.why)
    show(table)
