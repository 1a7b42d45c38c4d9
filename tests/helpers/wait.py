"""Waiting for another thread or process, and giving up on it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any


def run_coroutine(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, run in a thread of its own: Playwright leaves a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, asyncio.run, work).result()


def until(condition: Callable[[], object], seconds: float = 60, pause: float = 0.01) -> None:
    """Return as soon as `condition` holds; fail where it does not within `seconds`. A `pause` of more is for conditions
    that cost a server work."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(pause)


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
