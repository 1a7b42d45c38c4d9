"""Keeps the boards of kinds of songs, which are computed when somebody asks for them."""

import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from .learning import REST

MAX_BOARDS = 32
"""Maximum number of boards that are kept."""
BURST = 30.0
"""Seconds that computing may be ahead of its share of the time, so that a few boards are there at once."""


class _Board(Protocol):
    @property
    def version(self) -> int: ...


Board = TypeVar("Board", bound=_Board)


class BoardCache(Generic[Board]):
    """Keeps the boards that were computed last, each until votes come in.

    They are computed in the threads of those who ask, one at a time, and in the long run during a tenth of the time,
    however many ask.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, Board] = {}
        self._computing = threading.Lock()
        self._rested = 0.0

    def get(self, name: str, version: int, compute: Callable[[], Board]) -> Board | None:
        """Return the board of this version or a newer one.

        If it may not be computed now, return an older one, or None if there is none.
        """
        kept = self._kept.get(name)
        if (kept and kept.version >= version) or not self._computing.acquire(blocking=False):
            return kept
        try:
            started = self._clock()
            if started < self._rested - BURST:
                return kept
            try:
                board = compute()
            finally:
                self._rested = max(self._rested, started) + REST * (self._clock() - started)
            self._kept.pop(name, None)
            self._kept[name] = board
            if len(self._kept) > MAX_BOARDS:
                del self._kept[next(iter(self._kept))]
            return board
        finally:
            self._computing.release()
