"""Manages the judges of a running server.

The shipped judge is loaded at once, APEX in the background, and the others on first use.
"""

import logging
import re
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ..audio.waveform import load_song
from ..core.errors import ApexSpaceError, WeightsError, WeightsMissing
from ..core.settings import settings
from ..core.text import Message, message
from ..models import hub, precision
from .embedding_cache import EmbeddingCache
from .eta import ThroughputEstimator
from .judge import Judge
from .lending import JudgeLender
from .loading import download_size, fetch_weights, load_judge
from .queueing import LOOK_SECONDS
from .registry import DEFAULT, REGISTRY, estimate_seconds, find
from .report import Report

RETRY_SECONDS = 300
FOLDERS = re.compile(r"(?<![^\s(\"'])/(?:[^/\s]+/)+(?=\S)")
"""Matches this machine's folders in a message: an absolute path without its last part, if the path contains no
space."""
BEST = "best"
"""Name that stands for the most trusted judge that is ready."""
ABSENT = "{judge} is not available here. Choose another judge."
"""What visitors are told. The reason is for whoever runs the server."""
SONG_SECONDS = 180
"""Duration of the song for which visitors are told how long a judge takes."""
State = Literal["ready", "loading", "absent", "idle"]
logger = logging.getLogger(__name__)


def warm_up(judge: Judge, song: Path) -> Report:
    """Score a song, to import and compile now what a visitor's song would wait for: 15 s on a fresh installation."""
    return replace(judge, cache=EmbeddingCache(), estimator=ThroughputEstimator())(load_song(song))


def _ready_to_estimate(judge: Judge) -> Judge:
    """Measure now, once in a process, what the first estimate of this judge's time would wait for."""
    if judge.cost:
        precision.flops_per_second(settings().precision)
    return judge


def hide_folders(text: str, weights: Path | None = None) -> str:
    """Return a text without this machine's folders, which visitors need not know.

    `weights` is one of these folders.
    """
    if isinstance(text, Message):
        return Message(text.template, {name: _hidden(value, weights) for name, value in text.values.items()})
    head = settings().songeval_file
    known = (weights, head and head.absolute().parent, hub.cache_folder(), Path(__file__).parents[1])
    for folder in sorted(map(str, filter(None, known)), key=len, reverse=True):
        text = text.replace(folder, "/DIR")  # a folder's name can contain any character
    return FOLDERS.sub("", text)


def _hidden(value: Any, weights: Path | None) -> Any:
    return hide_folders(str(value), weights) if isinstance(value, str | Path) else value


@dataclass(frozen=True)
class _Wait:
    """Why a judge that a server loads at the start is not ready. `state` is "loading" or "absent"."""

    state: State
    why: str


def _more_trusted(than: str) -> list[str]:
    names = list(REGISTRY)
    return names[: names.index(than)]


@dataclass(frozen=True)
class Outlook:
    """What to expect of a judge before it is chosen.

    `why` is the reason if it is absent. `download` is how many bytes are downloaded first. `seconds` is how long a song
    of SONG_SECONDS takes, once the judge is loaded. Both are None if they are not known (yet).
    """

    state: State
    why: str = ""
    download: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class LoadProgress:
    """A judge that is not loaded yet.

    It is downloaded (`received` of `expected` bytes), it is loaded, or it waits until another judge is loaded.
    """

    judge: str
    received: int = 0
    expected: int = 0

    def __str__(self) -> str:
        if self.received < self.expected:
            return message(
                "is downloading: {received:.0f} of {expected:.0f} MB",
                received=self.received / 1e6,
                expected=self.expected / 1e6,
            )
        return "is loading"


