"""The commands `score` and `judges`."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..core.axes import AXES
from ..core.errors import ApexSpaceError, OutputRefused
from ..core.text import printable
from ..judges.report import Failure, Report, to_json
from ..judges.report_csv import to_csv
from .common import Format, WeightsFolder, messages, show

if TYPE_CHECKING:
    from ..judges.judge import Judge


def score(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Songs: wav, flac, mp3, ogg, opus, m4a ...")],
    judge: Annotated[
        str, typer.Option(help="Judges that score the songs: names from `judges`, separated by commas, or all.")
    ] = "pocket",
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.table,
    weights: WeightsFolder = None,
    prompt: Annotated[
        str | None,
        typer.Option(help="Prompt that the songs were made from. Only tunejury hears it, by its head for all inputs."),
    ] = None,
    cut: Annotated[
        Path | None, typer.Option(help="Folder for the best and the weakest 30 s of each song, as mp3 files.")
    ] = None,
) -> None:
    """Score songs with one judge after another.

    Exit status: 0 all scored, 1 some file failed, 2 a judge is not available, 130 interrupted.
    """
    from ..judges.registry import REGISTRY

    results: list[Report | Failure] = []
    stems = _stems(files)
    absent, uncut, interrupted = False, False, True
    with suppress(KeyboardInterrupt):  # what was scored so far is still written
        names = list(REGISTRY) if judge == "all" else [name.strip() for name in judge.split(",")]
        for place, name in enumerate(names):
            try:
                for file, result in zip(
                    files, _by(name, files, weights, names[1:] if place == 0 else [], prompt), strict=True
                ):
                    results.append(result)
                    if cut and isinstance(result, Report):
                        uncut |= not _is_cut(file, result, cut, stems[file])
            except ApexSpaceError as error:
                messages.print(f"{name}: {error}")
                absent = True
        interrupted = False
    if results or not absent:
        _write(results, format)
    failed = uncut or any(isinstance(result, Failure) for result in results)
    raise typer.Exit(130 if interrupted else 2 if absent else int(failed))


def _stems(files: Iterable[Path]) -> dict[Path, str]:
    """Return how the names of each song's passages begin: the stem, from its second file on with a number."""
    found, often = {}, Counter[str]()
    for file in dict.fromkeys(files):
        often[file.stem] += 1
        found[file] = f"{file.stem} ({often[file.stem]})" if often[file.stem] > 1 else file.stem
    return found


def _is_cut(file: Path, report: Report, folder: Path, stem: str) -> bool:
    """Cut the passages of a song. Return False if that fails, after a message."""
    try:
        _cut(file, report, folder, stem)
    except ApexSpaceError as error:
        messages.print(f"{report.file}: {printable(str(error))}")
        return False
    return True


def _cut(file: Path, report: Report, folder: Path, stem: str) -> None:
    """Write the best and the weakest passage of a song by preference, or else by its first score.

    No file is replaced. Raises AudioError and OutputRefused.
    """
    from ..audio.isolated import cut_passage
    from ..core.files import replacing
    from ..preference.passages import preferred

    found = preferred(report) or next(iter(report.passages.values()), None)
    if found is None:
        messages.print(f"{report.file}: {report.judge} knows no passages of this song")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, passage in (("best", found.best), ("weakest", found.weakest)):
            target = folder / f"{stem}-{report.judge}-{kind}-{passage.start:.0f}-{passage.end:.0f}s.mp3"
            if os.path.lexists(target):
                messages.print(f"{printable(str(target))} is there already and stays")
                continue
            with replacing(target) as part:
                part.write_bytes(cut_passage(file, passage.start, passage.end))
    except OSError as error:
        raise OutputRefused(f"{folder} cannot be written to ({error.strerror}). Choose another --cut.") from error


def _by(
    name: str, files: Iterable[Path], weights: Path | None, others: list[str], prompt: str | None
) -> Iterator[Report | Failure]:
    """Score the files with the judge of that name.

    `others` are the judges that follow; the estimated time of all judges is shown before the first one begins.
    """
    from ..judges.loading import load_judge

    yield from _score_all(load_judge(name, weights, prompt=prompt), files, others)


