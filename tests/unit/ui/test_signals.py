"""The signals that end a server."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from apex_space.ui.server import signals_to_end, wait_for


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait(number: signal.Signals) -> None:
    signals = signals_to_end()
    signal.raise_signal(number)
    wait_for(signals)


def test_a_signal_that_another_thread_receives_ends_the_wait() -> None:
    """Python's handler runs in the main thread, which sleeps meanwhile."""
    signals = signals_to_end()

    def receive() -> None:
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        time.sleep(1)

    threading.Thread(target=receive, daemon=True).start()
    wait_for(signals)
