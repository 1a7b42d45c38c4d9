"""Votes made up for tests: single ones, and those of listeners who follow known strengths."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from apex_space.arena import agreement, ratings
from apex_space.arena.agreement import AgreementReport
from apex_space.arena.ratings import By, Rating, RatingModel
from apex_space.storage.records import Battle, Prediction, Song, Source, Vote, Winner
from apex_space.storage.vote_counts import tally
from apex_space.storage.vote_store import VoteStore

MAKERS = 4
MARKUP = "<img src=x onerror=document.title='owned'>"
SONGS = 31
"""More than fit into the leaderboard's box."""


@cache
def song(number: int) -> Song:
    return Song(f"song{number:04}", f"Title {number}", f"maker{number % MAKERS}")


def predicted(probability: float, judge: str = "pocket") -> Prediction:
    low, high = max(0.0, probability - 0.1), min(1.0, probability + 0.1)
    return Prediction(judge, "pocket", "revision", probability, low, high)


def vote(a: int | Song, b: int | Song, winner: Winner = "a", *predictions: Prediction, **options: Any) -> Vote:
    """A good vote on the pool's songs; `source` is the battle's, all other options the vote's."""
    sides = (song(side) if isinstance(side, int) else side for side in (a, b))
    battle = Battle("battle", *sides, options.pop("source", "pool"), 100.0, predictions)
    return Vote(battle, winner, **{"at": 120.0, "heard": (6.0, 6.0), **options})


def stored(votes: Sequence[Vote], first: int = 0) -> list[Vote]:
    """The same votes, each on a battle and at a time of its own, as a store wants them."""
    return [
        replace(each, battle=replace(each.battle, id=f"battle{number}"), at=float(number))
        for number, each in enumerate(votes, first)
    ]


def swapped(given: Vote) -> Vote:
    """The same vote with A and B on each other's side."""
    battle = given.battle
    turned = tuple(
        replace(old, probability=1 - old.probability, low=1 - old.high, high=1 - old.low) for old in battle.predictions
    )
    winner: Winner = {"a": "b", "b": "a"}.get(given.winner, given.winner)  # type: ignore[assignment]
    heard = (given.heard[1], given.heard[0])
    return replace(
        given, winner=winner, heard=heard, battle=replace(battle, a=battle.b, b=battle.a, predictions=turned)
    )


def rate(votes: Iterable[Vote], by: By = "song", **model: Any) -> tuple[Rating, ...]:
    """The ratings by these votes, by a model with these options."""
    return ratings.rate(tally(votes), by, RatingModel(**model))


def measure_agreement(votes: Iterable[Vote]) -> dict[Source, AgreementReport]:
    """Judges' agreement with these votes."""
    return agreement.measure_agreement(tally(votes))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x)))


def simulate(
    strengths: np.ndarray,
    count: int,
    seed: int = 0,
    ties: float = 0.0,
    judge: Callable[[float], float] | None = None,
    side: float = 0.0,
) -> list[Vote]:
    """`count` votes on random pairs. With chance `ties` a listener ties, else prefers i to j with sigmoid(s_i - s_j).

    `judge` makes its prediction of the log-odds of A. `side` is the effect of the side on them.
    """
    rng = np.random.default_rng(seed)
    votes = []
    for _ in range(count):
        a = int(rng.integers(len(strengths)))
        b = (a + int(rng.integers(1, len(strengths)))) % len(strengths)
        odds = float(strengths[a] - strengths[b]) + side
        winner: Winner = "tie" if rng.random() < ties else "a" if rng.random() < 1 / (1 + math.exp(-odds)) else "b"
        votes.append(vote(a, b, winner, *([predicted(judge(odds))] if judge else [])))
    return votes


def cast(store: VoteStore, votes: Sequence[Vote], first: int = 0) -> None:
    """Put votes into a store, each on a battle of its own, at once: each alone would cost two writes to the disk."""
    store.add_all([(each, ()) for each in stored(votes, first)])


def of_kinds(given: Vote) -> Vote:
    """The same vote on songs of the genres rock (even numbers) and folk."""
    a, b = (
        replace(each, kinds={"genre": "folk" if int(each.id[-4:]) % 2 else "rock"})
        for each in (given.battle.a, given.battle.b)
    )
    return replace(given, battle=replace(given.battle, a=a, b=b))


def votes_counted(store: VoteStore) -> int:
    """The number of votes in the store's counts, as they are, including suspicious ones."""
    return store.version() - store.changes()


def many_votes() -> list[Vote]:
    """On more songs than the picture shows; one's title is markup. Every second song is of another kind."""
    votes = [of_kinds(each) for each in simulate(np.linspace(-2, 2, SONGS), 400, ties=0.1, judge=sigmoid)]
    bad = Song("song9999", MARKUP, MARKUP)
    return [*votes, *([vote(bad, 1, "a", predicted(0.3)), vote(2, bad, "both_bad", predicted(0.6))] * 3)]
