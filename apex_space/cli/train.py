"""The commands of `train`: they train a judge's head on embedded songs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .common import EngineName, RayAddress, exiting, messages

train = typer.Typer(help="Train a judge's head on embedded songs.", no_args_is_help=True)
MAX_SEED, MAX_BATCH = 2**32 - 1, 2**20
INTERRUPTED = "Interrupted. Run the same command again to go on in {}."
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder in which each run gets a folder of its own.")]
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
    out: Out,
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
    batch: Annotated[int, typer.Option(min=2, max=MAX_BATCH, help="Samples in a batch.")] = 512,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate of the first epoch.")] = 1e-4,
    weight_decay: Annotated[float, typer.Option(min=0, help="Weight decay.")] = 1e-4,
    clip: Annotated[float, typer.Option(min=0, help="Largest norm of the gradients.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the first weights and the dropout.")] = 42,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Keep the defects of the published code that move results.")
    ] = False,
    engine: Annotated[
        EngineName | None,
        typer.Option(
            help="What trains the conditions of --grid: this process, or Ray, several at once. Default: Ray, "
            "if it is installed."
        ),
    ] = None,
    address: RayAddress = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of conditions that Ray trains at once; default: one for each CPU.")
    ] = None,
) -> None:
    """Train the head of APEX, and measure it beside the mean and a ridge regression.

    A run that was interrupted or killed goes on exactly where it stopped if the command is repeated.
    Exit status: 0 trained, 1 not, 130 interrupted.
    """
    spread = bool(address or workers)
    if (spread and engine is EngineName.local) or (not grid and (engine or spread)):
        raise typer.BadParameter("--engine is for --grid, --address and --workers are for --grid with --engine ray.")
    with exiting(1, INTERRUPTED.format(out)):
        from ..training.apex.settings import TrainingSettings
        from ..training.cluster import has_ray
        from .training import Ray, train_apex, train_grid

        numbers = (epochs, patience, batch, rate, weight_decay, clip, seed)
        settings = TrainingSettings(mode, task, loss, int(shared), *numbers, as_published)
        if grid:
            on_ray = engine is EngineName.ray or (engine is None and (spread or has_ray()))
            train_grid(segments, targets, settings, out, Ray(address, workers) if on_ray else None)
        else:
            train_apex(segments, targets, settings, out)


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
    out: Out,
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
    batch: Annotated[int, typer.Option(min=2, max=MAX_BATCH, help="Songs in a batch.")] = 64,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate of the first epoch.")] = 1e-3,
    weight_decay: Annotated[float, typer.Option(min=0, help="Weight decay.")] = 1e-4,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="First seed of the first weights, the order and the dropout.")
    ] = 42,
) -> None:
    """Train the head of Banger, and measure it beside the mean and a ridge regression.

    A run that was interrupted or killed goes on exactly where it stopped if the command is repeated.
    Exit status: 0 trained, 1 not, 130 interrupted.
    """
    with exiting(1, INTERRUPTED.format(out)):
        from ..training.banger.trainer import BangerSettings
        from .training import train_banger

        numbers = (epochs, patience, batch, rate, weight_decay)
        train_banger(songs, targets, [BangerSettings(*numbers, seed + number) for number in range(seeds)], out)


@train.command()
def hear_frames(
    musicfm: Annotated[Path, typer.Argument(metavar="MUSICFM", help="Folder that extract --encoder musicfm wrote.")],
    muq: Annotated[Path, typer.Argument(metavar="MUQ", help="Folder that extract --encoder muq wrote.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write a .npy for each song to.")],
) -> None:
    """Put the frames of both encoders side by side, as HEAR hears them. A song takes 0.4 MB a second.

    Songs whose file is there already are left as they are. Exit status: 0 written, 1 not.
    """
    with exiting(1, INTERRUPTED.format(out)):
        from ..training.hear.frames import join

        messages.print(f"{out}: {join(musicfm, muq, out):,} songs")


@train.command()
def songeval_frames(
    muq: Annotated[Path, typer.Argument(metavar="MUQ", help="Folder that extract --encoder muq-songeval wrote.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write a .npy for each song to.")],
) -> None:
    """Write the frames of each song in a file, as train songeval reads them. A song takes 0.1 MB a second.

    Songs whose file is there already are left as they are. Exit status: 0 written, 1 not.
    """
    with exiting(1, INTERRUPTED.format(out)):
        from ..training.hear.frames import write_songeval

        messages.print(f"{out}: {write_songeval(muq, out):,} songs")


@train.command()
def songeval(
    frames: Annotated[
        Path,
        typer.Argument(metavar="FRAMES", help="Folder with the frames of each song, as songeval-frames writes it."),
    ],
    targets: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Table of the songs' ratings and their split, as targets --songeval writes it."
        ),
    ],
    out: Out,
    epochs: Annotated[int, typer.Option(min=1, help="Maximum number of epochs.")] = 30,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs in a row without a better one, after which to stop.")
    ] = 8,
    batch: Annotated[int, typer.Option(min=1, max=MAX_BATCH, help="Songs for an update.")] = 8,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate of the first epoch.")] = 1e-4,
    weight_decay: Annotated[float, typer.Option(min=0, help="Weight decay.")] = 1e-2,
    clip: Annotated[float, typer.Option(min=0, help="Largest norm of the gradients.")] = 1.0,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Seed of the first weights, the order and the dropout.")
    ] = 0,
) -> None:
    """Train a head of SongEval's architecture by a recipe of our own, and measure it beside the mean and a ridge.

    How SongEval's own head was trained is not published.
    A run that was interrupted or killed goes on exactly where it stopped if the command is repeated.
    Exit status: 0 trained, 1 not, 130 interrupted.
    """
    with exiting(1, INTERRUPTED.format(out)):
        from ..training.songeval.trainer import SongEvalSettings
        from .training import train_songeval

        settings = SongEvalSettings(epochs, patience, batch, rate, weight_decay, clip, seed)
        train_songeval(frames, targets, settings, out)


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
    out: Out,
    track: Annotated[
        Literal["1", "2"], typer.Option(help="Track of the ASAE Challenge: musicality alone, or all five axes.")
    ] = "1",
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 60,
    patience: Annotated[
        int, typer.Option(min=1, help="Epochs in a row without a better one, after which to stop.")
    ] = 60,
    batch: Annotated[int, typer.Option(min=2, max=MAX_BATCH, help="Songs in a batch, whose order is learned.")] = 8,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches for an update.")] = 4,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate at first.")] = 1e-5,
    weight_decay: Annotated[float, typer.Option(min=0, help="Weight decay.")] = 1e-3,
    clip: Annotated[float, typer.Option(min=0, help="Largest norm of the gradients.")] = 1.0,
    seed: Annotated[
        int,
        typer.Option(min=0, max=MAX_SEED, help="Seed of the first weights, the order, the partners and the dropout."),
    ] = 0,
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
    with exiting(1, INTERRUPTED.format(out)):
        from ..training.hear.trainer import HearSettings
        from .training import train_hear

        numbers = (epochs, patience, batch, accumulate, rate, weight_decay, clip, seed)
        train_hear(frames, targets, HearSettings(int(track), *numbers, as_published), out)


@train.command()
def ridge(segments: Segments, out: Out, targets: Targets = None) -> None:
    """Train a head for the judge pocket on songs of your own, and measure it beside the mean. It takes seconds.

    The segments are those of extract --encoder pocket, which needs no download. The head is a ridge regression. It
    learns the scores that the songs have: streams, likes, or any of the five aesthetics.
    Exit status: 0 trained, 1 not, 130 interrupted.
    """
    with exiting(1):
        from .training import train_ridge

        train_ridge(segments, targets, out)


@train.command()
def pocket(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder that holds the sets emotify and davda54.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New or empty folder to write to; default: the package's."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 2,
) -> None:
    """Train the pocket judge, and write its weights, its card and all figures. It takes half an hour on two cores.

    Exit status: 0 trained, 1 not, 130 interrupted.
    """
    with exiting(1):
        from ..training.pocket.train import train_pocket

        messages.print(f"Written to {train_pocket(data, out, workers)}.")
