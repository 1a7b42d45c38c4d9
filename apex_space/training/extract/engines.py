"""What encodes the songs: this process, or the workers of Ray."""

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from ...core.errors import AudioError, ExtractionError, PreferenceError
from ...core.tables import BadRow
from ..cluster import cluster, own_errors
from ..columns import FRAMES
from .encoders import MadeBy, SongEncoder
from .shards import Outcome
from .songs import Listing, Song

if TYPE_CHECKING:
    import pyarrow as pa

Load = Callable[[], SongEncoder]
SPARE_CPUS = 0.5
LISTING_CPUS = 0.25
"""CPUs that the workers leave over on each machine, and that the task which lists the songs claims.

If the workers claimed all CPUs, they would wait for that task forever.
"""
SINGLY, TOGETHER = 1_000, 8
"""Number of the first songs that are handed out one by one, and how many of the others are handed out at once.

A few songs are then spread evenly over the workers, and many cost less: Ray takes milliseconds for each piece of work,
and remembers it.
"""


class Engine(Protocol):
    """Encodes songs. `made_by` and `column` are known before the first song."""

    made_by: MadeBy
    column: str

    def __call__(self, songs: Listing) -> Iterator[Outcome]:
        """Yield what becomes of each song. The order may differ from that of the songs."""


class LocalEngine:
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
def on_ray(load: Load, address: str | None, workers: int | None) -> Iterator["RayEngine"]:
    """Join the Ray cluster at `address`, or start one that ends with the context. Raises ExtractionError."""
    with cluster(address, ExtractionError):
        yield RayEngine(load, workers)


class RayEngine:
    """Encodes songs with Ray Data. Each worker has a model, and a GPU if the cluster has any.

    Ray starts a worker that died again, and repeats its work.
    """

    def __init__(self, load: Load, workers: int | None) -> None:
        import ray

        there = ray.cluster_resources()
        cpus, gpus = there.get("CPU", 1.0), int(there.get("GPU", 0))
        self.workers = workers or gpus or max(1, int(cpus))
        spare = SPARE_CPUS * sum(node["Alive"] for node in ray.nodes())
        share = min(1.0, int(100 * (cpus - spare) / self.workers) / 100)
        self.claims = {"num_cpus": max(share, 0.01), "num_gpus": min(1.0, gpus / self.workers)}
        self.load = load
        with own_errors(ExtractionError):
            described = ray.remote(max_calls=1, **self.claims)(_describe).remote(load)
            self.made_by, self.column = ray.get(described)

    def __call__(self, songs: Listing) -> Iterator[Outcome]:
        """Yield the outcomes as they come."""
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # an error is raised here, too
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.target_max_block_size = 1  # a block for each row, or one worker would get all songs
        singly = None if self.column == FRAMES else SINGLY  # the frames of a song may have 100 MB
        pieces = ray.put(partial(_pieces, songs, singly))  # with many songs it is too large for an argument
        rows = ray.data.read_datasource(_datasource(pieces), num_cpus=LISTING_CPUS, override_num_blocks=1)
        outcomes = rows.map_batches(
            Worker,
            fn_constructor_args=(self.load, self.made_by),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=self.workers),
            **self.claims,
        )
        with own_errors(ExtractionError):
            for batch in outcomes.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                for piece in batch["piece"]:
                    yield from pickle.loads(piece.as_buffer())


class Worker:
    """Encodes songs in a process of Ray."""

    def __init__(self, load: Load, made_by: MadeBy) -> None:
        self.encoder = load()
        if self.encoder.made_by != made_by:
            raise ExtractionError(f"A machine of the cluster has {self.encoder.made_by}, and another one {made_by}.")

    def __call__(self, songs: "pa.Table") -> "pa.Table":
        """Return a row of pickled outcomes for each row of pickled songs."""
        pieces = (pickle.loads(piece.as_buffer()) for piece in songs["piece"])
        return _rows([encode(song, self.encoder) for song in piece] for piece in pieces)


def _describe(load: Load) -> tuple[MadeBy, str]:
    encoder = load()
    return encoder.made_by, encoder.column


def _pieces(songs: Listing, singly: int | None) -> Iterator[list[Song | BadRow]]:
    """Yield the first songs one by one, or all if `singly` is None, and the others TOGETHER."""
    rest = iter(songs())
    yield from ([song] for song in islice(rest, singly))
    while piece := [*islice(rest, TOGETHER)]:
        yield piece


def _datasource(pieces: Any) -> Any:
    """Return a source that lists the songs in one task, each piece as a row, which comes when it is needed.

    `pieces` is Ray's reference to a function that yields them.
    """
    from ray.data import Datasource, ReadTask
    from ray.data.block import BlockMetadata

    class Songs(Datasource):  # type: ignore[misc]
        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            about = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(partial(_blocks, pieces), about)]

        def estimate_inmemory_data_size(self) -> int | None:
            return None

    return Songs()


def _blocks(pieces: Any) -> Iterator["pa.Table"]:
    import ray

    return (_rows([piece]) for piece in ray.get(pieces)())


def _rows(pieces: Iterable[Any]) -> "pa.Table":
    import pyarrow as pa

    return pa.table({"piece": pa.array([pickle.dumps(piece) for piece in pieces], pa.large_binary())})
