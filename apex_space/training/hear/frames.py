"""Writes the frames that extract wrote as a `.npy` for each song, as the trainings of HEAR and SongEval read them.

HEAR hears those of two encoders side by side.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import TrainingError
from ...core.files import check_own, replacing
from ..columns import ENCODERS, FRAMES, MADE_BY
from ..files import prepare, write
from ..provenance import encoders_of, record
from ..table import check_encoder, files_below

if TYPE_CHECKING:
    import pyarrow as pa

HEAR, SONGEVAL = ("musicfm", "muq"), ("muq-songeval",)
"""Names of the encoders, in the order of a frame's numbers."""
MAX_NAME = 240
"""Maximum length of a file's name, in bytes. File systems allow 255, and NAME.XXXXXXXX.part is written first."""


def join(musicfm: Path, muq: Path, out: Path) -> int:
    """Write the frames [1, T, 4 W] of each song that both folders have, and return their number. Raises TrainingError.

    A frame's numbers are the halves on pieces of both encoders, then those on the whole song. Both are cut to the
    shorter. Songs whose file is there already are left as they are.
    """
    return write_frames({"musicfm": musicfm, "muq": muq}, out, side_by_side)


def write_songeval(muq: Path, out: Path) -> int:
    """Write the frames [1, T, W] of each song as SongEval hears them, and return their number. Raises TrainingError."""
    return write_frames({SONGEVAL[0]: muq}, out, lambda frames: frames[None])


def write_frames(folders: Mapping[str, Path], out: Path, merge: Callable[..., np.ndarray]) -> int:
    """Write a file for each song that the folders of all encoders have, and return their number. Raises TrainingError.

    `merge` makes the file's frames of those of each encoder. Songs whose file is there already are left as they are.
    """
    prepare(out)
    found = [_songs(folder, encoder) for encoder, folder in folders.items()]
    songs = [song for song in found[0][0] if all(song in other for other, _ in found)]
    if not songs:
        raise TrainingError(f"{' and '.join(map(str, folders.values()))} have no song in common.")
    paths = {song: _path(out, song) for song in songs}
    if not (out / ENCODERS).exists() and (theirs := next(filter(Path.exists, paths.values()), None)):
        raise TrainingError(f"{theirs} is there and not from here. Choose another --out.")
    _write_encoders([made_by for _, made_by in found], out)
    rows = lru_cache(2 * len(found))(_rows)
    for song, path in paths.items():
        if not path.exists():
            prepare(path.parent)
            _save(merge(*(rows(files[song])[song] for files, _ in found)), path)
    return len(songs)


def _path(out: Path, song: str) -> Path:
    """Return the file of a song. Raises TrainingError if its id is no name for a file in `out`."""
    path = out / f"{song}.npy"
    if "\0" in song or any(len(os.fsencode(part)) > MAX_NAME for part in Path(song).parts):
        raise TrainingError(f"The song {song} cannot be the name of a file. Give it another id.")
    if not path.resolve().is_relative_to(out.resolve()):
        raise TrainingError(f"The song {song} would be written outside of {out}. Give it another id.")
    return path


def check_encoders(frames: Path, names: Sequence[str]) -> None:
    """Raise TrainingError if a folder of frames says that these are of other encoders than those named."""
    found = [each["encoder"] for each in encoders_of(frames) or ()]
    if found and found != [*names]:
        raise TrainingError(f"The frames in {frames} are of {' and '.join(found)}, not of {' and '.join(names)}.")


def _write_encoders(made_by: list[dict[str, Any]], out: Path) -> None:
    text = json.dumps({"encoders": made_by}, indent=1) + "\n"
    check_own(out, (ENCODERS,), lambda known: "encoders" in json.loads(known))
    if (out / ENCODERS).exists() and json.loads((out / ENCODERS).read_text(encoding="utf-8"))["encoders"] != made_by:
        raise TrainingError(f"{out} has frames of other encoders, revisions or precisions. Choose another --out.")
    write(out / ENCODERS, text)


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


def _songs(folder: Path, encoder: str) -> tuple[dict[str, Path], dict[str, Any]]:
    """Return the file that has the rows of each song, and what made them.

    Raises TrainingError if they are from another encoder.
    """
    found: dict[str, Path] = {}
    made_by: dict[str, Any] = {}
    check_encoder(files := files_below(folder))
    for file in files:
        table = _read(file, ["audio_id"])
        made_by = record((table.schema.metadata or {}).get(MADE_BY, b"")) or {}
        if made_by.get("encoder") != encoder:
            raise TrainingError(
                f"{file} is not from the encoder {encoder}. Name the folder that extract wrote with it."
            )
        songs = dict.fromkeys(table["audio_id"].to_pylist(), file)
        if twice := songs.keys() & found.keys():
            raise TrainingError(f"The song {min(twice)} is in {found[min(twice)]} and in {file}. Keep one of them.")
        found.update(songs)
    return found, made_by


def _rows(file: Path) -> dict[str, np.ndarray]:
    """Return the frames [T, 2 W] of each song in a file, its rows put in order."""
    table = _read(file, ["audio_id", "segment_id", FRAMES])
    pieces: dict[str, list[tuple[int, np.ndarray]]] = {}
    for row, (song, name) in enumerate(
        zip(table["audio_id"].to_pylist(), table["segment_id"].to_pylist(), strict=True)
    ):
        cell = table[FRAMES][row].values
        if cell is None:
            raise TrainingError(f"{file}, row {row + 1}: it has no {FRAMES}. Extract the song again.")
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
