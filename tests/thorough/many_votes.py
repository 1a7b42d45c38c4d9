"""The arena with a million votes, a table for SQLite and PostgreSQL:
`PYTHONPATH=.:tests python tests/thorough/many_votes.py`.

PostgreSQL is the server at APEX_TEST_DATABASE_URL; without one its column is left out. A battle is issued and voted on
as the server does it, only the songs' audio and the judges are left out.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from apex_space.arena.battles import Arena
from apex_space.arena.leaderboard import LeaderboardService
from apex_space.arena.learning import ALL, REMEMBERED, learn_from_choices
from apex_space.judges.registry import AESTHETICS
from apex_space.storage.identity import AddressHasher
from apex_space.storage.records import Battle, Prediction, Song, SongScores, Vote
from apex_space.storage.vote_store import VoteStore
from helpers.database import KINDS, SERVER, database
from helpers.votes import sigmoid

JUDGES = ("apex", "banger", "hear-1", "pocket", "songeval")
MAKERS = 12
BATCH = 2000
TRIES = 200


def song(number: int) -> Song:
    return Song(f"{number:064x}", f"Title {number}", f"maker{number % MAKERS}", "a waltz")


def predictions(chance: float) -> tuple[Prediction, ...]:
    return tuple(Prediction(judge, judge, "revision", chance, chance / 2, (1 + chance) / 2) for judge in JUDGES)


def votes(count: int, songs: Sequence[Song]) -> Iterator[Vote]:
    """Votes of listeners who follow known strengths, with a tenth of ties."""
    rng = np.random.default_rng(0)
    strengths = rng.normal(0, 0.8, len(songs))
    for number in range(count):
        a = int(rng.integers(len(songs)))
        b = (a + int(rng.integers(1, len(songs)))) % len(songs)
        chance = float(sigmoid(strengths[a] - strengths[b]))
        winner: Any = "tie" if rng.random() < 0.1 else "a" if rng.random() < chance else "b"
        battle = Battle(f"{number:032}", songs[a], songs[b], "pool", float(number), predictions(chance))
        yield Vote(battle, winner, number + 20.0, (6.0, 6.0), f"{number % 5000:032x}")


def scores(songs: Sequence[Song]) -> list[SongScores]:
    """Scores of each judge that have nothing to do with the votes."""
    rng = np.random.default_rng(1)
    return [
        SongScores(song.id, judge, "revision", dict(zip(AESTHETICS, rng.normal(3, 0.5, 5).tolist(), strict=True)))
        for judge in JUDGES
        for song in songs
    ]


def milliseconds(work: Callable[[], object], tries: int) -> str:
    taken = []
    for _ in range(tries):
        started = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - started))
    return f"{statistics.median(taken):.1f} ({sorted(taken)[int(0.95 * tries)]:.1f})"


def measure(store: VoteStore, songs: Sequence[Song]) -> dict[str, str]:
    clock = SimpleNamespace(now=1e9)
    scored = tuple(SongScores(song.id, judge, "revision", {"quality": 3.0}) for song in songs[:2] for judge in JUDGES)
    pool: Any = SimpleNamespace(songs=lambda: songs, copy=lambda id: SimpleNamespace(duration=0.0))
    predictor: Any = SimpleNamespace(scored=lambda ids: scored, predictions=lambda *_: predictions(0.6))
    leaderboard = LeaderboardService(store)
    arena = Arena(
        store, pool, predictor, AddressHasher("salt"), lambda: leaderboard.latest().uncertainty, clock=lambda: clock.now
    )
    found = {}
    started = time.perf_counter()
    leaderboard.refit()
    found["leaderboard fitted again, s"] = f"{time.perf_counter() - started:.2f}"
    store.add_battle(Battle("scored", songs[0], songs[1], "pool", 0.0), scores(songs))
    for half_life, kept in ((3000.0, "half-life 3000"), (0.0, "all count the same")):
        started = time.perf_counter()
        choices = store.choices(round(REMEMBERED * half_life) or ALL)
        read = time.perf_counter() - started
        known, makers = store.voted_scores(JUDGES[0], "revision"), store.generators()
        learn_from_choices(JUDGES[0], "revision", known, makers, choices, half_life)
        found[f"a judge's model learned again ({kept}), s"] = f"{time.perf_counter() - started:.2f}, reading {read:.2f}"
    battles: list[Battle] = []
    addresses = (str(IPv4Address(number)) for number in count(1))

    def next_battle() -> None:
        battles.append(arena.next(next(addresses)))

    def next_vote() -> None:
        arena.vote(battles.pop().id, "a", (0.0, 0.0), next(addresses))

    found["next battle, ms (95%)"] = milliseconds(next_battle, TRIES)
    found["vote, ms (95%)"] = milliseconds(next_vote, TRIES)
    found["check for new votes, ms (95%)"] = milliseconds(store.version, TRIES)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--votes", type=int, default=1_000_000)
    options.add_argument("--songs", type=int, default=1000)
    chosen = options.parse_args()
    songs = [song(number) for number in range(chosen.songs)]
    columns = {}
    for kind in KINDS if os.environ.get(SERVER) else KINDS[:1]:
        with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as url:
            store = VoteStore(url)
            started = time.perf_counter()
            waiting = votes(chosen.votes, songs)
            while batch := [*islice(waiting, BATCH)]:
                store.add_all([(vote, ()) for vote in batch])
            filled = time.perf_counter() - started
            columns[kind] = {f"{chosen.votes:,} votes stored, s": f"{filled:.0f}"} | measure(store, songs)
            store.close()
    print(f"| {chosen.votes:,} votes, {chosen.songs:,} songs |", " | ".join(columns), "|")
    print("|---|" + "---|" * len(columns))
    for row in columns["sqlite"]:
        print(f"| {row} |", " | ".join(column[row] for column in columns.values()), "|")


if __name__ == "__main__":
    main()
