"""The command `evaluate`."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from ..core.errors import EvaluationError
from ..core.text import printable, sanitize
from .common import OFTEN, Format, WeightsFolder, check_results, exiting, messages, show, write_results

if TYPE_CHECKING:
    from ..core.intervals import ConfidenceInterval
    from ..core.tables import BadRow
    from ..evaluation.metrics import Evaluation, SetResult
    from ..evaluation.songs import RatedSong
    from ..training.apex.evaluate import CheckpointEvaluation


def evaluate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Table (csv, jsonl, parquet) of ratings and predictions, in columns such as truth_musicality and "
            "pred_musicality. With --judge: a table of ratings, or ASLP-lab/SongEval, or a folder that has it.",
        ),
    ],
    judge: Annotated[
        str | None, typer.Option(help="Judge that predicts the ratings from the songs: a name from `judges`.")
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the table's songs, named by id; default: the table's folder."),
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Use only the songs listed in this file, one id per line.")
    ] = None,
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.table,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder in which to also write evaluate.json and evaluate.svg.")
    ] = None,
    scp: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder in which to also write the predictions as the ASAE Challenge takes them; songs may then lack "
            "ratings.",
        ),
    ] = None,
    weights: WeightsFolder = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Checkpoint of APEX's head to evaluate by its own figures. SOURCE is then a folder of "
            "embedded segments, as for train.",
        ),
    ] = None,
    targets: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --checkpoint: the songs' scores and split, as for train.")
    ] = None,
    part: Annotated[
        Literal["train", "val", "test"], typer.Option(help="With --checkpoint: the part of the songs to evaluate on.")
    ] = "test",
) -> None:
    """Compare predictions with people's ratings by the ASAE Challenge's metrics, and with published figures.

    With --checkpoint, compare a trained head of APEX with the songs' scores by APEX's own figures.
    With APEX_CACHE_DIR, a run does not encode the songs again that an interrupted run has encoded.
    Exit status: 0 evaluated, 1 not, or some song was left out, 2 the judge is not available, 130 interrupted.
    """
    with exiting(1):
        if checkpoint is not None:
            if (judge, audio, ids, scp) != (None, None, None, None):
                raise EvaluationError(
                    "--checkpoint is for embedded segments: leave out --judge, --audio, --ids and --scp."
                )
            _evaluate_checkpoint(checkpoint, Path(source), part, targets, format, out)
            return
        complete = _evaluate(source, judge, audio, ids, format, out, scp, weights)
    raise typer.Exit(int(not complete))


def _evaluate_checkpoint(
    checkpoint: Path, segments: Path, part: str, targets: Path | None, format: Format, out: Path | None
) -> None:
    from ..plots.training import predictions
    from ..training.apex.evaluate import CheckpointEvaluation, evaluate, to_json
    from ..training.measure import to_csv

    if out is not None:
        check_results(out, "evaluate", CheckpointEvaluation)
    found = evaluate(checkpoint, segments, part, targets)
    if targets is None and not (segments / part).is_dir():
        messages.print("Without parts or --targets all its songs are taken, also those that it may have learned from.")
    if format is Format.json:
        typer.echo(to_json(found.evaluation))
    elif format is Format.csv:
        typer.echo(to_csv(found.measured), nl=False)
    else:
        show(_checkpoint_figures(found.evaluation))
    if out is not None:
        columns = zip(found.songs.axes, found.songs.labels.T.tolist(), found.predicted.T.tolist(), strict=True)
        picture = predictions(f"{checkpoint.name}: {len(found.songs)} songs", {axis: (x, y) for axis, x, y in columns})
        write_results(out, "evaluate", {".json": to_json(found.evaluation), ".svg": picture})


def _checkpoint_figures(evaluation: "CheckpointEvaluation") -> Table:
    """Return the figures of each score, for all platforms and for each."""
    epoch = "" if evaluation.epoch is None else f", epoch {evaluation.epoch}"
    table = Table(
        title=f"{evaluation.checkpoint}{epoch}: {evaluation.num_songs} songs",
        caption=f"mode {evaluation.mode}, task {evaluation.task}, loss {evaluation.loss}, {evaluation.n_shared} shared",
    )
    for column in ("score", "platform"):
        table.add_column(column)
    for column in ("squared error", "absolute error", "Pearson", "Spearman"):
        table.add_column(column, justify="right")
    for platform, metrics in (("all", evaluation.metrics), *evaluation.platforms.items()):
        for score, figures in metrics.items():
            table.add_row(score, sanitize(platform), *map(_cell, asdict(figures).values()))
    return table


def _evaluate(
    source: str,
    judge: str | None,
    audio: Path | None,
    ids: Path | None,
    format: Format,
    out: Path | None,
    scp: Path | None,
    weights: Path | None,
) -> bool:
    """Evaluate, and write the results. Return whether no song was left out."""
    from ..evaluation import metrics, report, songs

    _check_folders(out, scp)
    found = songs.read(source, audio, unrated=scp is not None)
    if ids is not None:
        found = songs.choose(found, ids)
    elif songs.is_dataset(source):
        messages.print("Without --ids all its songs are taken, also those that some judges have learned from.")
    if judge is not None:
        found = _predict(found, judge, weights)
    kept = [song for song in found if isinstance(song, songs.RatedSong)]
    left_out = [song for song in found if not isinstance(song, songs.RatedSong)]
    for song in left_out:
        messages.print(printable(f"{song.name}: left out. {song.why}"))
    if scp is not None:
        kept = _write_entry(kept, scp)
        if not kept:
            messages.print("No song has ratings, so nothing is compared.")
            return not left_out
    sets = songs.as_sets(kept)
    messages.print(f"{len(kept)} songs; resampling them, which takes some seconds")
    evaluation = metrics.evaluate(judge or Path(source).name, sets)
    _write(evaluation, left_out, format)
    if out is not None:
        write_results(
            out, "evaluate", {".json": report.to_json(evaluation, left_out), ".svg": report.as_svg(evaluation)}
        )
    return not left_out


def _check_folders(out: Path | None, scp: Path | None) -> None:
    """Raise OutputRefused before the work if its results could not be written."""
    from ..evaluation import challenge, metrics

    if out is not None:
        check_results(out, "evaluate", metrics.Evaluation)
    if scp is not None:
        challenge.check_folder(scp)


def _write_entry(songs: "list[RatedSong]", folder: Path) -> "list[RatedSong]":
    """Write the predictions as the challenge takes them. Return the songs that have ratings."""
    from ..evaluation import challenge

    written = challenge.files(songs)
    challenge.write(written, folder)
    for name, content in written.items():
        messages.print(f"{folder / name}: {len(content.splitlines())} songs")
    return [song for song in songs if song.truth]


def _predict(found: "Iterable[RatedSong | BadRow]", name: str, weights: Path | None) -> "list[RatedSong | BadRow]":
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

    from ..evaluation.songs import predict
    from ..judges.loading import load_judge

    ready, songs, predicted = load_judge(name, weights), list(found), []
    columns = SpinnerColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("", total=len(songs))
        for song in predict(songs, ready):
            predicted.append(song)
            bar.update(task, advance=1)
            if not messages.is_terminal and len(predicted) % OFTEN == 0:
                messages.print(f"{len(predicted)} of {len(songs)} songs scored")
    return predicted


def _write(evaluation: "Evaluation", left_out: "list[BadRow]", format: Format) -> None:
    from ..evaluation import report

    if format is Format.json:
        typer.echo(report.to_json(evaluation, left_out))
    elif format is Format.csv:
        typer.echo(report.to_csv(evaluation), nl=False)
    else:
        for one in evaluation.sets:
            show(_figures(one))
        show(_comparison(evaluation))


def _figures(one: "SetResult") -> Table:
    from ..evaluation.metrics import CORRELATIONS, METRICS
    from ..evaluation.report import label

    who = f", {one.systems} systems" if one.systems else ", systems not known"
    table = Table(title=f"{f'Set {one.name}: ' if one.name else ''}{one.songs} songs{who}", caption="95% intervals")
    table.add_column("dimension")
    for metric in METRICS:
        table.add_column(f"{metric}\nsongs", justify="right")
    for metric in CORRELATIONS if one.systems else ():
        table.add_column(f"{metric}\nsystems", justify="right")
    for dimension, metrics in one.utterance.items():
        figures = [*metrics.values(), *one.system.get(dimension, {}).values()]
        table.add_row(label(dimension), *map(_cell, figures))
    return table


def _comparison(evaluation: "Evaluation") -> Table:
    from ..evaluation.metrics import METRICS
    from ..evaluation.published import VALIDATION_IDS
    from ..evaluation.report import compared

    note = f"Comparable only on the same songs: SongEval's 200 for validation are listed in\n{VALIDATION_IDS}"
    table = Table(title="Beside published figures", caption=note)
    for column in ("track", "system", "songs"):
        table.add_column(column)
    for column in ("score", *METRICS):
        table.add_column(column, justify="right")
    for entry in compared(evaluation):
        cells = (entry.score, *(entry.metrics.get(metric) for metric in METRICS))
        table.add_row(entry.track, entry.name, entry.songs, *map(_cell, cells))
    return table


def _cell(figure: "ConfidenceInterval | float | None") -> str:
    if figure is None:
        return "-"
    if isinstance(figure, float):
        return f"{figure:.3f}"
    return f"{figure.value:.3f}\n{figure.low:.3f} to {figure.high:.3f}"
