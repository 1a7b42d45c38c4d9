"""Runs an extraction: lists the songs, skips those that are done, encodes the others and writes the shards."""

import time
from collections.abc import Collection, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from ... import __version__
from ...core.errors import ExtractionError
from ...core.files import claimed
from ...core.settings import settings
from ...core.tables import BadRow
from .encoders import load
from .engines import Engine, LocalEngine, on_ray
from .shards import LOCK, Outcome, Shards, check_encoder
from .songs import Listing, Song, distinct, identity_of, is_dataset, listing

PACKAGES = ("torch", "transformers", "numpy", "soxr", "av", "pyarrow")
"""Packages whose versions the manifest names."""


@dataclass(frozen=True)
class Request:
    """What to extract: a `source` as in `songs.listing`, by which encoder, into which folder.

    `address` and `workers` are for the engine `ray`: a cluster to join, and the number of workers with a model each.
    """

    source: str
    encoder: str
    out: Path
    audio: Path | None = None
    weights: Path | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far a run is. `total` and `left` (in seconds) are None if they are not known.

    `total` counts all songs of the source. `earlier` were done before this run, `done` and `failed` are of this run.
    """

    total: int | None
    earlier: int
    done: int = 0
    failed: int = 0
    segments: int = 0
    seconds: float = 0.0
    outcome: Outcome | None = None

    def after(self, outcome: Outcome, seconds: float) -> "Progress":
        """Return the progress after one more song, `seconds` after the start."""
        failed = bool(outcome.reason)
        return replace(
            self,
            done=self.done + (not failed),
            failed=self.failed + failed,
            segments=self.segments + len(outcome.segments),
            seconds=seconds,
            outcome=outcome,
        )

    @property
    def rate(self) -> float:
        """Return the songs per second."""
        return (self.done + self.failed) / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> float | None:
        """Return how many seconds the rest will take at this rate."""
        if self.total is None or not self.rate:
            return None
        return (self.total - self.earlier - self.done - self.failed) / self.rate


def extract(request: Request, scratch: Path) -> Generator[Progress, None, None]:
    """Extract the songs. Yield the progress before the first song and after each one.

    A zip is unpacked into the folder `scratch`. What was encoded is written even if the iterator is closed. Raises
    ApexSpaceError.
    """
    with claimed(request.out, LOCK):
        check_encoder(request.out, request.encoder)
        songs = listing(request.source, request.audio, scratch)
        ids = None if is_dataset(request.source) else {identity_of(song) for song in distinct(songs())}
        if ids == set():
            raise ExtractionError(f"{request.source} names no songs.")
        with _engine(request) as engine:
            shards = Shards(request.out, engine.made_by, engine.column)
            shards.start(_about(request))
            outcomes = engine(partial(_remaining, songs, frozenset(shards.done)))
            yield from _work(outcomes, shards, ids)


def _engine(request: Request) -> AbstractContextManager[Engine]:
    """Return the engine with its encoder loaded."""
    encoder = partial(load, request.encoder, request.weights and request.weights.absolute())
    if request.engine == "ray":
        return on_ray(encoder, request.address, request.workers)
    return nullcontext(LocalEngine(encoder))


def _remaining(songs: Listing, done: Collection[str]) -> Iterator[Song | BadRow]:
    """Yield the songs that are not done. A dataset's ids are not known before, so they are checked here, too."""
    return (song for song in distinct(songs()) if identity_of(song) not in done)


def _work(outcomes: Iterator[Outcome], shards: Shards, ids: set[str] | None) -> Iterator[Progress]:
    """Write the outcomes, of which those with `ids` are expected, and yield the progress."""
    began = time.monotonic()
    progress = Progress(None if ids is None else len(ids), 0 if ids is None else len(ids & shards.done))
    yield progress
    try:
        for outcome in outcomes:
            shards.add(outcome)
            progress = progress.after(outcome, time.monotonic() - began)
            yield progress
    finally:
        shards.flush()


def _about(request: Request) -> dict[str, Any]:
    """Return what the manifest says of a run, beside what made the rows."""
    config = settings()
    return {
        "source": request.source,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"apex-space": __version__} | {name: version(name) for name in PACKAGES},
        "settings": {"max_minutes": config.max_minutes, "max_megabytes": config.max_megabytes},
    }
