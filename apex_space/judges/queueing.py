"""Queues the songs for a device. One song is scored at a time."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from ..core.errors import Busy
from ..core.text import approximate_duration

LOOK_SECONDS = 0.5
"""Seconds between checks of the queue. A caller who waits can give up at each check."""
FIRST_GUESS_SECONDS = 10.0
"""Seconds that a song is assumed to take before the first one was scored."""
MAX_SONGS = 24
"""Maximum number of songs in the queue of heavy networks. It takes minutes to score them; nobody would wait longer."""


class SongQueue:
    """Serves songs first come, first served, and is safe to use from many threads.

    At most `most` songs are in the queue, including the one that is being scored.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most, self._places, self._moved = most, deque[object](), threading.Condition()
        self._usual, self._since = FIRST_GUESS_SECONDS, monotonic()

    def __len__(self) -> int:
        return len(self._places)

    def seconds(self, songs: int) -> float:
        """Return how many seconds this many songs will take, estimated from how long the last ones took."""
        return songs * self._usual

    @contextmanager
    def slot(self) -> Iterator[Iterator[int]]:
        """Join the queue, and leave it when the `with` block ends. Raises Busy if the queue is full.

        Iterate over the slot to wait. It yields the number of songs ahead twice a second, and ends when it is this
        song's turn.
        """
        mine = object()
        with self._moved:
            if self._most is not None and len(self) >= self._most:
                raise Busy(
                    "Busy: {n} songs wait. Try again in {time}.",
                    n=len(self),
                    time=approximate_duration(self.seconds(len(self))),
                )
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
"""Process-wide queues. HEAVY is for judges that keep the GPU or the processor busy for seconds. LIGHT is for the other
judges, which do not wait for the heavy ones."""
