"""The judges of a running server: the shipped one at once, APEX in the background, the others on first use."""

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np

from .audio import Levels, Waveform
from .errors import ApexSpaceError, WeightsMissing
from .judges import DEFAULT, REGISTRY, Judge, find, load_judge
from .memory import Memory

RETRY_SECONDS = 300
WARM_UP_RATE = 44_100
logger = logging.getLogger(__name__)


def warm_up(judge: Judge) -> None:
    """Import and compile now what the first song would otherwise wait for: 15 s on a fresh installation."""
    beats = np.tile(np.geomspace(1, 1e-3, WARM_UP_RATE // 2), 12).astype(np.float32)
    beats *= np.random.default_rng(0).standard_normal(len(beats), dtype=np.float32)
    replace(judge, memory=Memory())(Waveform(beats, WARM_UP_RATE, "warm-up", Levels(1, 0.0, 0.0, None)))


class Roster:
    """Who can answer, and what keeps the others. `start` returns at once.

    Of the judges that load on first use the last `most` stay in memory.
    """

    def __init__(self, weights: Path | None = None, most: int = 1) -> None:
        self._weights, self._most = weights, most
        self._ready = {DEFAULT: load_judge(DEFAULT)}
        self._waiting = {name: "is about to load" for name in REGISTRY if REGISTRY[name].at_start and name != DEFAULT}
        self._guests: OrderedDict[str, Judge] = OrderedDict()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Load what is to be there from the start; where the Hub cannot be reached, try again every 5 minutes."""
        threading.Thread(target=self._load_all, name="judges", daemon=True).start()

    def best(self) -> Judge:
        """The most trusted judge of those that are there from the start and ready."""
        return next(self._ready[name] for name in REGISTRY if name in self._ready)

    def check(self, name: str) -> None:
        """Raises UnknownJudge, and WeightsMissing where it is known that the judge cannot answer now."""
        entry = find(name)
        if name in self._waiting:
            raise WeightsMissing(f"{entry.title} {self._waiting[name]}. Choose another judge meanwhile.")

    def get(self, name: str) -> Judge:
        """The judge of that name, which may have to be downloaded and loaded first. Raises what `check` does, and
        WeightsError."""
        self.check(name)
        if name in self._ready:
            return self._ready[name]
        with self._lock:
            if name not in self._guests:
                while len(self._guests) >= self._most:  # before another takes its memory
                    self._guests.popitem(last=False)
                self._guests[name] = load_judge(name, self._weights)
            self._guests.move_to_end(name)
            return self._guests[name]

    def loaded(self) -> tuple[Judge, ...]:
        """Those that can answer without being loaded, the shipped one first."""
        return *self._ready.values(), *self._guests.values()

    def waiting(self) -> dict[str, str]:
        """What keeps each judge that is to be there from the start and is not."""
        return dict(self._waiting)

    def _load_all(self) -> None:
        try:
            warm_up(self._ready[DEFAULT])
        except Exception:  # the first song will meet it again, and say so; the other judges are not to suffer
            logger.exception("warming up")
        pending = list(self._waiting)
        while pending:
            pending = [name for name in pending if not self._load(name)]
            if pending:
                time.sleep(RETRY_SECONDS)

    def _load(self, name: str) -> bool:
        """Try once. True where there is no sense in trying again."""

        def on_bytes(done: int, total: int) -> None:
            self._waiting[name] = f"is downloading: {done / 1e6:.0f} of {total / 1e6:.0f} MB"

        try:
            self._waiting[name] = "is loading"
            self._ready[name] = load_judge(name, self._weights, on_bytes=on_bytes)
            del self._waiting[name]
        except WeightsMissing as error:
            self._waiting[name] = f"is not available. {error}"
            return False
        except ApexSpaceError as error:
            self._waiting[name] = f"is not available. {error}"
        except Exception as error:  # the thread must not end silently, whatever a library raises
            logger.exception("loading %s", name)
            self._waiting[name] = f"is not available: {type(error).__name__} while loading; see the server's log"
        return True
