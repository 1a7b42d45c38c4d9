"""The commands of `train`: they train a judge's head on embedded songs."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from .common import exiting, messages, show

if TYPE_CHECKING:
    from ..training.apex.grid import Condition
    from ..training.apex.run import Run
    from ..training.apex.settings import TrainingSettings
    from ..training.apex.trainer import History

train = typer.Typer(help="Train a judge's head on embedded songs.", no_args_is_help=True)
Segments = Annotated[
    Path,
    typer.Argument(
        metavar="SEGMENTS",
        help="Folder of embedded segments, as extract writes it, or with folders train, val and test.",
    ),
]
Targets = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Table of the songs' scores and their split, as targets writes it: csv, jsonl or parquet."
    ),
]


@train.callback()
def group() -> None:
    """Train a judge's head on embedded songs."""


@train.command()
def apex(
    segments: Segments,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder in which each run gets a folder of its own.")],
    targets: Targets = None,
    mode: Annotated[
        Literal["song", "segment"], typer.Option(help="What a sample is: a song's mean embedding, or each segment.")
    ] = "song",
    task: Annotated[
        Literal["full", "popularity"], typer.Option(help="All seven scores, or streams and likes alone.")
    ] = "full",
    loss: Annotated[
        Literal["uncertainty", "weighted", "equal"], typer.Option(help="How the errors of the scores are weighed.")
    ] = "uncertainty",
    shared: Annotated[Literal["2", "3"], typer.Option(help="Number of layers that all scores share.")] = "2",
    grid: Annotated[
        bool, typer.Option("--grid", help="Train all 24 conditions of these four options, and compare them.")
    ] = False,
    epochs: Annotated[int, typer.Option(min=1, help="Maximum number of epochs.")] = 50,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs in a row without a better one, after which to stop.")
    ] = 20,
    batch: Annotated[int, typer.Option(min=2, help="Samples in a batch.")] = 512,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate of the first epoch.")] = 1e-4,
    weight_decay: Annotated[float, typer.Option(min=0, help="Weight decay.")] = 1e-4,
    clip: Annotated[float, typer.Option(min=0, help="Largest norm of the gradients.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the first weights and the dropout.")] = 42,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Keep the defects of the published code that move results.")
    ] = False,
) -> None:
    """Train the head of APEX, and measure it beside the mean and a ridge regression.

    A run that was interrupted or killed goes on exactly where it stopped if the command is repeated.
    Exit status: 0 trained, 1 not, 130 interrupted.
    """
    with exiting(1, f"Interrupted. Run the same command again to go on in {out}."):
        from ..training.apex.settings import TrainingSettings

        numbers = (epochs, patience, batch, rate, weight_decay, clip, seed)
        settings = TrainingSettings(mode, task, loss, int(shared), *numbers, as_published)
        _train(segments, targets, settings, out, grid)


def _train(folder: Path, targets: Path | None, settings: "TrainingSettings", out: Path, grid: bool) -> None:
    from ..models.encoders.device import device
    from ..training.apex.grid import conditions
    from ..training.apex.measure import measure_baselines
    from ..training.apex.provenance import provenance
    from ..training.apex.run import prepare, run
    from ..training.apex.settings import AXES
    from ..training.apex.table import check_labels, load

    prepare(out)
    split = load(folder, AXES["full"] if grid else settings.axes, targets)
    check_labels(split.songs())
    messages.print(", ".join(f"{part}: {len(each.keys()):,} songs" for part, each in split.parts()))
    beaten, data = measure_baselines(split), provenance(folder, targets)
    runs = []
    for each in conditions(settings) if grid else [settings]:
        messages.print(each.run)
        runs.append(run(split, beaten, each, out, str(device()), _reporter(each), data))
        _draw(runs[-1])
    if grid:
        _compare(runs, out)
    else:
        show(_results(runs[0]))
        messages.print(f"{runs[0].folder / 'best_model.pt'}: epoch {runs[0].history.best.number}")


def _reporter(settings: "TrainingSettings") -> "Callable[[History], None]":
    """Return a function that prints the newest epoch, and logs it with trackio where that is installed."""
    from ..training.apex.run import flat

    try:
        import trackio  # type: ignore[import-not-found, unused-ignore]

        trackio.init(project="apex-space", name=settings.run, config=asdict(settings), resume="allow")
    except ImportError:
        trackio = None

    def report(history: "History") -> None:
        last = history.epochs[-1]
        best = " (the best so far)" if history.best is last else ""
        losses = f"training loss {last.train_loss:.2f}, validation loss {last.val_loss:.2f}"
        messages.print(f"epoch {last.number} of {settings.epochs}: {losses}{best}")
        if trackio is not None:
            trackio.log(flat(last))

    return report


def _draw(run: "Run") -> None:
    from ..plots.training import training_curves
    from ..training.apex.run import write

    epochs = run.history.epochs
    panels = {"loss": ([e.train_loss for e in epochs], [e.val_loss for e in epochs])}
    panels |= {a: ([e.train[a] for e in epochs], [e.val[a] for e in epochs]) for a in run.settings.axes}
    picture = training_curves(f"{run.settings.run}: squared errors", panels, run.history.best.number)
    write(run.folder / "curves.svg", picture)


def _results(run: "Run") -> Table:
    from ..training.apex.measure import POOLED

    table = Table(title="Songs of the test part")
    for column in ("score", "model", "squared error", "absolute error", "Pearson", "Spearman"):
        table.add_column(column, justify="left" if column in ("score", "model") else "right")
    shown = [each for each in run.results if (each.part, each.platform) == ("test", POOLED)]
    for axis in run.settings.axes:
        for each in (each for each in shown if each.axis == axis):
            table.add_row(axis, each.model, *map(_number, asdict(each.figures).values()))
    return table


def _compare(runs: "list[Run]", out: Path) -> None:
    """Show, write and draw the conditions, the best first."""
    from ..plots.training import training_conditions
    from ..training.apex.grid import compared, grid_csv, ridge_skill
    from ..training.apex.run import write

    found, ridge = compared(runs), ridge_skill(runs[0])
    write(out / "grid.csv", grid_csv(found))
    write(out / "grid.svg", training_conditions([(each.run, each.val, each.test) for each in found], ridge))
    table = Table(title="Skill at popularity: 0 is the mean of the training songs, 1 is perfect")
    for column in ("mode", "task", "loss", "shared layers", "best epoch", "validation", "test"):
        table.add_column(column)
    for row in _rows(found):
        table.add_row(*row)
    table.add_row("ridge", "", "", "", "", *map(_number, ridge))
    show(table)


def _rows(found: "list[Condition]") -> Iterator[tuple[str, ...]]:
    for each in found:
        numbers = str(each.shared), str(each.best_epoch), _number(each.val), _number(each.test)
        yield (each.mode, each.task, each.loss, *numbers)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
