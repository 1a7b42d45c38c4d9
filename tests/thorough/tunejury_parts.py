"""How much TuneJury's score depends on the 10 s that it hears:
`PYTHONPATH=.:tests python tests/thorough/tunejury_parts.py SONGS...`.

SONGS are files or folders. The weights are those that the settings name. The table compares the deviation between the
parts of a song, as tunejury-whole hears them, with that between songs, and the middle, which tunejury hears, with the
mean over the song. The figures say nothing with made-up weights.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apex_space import load_judge
from apex_space.core.errors import AudioError
from apex_space.judges.report import Report
from apex_space.models.heads.tunejury import AXIS, PartsEncoder


@dataclass(frozen=True)
class SongParts:
    """A song's score by both judges, and the scores [S] of its whole parts of 10 s."""

    middle: float
    mean: float
    parts: Sequence[float]


def song_parts(middle: Report, whole: Report) -> SongParts:
    full = [part for part in whole.segments if part.end - part.start >= PartsEncoder.segment_seconds]
    return SongParts(
        float(middle.scores[AXIS.key] or 0),
        float(whole.scores[AXIS.key] or 0),
        [float(part.scores[AXIS.key] or 0) for part in full],
    )


def spread(songs: Sequence[SongParts]) -> dict[str, float]:
    """The figures by name, of songs with at least two whole parts; there must be two such songs."""
    long = [song for song in songs if len(song.parts) > 1]
    within = np.sqrt(np.mean([np.var(song.parts, ddof=1) for song in long]))
    means, middles = (np.array([getattr(song, name) for song in long]) for name in ("mean", "middle"))
    one, other = np.triu_indices(len(long), 1)
    swapped = (means[one] - means[other]) * (middles[one] - middles[other]) < 0
    return {
        "songs": len(long),
        "parts": sum(len(song.parts) for song in long),
        "deviation between the parts of a song": float(within),
        "deviation between the songs' means": float(np.std(means, ddof=1)),
        "middle minus mean, root mean square": float(np.sqrt(np.mean(np.square(middles - means)))),
        "middle minus mean, largest": float(np.abs(middles - means).max()),
        "pairs of songs that the middle puts in another order, %": float(100 * swapped.mean()),
    }


def files(given: Iterable[Path]) -> Iterator[Path]:
    for path in given:
        yield from sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("songs", nargs="+", type=Path, metavar="SONGS")
    chosen, judges, songs = options.parse_args(), [load_judge("tunejury"), load_judge("tunejury-whole")], []
    for path in files(chosen.songs):
        try:
            songs.append(song_parts(*(judge(path) for judge in judges)))
        except AudioError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
    for name, figure in spread(songs).items():
        print(f"{name}: {figure:.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
