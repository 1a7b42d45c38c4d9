"""Puts the frames that extract wrote with MusicFM and with MuQ side by side, as HEAR hears them: a `.npy` a song."""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import TrainingError
from ...core.files import replacing
from ..columns import MADE_BY
from ..files import prepare
from ..table import files_below

if TYPE_CHECKING:
    import pyarrow as pa

FRAMES = "segment_frames"


def join(musicfm: Path, muq: Path, out: Path, on_song: Callable[[str], None] = lambda song: None) -> int:
    """Write the frames [1, T, 4 W] of each song that both folders have, and return their number. Raises TrainingError.

    A frame's numbers are the halves on pieces of both encoders, then those on the whole song. Both are cut to the
    shorter. Songs whose file is there already are left as they are.
    """
    prepare(out)
    one, two = _songs(musicfm, "musicfm"), _songs(muq, "muq")
    both = [song for song in one if song in two]
    if not both:
        raise TrainingError(f"{musicfm} and {muq} have no song in common.")
    rows = lru_cache(4)(_rows)
    for song in both:
        path = out / f"{song}.npy"
        if not path.resolve().is_relative_to(out.resolve()):
            raise TrainingError(f"The song {song} would be written outside of {out}. Give it another id.")
        if not path.exists():
            prepare(path.parent)
            _save(side_by_side(rows(one[song])[song], rows(two[song])[song]), path)
        on_song(song)
    return len(both)


def side_by_side(musicfm: np.ndarray, muq: np.ndarray) -> np.ndarray:
    """Return the frames [1, T, 4 W] of two encoders' [T, 2 W]."""
    length = min(len(musicfm), len(muq))
    halves = [np.split(each[:length], 2, axis=1) for each in (musicfm, muq)]
    return np.concatenate([half for place in (0, 1) for half in (halves[0][place], halves[1][place])], axis=1)[None]


def _save(frames: np.ndarray, path: Path) -> None:
    try:
        with replacing(path) as part, part.open("wb") as file:
            np.save(file, frames)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror}). Choose another --out.") from error


def _songs(folder: Path, encoder: str) -> dict[str, Path]:
    """Return the file that has the rows of each song. Raises TrainingError if they are from another encoder."""
    found: dict[str, Path] = {}
    for file in files_below(folder):
        table = _read(file, ["audio_id"])
        made_by = json.loads((table.schema.metadata or {}).get(MADE_BY, b"{}"))
        if made_by.get("encoder") != encoder:
            raise TrainingError(
                f"{file} is not from the encoder {encoder}. Name the folder that extract wrote with it."
            )
        found.update(dict.fromkeys(table["audio_id"].to_pylist(), file))
    return found


def _rows(file: Path) -> dict[str, np.ndarray]:
    """Return the frames [T, 2 W] of each song in a file, its rows put in order."""
    table = _read(file, ["audio_id", "segment_id", FRAMES])
    pieces: dict[str, list[tuple[int, np.ndarray]]] = {}
    for row, (song, name) in enumerate(
        zip(table["audio_id"].to_pylist(), table["segment_id"].to_pylist(), strict=True)
    ):
        cell = table[FRAMES][row].values
        frames = cell.flatten().to_numpy(zero_copy_only=False).reshape(len(cell), -1)
        pieces.setdefault(song, []).append((int(name.rpartition("_")[2]), frames))
    return {
        song: np.concatenate([piece for _, piece in sorted(of, key=lambda each: each[0])])
        for song, of in pieces.items()
    }


def _read(file: Path, columns: list[str]) -> "pa.Table":
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_table(file, columns=columns)
    except (OSError, ArrowException) as error:
        raise TrainingError(f"{file} cannot be read ({str(error).splitlines()[0]}). Write it again.") from error
