"""Writes predictions as the files that the ASAE Challenge takes: a line for each song, without a heading."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..core.errors import EvaluationError, OutputRefused
from ..core.files import replacing
from .metrics import DIMENSIONS, SETS, TRACKS
from .songs import RatedSong

TRACK_1, TRACK_2 = {part: f"track1_set{part}_pred.scp" for part in SETS}, "track2_pred.scp"
AXES = dict.fromkeys(TRACK_1.values(), (TRACKS["track 1"],)) | {TRACK_2: DIMENSIONS}
"""File -> the scores in a line. The challenge does not say the order of the five; it is that of its own code."""


def check_folder(folder: Path) -> None:
    """Make `folder` if it is not there. Raises OutputRefused if it has one of the files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputRefused(f"{folder} cannot be written to ({error.strerror}). Choose another --scp.") from error
    if there := [name for name in AXES if (folder / name).exists()]:
        raise OutputRefused(f"{folder} has {there[0]} already. Choose another --scp.")


def files(songs: Sequence[RatedSong]) -> Mapping[str, str]:
    """Return the content of each file that has songs, by name. Raises EvaluationError.

    Songs of the sets "1" and "2" are those of track 1. All others are those of track 2.
    """
    lines: dict[str, dict[str, str]] = {}
    for song in songs:
        name = TRACK_1.get(song.set, TRACK_2)
        if song.id in lines.setdefault(name, {}):
            raise EvaluationError(f"The song {song.id} is there twice. Keep one of them.")
        lines[name][song.id] = " ".join(_fields(song, AXES[name]))
    return {name: "".join(f"{line}\n" for line in lines[name].values()) for name in AXES if name in lines}


def _fields(song: RatedSong, axes: Sequence[str]) -> Iterator[str]:
    if song.id.split() != [song.id]:
        raise EvaluationError(
            f"The id {song.id!r} has a space, which would end it in a line of scores. Rename the song."
        )
    yield song.id
    for axis in axes:
        if axis not in song.predicted:
            raise EvaluationError(f"The song {song.id} has no prediction of {axis}. Fill it in, or leave the song out.")
        yield f"{song.predicted[axis]:.6f}"


def write(contents: Mapping[str, str], folder: Path) -> None:
    """Write the files, each completely or not at all. Raises OutputRefused."""
    check_folder(folder)
    try:
        for name, content in contents.items():
            with replacing(folder / name) as part:
                part.write_text(content, encoding="utf-8")
    except OSError as error:
        raise OutputRefused(f"{folder} cannot be written to ({error.strerror}). Choose another --scp.") from error
