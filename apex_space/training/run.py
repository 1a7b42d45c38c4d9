"""One whole run of any training: songs in; a checkpoint, its curves, its settings and its results in a folder out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from .files import CHALLENGE, CURVES, RESULTS, SETTINGS, begin, prepare, rows_csv, settings_json, write
from .loop import E, Epoch, History, Limits
from .measure import HEAD, Measured, challenge, measure, to_csv
from .table import Split


class Settings(Limits, Protocol):
    """The settings of a run, a dataclass. `run` is the run's name."""

    @property
    def run(self) -> str: ...


S = TypeVar("S", bound=Settings)


def flat(epoch: Epoch) -> dict[str, float]:
    """Return an epoch's figures by name."""
    figures = asdict(epoch)
    return {"epoch": figures.pop("number"), **figures}


@dataclass(frozen=True)
class Recipe(Generic[S, E]):
    """What a training has of its own.

    `train` takes a folder, a function to call after each epoch, and a device, and writes the file `checkpoint`.
    `predict` takes this file and the name of a part, and returns the scores [S, T] of its songs in `songs`.
    """

    settings: S
    songs: Split
    checkpoint: str
    train: Callable[[Path, Callable[[History[E]], None], str], History[E]]
    predict: Callable[[Path, str], np.ndarray]
    flat: Callable[[E], dict[str, float]] = flat
    is_challenge: bool = False
    """Whether the ASAE Challenge's figures are computed, too."""


@dataclass(frozen=True)
class Run(Generic[S, E]):
    """A finished run. `results` has the head's figures, and those of what it must beat.

    `challenge` has the four figures of the ASAE Challenge, a row for each part and axis, or nothing.
    """

    settings: S
    folder: Path
    history: History[E]
    results: tuple[Measured, ...]
    challenge: tuple[dict[str, str | float], ...] = ()


def run(
    recipe: Recipe[S, E],
    beaten: Iterable[Measured],
    out: Path,
    device: str = "cpu",
    on_epoch: Callable[[History[E]], None] = lambda history: None,
    data: Mapping[str, Any] | None = None,
) -> Run[S, E]:
    """Train and measure into the folder `out`/NAME, where NAME is the run's name.

    Raises TrainingError, and OutputRefused if a file of others has the name of one of ours.

    `beaten` are the figures of the mean and the ridge, `data` is what `provenance` tells of the songs. A run that was
    killed goes on; one that is over is measured.
    """
    folder, songs = prepare(out / recipe.settings.run), recipe.songs

    def epoch_done(history: History[E]) -> None:
        write(folder / CURVES, rows_csv([recipe.flat(epoch) for epoch in history.epochs]))
        on_epoch(history)

    about = settings_json(recipe.settings, songs, device, data)
    begin(folder, about, recipe.checkpoint, (RESULTS, CHALLENGE) if recipe.is_challenge else (RESULTS,))
    history = recipe.train(folder, epoch_done, device)
    write(folder / SETTINGS, about)
    results, rows = list[Measured](), list[dict[str, str | float]]()
    for part, samples in (("val", songs.val), ("test", songs.test)):
        predicted = recipe.predict(folder / recipe.checkpoint, part)
        results += measure(part, HEAD, samples, predicted)
        if recipe.is_challenge:
            rows += [{"part": part, "axis": axis, **found} for axis, found in challenge(samples, predicted).items()]
    results += [each for each in beaten if each.axis in songs.train.axes]
    write(folder / RESULTS, to_csv(results))
    if rows:
        write(folder / CHALLENGE, rows_csv(rows))
    return Run(recipe.settings, folder, history, tuple(results), tuple(rows))
