"""Records that the parts of the arena exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["a", "b"]
"""One of the two songs of a pair."""

Winner = Literal["a", "b", "tie", "both_bad"]
"""Result of a vote.

For ratings, "tie" and "both_bad" each count as half a win for both songs. Agreement counts neither.
"""

Source = Literal["pool", "uploaded"]
"""Source of a battle's songs: the space's pool, or two uploads of the visitor. Both are played blind."""


WITHDRAWN = "withdrawn by the voter"
"""Reason why a vote does not count that its voter took back."""
AGAIN = "the same pair again"
"""Reason why a vote does not count if its voter has a vote on the same two songs that counts."""
BY_VOTERS = (WITHDRAWN, AGAIN)
"""Reasons that come from what voters do and not from a check."""

Tag = Literal["melody", "voice", "sound", "mix", "rhythm", "originality"]
"""What decided a vote for one of the songs, as its voter says."""

Spoke = Literal["", "scores", "generators"]
"""What had more weight in a prediction by a learned model."""

MAX_KINDS = 8
"""Maximum number of columns of the pool's table that are kept of a song, besides its texts."""
MAX_KIND_LENGTH = 40
"""Maximum number of characters of such a column's name, and of a value."""


@dataclass(frozen=True)
class Song:
    """A song of the arena. `id` is the sha256 of its decoded samples. An uploaded song has no texts.

    `kinds` are its values in further columns of the pool's table, such as genre -> rock.
    """

    id: str
    title: str = ""
    generator: str = ""
    prompt: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict, hash=False)


TEXTS = ("id", "title", "generator", "prompt")
"""The fields of a song that are texts."""


@dataclass(frozen=True)
class Prediction:
    """A judge's prediction before the vote: P(A is preferred) with its 95% interval.

    `revision` names the weights of the judge and the preference head, published rule or learned model. `head` is the
    judge whose preference head was used. `votes` is the number of votes that the model had learned from, 0 for a head
    or a rule. `spoke` says which had more weight: the judge's scores, or what voters think of the generators. It is
    empty for a head that knows no generators.
    """

    judge: str
    head: str
    revision: str
    probability: float
    low: float
    high: float
    votes: int = 0
    spoke: Spoke = ""


@dataclass(frozen=True)
class StoredModel:
    """A judge's learned model as it is stored, for scores by one revision of the judge's weights.

    `decided` is the number of votes for A or B that there were, of which some may be on songs without scores. `version`
    changes with anything in the text `model`. `changes` is how often votes had been set aside or restored by then.
    """

    judge: str
    revision: str
    decided: int
    version: str
    model: str
    changes: int = 0


@dataclass(frozen=True)
class Battle:
    """Two songs for one listener, `a` and `b` as they were played. `issued` is in seconds since 1970 (UTC)."""

    id: str
    a: Song
    b: Song
    source: Source
    issued: float
    predictions: tuple[Prediction, ...] = ()

    @property
    def takes(self) -> bool:
        """Return whether the songs may be two takes of one song: a visitor's own, or those of one title or prompt."""
        texts = (self.a.title, self.b.title), (self.a.prompt, self.b.prompt)
        return self.source == "uploaded" or any(text == other != "" for text, other in texts)


@dataclass(frozen=True)
class Vote:
    """A listener's answer to one battle, which is never changed. Only whether it counts may change.

    `at` is in seconds since 1970 (UTC). `heard` is how many seconds of A and of B were played. `voter` is a salted hash
    of the address, empty where it is not known (imported votes). `suspicion` is the reason why the vote is left out of
    ratings and agreement, empty for a good vote. `changed` is when the vote was last set aside or restored after it was
    cast, 0 if it never was. `tags` say why it was cast, in alphabetical order. They are added once, after the vote.
    """

    battle: Battle
    winner: Winner
    at: float
    heard: tuple[float, float]
    voter: str = ""
    suspicion: str = ""
    changed: float = 0.0
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class SongScores:
    """A judge's scores of a song, by axis. Preference heads are fitted to them.

    `revision` names the judge's weights.
    """

    song: str
    judge: str
    revision: str
    scores: Mapping[str, float | None]
