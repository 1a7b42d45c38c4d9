"""The commands of `train`: they train a judge's head on embedded songs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from .common import exiting, messages, show

if TYPE_CHECKING:
    from ..training.apex.grid import Condition
    from ..training.apex.run import Run
    from ..training.apex.settings import TrainingSettings
    from ..training.banger.run import Run as BangerRun
    from ..training.banger.trainer import BangerSettings
    from ..training.hear.run import Run as HearRun
    from ..training.hear.trainer import HearSettings
    from ..training.loop import Epoch, History
    from ..training.measure import Measured

train = typer.Typer(help="Train a judge's head on embedded songs.", no_args_is_help=True)
FIGURES = "LCC + SRCC + KTAU + TTA"
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


@train.command()
def banger(
    songs: Annotated[
        Path,
        typer.Argument(
            metavar="SONGS",
            help="Folder of embedded songs, as extract --encoder mert-330m writes it, or a Parquet file with the "
            "columns track_id, embedding and banger_score.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder in which each run gets a folder of its own.")],
    targets: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Table of the songs' scores, as targets --banger writes it."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Train with so many seeds, and show the mean and the range.")
    ] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Maximum number of epochs.")] = 200,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs in a row without a better one, after which to stop.")
    ] = 21,
    batch: Annotated[int, typer.Option(min=2, help="Songs in a batch.")] = 64,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate of the first epoch.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(min=0, help="Weight decay.")] = 1e-4,
    seed: Annotated[int, typer.Option(help="First seed of the first weights, the order and the dropout.")] = 42,
) -> None:
    """Train the head of Banger, and measure it beside the mean and a ridge regression.

    A run that was interrupted or killed goes on exactly where it stopped if the command is repeated.
    Exit status: 0 trained, 1 not, 130 interrupted.
    """
    with exiting(1, f"Interrupted. Run the same command again to go on in {out}."):
        from ..training.banger.trainer import BangerSettings

        numbers = (epochs, patience, batch, rate, weight_decay)
        _train_banger(songs, targets, [BangerSettings(*numbers, seed + number) for number in range(seeds)], out)


def _train_banger(songs: Path, targets: Path | None, settings: "list[BangerSettings]", out: Path) -> None:
    from ..core.files import claimed
    from ..models.encoders.device import device
    from ..training.banger.data import load
    from ..training.banger.run import check_spread, flat, run
    from ..training.files import LOCK, prepare
    from ..training.measure import measure_baselines
    from ..training.table import check_labels

    prepare(out)
    if len(settings) > 1:
        check_spread(out)
    split = load(songs, targets)
    check_labels(split)
    messages.print(", ".join(f"{part}: {len(each.keys()):,} songs" for part, each in split.parts()))
    beaten, runs = measure_baselines(split), []
    for each in settings:
        messages.print(each.run)
        report = _reporter(each, each.run, each.epochs, flat, lambda epoch: f"validation error {epoch.val_mae:.3f}")
        with claimed(out / each.run, LOCK):
            runs.append(run(split, beaten, each, out, str(device()), report))
            _draw_banger(runs[-1])
    show(_results(runs[0].results))
    if len(runs) > 1:
        show(_spread(runs, out))
    messages.print(f"{runs[0].folder / 'scorer_model.pt'}: epoch {runs[0].history.best.number}")


def _draw_banger(run: "BangerRun") -> None:
    from ..plots.training import training_curves
    from ..training.files import PICTURE, write

    epochs = run.history.epochs
    panels = {
        "squared error": ([e.train_loss for e in epochs], [e.val_loss for e in epochs]),
        "absolute error": ([e.train_mae for e in epochs], [e.val_mae for e in epochs]),
    }
    write(run.folder / PICTURE, training_curves(run.settings.run, panels, run.history.best.number))


def _spread(runs: "list[BangerRun]", out: Path) -> Table:
    """Write and show the figures of all seeds."""
    from ..training.banger.run import SEEDS, spread
    from ..training.files import rows_csv, write

    found = [asdict(each) for each in spread(runs)]
    write(out / SEEDS, rows_csv(found))
    table = Table(title=f"The head with {len(runs)} seeds")
    for column in ("part", "figure", "mean", "least", "greatest", "published, on FMA-small"):
        table.add_column(column)
    for part, figure, *values in (each.values() for each in found):
        table.add_row(part, figure, *map(_number, values))
    return table


@train.command()
def hear_frames(
    musicfm: Annotated[Path, typer.Argument(metavar="MUSICFM", help="Folder that extract --encoder musicfm wrote.")],
    muq: Annotated[Path, typer.Argument(metavar="MUQ", help="Folder that extract --encoder muq wrote.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write a .npy for each song to.")],
) -> None:
    """Put the frames of both encoders side by side, as HEAR hears them. A song takes 0.4 MB a second.

    Songs whose file is there already are left as they are. Exit status: 0 written, 1 not.
    """
    with exiting(1, f"Interrupted. Run the same command again to go on in {out}."):
        from ..training.hear.frames import join

        messages.print(f"{out}: {join(musicfm, muq, out):,} songs")


@train.command()
def hear(
    frames: Annotated[
        Path,
        typer.Argument(
            metavar="FRAMES",
            help="Folder with the frames of each song, as hear-frames writes it: ID.npy, and for changed copies "
            "ID_aug1.npy and so on.",
        ),
    ],
    targets: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Table of the songs' ratings and their split: csv, jsonl or parquet with id and split."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder in which each run gets a folder of its own.")],
    track: Annotated[
        Literal["1", "2"], typer.Option(help="Track of the ASAE Challenge: musicality alone, or all five axes.")
    ] = "1",
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 60,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs in a row without a better one, after which to stop.")
    ] = 60,
    batch: Annotated[int, typer.Option(min=2, help="Songs in a batch, whose order is learned.")] = 8,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches for an update.")] = 4,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate at first.")] = 1e-5,
    weight_decay: Annotated[float, typer.Option(min=0, help="Weight decay.")] = 1e-3,
    clip: Annotated[float, typer.Option(min=0, help="Largest norm of the gradients.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the first weights, the order, the partners and the dropout.")] = 0,
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published", help="Choose the checkpoint by the songs that are reported, and learn as published."
        ),
    ] = False,
) -> None:
    """Train the head of HEAR, and measure it beside the mean and a ridge regression.

    A run that was interrupted or killed goes on exactly where it stopped if the command is repeated.
    Exit status: 0 trained, 1 not, 130 interrupted.
    """
    with exiting(1, f"Interrupted. Run the same command again to go on in {out}."):
        from ..training.hear.trainer import HearSettings

        numbers = (epochs, patience, batch, accumulate, rate, weight_decay, clip, seed)
        _train_hear(frames, targets, HearSettings(int(track), *numbers, as_published), out)


def _train_hear(frames: Path, targets: Path, settings: "HearSettings", out: Path) -> None:
    from ..core.files import claimed
    from ..models.encoders.device import device
    from ..training.files import LOCK, prepare
    from ..training.hear.data import load
    from ..training.hear.run import flat, run
    from ..training.measure import measure_baselines

    prepare(out)
    parts = load(frames, targets, settings.axes, settings.as_published)
    split = parts.split()
    messages.print(", ".join(f"{part}: {len(each.keys()):,} songs" for part, each in split.parts()))
    beaten = measure_baselines(split)
    messages.print(settings.run)
    report = _reporter(settings, settings.run, settings.epochs, flat, lambda epoch: f"{FIGURES} {epoch.score:.3f}")
    with claimed(out / settings.run, LOCK):
        done = run(parts, split, beaten, settings, out, str(device()), report)
        _draw_hear(done)
    show(_results(done.results))
    show(_challenge(done))
    messages.print(f"{done.folder / f'track_{settings.track}.pth'}: epoch {done.history.best.number}")


def _draw_hear(run: "HearRun") -> None:
    from ..plots.training import training_curves
    from ..training.files import PICTURE, write

    epochs = run.history.epochs
    panels: dict[str, tuple[list[float], list[float]]] = {
        "error of the scores": ([e.train_regression for e in epochs], []),
        "error of the order": ([e.train_rank for e in epochs], []),
        FIGURES: ([], [e.score for e in epochs]),
    }
    write(run.folder / PICTURE, training_curves(run.settings.run, panels, run.history.best.number))


def _challenge(run: "HearRun") -> Table:
    table = Table(title="The figures of the ASAE Challenge, a song at a time")
    for column in run.challenge[0]:
        table.add_column(column)
    for row in run.challenge:
        table.add_row(*(each if isinstance(each, str) else _number(each) for each in row.values()))
    return table


def _train(folder: Path, targets: Path | None, settings: "TrainingSettings", out: Path, grid: bool) -> None:
    from ..core.files import claimed
    from ..models.encoders.device import device
    from ..training.apex.grid import check_grid, conditions
    from ..training.apex.provenance import provenance
    from ..training.apex.run import flat, run
    from ..training.apex.settings import AXES
    from ..training.files import LOCK, prepare
    from ..training.measure import measure_baselines
    from ..training.table import check_labels, load

    prepare(out)
    if grid:
        check_grid(out)
    split = load(folder, AXES["full"] if grid else settings.axes, targets)
    check_labels(split.songs())
    messages.print(", ".join(f"{part}: {len(each.keys()):,} songs" for part, each in split.parts()))
    beaten, data = measure_baselines(split), provenance(folder, targets)
    runs = []
    for each in conditions(settings) if grid else [settings]:
        messages.print(each.run)
        report = _reporter(each, each.run, each.epochs, flat, lambda epoch: f"validation loss {epoch.val_loss:.2f}")
        with claimed(out / each.run, LOCK):
            runs.append(run(split, beaten, each, out, str(device()), report, data))
            _draw(runs[-1])
    if grid:
        _compare(runs, out)
    else:
        show(_results(runs[0].results))
        messages.print(f"{runs[0].folder / 'best_model.pt'}: epoch {runs[0].history.best.number}")


def _reporter(
    settings: Any, name: str, epochs: int, flat: "Callable[[Any], dict[str, float]]", told: "Callable[[Any], str]"
) -> "Callable[[History[Any]], None]":
    """Return a function that prints the newest epoch, and logs it with trackio where that is installed.

    `flat` returns an epoch's figures by name, and `told` says by what the best one is chosen.
    """
    try:
        import trackio  # type: ignore[import-not-found, unused-ignore]

        trackio.init(project="apex-space", name=name, config=asdict(settings), resume="allow")
    except ImportError:
        trackio = None

    def report(history: "History[Any]") -> None:
        last: Epoch = history.epochs[-1]
        best = " (the best so far)" if history.best is last else ""
        losses = f"training loss {last.train_loss:.2f}, {told(last)}"
        messages.print(f"epoch {last.number} of {epochs}: {losses}{best}")
        if trackio is not None:
            trackio.log(flat(last))

    return report


def _draw(run: "Run") -> None:
    from ..plots.training import training_curves
    from ..training.files import PICTURE, write

    epochs = run.history.epochs
    panels = {"loss": ([e.train_loss for e in epochs], [e.val_loss for e in epochs])}
    panels |= {a: ([e.train[a] for e in epochs], [e.val[a] for e in epochs]) for a in run.settings.axes}
    picture = training_curves(f"{run.settings.run}: squared errors", panels, run.history.best.number)
    write(run.folder / PICTURE, picture)


def _results(results: "Sequence[Measured]") -> Table:
    from ..training.measure import POOLED

    table = Table(title="Songs of the test part")
    for column in ("score", "model", "squared error", "absolute error", "Pearson", "Spearman"):
        table.add_column(column, justify="left" if column in ("score", "model") else "right")
    shown = [each for each in results if (each.part, each.platform) == ("test", POOLED)]
    for axis in dict.fromkeys(each.axis for each in shown):
        for each in (each for each in shown if each.axis == axis):
            table.add_row(axis, each.model, *map(_number, asdict(each.figures).values()))
    return table


def _compare(runs: "list[Run]", out: Path) -> None:
    """Show, write and draw the conditions, the best first."""
    from ..plots.training import training_conditions
    from ..training.apex.grid import PICTURE, TABLE, compared, grid_csv, ridge_skill
    from ..training.files import write

    found, ridge = compared(runs), ridge_skill(runs[0])
    write(out / TABLE, grid_csv(found))
    write(out / PICTURE, training_conditions([(each.run, each.val, each.test) for each in found], ridge))
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
