"""Runs the trainings, and prints and draws what comes of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from .common import messages, show

if TYPE_CHECKING:
    from ..training.apex.grid import Condition
    from ..training.apex.run import Run as ApexRun
    from ..training.apex.settings import TrainingSettings
    from ..training.banger.run import Run as BangerRun
    from ..training.banger.trainer import BangerSettings
    from ..training.hear.trainer import HearSettings
    from ..training.loop import E, Epoch, History
    from ..training.measure import Measured
    from ..training.run import Recipe, Run, S
    from ..training.songeval.trainer import SongEvalSettings
    from ..training.table import Split

FIGURES = "LCC + SRCC + KTAU + TTA"
Panels = Mapping[str, tuple[list[float], list[float]]]
"""Name of a figure -> its values in training and in validation, epoch by epoch."""


@dataclass(frozen=True)
class Ray:
    """Where Ray trains, by default on this machine, and how many runs at once, by default one for each CPU."""

    address: str | None = None
    workers: int | None = None


def train_apex(folder: Path, targets: Path | None, settings: "TrainingSettings", out: Path) -> None:
    """Train on a folder of embedded segments, and show the results. Raises TrainingError and OutputRefused."""
    from ..training.apex.trainer import BEST
    from ..training.files import prepare

    prepare(out)
    _show(_apex_training(folder, targets, settings.axes, out)(settings), BEST)


def train_grid(folder: Path, targets: Path | None, settings: "TrainingSettings", out: Path, ray: "Ray | None") -> None:
    """Train the 24 conditions, at once with `ray`, and compare them. Raises TrainingError and OutputRefused."""
    from ..training.apex.grid import check_grid, conditions, side_by_side
    from ..training.apex.settings import AXES
    from ..training.files import prepare

    prepare(out)
    check_grid(out)
    train, grid, runs = _apex_training(folder, targets, AXES["full"], out), conditions(settings), []
    for run in side_by_side(train, grid, ray.address, ray.workers) if ray else map(train, grid):
        runs.append(run)
        messages.print(f"{run.settings.run}: {len(runs)} of {len(grid)} conditions are trained")
    _compare(runs, out)


def _apex_training(
    folder: Path, targets: Path | None, axes: Sequence[str], out: Path
) -> "Callable[[TrainingSettings], ApexRun]":
    """Return what trains into `out` on the songs of `folder`, which must have these scores. It can be pickled."""
    from ..training.measure import measure_baselines
    from ..training.provenance import provenance
    from ..training.table import check_labels, load

    split = load(folder, axes, targets)
    check_labels(split.songs())
    _tell(split)
    return partial(_train_apex, split, measure_baselines(split), provenance(folder, targets), out)


def _train_apex(
    split: "Split", beaten: "Iterable[Measured]", data: Mapping[str, Any], out: Path, settings: "TrainingSettings"
) -> "ApexRun":
    from ..training.apex.run import recipe

    def panels(epochs: Sequence[Any]) -> Panels:
        losses = {"loss": ([e.train_loss for e in epochs], [e.val_loss for e in epochs])}
        scores = {axis: ([e.train[axis] for e in epochs], [e.val[axis] for e in epochs]) for axis in settings.axes}
        return losses | scores

    told = "validation loss", lambda epoch: epoch.val_loss
    return _train(recipe(split, settings), beaten, out, panels, told, data, ": squared errors")


def train_banger(songs: Path, targets: Path | None, settings: "list[BangerSettings]", out: Path) -> None:
    """Train with each of the settings, and show the results. Raises TrainingError and OutputRefused."""
    from ..training.banger.data import load
    from ..training.banger.run import check_spread, recipe
    from ..training.banger.trainer import BEST
    from ..training.files import prepare
    from ..training.measure import measure_baselines
    from ..training.provenance import provenance
    from ..training.table import check_labels

    def panels(epochs: Sequence[Any]) -> Panels:
        return {
            "squared error": ([e.train_loss for e in epochs], [e.val_loss for e in epochs]),
            "absolute error": ([e.train_mae for e in epochs], [e.val_mae for e in epochs]),
        }

    prepare(out)
    if len(settings) > 1:
        check_spread(out, settings)
    split = load(songs, targets)
    check_labels(split)
    _tell(split)
    beaten, data = measure_baselines(split), provenance(songs, targets)
    told = "validation error", lambda epoch: epoch.val_mae
    runs = [_train(recipe(split, each), beaten, out, panels, told, data) for each in settings]
    _show(runs[0], BEST, _spread(runs, out) if len(runs) > 1 else None)


def train_songeval(frames: Path, targets: Path, settings: "SongEvalSettings", out: Path) -> None:
    """Train on a folder of frames, and show the results. Raises TrainingError and OutputRefused."""
    from ..models.heads.songeval import AXES
    from ..training.files import prepare
    from ..training.hear.data import load
    from ..training.hear.frames import SONGEVAL, check_encoders
    from ..training.measure import measure_baselines
    from ..training.provenance import provenance
    from ..training.songeval.run import recipe
    from ..training.table import check_labels

    def panels(epochs: Sequence[Any]) -> Panels:
        return {"squared error": ([e.train_loss for e in epochs], [e.val_loss for e in epochs])}

    prepare(out)
    check_encoders(frames, SONGEVAL)
    parts = load(frames, targets, AXES)
    check_labels(split := parts.split())
    _tell(split)
    told = "validation loss", lambda epoch: epoch.val_loss
    method, data = recipe(parts, split, settings), provenance(frames, targets)
    _show(_train(method, measure_baselines(split), out, panels, told, data), method.checkpoint)


def train_hear(frames: Path, targets: Path, settings: "HearSettings", out: Path) -> None:
    """Train on a folder of frames, and show the results. Raises TrainingError and OutputRefused."""
    from ..training.files import prepare
    from ..training.hear.data import load
    from ..training.hear.frames import HEAR, check_encoders
    from ..training.hear.run import recipe
    from ..training.measure import measure_baselines
    from ..training.provenance import provenance
    from ..training.table import check_labels

    def panels(epochs: Sequence[Any]) -> Panels:
        return {
            "error of the scores": ([e.train_regression for e in epochs], []),
            "error of the order": ([e.train_rank for e in epochs], []),
            FIGURES: ([], [e.score for e in epochs]),
        }

    prepare(out)
    check_encoders(frames, HEAR)
    parts = load(frames, targets, settings.axes, settings.as_published)
    check_labels(split := parts.split())
    _tell(split)
    told = FIGURES, lambda epoch: epoch.score
    method, data = recipe(parts, split, settings), provenance(frames, targets)
    _show(_train(method, measure_baselines(split), out, panels, told, data), method.checkpoint)


def train_ridge(segments: Path, targets: Path | None, out: Path) -> None:
    """Train on a folder of pocket's features, and show the results. Raises TrainingError and OutputRefused."""
    from ..core.files import claimed
    from ..models.heads.pocket import CHECKPOINT
    from ..training.files import LOCK, prepare
    from ..training.pocket.own import RUN, load, train
    from ..training.provenance import provenance

    folder = prepare(out / RUN)
    split = load(segments, targets)
    _tell(split)
    with claimed(folder, LOCK):
        show(_results(train(split, provenance(segments, targets), folder)))
    messages.print(f"{folder / CHECKPOINT}")


