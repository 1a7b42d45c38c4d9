"""Chooses which two songs meet next, by numbers of votes and uncertainty of ratings, never by judges' scores."""

from collections.abc import Mapping, Sequence
from math import isfinite
from random import Random

from ..core.errors import NotEnoughSongs
from ..storage.records import Song

AT_RANDOM = 0.1
"""Share of draws that ignore votes and uncertainty, so that any two songs meet now and then."""


def draw(
    songs: Sequence[Song], votes: Mapping[str, int], uncertainty: Mapping[str, float], rng: Random
) -> tuple[Song, Song]:
    """Draw two different songs and return them as sides A and B. Costs O(songs).

    `votes` and `uncertainty` (the width of a rating's interval, in any unit) are by song id. A song without an entry is
    new: it has no votes and is as uncertain as the most uncertain song. A song's chance is proportional to uncertainty
    / (1 + votes), and is never below a tenth of an equal share. The sides are random. Raises NotEnoughSongs.
    """
    if len(songs) < 2:
        raise NotEnoughSongs(
            "A battle needs two songs, and there {available}.", available="is 1" if songs else "are none"
        )
    weights = _weights(songs, votes, uncertainty)
    first = _pick(weights, rng)
    weights[first] = 0.0
    second = _pick(weights, rng)
    a, b = (first, second) if rng.random() < 0.5 else (second, first)
    return songs[a], songs[b]


def _weights(songs: Sequence[Song], votes: Mapping[str, int], uncertainty: Mapping[str, float]) -> list[float]:
    """Return positive weights that sum to 1."""
    widths = [width if isfinite(width := uncertainty.get(song.id, 0.0)) and width > 0 else None for song in songs]
    greatest = max(filter(None, widths), default=1.0)
    needs = [
        (width or greatest) / greatest / (1 + votes.get(song.id, 0)) for song, width in zip(songs, widths, strict=True)
    ]
    total = sum(needs)
    return [(1 - AT_RANDOM) * need / total + AT_RANDOM / len(songs) for need in needs]


def _pick(weights: Sequence[float], rng: Random) -> int:
    return rng.choices(range(len(weights)), weights)[0]
