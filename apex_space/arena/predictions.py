"""Predicts the winner of each battle with every judge, before anyone votes on it."""

import logging
import math
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..audio.waveform import Waveform
from ..core.axes import KEYS
from ..core.errors import PreferenceError
from ..judges.judge import Judge
from ..judges.manager import JudgeManager
from ..judges.queueing import SongQueue
from ..judges.registry import DEFAULT
from ..judges.report import Report
from ..preference.head import PreferenceHead, revision_of
from ..preference.head_files import load
from ..preference.learned import LearnedModel, Outcomes, Prior, learn
from ..preference.published_rules import RULES
from ..storage.records import Prediction, SongScores
from .learning import MIN_DECIDED, ModelService
from .pool import Pool, lower_priority

if TYPE_CHECKING:
    from ..storage.vote_store import VoteStore

IDLE_SECONDS = 2.0
"""Seconds between checks for a new song, or for a judge that became ready."""
RETRY_SECONDS = 3600.0
"""Seconds until a judge hears a song again at which it failed: memory or a file may have been short for a moment."""
logger = logging.getLogger(__name__)


def song_scores(report: Report) -> SongScores:
    """Return the part of a report that is stored."""
    return SongScores(report.sha256, report.judge, revision_of(report), report.scores)


class PredictionWorker:
    """Scores every song of the pool with every judge that is ready, one at a time, at a lower priority than visitors.

    Once a judge has scored one song, the store's scores by the same weights are reused and those songs are not scored
    again. `models` are the judges' models that learn from votes; without one, a judge's preference head predicts.
    `start` returns at once.
    """

    def __init__(
        self, manager: JudgeManager, pool: Pool, store: "VoteStore", models: ModelService | None = None
    ) -> None:
        self._manager, self._pool, self._store, self._models = manager, pool, store, models
        self._scores: dict[str, dict[str, SongScores]] = {}
        self._heads: dict[str, PreferenceHead | None] = {}
        self._of_heads: dict[tuple[str, str, str], LearnedModel] = {}
        self._failed: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="forecasts", daemon=True)

    def start(self) -> None:
        """Start scoring and learning in the background."""
        self._thread.start()
        if self._models is not None:
            self._models.start()

    def close(self) -> None:
        """Stop scoring at the next step of the current song, and learning. Returns when the threads have ended."""
        self._stop.set()
        if self._models is not None:
            self._models.stop()
        if self._thread.is_alive():
            self._thread.join()

    def score(self, waveform: Waveform) -> SongScores:
        """Score a song with the quick judge, now."""
        return song_scores(self._manager.get(DEFAULT)(waveform))

    def scored(self, songs: Iterable[str]) -> tuple[SongScores, ...]:
        """Return all scores of these songs of the pool that are known by now."""
        with self._lock:
            return tuple(known[song] for song in songs for known in self._scores.values() if song in known)

    def weights(self, judge: str, revision: str) -> Prior | None:
        """Return what listeners weigh by the model that learned from votes, or else by the judge's head.

        It is the prior of one listener, who may weigh scores otherwise. Return None if nothing is known.
        """
        known = self._models.model(judge, revision) if self._models else None
        if known:
            return Prior.without_head(known.prior.axes, known.prior.scale, known.mean[: len(known.prior.axes)])
        head = self._head(judge)
        return Prior.without_head(head.axes, head.scale, head.coefficients) if head else None

    def predictions(
        self, a: str, b: str, scored: Iterable[SongScores], generators: tuple[str, str] = ("", "")
    ) -> tuple[Prediction, ...]:
        """Predict P(A is preferred) with every judge that `scored` both songs.

        `generators` made A and B; a name is empty if it is not known. A judge needs a model that learned from votes, or
        else a preference head of its own or a published rule. With another judge's head, the result would be that
        judge's prediction.
        """
        by_judge: dict[tuple[str, str], dict[str, SongScores]] = {}
        for each in scored:
            by_judge.setdefault((each.judge, each.revision), {})[each.song] = each
        both = [(known[a], known[b]) for known in by_judge.values() if a in known and b in known]
        return tuple(filter(None, (self._predict(one, other, generators) for one, other in both)))

    def _predict(self, a: SongScores, b: SongScores, generators: tuple[str, str]) -> Prediction | None:
        axes = [axis for axis in KEYS if a.scores.get(axis) is not None]
        head = self._head(a.judge)
        try:
            model = self._learned(a.judge, a.revision) or self._untaught(a.judge, a.revision, axes)
            if model:
                kind = "learned" if model.votes else "head" if head else "rule"
                return _by_model(model, a, b, generators, kind)
            return _by_head(head, a, b) if head else None
        except PreferenceError:  # an axis is missing
            return None

    def model(self, judge: str, revision: str, axes: Sequence[str]) -> LearnedModel | None:
        """Return what predicts for scores by these weights of a judge; None if a preference head or nothing does.

        It has learned from MIN_DECIDED votes on songs with scores on these `axes`, or is what is known before any vote.
        """
        learned = self._learned(judge, revision)
        return learned if learned and learned.votes >= MIN_DECIDED else self._untaught(judge, revision, axes)

    def _learned(self, judge: str, revision: str) -> LearnedModel | None:
        return self._models.model(judge, revision) if self._models else None

    def _untaught(self, judge: str, revision: str, axes: Sequence[str]) -> LearnedModel | None:
        """Return the model of a head that knows generators, or of a published rule if there is no head."""
        head = self._head(judge)
        if head is None:
            return RULES[judge].model(judge, revision, axes) if judge in RULES and axes else None
        if not head.generators:
            return None
        key = judge, revision, head.revision_id
        if key not in self._of_heads:  # it is the same for each battle
            self._of_heads[key] = learn(judge, revision, Prior.of_head(head), Outcomes.none(len(head.axes)))
        return self._of_heads[key]

    def _head(self, judge: str) -> PreferenceHead | None:
        if judge not in self._heads:
            try:
                head = load(judge)
                self._heads[judge] = head if head.judge == judge else None
            except PreferenceError as error:
                logger.warning("no predictions by %s: %s", judge, error)
                self._heads[judge] = None
        return self._heads[judge]

    def _run(self) -> None:
        lower_priority()
        while not self._stop.is_set():
            if not self._step():
                self._stop.wait(IDLE_SECONDS)

    def _step(self) -> bool:
        """Score one song that one judge has not scored yet. Return False if there is none."""
        for judge in self._manager.loaded():
            scored = self._scores.get(judge.name, {})
            for song in self._pool.songs():
                failed = self._failed.get((judge.name, song.id), -math.inf)
                if song.id not in scored and time.monotonic() - failed >= RETRY_SECONDS:
                    self._score(judge, song.id)
                    return True
        return False

    def _keep(self, new: SongScores) -> None:
        if new.judge not in self._scores:
            known = self._store.scores(new.judge)
            with self._lock:
                self._scores[new.judge] = {song: old for song, old in known.items() if old.revision == new.revision}
        with self._lock:
            self._scores[new.judge][new.song] = new

    def _score(self, judge: Judge, song: str) -> None:
        try:
            beside = replace(
                judge, queue=SongQueue()
            )  # a separate queue: visitors never wait for the pool's songs, which have a low priority
            for report in beside.steps(self._pool.waveform(song)):
                if self._stop.is_set():
                    return
                scored = song_scores(report)
            self._keep(scored)
        except Exception:  # libraries raise many errors; the thread must not end
            logger.exception("%s failed to score a song of the arena's pool", judge.name)
            self._failed[judge.name, song] = time.monotonic()


def _by_head(head: PreferenceHead, a: SongScores, b: SongScores) -> Prediction:
    answer = head.of_scores(a.scores, b.scores)
    revision = f"{a.revision}; head {head.revision_id}"
    return Prediction(a.judge, head.judge, revision, answer.probability, answer.low, answer.high)


def _by_model(model: LearnedModel, a: SongScores, b: SongScores, generators: tuple[str, str], kind: str) -> Prediction:
    answer = model.of_scores(a.scores, b.scores, *generators)
    chance = answer.probability, answer.low, answer.high
    revision = f"{a.revision}; {kind} {model.version}"
    return Prediction(a.judge, a.judge, revision, *chance, votes=model.votes, spoke=answer.spoke)
