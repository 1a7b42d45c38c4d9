"""`/healthz`, also while every thread is at work; and what those are told who come when the queue is full."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi.testclient import TestClient
from gradio.routes import App
from starlette.middleware import Middleware

from apex_space.arena.leaderboard import LeaderboardService, LeaderboardSnapshot
from apex_space.judges.manager import JudgeManager
from apex_space.storage.vote_store import VoteStore
from apex_space.ui.middleware.backpressure import Backpressure
from apex_space.ui.pages.inputs import AT_ONCE
from apex_space.ui.routes.health import WARNING, health_route
from helpers.votes import stored, vote
from helpers.wait import run_coroutine

API = "/gradio_api"


async def made(routes: list[Any], **options: Any) -> App:
    """In a loop, for else Gradio leaves one."""
    with gr.Blocks() as blocks:
        gr.Button().click(str, gr.Textbox(), gr.Textbox(), api_name="text")
    blocks.queue(**options)
    return App.create_app(blocks, app_kwargs={"routes": routes, "middleware": [Middleware(Backpressure)]})


def test_it_says_why_votes_of_past_days_do_not_count_and_warns(store: VoteStore) -> None:
    leaderboard = LeaderboardService(store)
    client = TestClient(run_coroutine(made([health_route(JudgeManager(), leaderboard.latest)])))
    assert client.get("/healthz").json()["votes"] == {"votes": 0, "reasons": {}, "before": "", "warning": ""}
    store.add_all([(each, ()) for each in stored([vote(0, 1), *[vote(0, 1, suspicion="too many")] * 30])])
    standing = leaderboard.refit()
    found = client.get("/healthz").json()["votes"]
    assert (found["votes"], found["reasons"]) == (31, {"too many": 30})
    assert standing.jump is not None
    assert found["warning"] == WARNING
    assert "30" not in WARNING
    assert found["before"] == datetime.fromtimestamp(standing.at, UTC).date().isoformat()


@pytest.mark.slow
def test_it_needs_no_thread() -> None:
    app, free = run_coroutine(made([health_route(JudgeManager(), LeaderboardSnapshot)])), threading.Event()

    async def ask() -> int:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        loop.run_in_executor(None, free.wait)
        from anyio.to_thread import current_default_thread_limiter

        current_default_thread_limiter().total_tokens = 0
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            answer = await asyncio.wait_for(client.get("/healthz"), 10)
        free.set()
        return answer.status_code

    assert run_coroutine(ask()) == 200


@pytest.mark.slow
@pytest.mark.parametrize("path", ["queue/join", "call/text"])
def test_a_full_queue_says_when_to_try_again(path: str) -> None:
    client = TestClient(run_coroutine(made([], max_size=3)))
    app: Any = client.app
    queue, (event,) = app.get_blocks()._queue, app.get_blocks().fns.values()
    queue.create_event_queue_for_fn(event)
    waiting = queue.event_queue_per_concurrency_id[event.concurrency_id].queue
    body = {"data": ["x"], "fn_index": event._id, "session_hash": "x"}
    waiting += [type("Event", (), {"fn": event})] * 2
    assert client.post(f"{API}/{path}", json=body).status_code == 200
    queue.process_time_per_fn[event].add(4.0 * AT_ONCE)
    busy = client.post(f"{API}/{path}", json=body)
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "12")
    assert busy.json()["detail"] == "Busy: 3 requests wait. Try again in about 12 s."
