"""A request that stops in the middle is ended, and one that waits for its answer is not."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from apex_space.ui.middleware import body_limit
from apex_space.ui.middleware.body_limit import BodyLimit
from apex_space.ui.uploads import Uploads
from helpers.wait import run_coroutine


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "PATIENCE_SECONDS", 0.05)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, work for longer than the patience, and answer with what was sent, unless the visitor left."""
    request = Request(scope, receive)
    body = await request.body()
    await asyncio.sleep(0.2)
    left = await request.is_disconnected()
    await PlainTextResponse("left" if left else body)(scope, receive, send)


def answer(parts: Iterator[Message]) -> list[Message]:
    async def receive() -> Message:
        for part in parts:
            return part
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    scope: Any = {"type": "http", "method": "POST", "path": "/gradio_api/queue/join", "headers": []}
    run_coroutine(BodyLimit(application, Uploads(Path("nowhere"), 0))(scope, receive, send))
    return sent


def part(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_stops_is_ended_with_408() -> None:
    start, _ = answer(iter([part(b"half", True)]))
    assert start["status"] == 408


def test_work_may_take_longer_than_a_body() -> None:
    start, body = answer(iter([part(b"all ", True), part(b"of it", False)]))
    assert (start["status"], body["body"]) == (200, b"all of it")


def test_a_visitor_who_leaves_gets_no_answer() -> None:
    assert answer(iter([part(b"half", True), {"type": "http.disconnect"}])) == []