class JudgeManager:
    """Tracks which judges are loaded and why the others are not. `start` returns at once.

    Of the judges that are loaded on demand, at most `most` are in memory. They are lent for one song at a time, so that
    it does not matter how many visitors wait for how many judges.

    `example` is a report on a song of ours by the judge that is ready at once; None until that song was scored.
    """

    def __init__(self, weights: Path | None = None, most: int = 1, example: Path | None = None) -> None:
        self._weights, self._song = weights and weights.absolute(), example
        self.example: Report | None = None
        self._ready = {DEFAULT: load_judge(DEFAULT)}
        at_start = [name for name in REGISTRY if REGISTRY[name].at_start and name != DEFAULT]
        self._waiting = {name: _Wait("loading", "is about to load") for name in at_start}
        self._lender = JudgeLender(self._load_guest, most)
        self._known: dict[str, Judge] = {}
        self._downloads: dict[str, int] = {}
        self._missing: dict[str, str] = {}
        self._fetches: dict[str, Future[None]] = {}
        self._fetching: dict[str, LoadProgress] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Load the judges that a server loads at the start, and then look for the weights of the others.

        If the Hub cannot be reached, try again every 5 minutes.
        """
        threading.Thread(target=self._load_all, name="judges", daemon=True).start()

    def best(self) -> Judge:
        """Return the most trusted judge that is ready, of those that are loaded at the start."""
        return next(self._ready[name] for name in REGISTRY if name in self._ready)

    def check(self, name: str) -> str:
        """Return the judge's name. BEST is replaced by the name of the best judge.

        Raises UnknownJudge, and WeightsMissing if it is known that the judge cannot score now.
        """
        name = self.best().name if name == BEST else name
        entry = find(name)
        if wait := self._waiting.get(name):
            if wait.state == "absent":
                raise WeightsMissing(ABSENT, judge=entry.title)
            template = "{judge} {why} Choose another judge meanwhile."
            if not wait.why.endswith("."):
                template = "{judge} {why}. Choose another judge meanwhile."
            raise WeightsMissing(template, judge=entry.title, why=wait.why)
        return name

    def get(self, name: str) -> Judge:
        """Return the judge of that name, as `load` does, without yielding progress."""
        *_, judge = self.load(name)
        assert not isinstance(judge, LoadProgress)
        return judge

    def load(self, name: str) -> Iterator[LoadProgress | Judge]:
        """Make a judge known. Yield progress twice a second, and at last the judge.

        A judge that is loaded on demand has no networks of its own: it borrows them when it is a song's turn.
        Concurrent callers share one download; it continues if they stop waiting. Raises the errors of `check`, and
        WeightsError without this machine's folders in its message.
        """
        name = self.check(name)
        judge = self._ready.get(name) or self._known.get(name)
        yield judge or (yield from self._make_known(name))

    def _make_known(self, name: str) -> Generator[LoadProgress, None, Judge]:
        """Download and load a judge, and return it without its networks, to which no reference is kept."""
        fetch = self._fetch(name)
        while not fetch.done():
            yield self._fetching.get(name, LoadProgress(name))
            wait([fetch], LOOK_SECONDS)
        fetch.result()
        with self._lender.lend(name) as lending:
            for judge in lending:
                if judge is None:
                    yield LoadProgress(name)
                else:
                    known = judge.lent_by(partial(self._lender.lend, name))
        self._known[name] = known
        return known

    def loaded(self) -> tuple[Judge, ...]:
        """Return the judges that can score without being loaded first. The shipped judge comes first."""
        guests = [name for name, done in self._lender.states().items() if done and name in self._known]
        return *self._ready.values(), *(self._known[name] for name in guests)

    def axes(self, name: str) -> tuple[str, ...]:
        """Return the keys of the axes that a judge, or BEST, predicts: as published, until the judge was loaded.

        Raises UnknownJudge.
        """
        judge = self.best() if name == BEST else self._ready.get(name) or self._known.get(name)
        return tuple(judge.head.axes) if judge else find(name).axes

    def states(self) -> dict[str, State]:
        """Return the state of every judge.

        A judge is ready, loading, absent (its weights are not available) or idle (it is loaded on demand).
        """
        loads = dict.fromkeys(self._fetching, False) | self._lender.states() | dict.fromkeys(self._ready, True)
        return {name: "ready" if loads.get(name) else self._state(name, name in loads) for name in REGISTRY}

    def outlook(self) -> dict[str, Outlook]:
        """Return what to expect of every judge. Nothing is measured, loaded or asked for here."""
        reasons = self._missing | self.waiting()
        return {
            name: Outlook(state, reasons.get(name, ""), self._downloads.get(name), self._seconds(name))
            for name, state in self.states().items()
        }

    @property
    def settled(self) -> bool:
        """Whether nothing changes within the next minutes unless a visitor chooses a judge."""
        on_demand = {name for name in REGISTRY if not REGISTRY[name].at_start}
        loading = any(wait.state == "loading" for wait in dict(self._waiting).values())
        return not loading and on_demand <= self._downloads.keys() | self._missing.keys()

    def coming(self, than: str) -> str | None:
        """Return the name of a judge that is loading at the start and is more trusted than the judge `than`."""
        waiting = dict(self._waiting)
        return next((n for n in _more_trusted(than) if n in waiting and waiting[n].state == "loading"), None)

    def better(self, than: str) -> str | None:
        """Return the name of the best judge that is ready, if it is more trusted than the judge `than`."""
        best = self.best().name
        return best if best in _more_trusted(than) else None

    def waiting(self) -> dict[str, str]:
        """Return the judges that a server loads at the start but that are not ready, with the reasons."""
        return {name: wait.why for name, wait in dict(self._waiting).items()}

    def _state(self, name: str, loads: bool) -> State:
        if wait := self._waiting.get(name):
            return wait.state
        return "loading" if loads else "absent" if name in self._missing else "idle"

    def _seconds(self, name: str) -> float | None:
        """Return how long a song takes a judge. The speed was measured when the judge was loaded or looked for."""
        known = name in self._ready or name in self._downloads
        return estimate_seconds(name, SONG_SECONDS) if known else None

    def _fetch(self, name: str) -> "Future[None]":
        with self._lock:
            if name not in self._fetches:
                self._fetches[name] = Future()
                self._fetching[name] = LoadProgress(name)
                threading.Thread(
                    target=self._download, args=(name, self._fetches[name]), name=name, daemon=True
                ).start()
            return self._fetches[name]

    def _download(self, name: str, fetch: "Future[None]") -> None:
        """Download a judge's weights. The next request after a failure tries again."""

        def on_bytes(received: int, expected: int) -> None:
            self._fetching[name] = LoadProgress(name, received, expected)

        failure = None
        try:
            with self._naming_no_folder(name):
                fetch_weights(name, self._weights, on_bytes)
            precision.flops_per_second(settings().precision)  # what `outlook` would wait for
        except Exception as error:
            failure = error
        else:
            self._missing.pop(name, None)
            self._downloads[name] = 0
        with self._lock:  # before those who wait hear of it, as one of them may try again at once
            del self._fetches[name], self._fetching[name]
        fetch.set_exception(failure) if failure else fetch.set_result(None)

    def _load_guest(self, name: str) -> Judge:
        try:
            with self._naming_no_folder(name):
                return _ready_to_estimate(load_judge(name, self._weights, cached=True))
        except Exception:
            self._known.pop(name, None)  # the next request looks for its weights again
            raise

    @contextmanager
    def _naming_no_folder(self, name: str) -> Iterator[None]:
        """Log why a judge is not available, and leave this machine's folders out of a WeightsError."""
        try:
            yield
        except Exception as error:
            logger.warning("%s is not available: %s", name, error)
            if isinstance(error, WeightsError):
                raise type(error)(self._public(error)) from error
            raise

    def _public(self, error: Exception) -> str:
        return hide_folders(str(error), self._weights)

    def _load_all(self) -> None:
        try:
            if self._song:
                self.example = warm_up(self._ready[DEFAULT], self._song)
        except Exception:  # the first song will raise it again; the other judges must still be loaded
            logger.exception("warming up")
        pending = list(self._waiting)
        unknown = [name for name in REGISTRY if not REGISTRY[name].at_start]
        while pending or unknown:
            pending = [name for name in pending if not self._load(name)]
            unknown = [name for name in unknown if not self._look_for(name)]
            if pending or unknown:
                time.sleep(RETRY_SECONDS)

    def _look_for(self, name: str) -> bool:
        """Find out whether the weights of a judge can be had, and what is downloaded. Return True if they can."""
        try:
            size = download_size(name, self._weights)
            precision.flops_per_second(settings().precision)  # what `outlook` would wait for
        except WeightsError as error:
            if name not in self._missing:
                logger.warning("%s is not available: %s", name, error)
            self._missing[name] = message("is not available. {reason}", reason=self._public(error))
            return False
        except Exception as error:  # the thread must not end silently, whatever a library raises
            logger.exception("looking for %s", name)
            self._missing[name] = message("is not available: {kind}; see the server's log", kind=type(error).__name__)
            return False
        self._missing.pop(name, None)
        self._downloads[name] = size
        return True

    def _load(self, name: str) -> bool:
        """Try once to load a judge. Return True if there is no sense in trying again."""

        def on_bytes(received: int, expected: int) -> None:
            self._waiting[name] = _Wait("loading", str(LoadProgress(name, received, expected)))

        try:
            self._waiting[name] = _Wait("loading", str(LoadProgress(name)))
            self._ready[name] = _ready_to_estimate(load_judge(name, self._weights, on_bytes=on_bytes))
            del self._waiting[name]
        except WeightsMissing as error:
            self._waiting[name] = _Wait("absent", message("is not available. {reason}", reason=self._public(error)))
            return False
        except ApexSpaceError as error:
            self._waiting[name] = _Wait("absent", message("is not available. {reason}", reason=self._public(error)))
        except Exception as error:  # the thread must not end silently, whatever a library raises
            logger.exception("loading %s", name)
            why = message("is not available: {kind} while loading; see the server's log", kind=type(error).__name__)
            self._waiting[name] = _Wait("absent", why)
        return True
