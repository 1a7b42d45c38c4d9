"""The records that the arena's parts hand to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Winner = Literal["a", "b", "tie", "both_bad"]
"""Who was preferred. For ratings, "tie" and "both_bad" are each half a win for both songs; agreement counts neither."""

Source = Literal["pool", "uploaded"]
"""Where a battle's songs came from: the space's pool, or a visitor's own two uploads (heard blind, too)."""


@dataclass(frozen=True)
class Song:
    """A song as the arena knows it. `id` is the sha256 of its decoded samples; a visitor's own has no texts."""

    id: str
    title: str = ""
    generator: str = ""
    prompt: str = ""


@dataclass(frozen=True)
class Prediction:
    """What a judge foresaw before the vote: P(A is preferred) with its 95% interval.

    `revision` names the judge's weights and the preference head's; `head` is the judge whose preference head
    answered.
    """

    judge: str
    head: str
    revision: str
    probability: float
    low: float
    high: float


@dataclass(frozen=True)
class Battle:
    """Two songs for one listener, on the sides where they were heard. `issued` in seconds since 1970 (UTC)."""

    id: str
    a: Song
    b: Song
    source: Source
    issued: float
    predictions: tuple[Prediction, ...] = ()


@dataclass(frozen=True)
class Vote:
    """A listener's answer to one battle, never changed. `at` in seconds since 1970 (UTC), `heard` seconds of A and B.

    `voter` is a salted hash of the address, empty where it is not known (imported votes). `suspicion` is the reason
    why the vote is left out of ratings and agreement, empty for a good one.
    """

    battle: Battle
    winner: Winner
    at: float
    heard: tuple[float, float]
    voter: str = ""
    suspicion: str = ""


@dataclass(frozen=True)
class SongScores:
    """What a judge of that `revision` (its weights) made of a song, by axis; preferences are learned from it."""

    song: str
    judge: str
    revision: str
    scores: Mapping[str, float | None]
