"""Computes features of each song, of harmlessly changed copies and of degraded copies."""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ...audio.damage import HARMLESS, KINDS, SEVERITIES
from ...audio.resample import resample
from ...audio.segments import SEGMENT_SECONDS
from ...audio.waveform import load
from ...models.encoders.pocket import SAMPLE_RATE, features

INTACT = "intact"
KINDS_A_SONG = 2
"""Number of kinds of degradation for each song and axis. The songs take the kinds in turn."""


@dataclass(frozen=True)
class AugmentedSongs:
    """R copies of S songs: intact, harmlessly changed or degraded."""

    features: np.ndarray
    """[R, F] features of each copy."""
    song: np.ndarray
    """[R] index of each copy's song."""
    kind: np.ndarray
    """[R] of str: INTACT, a name in HARMLESS, or the name of a kind of degradation."""
    severity: np.ndarray
    """[R] severity of the degradation, 0 unless degraded."""

    def __len__(self) -> int:
        return len(self.song)

    def __getitem__(self, rows: np.ndarray) -> "AugmentedSongs":
        return AugmentedSongs(self.features[rows], self.song[rows], self.kind[rows], self.severity[rows])

    def renumbered(self) -> "AugmentedSongs":
        """Return the same copies, with their songs numbered from 0 without gaps."""
        return AugmentedSongs(self.features, np.unique(self.song, return_inverse=True)[1], self.kind, self.severity)

    @property
    def intact(self) -> np.ndarray:
        """Return [R] of bool: true for intact copies."""
        return self.kind == INTACT

    @property
    def harmless(self) -> np.ndarray:
        """Return [R] of bool: true for harmlessly changed copies."""
        return np.isin(self.kind, list(HARMLESS))


def gather(paths: Sequence[Path], workers: int, only_intact: bool = False) -> AugmentedSongs:
    """Make copies of the songs at `paths` in `workers` processes and compute their features.

    The paths influence the copies only by their order. If `only_intact` is true, there are no changed copies.
    """
    found: list[tuple[int, str, float, np.ndarray]] = []
    made = partial(_features_of_copies, most=1 if only_intact else None)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for index, rows in enumerate(pool.map(made, range(len(paths)), paths)):
            found += [(index, *row) for row in rows]
            print(f"\r{index + 1} of {len(paths)} songs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    song, kind, severity, values = zip(*found, strict=True)
    return AugmentedSongs(np.stack(values), np.array(song), np.array(kind), np.array(severity))


def _features_of_copies(index: int, path: Path, most: int | None) -> list[tuple[str, float, np.ndarray]]:
    """Return kind, severity and features of the copies of one song: all, or the first `most` of them."""
    length = int(SEGMENT_SECONDS * SAMPLE_RATE)
    with threadpool_limits(1):
        waveform = load(path)
        samples = resample(waveform.samples, waveform.rate, SAMPLE_RATE)[:length]
        copies = islice(_copies(index, samples), most)
        return [(kind, severity, features(copy[:length])) for kind, severity, copy in copies]


def _copies(index: int, samples: np.ndarray) -> Iterator[tuple[str, float, np.ndarray]]:
    yield INTACT, 0.0, samples
    for name, change in HARMLESS.items():
        yield name, 0.0, change(samples, SAMPLE_RATE)
    for axis in dict.fromkeys(kind.axis for kind in KINDS):
        kinds = [kind for kind in KINDS if kind.axis == axis]
        for kind in (kinds[(KINDS_A_SONG * index + i) % len(kinds)] for i in range(KINDS_A_SONG)):
            for severity in SEVERITIES:
                rng = np.random.default_rng([index, KINDS.index(kind), round(100 * severity)])
                yield kind.name, severity, kind(samples, SAMPLE_RATE, severity, rng)
