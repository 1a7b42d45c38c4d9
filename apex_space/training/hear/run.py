"""One whole run: songs in; a checkpoint, its curves, its settings and its results in a folder out."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ...models.encoders import device as devices
from ...models.heads import hear
from ...models.heads.songeval import scores
from ..files import CURVES, RESULTS, SETTINGS, begin, prepare, rows_csv, settings_json, write
from ..measure import HEAD, Measured, measure, to_csv
from ..table import Split
from .data import Parts, Songs
from .trainer import TRACKS, Epoch, HearSettings, History, measured, train

FIGURES = "challenge.csv"


@dataclass(frozen=True)
class Run:
    """A finished run. `results` has the head's figures, and those of what it must beat.

    `challenge` has the four figures of the ASAE Challenge, a row for each part and axis.
    """

    settings: HearSettings
    folder: Path
    history: History
    results: tuple[Measured, ...]
    challenge: tuple[dict[str, str | float], ...]


def run(
    parts: Parts,
    split: Split,
    beaten: tuple[Measured, ...],
    settings: HearSettings,
    out: Path,
    device: str = "cpu",
    on_epoch: Callable[[History], None] = lambda history: None,
) -> Run:
    """Train and measure into the folder `out`/NAME, where NAME is the run's name.

    Raises TrainingError, and OutputRefused if a file of others has the name of one of ours.

    `split` has the songs' mean frames, and `beaten` the figures of the mean and the ridge on them. A run that was
    killed goes on; one that is over is measured.
    """
    folder = prepare(out / settings.run)

    def epoch_done(history: History) -> None:
        write(folder / CURVES, rows_csv([flat(epoch) for epoch in history.epochs]))
        on_epoch(history)

    about = settings_json(settings, split, device)
    begin(folder, about, FIGURES, TRACKS[settings.track].checkpoint)
    history = train(parts, settings, folder, epoch_done, device)
    write(folder / SETTINGS, about)
    results, challenge = list[Measured](), list[dict[str, str | float]]()
    for part, songs, samples in (("val", parts.val, split.val), ("test", parts.test, split.test)):
        predicted = predict(folder / TRACKS[settings.track].checkpoint, songs)
        results += measure(part, HEAD, samples, predicted)
        challenge += [{"part": part, "axis": axis, **found} for axis, found in measured(songs, predicted).items()]
    results += beaten
    write(folder / RESULTS, to_csv(results))
    write(folder / FIGURES, rows_csv(challenge))
    return Run(settings, folder, history, tuple(results), tuple(challenge))


def flat(epoch: Epoch) -> dict[str, float]:
    """Return an epoch's figures by name."""
    figures = asdict(epoch)
    return {"epoch": figures.pop("number"), **figures}


def predict(checkpoint: Path, songs: Songs) -> np.ndarray:
    """Return the scores [N, T] of songs as the judges compute them. Raises WeightsInvalid."""
    network = hear.read(checkpoint, songs.axes)
    with torch.inference_mode():
        pooled = torch.stack([network.pool(frames).cpu() for frames in _frames(songs)])
        return scores(network.model.fc, pooled).numpy()


def _frames(songs: Songs) -> Iterator[torch.Tensor]:
    return (torch.from_numpy(songs.frames(row)).to(devices.device()) for row in range(len(songs)))
