"""A thread that watches for new votes."""

import threading
from collections.abc import Callable


class Watcher:
    """Runs `watch` in a thread from `start` to `stop`. It is given an event that is set when it should return."""

    def __init__(self, name: str, watch: Callable[[threading.Event], None]) -> None:
        self._name, self._watch = name, watch
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it was started before."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._watch, args=[self._stopped], name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread. Returns when it has ended."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None
