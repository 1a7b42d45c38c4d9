"""The 24 published conditions: what they are, how to train several at once, and which is best."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

from ...core.axes import POPULARITY
from ...core.errors import TrainingError
from ...models.heads.apex import DEPTHS
from ..cluster import cluster, own_errors
from ..files import check_run, check_table, rows_csv
from ..measure import HEAD, RIDGE, skill
from .run import Run
from .settings import LOSSES, MODES, TASKS, TrainingSettings
from .trainer import BEST

TABLE, PICTURE = "grid.csv", "grid.svg"


@dataclass(frozen=True)
class Condition:
    """How good a condition is: the skill of the head at popularity, on the songs of two parts.

    The skill is 0 for the mean, and 1 for a perfect prediction.
    """

    run: str
    mode: str
    task: str
    loss: str
    shared: int
    best_epoch: int
    val: float
    test: float


def check_grid(folder: Path) -> None:
    """Raise OutputRefused if the folder, or that of a condition, has files of others with the names of ours."""
    check_table(folder, (TABLE, PICTURE), Condition)
    for settings in conditions(TrainingSettings()):
        check_run(folder / settings.run, BEST)


def conditions(settings: TrainingSettings) -> list[TrainingSettings]:
    """Return the settings of each condition, from those that all have in common."""
    return [
        replace(settings, mode=mode, task=task, loss=loss, shared=shared)
        for mode, task, loss, shared in product(MODES, TASKS, LOSSES, DEPTHS)
    ]


def side_by_side(
    train: Callable[[TrainingSettings], Run],
    grid: Sequence[TrainingSettings],
    address: str | None = None,
    workers: int | None = None,
) -> Iterator[Run]:
    """Train the conditions in `workers` processes of Ray, by default one for each CPU, and yield each run as it ends.

    `train` is pickled. All machines of the cluster at `address` need the folder that it writes to; without an address,
    Ray starts on this machine. Raises TrainingError, and what `train` raises; the other conditions are then given up.
    """
    with cluster(address, TrainingError):
        import ray

        there = ray.cluster_resources()
        cpus, gpus = there.get("CPU", 1.0), there.get("GPU", 0.0)
        at_once = min(len(grid), workers or max(1, int(cpus)))
        claims = {"num_cpus": int(100 * cpus / at_once) / 100, "num_gpus": min(1.0, int(100 * gpus / at_once) / 100)}
        known = ray.put(train)  # the songs are sent once to each machine
        task = ray.remote(**claims)(_train)
        running = [task.remote(known, settings) for settings in grid]
        with own_errors(TrainingError):
            while running:
                (ended,), running = ray.wait(running)
                yield ray.get(ended)


def _train(train: Callable[[TrainingSettings], Run], settings: TrainingSettings) -> Run:
    return train(settings)


def compared(runs: Iterable[Run]) -> list[Condition]:
    """Return the conditions of finished runs, the best at popularity on `val` first: all of them learn popularity."""
    found = [
        Condition(
            run.settings.run,
            *(run.settings.mode, run.settings.task, run.settings.loss, run.settings.shared),
            run.history.best.number,
            *(skill(run.results, part, HEAD, POPULARITY) for part in ("val", "test")),
        )
        for run in runs
    ]
    return sorted(found, key=lambda condition: -condition.val)


def ridge_skill(run: Run) -> tuple[float, float]:
    """Return the skill of the ridge at popularity on the songs of `val` and `test`."""
    val, test = (skill(run.results, part, RIDGE, POPULARITY) for part in ("val", "test"))
    return val, test


def grid_csv(found: Iterable[Condition]) -> str:
    """Return CSV with a row for each condition."""
    return rows_csv([asdict(each) for each in found])