def _tell(split: "Split") -> None:
    messages.print(", ".join(f"{part}: {len(each.keys()):,} songs" for part, each in split.parts()))


def _train(
    recipe: "Recipe[S, E]",
    beaten: "Iterable[Measured]",
    out: Path,
    panels: "Callable[[Sequence[E]], Panels]",
    told: "tuple[str, Callable[[Any], float]]",
    data: Mapping[str, Any],
    title: str = "",
) -> "Run[S, E]":
    """Train, and draw the curves. `told` names what the best epoch is chosen by; `title` ends the picture's title."""
    from ..core.files import claimed
    from ..models.encoders.device import device
    from ..plots.training import training_curves
    from ..training.files import LOCK, PICTURE, write
    from ..training.run import run

    settings = recipe.settings
    messages.print(settings.run)
    with claimed(out / settings.run, LOCK):
        done = run(recipe, beaten, out, str(device()), _reporter(recipe, *told), data)
        best = done.history.best.number
        picture = training_curves(f"{settings.run}{title}", panels(done.history.epochs), best)
        write(done.folder / PICTURE, picture)
    return done


def _reporter(recipe: "Recipe[S, E]", name: str, value: "Callable[[Any], float]") -> "Callable[[History[E]], None]":
    """Return a function that prints the newest epoch, and logs it with trackio where that is installed.

    `name` and `value` are what the best epoch is chosen by.
    """
    settings: Any = recipe.settings
    try:
        import trackio  # type: ignore[import-not-found, unused-ignore]

        trackio.init(project="apex-space", name=settings.run, config=asdict(settings), resume="allow")
    except ImportError:
        trackio = None

    def report(history: "History[E]") -> None:
        last: Epoch = history.epochs[-1]
        best = " (the best so far)" if history.best is last else ""
        losses = f"training loss {last.train_loss:.2f}, {name} {value(last):.3f}"
        messages.print(f"epoch {last.number} of {settings.epochs}: {losses}{best}")
        if trackio is not None:
            trackio.log(recipe.flat(history.epochs[-1]))

    return report


def _show(run: "Run[Any, Any]", checkpoint: str, more: Table | None = None) -> None:
    """Print a run's results, a table beside them, and where the checkpoint is."""
    show(_results(run.results))
    if run.challenge:
        show(_challenge(run.challenge))
    if more is not None:
        show(more)
    messages.print(f"{run.folder / checkpoint}: epoch {run.history.best.number}")


def _results(results: "Sequence[Measured]") -> Table:
    from ..training.measure import POOLED

    shown = [each for each in results if (each.part, each.platform) == ("test", POOLED)]
    table = Table(title=f"Songs of the test part: {shown[0].songs:,}")
    for column in ("score", "model", "squared error", "absolute error", "Pearson", "Spearman"):
        table.add_column(column, justify="left" if column in ("score", "model") else "right")
    for axis in dict.fromkeys(each.axis for each in shown):
        for each in (each for each in shown if each.axis == axis):
            table.add_row(axis, each.model, *map(_number, asdict(each.figures).values()))
    return table


def _challenge(rows: Sequence[Mapping[str, str | float]]) -> Table:
    table = Table(title="The figures of the ASAE Challenge, a song at a time")
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*(each if isinstance(each, str) else _number(each) for each in row.values()))
    return table


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


def _compare(runs: "list[ApexRun]", out: Path) -> None:
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
