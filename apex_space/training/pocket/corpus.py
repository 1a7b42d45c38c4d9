"""Reads the two sets of songs with human judgements that the pocket judge learns from."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

GENRES = ("classical", "rock", "electronic", "pop")
GROUPS = ("human, several parts", "human, one part", "computer, several parts", "computer, one part")
GROUP_STARTS = (25, 53, 77)
"""Id of the first piece of each of davda54's groups, except the first group."""


@dataclass(frozen=True)
class CorpusSong:
    """A song's file, its genre or group, and listeners' opinion of it."""

    name: str
    path: Path
    group: str
    opinion: float
    """Emotify: share of listeners who liked the song minus share who disliked it. davda54: mean rating, 0 to 5."""


@dataclass(frozen=True)
class Corpus:
    """Songs of one set.

    `pairs` [P, 2] are indices of songs that the same listener rated, the better rated one first.
    """

    name: str
    songs: tuple[CorpusSong, ...]
    pairs: np.ndarray

    @property
    def opinions(self) -> np.ndarray:
        """Return the listeners' opinion of each song [S]."""
        return np.array([song.opinion for song in self.songs])

    @property
    def groups(self) -> np.ndarray:
        """Return the genre or group of each song, [S] of str."""
        return np.array([song.group for song in self.songs])


def emotify(data: Path) -> Corpus:
    """Read 400 songs in four genres (Aljanaki, Wiering, Veltkamp 2015). Track ids run through the genres, 100 each."""
    votes: dict[int, list[int]] = defaultdict(list)
    with (data / "emotify" / "data.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            votes[int(row["track id"])].append(int(row["liked"]) - int(row["disliked"]))
    songs = []
    for track in sorted(votes):
        genre, number = GENRES[(track - 1) // 100], (track - 1) % 100 + 1
        path = data / "emotify" / genre / f"{number}.opus"
        songs.append(CorpusSong(f"emotify/{genre}/{number}", path, genre, float(np.mean(votes[track]))))
    return Corpus("Emotify", tuple(songs), np.zeros((0, 2), int))


def davda54(data: Path) -> Corpus:
    """Read 104 short pieces by people and computers (David Samuel), and every untied pair of one listener's ratings."""
    ratings: dict[int, list[int]] = defaultdict(list)
    listeners: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with (data / "davda54" / "answers.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            piece, rating = int(row["SONG_ID"]), int(row["RATING"])
            ratings[piece].append(rating)
            listeners[row["USER_ID"]].append((piece, rating))
    pieces = sorted(ratings)
    songs = tuple(
        CorpusSong(
            f"davda54/{piece}",
            data / "davda54" / f"{piece}.opus",
            GROUPS[int(np.searchsorted(GROUP_STARTS, piece, side="right"))],
            float(np.mean(ratings[piece])),
        )
        for piece in pieces
    )
    index = {piece: i for i, piece in enumerate(pieces)}
    pairs = [
        (index[a], index[b]) if ra > rb else (index[b], index[a])
        for heard in listeners.values()
        for (a, ra), (b, rb) in combinations(heard, 2)
        if ra != rb and a != b
    ]
    return Corpus("davda54", songs, np.array(pairs).reshape(-1, 2))
