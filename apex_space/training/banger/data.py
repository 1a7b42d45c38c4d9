"""Reads the songs that Banger is trained on, and splits them as published."""

import math
from pathlib import Path

import numpy as np

from ...core.errors import TrainingError
from ...models.heads.banger import AXIS
from ..table import MERT_330M, PARTS, Samples, Split, check_split, files_below, joined, read, read_targets

SEED, HELD_OUT = 42, 0.3
"""Seed of the published split, and the share of songs that are not learned from: half of them to choose the best epoch
by, half to measure with."""


def load(source: Path, targets: Path | None = None) -> Split:
    """Read a table of songs' embeddings or a folder of them, as extract writes it or as the dataset on the Hub has it.

    A song is its first segment, as for the judge. `targets` has the songs' scores and perhaps their split; songs that
    are not there are left out. Without a split, the published one is made. Raises TrainingError.
    """
    songs = first_segments(read(files_below(source), (AXIS.key,), MERT_330M))
    parts = np.full(len(songs), "", object)
    if targets is not None:
        known = read_targets(targets, ("", *PARTS))
        ids = {key[0] for key in known}
        songs = songs[np.array([each in ids for each in songs.ids], bool)]
        songs, parts = joined(songs, known, targets)
    rows = sorted(range(len(songs)), key=lambda row: _order(str(songs.ids[row])))
    songs, parts = songs[np.array(rows, int)], parts[rows]
    split = Split(*(songs[rows] for rows in published_split(len(songs))))
    if parts.any():
        if not parts.all():
            raise TrainingError(f"{targets} has a split for some of the songs. Fill in all or none.")
        split = Split(*(songs[parts == part] for part in PARTS))
    check_split(split)
    return split


def first_segments(segments: Samples) -> Samples:
    """Return the first segment of each song. Raises TrainingError if a song lacks it."""
    first = np.array([name in (i, f"{i}_1") for i, name in zip(segments.ids, segments.names, strict=True)], bool)
    songs = segments[first]
    if lacking := segments.keys() - songs.keys():
        raise TrainingError(f"The song {min(lacking)[0]} lacks its first segment. Extract it again, or leave it out.")
    return songs


def _order(name: str) -> tuple[float, str]:
    """Return what to sort songs by: numbers by size, as published, and other names after them."""
    return (int(name) if name.isdecimal() else math.inf), name


def published_split(songs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of the parts train, val and test: those that scikit-learn's train_test_split gives."""
    order = np.random.RandomState(SEED).permutation(songs)
    held = math.ceil(HELD_OUT * songs)
    again = order[:held][np.random.RandomState(SEED).permutation(held)]
    test = math.ceil(held / 2)
    return order[held:], again[test:], again[:test]
