"""Kinds of songs, by further columns of the pool's table such as genre, and the votes between two songs of one kind."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..core import tables
from ..core.errors import UnknownBoard
from ..core.text import sanitize
from ..storage.records import MAX_KIND_LENGTH, MAX_KINDS
from ..storage.vote_counts import VoteCounts

MAX_VALUES = 20
"""Maximum number of different values of a column that tells kinds of songs."""
MAX_COLUMNS = 50
"""Maximum number of a table's columns that are looked at."""


@dataclass(frozen=True)
class Kind:
    """The songs with one value in one column, and the number of votes that count between two of them."""

    column: str
    value: str
    votes: int

    @property
    def name(self) -> str:
        """Return the name of the kind's board, such as `genre: rock`. No column's name has a colon."""
        return f"{self.column}: {self.value}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"board": self.name} | asdict(self)


@dataclass
class Columns:
    """Finds out which columns of a table tell kinds of songs, from its rows: those with few values that come again.

    A column whose values are all different, such as an address or a number of the song, says nothing of kinds.
    """

    _values: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, kinds: Mapping[str, str]) -> None:
        """Look at a row, as `read_kinds` returns it."""
        for column, value in kinds.items():
            if column in self._values or len(self._values) < MAX_COLUMNS:
                values = self._values.setdefault(column, Counter())
                if len(values) <= MAX_VALUES:
                    values[value] += 1

    def kept(self, kinds: Mapping[str, str]) -> dict[str, str]:
        """Return a row without the columns that tell no kinds, and without those after the first ones."""
        few = [c for c, values in self._values.items() if len(values) <= MAX_VALUES and max(values.values()) > 1]
        return {column: kinds[column] for column in few[:MAX_KINDS] if column in kinds}


def read_kinds(row: Mapping[Any, Any], others: frozenset[str]) -> dict[str, str]:
    """Return what a row of the pool's table says in columns that are not the `others`, in short texts of one line."""
    found = {}
    for name, cell in row.items():
        column, value = _short(str(name).lower()), _short(tables.text(cell))
        if column and value and column not in others and ":" not in column:
            found[column] = value
    return found


def _short(text: str) -> str:
    """Return a text from outside on one line, or an empty one if it is too long."""
    line = sanitize(" ".join(text.split()), MAX_KIND_LENGTH + 1)
    return line if len(line) <= MAX_KIND_LENGTH else ""


def find_kinds(counts: VoteCounts) -> tuple[Kind, ...]:
    """Return the kinds with votes, by column and then by votes.

    They are of the MAX_KINDS columns with the most votes, and the MAX_VALUES values with the most votes of each.
    """
    columns = sorted({column for song in counts.songs.values() for column in song.kinds})
    found = [kinds for column in columns if (kinds := _kinds_of(counts, column))]
    most = sorted(found, key=lambda kinds: -sum(kind.votes for kind in kinds))[:MAX_KINDS]
    return tuple(kind for kinds in found if kinds in most for kind in kinds)


def _kinds_of(counts: VoteCounts, column: str) -> list[Kind]:
    results = counts.song_results
    values = [counts.songs[key].kinds.get(column, "") for key in results.keys]
    names = sorted({*values} - {""})
    if len(names) < 2:
        return []
    place = {name: number for number, name in enumerate(names)}
    songs = np.array([place.get(value, -1) for value in values], int)
    both = (songs[results.a] == songs[results.b]) & (songs[results.a] >= 0)
    votes = np.bincount(songs[results.a][both], results.numbers.sum(0)[both], len(names))
    found = [Kind(column, name, int(number)) for name, number in zip(names, votes, strict=True) if number]
    return sorted(found, key=lambda kind: -kind.votes)[:MAX_VALUES]


def kind_named(name: str, kinds: Iterable[Kind]) -> Kind:
    """Return the kind whose board has a name from outside. Raises UnknownBoard."""
    for kind in kinds:
        if kind.name == name:
            return kind
    raise UnknownBoard(
        "There is no board “{board}”. The leaderboard of all songs has the names of the boards.",
        board=sanitize(name, 2 * MAX_KIND_LENGTH),
    )


def votes_within(counts: VoteCounts, kind: Kind) -> VoteCounts:
    """Return the counts of the votes on two songs of one kind, without totals and predictions."""
    songs = {id: song for id, song in counts.songs.items() if song.kinds.get(kind.column) == kind.value}
    return VoteCounts(songs=songs, pairs=[pair for pair in counts.pairs if pair[0] in songs and pair[1] in songs])
