"""The judges of a running server: the shipped one at once, APEX in the background, the others on first use."""

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ..audio.waveform import Levels, Waveform
from ..core.errors import ApexSpaceError, WeightsError, WeightsMissing
from ..core.settings import settings
from ..models import hub, precision
from .cache import EmbeddingCache
from .eta import ThroughputEstimator
from .judge import Judge
from .loading import load_judge
from .registry import DEFAULT, REGISTRY, find

RETRY_SECONDS = 300
LOOK_SECONDS = 0.5
"""From one look at a judge that is being loaded to the next."""
WARM_UP_RATE = 44_100
FOLDERS = re.compile(r"(?<![^\s(\"'])/(?:[^/\s]+/)+(?=\S)")
"""Those of this machine in a message: an absolute path up to its last part, if there is no space in it."""
BEST = "best"
"""The name under which the most trusted judge that is ready is asked."""
ABSENT = "is not available"
State = Literal["ready", "loading", "absent", "idle"]
logger = logging.getLogger(__name__)


def warm_up(judge: Judge) -> None:
    """Import and compile now what the first song would otherwise wait for: 15 s on a fresh installation."""
    beats = np.tile(np.geomspace(1, 1e-3, WARM_UP_RATE // 2), 12).astype(np.float32)
    beats *= np.random.default_rng(0).standard_normal(len(beats), dtype=np.float32)
    unheard = Waveform(beats, WARM_UP_RATE, "warm-up", Levels(1, 0.0, 0.0, None))
    replace(judge, cache=EmbeddingCache(), estimator=ThroughputEstimator())(unheard)


def hide_folders(message: str, weights: Path | None = None) -> str:
    """A message without this machine's folders, which are none of a visitor's business; `weights` is one of them."""
    head = settings().songeval_file
    known = (weights, head and head.absolute().parent, hub.cache_folder(), Path(__file__).parents[1])
    for folder in sorted(map(str, filter(None, known)), key=len, reverse=True):
        message = message.replace(folder, "/DIR")  # in their names anything can stand
    return FOLDERS.sub("", message)


@dataclass(frozen=True)
class LoadProgress:
    """A judge that is being downloaded, so many of so many bytes, or loaded, or that waits for another one's load."""

    judge: str
    received: int = 0
    expected: int = 0

    def __str__(self) -> str:
        if self.received < self.expected:
            return f"is downloading: {self.received / 1e6:.0f} of {self.expected / 1e6:.0f} MB"
        return "is loading"


class JudgeManager:
    """Who can answer, and what keeps the others. `start` returns at once.

    Of the judges that load on first use the last `most` stay in memory.
    """

    def __init__(self, weights: Path | None = None, most: int = 1) -> None:
        self._weights, self._most = weights and weights.absolute(), most
        self._ready = {DEFAULT: load_judge(DEFAULT)}
        self._waiting = {name: "is about to load" for name in REGISTRY if REGISTRY[name].at_start and name != DEFAULT}
        self._guests: OrderedDict[str, Future[Judge]] = OrderedDict()
        self._loading: dict[str, LoadProgress] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def start(self) -> None:
        """Load what is to be there from the start; where the Hub cannot be reached, try again every 5 minutes."""
        threading.Thread(target=self._load_all, name="judges", daemon=True).start()

    def best(self) -> Judge:
        """The most trusted judge of those that are there from the start and ready."""
        return next(self._ready[name] for name in REGISTRY if name in self._ready)

    def check(self, name: str) -> str:
        """Return the judge's own name, also for BEST.

        Raises UnknownJudge, and WeightsMissing if it is known that the judge cannot answer now.
        """
        name = self.best().name if name == BEST else name
        entry = find(name)
        if name in self._waiting:
            why = self._waiting[name].rstrip(".") + "."
            raise WeightsMissing(f"{entry.title} {why} Choose another judge meanwhile.")
        return name

    def get(self, name: str) -> Judge:
        """The last of `load`."""
        *_, judge = self.load(name)
        assert not isinstance(judge, LoadProgress)
        return judge

    def load(self, name: str) -> Iterator[LoadProgress | Judge]:
        """What is waited for, twice a second, and at last the judge of that name.

        All who wait for a judge wait for the same load, which goes on when they do not. Raises what `check` does, and
        WeightsError without this machine's folders.
        """
        name = self.check(name)
        if name not in self._ready:
            load = self._begin(name)
            while not load.done():
                yield self._loading.get(name, LoadProgress(name))
                wait([load], LOOK_SECONDS)
            yield load.result()
        else:
            yield self._ready[name]

    def loaded(self) -> tuple[Judge, ...]:
        """Those that can answer without being loaded, the shipped one first."""
        with self._lock:
            return *self._ready.values(), *(load.result() for load in self._guests.values() if load.done())

    def states(self) -> dict[str, State]:
        """Of every judge: ready; loading; absent, as its weights are; or idle, to be loaded when it is asked."""
        with self._lock:
            loads = dict.fromkeys(self._ready, True) | {name: load.done() for name, load in self._guests.items()}
        return {name: "ready" if loads.get(name) else self._state(name, name in loads) for name in REGISTRY}

    def waiting(self) -> dict[str, str]:
        """What keeps each judge that is to be there from the start and is not."""
        return dict(self._waiting)

    def _state(self, name: str, loads: bool) -> State:
        if name in self._waiting:
            return "absent" if self._waiting[name].startswith(ABSENT) else "loading"
        return "loading" if loads else "idle"

    def _begin(self, name: str) -> "Future[Judge]":
        with self._lock:
            if name not in self._guests:
                self._guests[name] = Future()
                threading.Thread(target=self._load_guest, args=(name,), name=name, daemon=True).start()
            self._guests.move_to_end(name)
            return self._guests[name]

    def _load_guest(self, name: str) -> None:
        """One at a time: loading takes the memory of a judge."""

        def on_bytes(received: int, expected: int) -> None:
            self._loading[name] = LoadProgress(name, received, expected)

        with self._turn:
            load = self._make_room(name)
            try:
                judge = load_judge(name, self._weights, on_bytes=on_bytes)
            except Exception as error:
                logger.warning("%s is not available: %s", name, error)
                with self._lock:
                    del self._guests[name]  # the next one who asks tries again
                load.set_exception(type(error)(self._public(error)) if isinstance(error, WeightsError) else error)
            else:
                load.set_result(judge)
            finally:
                self._loading.pop(name, None)

    def _public(self, error: Exception) -> str:
        return hide_folders(str(error), self._weights)

    def _make_room(self, name: str) -> "Future[Judge]":
        """Let go of guests before another takes its memory."""
        with self._lock:
            others = [other for other, load in self._guests.items() if load.done()]
            for other in others[: len(others) - self._most + 1]:
                del self._guests[other]
            return self._guests[name]

    def _load_all(self) -> None:
        try:
            warm_up(self._ready[DEFAULT])
            precision.flops_per_second(settings().precision)
        except Exception:  # the first song will meet it again, and say so; the other judges are not to suffer
            logger.exception("warming up")
        pending = list(self._waiting)
        while pending:
            pending = [name for name in pending if not self._load(name)]
            if pending:
                time.sleep(RETRY_SECONDS)

    def _load(self, name: str) -> bool:
        """Try once. True where there is no sense in trying again."""

        def on_bytes(received: int, expected: int) -> None:
            self._waiting[name] = str(LoadProgress(name, received, expected))

        try:
            self._waiting[name] = "is loading"
            self._ready[name] = load_judge(name, self._weights, on_bytes=on_bytes)
            del self._waiting[name]
        except WeightsMissing as error:
            self._waiting[name] = f"{ABSENT}. {self._public(error)}"
            return False
        except ApexSpaceError as error:
            self._waiting[name] = f"{ABSENT}. {self._public(error)}"
        except Exception as error:  # the thread must not end silently, whatever a library raises
            logger.exception("loading %s", name)
            self._waiting[name] = f"{ABSENT}: {type(error).__name__} while loading; see the server's log"
        return True
