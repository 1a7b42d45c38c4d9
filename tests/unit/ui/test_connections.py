"""A connection on which no whole request comes in time is closed; one that is used is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from apex_space.ui import connections
from apex_space.ui.connections import close_idle_connections
from helpers.wait import run_coroutine

REQUEST = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"
SECONDS = 0.3


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer after more time than headers have."""
    await asyncio.sleep(2 * SECONDS)
    await PlainTextResponse("answer")(scope, receive, send)


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    config = uvicorn.Config(application, host="127.0.0.1", port=0, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def talk(*parts: bytes, pause: float = 0.0) -> bytes:
    """Send these parts as long as the connection is there, and return what comes until it is closed."""
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        received = asyncio.create_task(reader.read())
        with closing(writer):
            for part in parts:
                if not received.done():
                    writer.write(part)
                    await asyncio.sleep(pause)
            try:
                return await asyncio.wait_for(received, 10)
            except ConnectionResetError:  # a part was sent after the end
                return b""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADERS_SECONDS", SECONDS)
    close_idle_connections()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", REQUEST[:-2]])
def test_half_of_a_request_is_not_waited_for(sent: bytes) -> None:
    assert run_coroutine(talk(sent)) == b""


def test_drop_by_drop_has_no_more_time() -> None:
    drops = [REQUEST[at : at + 1] for at in range(10)]
    assert run_coroutine(talk(*drops, pause=SECONDS / 4)) == b""


@pytest.mark.slow
def test_a_whole_request_is_answered_however_long_that_takes_and_so_is_the_next() -> None:
    closing = REQUEST.replace(b"here\r\n", b"here\r\nconnection: close\r\n")
    received = run_coroutine(talk(REQUEST, closing, pause=3 * SECONDS))
    assert received.count(b"answer") == 2


@pytest.mark.slow
def test_half_of_a_second_request_is_not_waited_for() -> None:
    received = run_coroutine(talk(REQUEST, REQUEST[:-2], pause=3 * SECONDS))
    assert received.count(b"answer") == 1
