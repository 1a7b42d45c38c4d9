"""What encodes the songs: this process, or the workers of Ray."""

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ...core.errors import ApexSpaceError, AudioError, ExtractionError, PreferenceError
from ...core.settings import prepare_ray
from ...core.tables import BadRow
from .encoders import MadeBy, SongEncoder
from .shards import Outcome
from .songs import Listing, Song

if TYPE_CHECKING:
    import pyarrow as pa

Load = Callable[[], SongEncoder]
SPARE_CPUS = 0.5
LISTING_CPUS = 0.25
"""CPUs that the workers leave over, and that the task which lists the songs claims.

If the workers claimed all CPUs, they would wait for that task forever.
"""
INSTALL = "Ray is not installed. Install it (pip install 'ray[data]'), or leave out --engine ray."


class Engine(Protocol):
    """Encodes songs. `made_by` and `column` are known before the first song."""

    made_by: MadeBy
    column: str

    def __call__(self, songs: Listing) -> Iterator[Outcome]:
        """Yield what becomes of each song. The order may differ from that of the songs."""


class Here:
    """Encodes the songs one after the other in this process."""

    def __init__(self, load: Load) -> None:
        self.encoder = load()
        self.made_by, self.column = self.encoder.made_by, self.encoder.column

    def __call__(self, songs: Listing) -> Iterator[Outcome]:
        """Yield the outcomes in the order of the songs."""
        return (encode(song, self.encoder) for song in songs())


def encode(song: Song | BadRow, encoder: SongEncoder) -> Outcome:
    """Encode a song. An error that is the song's own becomes part of the outcome."""
    if isinstance(song, BadRow):
        return Outcome(song.name, kind="BadRow", reason=song.why)
    try:
        with song.open() as path:
            return Outcome(song.id, encoder(path), song.labels)
    except (AudioError, PreferenceError) as error:
        return Outcome(song.id, kind=type(error).__name__, reason=str(error))


@contextmanager
def on_ray(load: Load, address: str | None, workers: int | None) -> Iterator["OnRay"]:
    """Join the Ray cluster at `address`, or start one that ends with the context. Raises ExtractionError."""
    prepare_ray()
    try:
        import ray
    except ImportError as error:
        raise ExtractionError(INSTALL) from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    local = {} if address else {"include_dashboard": False}
    try:
        ray.init(address or "local", **quiet, **local)
    except (OSError, RuntimeError, ValueError) as error:
        raise ExtractionError(f"Ray cannot be reached or started ({_first_line(error)}).") from error
    try:
        yield OnRay(load, workers)
    finally:
        ray.shutdown()


class OnRay:
    """Encodes songs with Ray Data. Each worker has a model, and a GPU if the cluster has any.

    Ray starts a worker that died again, and repeats its work.
    """

    def __init__(self, load: Load, workers: int | None) -> None:
        import ray

        there = ray.cluster_resources()
        cpus, gpus = there.get("CPU", 1.0), int(there.get("GPU", 0))
        self.workers = workers or gpus or max(1, int(cpus))
        share = min(1.0, int(100 * (cpus - SPARE_CPUS) / self.workers) / 100)
        self.claims = {"num_cpus": max(share, 0.01), "num_gpus": min(1.0, gpus / self.workers)}
        self.load = load
        with _own_errors():
            described = ray.remote(max_calls=1, **self.claims)(_describe).remote(load)
            self.made_by, self.column = ray.get(described)

    def __call__(self, songs: Listing) -> Iterator[Outcome]:
        """Yield the outcomes as they come."""
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.target_max_block_size = 1  # a block for each song, or one worker would get all songs
        rows = ray.data.read_datasource(_datasource(songs), num_cpus=LISTING_CPUS, override_num_blocks=1)
        outcomes = rows.map_batches(
            Worker,
            fn_constructor_args=(self.load, self.made_by),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=self.workers),
            **self.claims,
        )
        with _own_errors():
            for batch in outcomes.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                yield from (pickle.loads(outcome.as_buffer()) for outcome in batch["outcome"])


class Worker:
    """Encodes songs in a process of Ray."""

    def __init__(self, load: Load, made_by: MadeBy) -> None:
        self.encoder = load()
        if self.encoder.made_by != made_by:
            raise ExtractionError(f"A machine of the cluster has {self.encoder.made_by}, and another one {made_by}.")

    def __call__(self, songs: "pa.Table") -> "pa.Table":
        """Return a pickled outcome for each pickled song."""
        made = [encode(pickle.loads(song.as_buffer()), self.encoder) for song in songs["song"]]
        return _pickled("outcome", made)


def _describe(load: Load) -> tuple[MadeBy, str]:
    encoder = load()
    return encoder.made_by, encoder.column


def _datasource(songs: Listing) -> Any:
    """Return a source that lists the songs in one task, each as a block. They come one by one, as they are needed."""
    from ray.data import Datasource, ReadTask
    from ray.data.block import BlockMetadata

    class Songs(Datasource):  # type: ignore[misc]
        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            about = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(partial(_blocks, songs), about)]

        def estimate_inmemory_data_size(self) -> int | None:
            return None

    return Songs()


def _blocks(songs: Listing) -> Iterator["pa.Table"]:
    return (_pickled("song", [song]) for song in songs())


def _pickled(name: str, values: Iterable[Any]) -> "pa.Table":
    import pyarrow as pa

    return pa.table({name: pa.array([pickle.dumps(value) for value in values], pa.large_binary())})


@contextmanager
def _own_errors() -> Iterator[None]:
    """Raise an error of this package that happened in a worker as it is, and others of Ray as ExtractionError."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ApexSpaceError):
                raise cause from None
            cause = getattr(cause, "cause", None) or cause.__cause__
        raise ExtractionError(f"Ray could not go on ({_first_line(error)}).") from error


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
