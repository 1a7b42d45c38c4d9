"""Keeps each judge's model of listeners up to date: learns it again in the background as counted votes come in.

A model is stored with the votes, and never changed; only the texts of old ones are emptied. Several processes may learn
from the same votes: they store the same model, or models of nearly the same votes, and each takes the one of the most
votes. Votes on visitors' own songs teach nothing, because a visitor could choose songs with scores that are far from
each other and vote against them.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..core.axes import KEYS
from ..core.errors import ApexSpaceError
from ..preference.head_files import load
from ..preference.learned import LearnedModel, Outcomes, Prior, learn
from ..preference.published_rules import RULES
from ..storage.records import Side, SongScores, StoredModel
from .watcher import Watcher

if TYPE_CHECKING:
    from ..storage.vote_store import VoteStore

REST = 10
"""Waiting time after a fit, as a multiple of the time that the fit took. It leaves the processor to others."""
MIN_DECIDED = 20
"""Number of votes below which the preference head alone answers."""
GROWTH, MAX_NEW = 50, 500
"""A model is learned again when there are a 50th more votes, or 500 more."""
REMEMBERED = 10
"""Number of half-lives after which a vote counts a thousandth and is not read any more."""
ALL = 10**9
"""More votes than there will ever be."""
Choice = tuple[str, str, Side]
"""The ids of A and B, and which of them a listener picked."""
Taught = tuple[int, int]
"""How often votes had been set aside or restored, and how many votes for A or B there were."""
logger = logging.getLogger(__name__)


class ModelService:
    """Keeps the judges' learned models up to date. `start` returns at once; `model` never waits.

    `half_life` is the number of votes after which a vote counts half as much; 0 if all count the same.
    """

    def __init__(self, store: "VoteStore", half_life: float, every_s: float = 5.0) -> None:
        self._store, self._half_life, self._every_s = store, half_life, every_s
        self._models: dict[tuple[str, str], LearnedModel] = {}
        self._tried: dict[tuple[str, str], Taught] = {}
        self._settled: Taught | None = None
        self._watcher = Watcher("learning", self._watch)

    def start(self) -> None:
        """Check for new votes now, and then every `every_s` seconds, or less often if learning takes long."""
        self._watcher.start()

    def stop(self) -> None:
        """Stop checking for new votes. Returns when the thread has ended."""
        self._watcher.stop()

    def model(self, judge: str, revision: str) -> LearnedModel | None:
        """Return the latest model for scores by these weights of a judge, or None if there is none yet."""
        return self._models.get((judge, revision))

    def refit(self) -> None:
        """Learn the models again for which there are enough new votes. Raises StoreError."""
        taught = self._store.changes(), self._store.decided()
        if taught[1] < MIN_DECIDED:
            self._models.clear()  # votes that taught them were set aside
        if taught[1] < MIN_DECIDED or taught == self._settled:
            return
        choices = cache(lambda: self._store.choices(round(REMEMBERED * self._half_life) or ALL))
        weights = [(judge, self._store.voted_revision(judge)) for judge in self._store.judges()]
        for judge, revision in weights:
            if revision is not None:
                self._refit(judge, revision, choices, taught)
        if self._settled is not None and self._settled[0] != taught[0]:
            for known in self._models.keys() - {*weights}:
                del self._models[known]  # it may have learned from votes that were set aside
        self._settled = taught

    def _refit(self, judge: str, revision: str, choices: Callable[[], Sequence[Choice]], taught: Taught) -> None:
        """Take the newest stored model of a judge, and learn another one if that is due."""
        tried = max(self._tried.get((judge, revision), (0, 0)), self._take_newest(judge, revision))
        if _is_due(tried, taught):
            self._learn(judge, revision, choices(), taught)
            self._tried[judge, revision] = taught

    def _learn(self, judge: str, revision: str, choices: Sequence[Choice], taught: Taught) -> None:
        """Learn a model and store it. Where nothing can be learned, the head answers, as before any vote."""
        scores, generators = self._store.voted_scores(judge, revision), self._store.generators()
        try:
            model = learn_from_choices(judge, revision, scores, generators, choices, self._half_life)
        except (ValueError, ArithmeticError) as error:
            logger.warning("nothing was learned from the votes for %s: %s", judge, error)
            self._models.pop((judge, revision), None)
            return
        changes, decided = taught
        stored = StoredModel(judge, revision, decided, model.version, model.to_json(), changes)
        self._store.add_model(stored, time.time())
        self._models[judge, revision] = LearnedModel.from_json(stored.model)

    def _take_newest(self, judge: str, revision: str) -> Taught:
        """Take the newest stored model. Return of how much it was learned, zeros if there is none to read.

        One that is older than what nothing could be learned from is not taken.
        """
        known = self._models.get((judge, revision))
        stored = self._store.newest_model(judge, revision, known.version if known else "")
        if stored is None or (stored.changes, stored.decided) < self._tried.get((judge, revision), (0, 0)):
            return 0, 0
        if known is None or known.version != stored.version:
            try:
                self._models[judge, revision] = LearnedModel.from_json(stored.model)
            except ValueError as error:
                logger.warning("the stored model %s of %s cannot be read: %s", stored.version, judge, error)
                return 0, 0
        return stored.changes, stored.decided

    def _watch(self, stopped: threading.Event) -> None:
        spent = 0.0
        while not stopped.wait(max(0.0, REST * spent)):
            started = time.monotonic()
            try:
                self.refit()
            except Exception:  # the store may work again later; the thread must not end
                logger.exception("nothing could be learned from the votes; trying again")
            spent = max(time.monotonic() - started, self._every_s / REST)


def _is_due(before: Taught, now: Taught) -> bool:
    """Return whether a model is learned again. A vote that was set aside or restored is as good as a new one."""
    new = abs(now[1] - before[1]) + now[0] - before[0]
    return before[1] + new >= due(before[1])


def due(decided: int) -> int:
    """Return at how many votes a model is learned again that was learned at `decided` votes."""
    return max(MIN_DECIDED, decided + min(MAX_NEW, max(1, decided // GROWTH)))


def learn_from_choices(
    judge: str,
    revision: str,
    scores: Mapping[str, SongScores],
    generators: Mapping[str, str],
    choices: Sequence[Choice],
    half_life: float = 0,
    prior: Prior | None = None,
) -> LearnedModel:
    """Learn a judge's model from choices, the oldest first, between songs with `scores` by the song's id.

    By default, the `prior` is that of the judge's own head or published rule, if there is one. Raises ValueError if no
    choice is between two different songs with scores.
    """
    voted = {song for a, b, _ in choices for song in (a, b)}
    axes = prior.axes if prior else ()
    if prior is None:
        axes, prior = _prior(judge, [each for song, each in scores.items() if song in voted])
    known = {
        song: [float(each.scores[axis] or 0) for axis in axes]
        for song, each in scores.items()
        if all(each.scores.get(axis) is not None for axis in axes)
    }
    usable = [choice for choice in choices if choice[0] in known and choice[1] in known and choice[0] != choice[1]]
    if not usable:
        raise ValueError(f"there is no vote yet on two songs that {judge} has scored")
    pairs = _summed(usable, half_life)
    songs = list(dict.fromkeys(song for pair in pairs for song in pair))
    place = {song: number for number, song in enumerate(songs)}
    a, b = (np.array([place[pair[side]] for pair in pairs]) for side in (0, 1))
    table = np.array([known[song] for song in songs]).reshape(len(songs), len(axes))
    won, lost = np.array([*pairs.values()]).T
    makers = [(generators.get(one, ""), generators.get(other, "")) for one, other in pairs]
    outcomes = Outcomes(table[a] - table[b], makers, won, lost, np.stack([a, b], 1)).bounded()
    return learn(judge, revision, prior or _without_head(axes, outcomes), outcomes, len(usable))


def _prior(judge: str, voted: Sequence[SongScores]) -> tuple[tuple[str, ...], Prior | None]:
    """Return the axes to learn from and the prior of the judge's own head or published rule; None without either.

    Without a head, the axes are those on which at least half of the songs that were `voted` on have a score.
    """
    try:
        head = load(judge)
        if head.judge == judge:
            return head.axes, Prior.of_head(head)
    except ApexSpaceError as error:  # the head cannot be read, or votes were imported with scores of an unknown judge
        logger.warning("the votes alone teach for %s: %s", judge, error)
    known = Counter(axis for each in voted for axis, score in each.scores.items() if score is not None)
    axes = tuple(axis for axis in KEYS if axis in known and 2 * known[axis] >= len(voted))
    if not axes:
        raise ValueError(f"there is no vote yet on songs of which {judge} has scored at least half")
    return axes, RULES[judge].prior(axes) if judge in RULES else None


def _without_head(axes: Sequence[str], outcomes: Outcomes) -> Prior:
    """Return a prior that knows nothing of what scores are worth. A usual difference is that of the pairs voted on."""
    scale = np.sqrt(np.square(outcomes.differences).mean(0))
    scale[scale == 0] = 1.0
    return Prior.without_head(axes, scale.tolist())


def _summed(choices: Sequence[Choice], half_life: float) -> dict[tuple[str, str], list[float]]:
    """Return how often the first and the second song of each pair was picked. The newest choice counts 1."""
    found: dict[tuple[str, str], list[float]] = {}
    for age, (a, b, winner) in enumerate(reversed(choices)):
        pair, first_won = ((a, b), winner == "a") if a < b else ((b, a), winner == "b")
        sums = found.setdefault(pair, [0.0, 0.0])
        sums[0 if first_won else 1] += 0.5 ** (age / half_life) if half_life else 1.0
    return found
