"""Waiting for another thread or process, and giving up on it."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as `condition` holds; fail where it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def until_it_passes(check: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as `check` raises neither AssertionError nor OSError; raise what it does after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            check()
        except (OSError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