def _score_all(judge: "Judge", files: Iterable[Path], others: list[str]) -> Iterator[Report | Failure]:
    from rich.markup import escape
    from rich.progress import Progress

    from ..judges.judge import ScoringProgress
    from ..judges.score import ScoreRequest, result
    from ..judges.score import score as score_song

    for file in files:
        name = printable(str(file))
        with Progress(console=messages, transient=True, disable=not messages.is_terminal) as bar:
            task = bar.add_task(escape(printable(file.name)), total=None)
            try:
                for step in score_song(ScoreRequest(file, judge.name, name), lambda _: iter([judge])):
                    assert isinstance(step, ScoringProgress)  # the judge is loaded
                    if not step.share and step.left is not None:
                        messages.print(f"{name}: {_time_estimate(judge.name, step.duration, step.left, others)}")
                    bar.update(task, total=1.0, completed=step.share)
                report = result(step)
                assert isinstance(report, Report)
                messages.print(f"{name}: {report.duration:.0f} s of music scored in {report.seconds:.1f} s")
                yield report
            except ApexSpaceError as error:
                messages.print(f"{name}: {error}")
                yield Failure(name, str(error))


def _time_estimate(judge: str, duration: float, left: float, others: list[str]) -> str:
    """Return a text on how long a song of `duration` takes the judge and, if there are any, the `others` as well."""
    from ..core.i18n import format_duration
    from ..judges.panel import estimate_all_seconds

    alone, rest = (
        f"{duration:.0f} s of music take {judge} {format_duration(left)}",
        estimate_all_seconds(others, [duration], [judge]),
    )
    return f"{alone}, and all judges {format_duration(left + rest)}" if rest else alone


def _write(results: list[Report | Failure], format: Format) -> None:
    if format is Format.json:
        from ..preference import passages

        plain = [passages.as_dict(result) if isinstance(result, Report) else result.as_dict() for result in results]
        typer.echo(to_json(plain))
    elif format is Format.csv:
        typer.echo(to_csv(results), nl=False)
    else:
        show(_table(results))


def _table(results: list[Report | Failure]) -> Table:
    reports = [result for result in results if isinstance(result, Report)]
    shown = [axis for axis in AXES if any(axis in report.axes for report in reports)]
    table = Table(caption=_caption(reports))
    table.add_column("song", overflow="fold")
    table.add_column("judge")
    for axis in shown:
        table.add_column(f"{axis.label}\n{axis.span}", justify="right")
    for report in reports:
        values = (report.scores[axis.key] for axis in shown)
        table.add_row(report.file, report.judge, *("-" if value is None else f"{value:.2f}" for value in values))
    return table


def _caption(reports: list[Report]) -> str:
    if not reports:
        return "no song was scored"
    lines = []
    for first in {report.judge: report for report in reversed(reports)}.values():
        sources = ", ".join(map(str, first.weights))
        lines += [f"{first.judge}, {first.precision}: {sources}"]
        lines += [f"for the prompt: {first.prompt}"] if first.prompt else []
        lines += [f"no {axis}: {reason}" for axis, reason in first.missing.items()]
    return "\n".join(lines)


def judges(weights: WeightsFolder = None) -> None:
    """List each judge with its axes, its state and the reason for it, and what `verify` found of it."""
    from ..judges.loading import weights_state
    from ..judges.registry import REGISTRY
    from ..judges.verified import describe, licence, summary

    table = Table(show_lines=True)
    for column in ("judge", "what it is", "licence of the weights", "axes", "state", "why", "verified"):
        table.add_column(column, overflow="fold")
    for name in REGISTRY:
        now = weights_state(name, weights)
        ready = "ready" if now.ready else "not ready"
        loaded = now.weights if now.ready else None
        what = summary(name, loaded), licence(name, loaded)
        table.add_row(name, *what, ", ".join(now.axes), ready, now.why, describe(name, loaded))
    show(table)
