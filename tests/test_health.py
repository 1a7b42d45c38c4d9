"""`/healthz`, also while every thread is at work; and what those are told who come when the queue is full."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import melodies
import pytest
from fastapi.testclient import TestClient
from gradio.routes import App
from running import Running, running
from starlette.middleware import Middleware
from waiting import until

from apex_space import __version__
from apex_space.judges import REGISTRY
from apex_space.roster import Roster
from apex_space.ui.health import health_route
from apex_space.ui.inputs import AT_ONCE
from apex_space.ui.turnstile import Turnstile

API = "/gradio_api"
SONGS = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server"), "app.py") as server:
        yield server


def test_it_tells_the_judges_the_queue_and_the_version(server: Running) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as watcher:
        until(lambda: watcher.get("/healthz").json()["judges"]["apex"] == "absent", seconds=60)
        told = watcher.get("/healthz")
        assert told.headers["cache-control"] == "no-store"
        judges = dict.fromkeys(REGISTRY, "idle") | {"apex": "absent", "pocket": "ready"}
        queue = {"waiting": 0, "running": 0}
        assert told.json() == {"alive": True, "judges": judges, "queue": queue, "version": __version__}
        head = watcher.head("/healthz")
        assert (head.status_code, head.content) == (200, b"")


def test_it_answers_while_songs_are_heard_and_counts_them(server: Running, tmp_path: Path) -> None:
    song = melodies.write(tmp_path / "song.wav", 1, seconds=120).read_bytes()
    seen, took = [], []

    def score(number: int) -> None:
        with httpx.Client(base_url=server.url, timeout=120) as visitor:
            (path,) = visitor.post(f"{API}/upload", files={"files": ("a.wav", song[:-1] + bytes([number]))}).json()
            file = {"path": path, "meta": {"_type": "gradio.FileData"}}
            asked = visitor.post(f"{API}/call/score", json={"data": [file, "pocket"]}).json()
            assert "event: complete" in visitor.get(f"{API}/call/score/{asked['event_id']}").text

    with ThreadPoolExecutor() as visitors, httpx.Client(base_url=server.url, timeout=30) as watcher:
        songs = [visitors.submit(score, number) for number in range(SONGS)]
        while not all(song.done() for song in songs):
            began = time.perf_counter()
            seen.append(watcher.get("/healthz").json()["queue"])
            took.append(time.perf_counter() - began)
            time.sleep(0.05)
        for song in songs:
            song.result()
        assert max(queue["running"] for queue in seen) >= 1
        assert max(queue["waiting"] for queue in seen) >= SONGS // 2
        assert sorted(took)[len(took) // 2] < 0.5
        until(lambda: watcher.get("/healthz").json()["queue"] == {"waiting": 0, "running": 0}, seconds=10)


async def made(routes: list[Any], **options: Any) -> App:
    """In a loop, for else Gradio leaves one."""
    with gr.Blocks() as blocks:
        gr.Button().click(str, gr.Textbox(), gr.Textbox(), api_name="text")
    blocks.queue(**options)
    return App.create_app(blocks, app_kwargs={"routes": routes, "middleware": [Middleware(Turnstile)]})


def test_it_needs_no_thread() -> None:
    app, free = asyncio.run(made([health_route(Roster())])), threading.Event()

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

    assert asyncio.run(ask()) == 200


@pytest.mark.parametrize("path", ["queue/join", "call/text"])
def test_a_full_queue_says_when_to_try_again(path: str) -> None:
    client = TestClient(asyncio.run(made([], max_size=3)))
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
