"""`/healthz`, also while every thread is at work; and what those are told who come when the queue is full."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from apex_space import __version__
from apex_space.judges.registry import REGISTRY
from helpers import melodies
from helpers.server import Running
from helpers.wait import until

API = "/gradio_api"
SONGS = 6


def test_it_tells_the_judges_the_queue_and_the_version(server: Running) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as watcher:
        until(lambda: watcher.get("/healthz").json()["judges"]["apex"] == "absent", seconds=60, pause=0.2)
        told = watcher.get("/healthz")
        assert told.headers["cache-control"] == "no-store"
        told = told.json()
        assert (told["alive"], told["version"]) == (True, __version__)
        assert told["queue"] == {"waiting": 0, "running": 0}
        assert told["judges"].keys() == REGISTRY.keys()
        assert (told["judges"]["apex"], told["judges"]["pocket"]) == ("absent", "ready")
        head = watcher.head("/healthz")
        assert (head.status_code, head.content) == (200, b"")


def test_it_answers_while_songs_are_heard_and_counts_them(server: Running, tmp_path: Path) -> None:
    song = melodies.write(tmp_path / "song.wav", 1, seconds=30, rate=22_050, channels=1).read_bytes()
    seen = []

    def score(number: int) -> None:
        with httpx.Client(base_url=server.url, timeout=120) as visitor:
            (path,) = visitor.post(f"{API}/upload", files={"files": ("a.wav", song[:-1] + bytes([number]))}).json()
            file = {"path": path, "meta": {"_type": "gradio.FileData"}}
            asked = visitor.post(f"{API}/call/score", json={"data": [file, "pocket"]}).json()
            assert "event: complete" in visitor.get(f"{API}/call/score/{asked['event_id']}").text

    with ThreadPoolExecutor() as visitors, httpx.Client(base_url=server.url, timeout=30) as watcher:
        songs = [visitors.submit(score, number) for number in range(SONGS)]
        while not all(song.done() for song in songs):
            seen.append(watcher.get("/healthz").json()["queue"])
            time.sleep(0.02)
        for song in songs:
            song.result()
        assert max(queue["running"] for queue in seen) >= 1
        assert max(queue["waiting"] for queue in seen) >= SONGS // 2
        until(lambda: watcher.get("/healthz").json()["queue"] == {"waiting": 0, "running": 0}, 10, pause=0.2)
