"""Counts of votes, from which ratings, agreement and the next battle are computed without reading the votes again.

The store adds every vote to the counts in the vote's own transaction. Of votes that do not count it keeps the number by
day and reason. When a vote is set aside or restored later, the store takes it out of the counts and adds it again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from functools import cached_property
from operator import add
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Connection, text

from ..core.intervals import bin_of
from .database import write
from .identity import DAY
from .records import Prediction, Song, Source, Vote

MAX_REASON = 200
"""Maximum length of a reason in the counts. Longer ones, which an import may have, are cut."""
Pair = tuple[str, str, int, int, int]
"""Ids of two songs of the pool in alphabetical order, and how often the first one lost, tied and won."""


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
class VoteCounts:
    """The counts of all votes.

    `songs` has the songs with good votes by id, in alphabetical order, and `per_song` their numbers of votes. Each pair
    of songs is in `pairs` once. `reasons` has the number of votes by their day (in days since 1970, UTC) and the reason
    why they do not count, which is empty for those that do. `changes` is how often votes were set aside or restored.
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
    def outcomes(self) -> tuple[np.ndarray, np.ndarray]:
        """How often each song won against each other one [S, S] and how often they tied [S, S], in the pool.

        The songs are in the order of `songs`.
        """
        place = {song: index for index, song in enumerate(self.songs)}
        wins, ties = np.zeros((len(place), len(place))), np.zeros((len(place), len(place)))
        if self.pairs:
            first, second, lost, tied, won = zip(*self.pairs, strict=True)
            a, b = (np.array([place[song] for song in side]) for side in (first, second))
            wins[a, b], wins[b, a] = won, lost
            ties[a, b] = ties[b, a] = tied
        return wins, ties


TABLES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "vote_totals": (("source",), _names(SourceTotals)),
    "song_votes": (("song",), ("votes",)),
    "pair_votes": (("first", "second"), ("lost", "tied", "won")),
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
    pairs: dict[tuple[str, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
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
            pair, outcome = _outcome(vote)
            pairs[pair] = tuple(map(add, pairs[pair], outcome))
        first, second = sorted((battle.a.generator, battle.b.generator))
        for prediction in battle.predictions:
            bin = bin_of(max(prediction.probability, 1 - prediction.probability))
            group = PredictedGroup(battle.source, prediction.judge, first, second, bin)
            predicted[group] = _sum(predicted[group], _predicted(vote, prediction))
    rows = [(*pair, *outcomes) for pair, outcomes in pairs.items()]
    return VoteCounts(dict(sorted(songs.items())), dict(per_song), rows, dict(totals), dict(predicted), dict(reasons))


def _total(vote: Vote) -> SourceTotals:
    return SourceTotals(suspicious=1) if vote.suspicion else SourceTotals(1, vote.winner == "a", vote.winner == "b")


def _outcome(vote: Vote) -> tuple[tuple[str, str], tuple[int, int, int]]:
    """Return the songs in alphabetical order, and whether the first one lost, tied or won."""
    a, b = vote.battle.a.id, vote.battle.b.id
    first, second = min(a, b), max(a, b)
    winner = {"a": a, "b": b}.get(vote.winner)
    return (first, second), (winner == second, winner is None, winner == first)


def _predicted(vote: Vote, prediction: Prediction) -> PredictionSums:
    if vote.winner not in ("a", "b"):
        return PredictionSums(ties=1)
    chance, a_won = prediction.probability, vote.winner == "a"
    right = hit(chance, a_won)
    error = (chance - a_won) ** 2
    return PredictionSums(1, 0, right, a_won, max(chance, 1 - chance), error, error**2, (right - a_won) ** 2)


def hit(chance: float, a_won: bool) -> float:
    """Return 1 if the favourite by A's predicted chance won, 0.5 if the prediction was even, and else 0."""
    return 0.5 if chance == 0.5 else float((chance > 0.5) == a_won)


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
    return VoteCounts(
        songs={id: Song(id, title or "", generator or "", prompt or "") for id, _, title, generator, prompt in counted},
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
