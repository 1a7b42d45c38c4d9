"""Patches of Gradio do what they promise, and are needed: a test of each fails once Gradio has mended its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import Request
from gradio import queueing, routes
from gradio.data_classes import PredictBodyInternal
from gradio.routes import App

from apex_space.arena.leaderboard import LeaderboardSnapshot
from apex_space.core.settings import settings
from apex_space.judges.manager import JudgeManager
from apex_space.ui import gradio_patches
from apex_space.ui.gradio_patches import MAX_SESSIONS, SHORT, PatientQueue, keep_queue_going, one_app
from apex_space.ui.routes.health import health_route
from helpers.wait import run_coroutine

GRADIOS_OWN: Any = PatientQueue.__base__


@dataclass
class Served:
    """Pages with a queue that is being worked off; an event of "wait" waits for `gate`."""

    client: httpx.AsyncClient
    queue: Any
    gate: asyncio.Event

    async def join(self, session: str, name: str = "quick") -> httpx.Response:
        return await self.client.post(f"/gradio_api/call/{name}", json={"data": [session], "session_hash": session})

    async def answer(self, event: str, name: str = "quick") -> str:
        return (await self.client.get(f"/gradio_api/call/{name}/{event}")).text


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    gate = asyncio.Event()

    async def wait(text: str) -> str:
        await gate.wait()
        return text

    async def quick(text: str) -> str:
        return text

    with gr.Blocks(analytics_enabled=False) as blocks:
        text = gr.Textbox()
        gr.Button().click(wait, text, text, api_name="wait", concurrency_limit=1)
        gr.Button().click(quick, text, text, api_name="quick", concurrency_limit=None)
    queue: Any = blocks.queue()._queue
    queue.ANAYLTICS_CACHE_FREQUENCY = 10**9  # its table of all events, made anew after each
    app = App.create_app(blocks, app_kwargs={"routes": [health_route(JudgeManager(), LeaderboardSnapshot)]})
    blocks.run_startup_events()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=30) as client:
        yield Served(client, queue, gate)
    blocks.is_running = False
    queue.close()
    await asyncio.sleep(0.05)


async def open_sessions(server: Served, most: int) -> list[str]:
    """An event runs and two wait while more than `most` sessions come and leave: the ids of the three."""
    events = [(await server.join(name, "wait")).json()["event_id"] for name in ("first", "second", "third")]
    (quick,) = (fn for fn in server.queue.blocks.fns.values() if fn.api_name == "quick")
    for number in range(most + 100):
        await visit(server.queue, quick, f"later {number}")
    return events


async def visit(queue: Any, fn: Any, session: str) -> None:
    """Join the queue as a new visitor does, without the cost of HTTP, and leave."""
    body = PredictBodyInternal(fn_index=fn._id, data=[session], session_hash=session)
    taken, _, state = await queue.push(body, Request({"type": "http", "headers": []}), None)
    assert taken, state
    await queue.clean_events(session_hash=session)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
def own_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "Queue", GRADIOS_OWN)


@pytest.fixture
def patched(own_queue: None) -> None:
    keep_queue_going()


@pytest.mark.slow
def test_events_that_wait_are_answered_however_many_sessions_come(patched: None) -> None:
    async def go() -> None:
        async with served() as server:
            events = await open_sessions(server, MAX_SESSIONS)
            server.gate.set()
            answers = [await server.answer(event, "wait") for event in events]
            assert ["event: complete" in answer for answer in answers] == [True] * 3
            later = (await server.join("at last")).json()["event_id"]
            assert 'data: ["at last"]' in await server.answer(later)
            health = await server.client.get("/healthz")
            assert (health.status_code, health.json()["alive"]) == (200, True)
            assert "reason" not in health.json()
            assert len(server.queue.pending_messages_per_session) <= MAX_SESSIONS
            assert server.queue.pending_event_ids_session.keys() <= server.queue.pending_messages_per_session.keys()

    run_coroutine(go())


@pytest.mark.slow
def test_gradios_own_queue_still_stops_and_health_says_so(own_queue: None) -> None:
    """If this fails, Gradio has mended it: see whether keep_queue_going can go."""

    async def go() -> None:
        async with served() as server:
            server.queue.pending_messages_per_session.max_size = 100  # of 2,000, which takes seconds to fill
            await open_sessions(server, 100)
            server.gate.set()
            await until(lambda: server.queue.stopped)
            refused = await server.join("at last")
            assert (refused.status_code, refused.json()["detail"]) == (503, "Queue is stopped.")
            health = await server.client.get("/healthz")
            assert (health.status_code, health.json()["alive"]) == (503, False)
            assert "Restart the server" in health.json()["reason"]

    run_coroutine(go())


async def cancel_twice(server: Served) -> list[int]:
    """Cancel an event twice at once, whose iterator takes a while to close; gives the statuses of the answers."""
    await server.join("session")
    app, running = server.queue.server_app, SimpleNamespace(aclose=partial(asyncio.sleep, 0.05))
    app.iterators["event"] = running
    asked = {"session_hash": "session", "fn_index": 0, "event_id": "event"}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answers = await asyncio.gather(*(client.post("/gradio_api/cancel", json=asked) for _ in range(2)))
    assert "event" not in app.iterators
    return [answer.status_code for answer in answers]


def test_an_event_may_be_cancelled_twice_at_once(patched: None) -> None:
    """A visitor presses twice, or removes a song and chooses another one."""

    async def go() -> None:
        async with served() as server:
            assert await cancel_twice(server) == [200, 200]

    run_coroutine(go())


def test_gradios_own_answer_to_a_second_cancel_is_still_an_error(own_queue: None) -> None:
    """If this fails, Gradio has mended it: see whether Iterators can go."""

    async def go() -> None:
        async with served() as server:
            assert sorted(await cancel_twice(server)) == [200, 500]

    run_coroutine(go())


@pytest.mark.slow
def test_one_visitor_cannot_fill_the_queue(patched: None) -> None:
    """Neither with events that need a judge, which tests/server/test_attacks.py asks for, nor with others."""

    async def go() -> None:
        async with served() as server:
            most = settings().places * SHORT
            answers = [await server.join(f"{number}", "wait") for number in range(most + 2)]
            assert [answer.status_code for answer in answers] == [200] * most + [429] * 2
            assert f"{most} requests of yours" in answers[-1].json()["detail"]
            server.gate.set()
            assert "complete" in await server.answer(answers[most - 1].json()["event_id"], "wait")
            assert (await server.join("again")).status_code == 200

    run_coroutine(go())


def test_a_tool_asks_the_server_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    called = "score", ["song"], {"Host": "nas.local:7860", "accept-language": "zh"}, None
    monkeypatch.setattr(gradio_patches, "PREPARE_CALL", lambda *given: called)
    nothing: Any = None
    assert gradio_patches._without_host(nothing, "score", {}) == ("score", ["song"], {"accept-language": "zh"}, None)


@pytest.mark.parametrize("body", [{"json": {"detail": "Not here."}}, {"text": "Not here."}, {"json": ["Not here."]}])
def test_a_tool_tells_why_it_was_refused(body: dict[str, Any]) -> None:
    refused = httpx.Response(421, request=httpx.Request("POST", "http://here"), **body)
    job: Any = SimpleNamespace(future=Future())
    job.future.set_exception(httpx.HTTPStatusError("", request=refused.request, response=refused))
    nothing: Any = None
    with pytest.raises(RuntimeError, match=r"Not here\."):
        run_coroutine(gradio_patches._result(nothing, job))


def test_what_nobody_reads_is_kept_within_bounds(patched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradio_patches, "MAX_MESSAGES", 5)

    async def go() -> None:
        async with served() as server:
            for _ in range(9):
                await server.join("hoarder")
            await server.join("one answer")
            await until(lambda: not server.queue.event_ids_to_events)
            held = server.queue.pending_messages_per_session
            assert held["hoarder"].qsize() == 5
            assert len(server.queue.pending_event_ids_session["hoarder"]) <= 5
            await server.join("waiting", "wait")
            await server.join("in time")
            await until(lambda: len(server.queue.event_ids_to_events) == 1)
            for session in ("hoarder", "one answer", "waiting"):
                held._last[session] -= gradio_patches.UNREAD_SECONDS
            await server.join("new")
            assert list(held) == ["waiting", "in time", "new"]
            assert set(server.queue.pending_event_ids_session) == {"waiting", "in time", "new"}
            server.gate.set()
            await until(lambda: not server.queue.event_ids_to_events)

    run_coroutine(go())


def test_an_event_whose_session_is_gone_costs_nobody_else_anything(patched: None) -> None:
    async def go() -> None:
        async with served() as server:
            events = [(await server.join(name, "wait")).json()["event_id"] for name in ("first", "second", "third")]
            del server.queue.pending_messages_per_session["second"]
            server.gate.set()
            assert "event: complete" in await server.answer(events[2], "wait")
            assert not server.queue.stopped

    run_coroutine(go())


@pytest.mark.parametrize(("patch", "apps"), [(nullcontext, 2), (one_app, 1)])
def test_pages_are_built_without_an_app_for_each(
    monkeypatch: pytest.MonkeyPatch, patch: Callable[[], Any], apps: int
) -> None:
    """Gradio makes one when the pages begin, and one for every page that ends."""
    made: list[gr.Blocks] = []
    monkeypatch.setattr(routes.App, "create_app", lambda blocks, **_: made.append(blocks))

    async def build() -> None:
        blocks = gr.Blocks()
        with patch(), blocks:
            gr.Markdown("One")

    run_coroutine(build())
    assert len(made) == apps
