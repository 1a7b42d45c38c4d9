"""Counts of votes, from which ratings, agreement and the next battle are computed without reading the votes again.

The store adds every vote to the counts in the vote's own transaction. Of votes that do not count it keeps the number by
day and reason. When a vote is set aside or restored later, the store takes it out of the counts and adds it again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from functools import cached_property
from operator import add
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Connection, text

from ..core.intervals import bin_of, hit
from .database import Parameters, write
from .identity import DAY
from .records import Prediction, Song, Source, Vote, Winner

MAX_REASON = 200
"""Maximum length of a reason in the counts. Longer ones, which an import may have, are cut."""
Pair = tuple[str, str, int, int, int, int]
"""Ids of songs A and B of the pool as they were played, and how often A won, B won, they tied, and both were bad."""


def _names(record: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(record))


@dataclass(frozen=True)
class SourceTotals:
    """Numbers of votes on battles of one source: good votes, those of them for A and for B, and suspicious votes."""

    votes: int = 0
    a: int = 0
    b: int = 0
    suspicious: int = 0


@dataclass(frozen=True)
class PredictedGroup:
    """Good votes on battles between two generators that one judge had predicted, with a chance in one calibration bin.

    `first` and `second` are the generators in alphabetical order. `bin` is the bin's index.
    """

    source: Source
    judge: str
    first: str
    second: str
    bin: int


@dataclass(frozen=True)
class PredictionSums:
    """Sums over the votes of a group. All but `ties` are over decided votes: votes for A or for B.

    A vote's hit is 1 if the judge favoured the winner, 0.5 if the prediction was even, and else 0. `a` counts votes for
    A. `chance` sums the favourite's predicted chance. `error` sums the squared errors of the probability, and
    `error_squared` their squares. `gain_squared` sums the squares of the hit minus 1 (for A) or 0 (for B).
    """

    decided: int = 0
    ties: int = 0
    hits: float = 0.0
    a: int = 0
    chance: float = 0.0
    error: float = 0.0
    error_squared: float = 0.0
    gain_squared: float = 0.0


Sums = TypeVar("Sums", SourceTotals, PredictionSums)
Key = TypeVar("Key")


@dataclass(frozen=True)
class PairResults:
    """Results of the votes on P pairs of songs or generators, as they were played.

    `keys` are the songs' ids or the generators' names. `a` and `b` [P] are the places of A and B in `keys`. The other
    arrays [P] are numbers of votes.
    """

    keys: tuple[str, ...]
    a: np.ndarray
    b: np.ndarray
    a_won: np.ndarray
    b_won: np.ndarray
    tied: np.ndarray
    both_bad: np.ndarray

    @staticmethod
    def of(keys: Sequence[str], a: np.ndarray, b: np.ndarray, numbers: np.ndarray) -> "PairResults":
        """Return the sums of the `numbers` [4, P] over the same A and B, without keys that have no votes.

        The order of the pairs does not matter.
        """
        cells, pair = np.unique(a * len(keys) + b, return_inverse=True)
        sums = (np.bincount(pair, each, len(cells)) for each in numbers)
        used, places = np.unique(np.divmod(cells, max(1, len(keys))), return_inverse=True)
        return PairResults(tuple(keys[place] for place in used), *places.reshape(2, -1), *sums)

    @property
    def numbers(self) -> np.ndarray:
        """Return how often A won, B won, they tied, and both were bad [4, P]."""
        return np.stack([self.a_won, self.b_won, self.tied, self.both_bad])


@dataclass(frozen=True)
class VoteCounts:
    """The counts of all votes.

    `songs` has the songs with good votes by id, in alphabetical order, and `per_song` their numbers of votes. Each pair
    of songs is in `pairs` once for each of them as A. `reasons` has the number of votes by their day (in days since
    1970, UTC) and the reason why they do not count, which is empty for those that do. `changes` is how often votes were
    set aside or restored.
    """

    songs: Mapping[str, Song] = field(default_factory=dict)
    per_song: Mapping[str, int] = field(default_factory=dict)
    pairs: Sequence[Pair] = ()
    totals: Mapping[Source, SourceTotals] = field(default_factory=dict)
    predicted: Mapping[PredictedGroup, PredictionSums] = field(default_factory=dict)
    reasons: Mapping[tuple[float, str], int] = field(default_factory=dict)
    changes: int = 0

    @property
    def votes(self) -> int:
        """Return the number of votes, including suspicious ones."""
        return sum(each.votes + each.suspicious for each in self.totals.values())

    @property
    def version(self) -> int:
        """Return a number that grows with each vote and each change of one."""
        return self.votes + self.changes

    def plus(self, other: "VoteCounts") -> "VoteCounts":
        """Return the sum of the totals and predictions of both, without songs."""
        return VoteCounts(
            totals=_added(self.totals, other.totals, SourceTotals()),
            predicted=_added(self.predicted, other.predicted, PredictionSums()),
        )

    @cached_property
    def song_results(self) -> PairResults:
        """Results of the votes on songs of the pool."""
        a, b, *numbers = zip(*self.pairs, strict=True) if self.pairs else ((),) * 6
        keys = sorted({*a, *b})
        place = {key: number for number, key in enumerate(keys)}
        first, second = (np.array([place[song] for song in side], int) for side in (a, b))
        return PairResults.of(keys, first, second, np.array(numbers, float))

    @cached_property
    def generator_results(self) -> PairResults:
        """Results of the votes on songs of different generators whose names are known."""
        results = self.song_results
        names = [self.songs[key].generator for key in results.keys]
        keys = sorted({*names} - {""})
        place = np.array([keys.index(name) if name else -1 for name in names], int)
        a, b = place[results.a], place[results.b]
        kept = (a != b) & (a >= 0) & (b >= 0)
        return PairResults.of(keys, a[kept], b[kept], results.numbers[:, kept])


TABLES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "vote_totals": (("source",), _names(SourceTotals)),
    "song_votes": (("song",), ("votes",)),
    "pair_votes": (("a", "b"), ("a_won", "b_won", "tied", "both_bad")),
    "predicted_votes": (_names(PredictedGroup), _names(PredictionSums)),
    "vote_reasons": (("day", "reason"), ("votes",)),
}
"""The columns of each table of counts: those that name a row, and those that are summed."""
EMPTY: Mapping[str, tuple[str, ...]] = {name: sums for name, (_, sums) in TABLES.items()} | {
    "predicted_votes": ("decided", "ties")
}
"""The columns of each table of counts that are all 0 in a row without votes. Other sums may be a rounding error."""
GROUPED = len(fields(PredictedGroup))


def tally(votes: Iterable[Vote]) -> VoteCounts:
    """Count votes."""
    songs: dict[str, Song] = {}
    per_song: dict[str, int] = defaultdict(int)
    pairs: dict[tuple[str, str], Counter[Winner]] = defaultdict(Counter)
    totals: dict[Source, SourceTotals] = defaultdict(SourceTotals)
    predicted: dict[PredictedGroup, PredictionSums] = defaultdict(PredictionSums)
    reasons: dict[tuple[float, str], int] = defaultdict(int)
    for vote in votes:
        battle = vote.battle
        totals[battle.source] = _sum(totals[battle.source], _total(vote))
        reasons[vote.at // DAY, vote.suspicion[:MAX_REASON]] += 1
        if vote.suspicion:
            continue
        for song in (battle.a, battle.b):
            songs[song.id] = song
            per_song[song.id] += 1
        if battle.source == "pool" and battle.a.id != battle.b.id:
            pairs[battle.a.id, battle.b.id][vote.winner] += 1
        first, second = sorted((battle.a.generator, battle.b.generator))
        for prediction in battle.predictions:
            bin = bin_of(max(prediction.probability, 1 - prediction.probability))
            group = PredictedGroup(battle.source, prediction.judge, first, second, bin)
            predicted[group] = _sum(predicted[group], _predicted(vote, prediction))
    rows = [(*pair, won["a"], won["b"], won["tie"], won["both_bad"]) for pair, won in pairs.items()]
    return VoteCounts(dict(sorted(songs.items())), dict(per_song), rows, dict(totals), dict(predicted), dict(reasons))


def _total(vote: Vote) -> SourceTotals:
    return SourceTotals(suspicious=1) if vote.suspicion else SourceTotals(1, vote.winner == "a", vote.winner == "b")


def _predicted(vote: Vote, prediction: Prediction) -> PredictionSums:
    if vote.winner not in ("a", "b"):
        return PredictionSums(ties=1)
    chance, a_won = prediction.probability, vote.winner == "a"
    right = hit(chance, a_won)
    error = (chance - a_won) ** 2
    return PredictionSums(1, 0, right, a_won, max(chance, 1 - chance), error, error**2, (right - a_won) ** 2)


def _sum(one: Sums, other: Sums) -> Sums:
    return type(one)(*map(add, vars(one).values(), vars(other).values()))


def _added(one: Mapping[Key, Sums], other: Mapping[Key, Sums], none: Sums) -> dict[Key, Sums]:
    return {**one} | {key: _sum(one.get(key, none), sums) for key, sums in other.items()}


def add_counts(connection: Connection, counts: VoteCounts, times: int = 1) -> None:
    """Add the counts of new votes to the database's. With -1 as `times`, subtract those of votes that were counted.

    Rows are sorted, so that concurrent writers wait for each other in the same order and never deadlock.
    """
    rows: dict[str, Iterable[tuple[str | float, ...]]] = {
        "vote_totals": ((source, *astuple(numbers)) for source, numbers in counts.totals.items()),
        "song_votes": counts.per_song.items(),
        "pair_votes": counts.pairs,
        "predicted_votes": ((*astuple(group), *astuple(sums)) for group, sums in counts.predicted.items()),
        "vote_reasons": ((*key, votes) for key, votes in counts.reasons.items()),
    }
    for table, (keys, sums) in TABLES.items():
        named: list[dict[str, Any]] = [dict(zip((*keys, *sums), row, strict=True)) for row in sorted(rows[table])]
        write(connection, _addition(table), [row | {name: times * row[name] for name in sums} for row in named])


def delete_empty(connection: Connection) -> None:
    """Delete the rows that count no vote any more. No other process may add counts meanwhile."""
    for table, sums in EMPTY.items():
        connection.execute(text(f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = 0' for name in sums)}"))


def read_counts(connection: Connection) -> VoteCounts:
    """Read the counts of all votes."""
    songs = "SELECT song, votes, title, generator, prompt FROM song_votes LEFT JOIN songs ON id = song"
    counted = sorted(connection.execute(text(songs)).fetchall())
    kinds = read_kinds(connection)
    return VoteCounts(
        songs={
            id: Song(id, title or "", generator or "", prompt or "", kinds.get(id, {}))
            for id, _, title, generator, prompt in counted
        },
        per_song={id: votes for id, votes, *_ in counted},
        pairs=_read(connection, "pair_votes"),
        totals={source: SourceTotals(*numbers) for source, *numbers in _read(connection, "vote_totals")},
        predicted={
            PredictedGroup(*row[:GROUPED]): PredictionSums(*row[GROUPED:])
            for row in _read(connection, "predicted_votes")
        },
        reasons={(day, reason): votes for day, reason, votes in _read(connection, "vote_reasons")},
        changes=connection.scalar(text("SELECT count(*) FROM vote_changes")) or 0,
    )


def read_kinds(
    connection: Connection, where: str = "", parameters: Parameters | None = None
) -> dict[str, dict[str, str]]:
    """Read the kinds of songs by their ids, of those that have any."""
    found: dict[str, dict[str, str]] = {}
    query = f"SELECT song, name, value FROM song_kinds {where} ORDER BY song, name"
    for song, name, value in connection.execute(text(query), parameters or {}):
        found.setdefault(song, {})[name] = value
    return found


def read_predicted(connection: Connection, source: Source) -> VoteCounts:
    """Read the counts of one source, without songs and with the votes on all generators as one group."""
    sums = ", ".join(f"sum({name})" for name in _names(PredictionSums))
    query = f"SELECT judge, bin, {sums} FROM predicted_votes WHERE source = :source GROUP BY judge, bin"
    return VoteCounts(
        totals={name: SourceTotals(*numbers) for name, *numbers in _read(connection, "vote_totals") if name == source},
        predicted={
            PredictedGroup(source, judge, "", "", bin): PredictionSums(*numbers)
            for judge, bin, *numbers in connection.execute(text(query), {"source": source})
        },
    )


def read_votes_per_song(connection: Connection) -> dict[str, int]:
    """Read the number of good votes on each song, by its id."""
    return dict(_read(connection, "song_votes"))


def clear_counts(connection: Connection) -> None:
    """Forget all counts, so that they can be made again from the votes."""
    for table in TABLES:
        connection.execute(text(f"DELETE FROM {table}"))


def _addition(table: str) -> str:
    """Return the statement that adds one row's numbers to those of the row with the same keys."""
    keys, sums = TABLES[table]
    names = (*keys, *sums)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET "
        + ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    )


def _read(connection: Connection, table: str) -> Sequence[Any]:
    keys, sums = TABLES[table]
    # The driver's own rows: SQLAlchemy's take as long again.
    return connection.execute(text(f"SELECT {', '.join((*keys, *sums))} FROM {table}")).cursor.fetchall()
