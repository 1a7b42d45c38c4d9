"""Whose song is next: those who want the same device wait in line, and one song at a time is heard."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from ..core.errors import Busy
from .eta import spoken

LOOK_SECONDS = 0.5
"""From one look at the line to the next, for those who wait and may give up."""
FIRST_GUESS_SECONDS = 10.0
"""Seconds that a song takes, before one was heard."""
MAX_SONGS = 24
"""Songs in the networks' line. It takes minutes to hear them; to wait for longer serves nobody."""


class SongQueue:
    """First come, first heard; no more than `most` at once, the one that is heard included. For many threads."""

    def __init__(self, most: int | None = None) -> None:
        self._most, self._places, self._moved = most, deque[object](), threading.Condition()
        self._usual, self._since = FIRST_GUESS_SECONDS, monotonic()

    def __len__(self) -> int:
        return len(self._places)

    def seconds(self, songs: int) -> float:
        """Until so many have been heard, by how long the last ones took."""
        return songs * self._usual

    @contextmanager
    def slot(self) -> Iterator[Iterator[int]]:
        """A place at the end of the line, kept until the `with` ends. Inside, one waits by iterating over the number of
        songs before one's own, twice a second; that ends when it is one's turn. Raises Busy."""
        mine = object()
        with self._moved:
            if self._most is not None and len(self) >= self._most:
                raise Busy(f"Busy: {len(self)} songs wait. Try again in {spoken(self.seconds(len(self)))}.")
            self._places.append(mine)
            self._since = monotonic() if len(self) == 1 else self._since
        try:
            yield self._wait(mine)
        finally:
            self._leave(mine)

    def _wait(self, mine: object) -> Iterator[int]:
        while ahead := self._ahead(mine):
            yield ahead

    def _ahead(self, mine: object) -> int:
        with self._moved:
            self._moved.wait_for(lambda: self._places[0] is mine, LOOK_SECONDS)
            return self._places.index(mine)

    def _leave(self, mine: object) -> None:
        with self._moved:
            if self._places[0] is mine:
                now = monotonic()
                self._usual, self._since = (self._usual + now - self._since) / 2, now
            self._places.remove(mine)
            self._moved.notify_all()


HEAVY, LIGHT = SongQueue(MAX_SONGS), SongQueue()
"""Those of this process: for judges that keep its GPU or its processor busy for seconds, and for the others, which do
not wait for them."""
