"""A server that is told to end ends at once and in order, and one that is killed loses nothing that it acknowledged."""

import random
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from apex_space.storage.vote_store import FILE, VoteStore
from helpers import melodies
from helpers.server import QUICK, Running, running
from helpers.voter import Voter
from helpers.wait import until

VISITORS, VOTES = 4, 16
SECONDS = 30
LISTENING = float(QUICK["APEX_LISTENING_SECONDS"])
API = "/gradio_api"


def score_on_and_on(server: Running, song: bytes, number: int, ended: threading.Event) -> None:
    """Upload and score until the server is gone; no song is like another."""
    with suppress(httpx.HTTPError), httpx.Client(base_url=server.url, timeout=30) as visitor:
        for turn in count():
            if ended.is_set():
                return
            files = {"files": (f"{number}-{turn}.wav", song[:-2] + bytes([number, turn % 256]))}
            (path,) = visitor.post(f"{API}/upload", files=files).json()
            file = {"path": path, "meta": {"_type": "gradio.FileData"}}
            asked = visitor.post(f"{API}/call/score", json={"data": [file, "pocket"]}).json()
            visitor.get(f"{API}/call/score/{asked['event_id']}")


def upload_slowly(server: Running, ended: threading.Event) -> None:
    """Send a file of which there is always more to come."""

    def body() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
        while not ended.wait(0.05):
            yield b"0" * 10_000

    headers = {"content-type": "multipart/form-data; boundary=x"}
    with suppress(httpx.HTTPError):
        httpx.post(f"{server.url}{API}/upload", content=body(), headers=headers, timeout=30)


def children(server: Running) -> list[str]:
    """The ids of the processes that it started."""
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return [id for task in tasks for id in task.read_text().split()]


def test_a_server_ends_in_order_during_work(tmp_path: Path) -> None:
    song = melodies.write(tmp_path / "song.wav", 1, seconds=SECONDS).read_bytes()
    ended, temporary = threading.Event(), tmp_path / "temporary"
    temporary.mkdir()
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path, "app.py", TMPDIR=str(temporary)))
        visitors = stack.enter_context(ThreadPoolExecutor())
        stack.callback(ended.set)  # before it waits for the visitors, also if a check fails
        for number in range(VISITORS):
            visitors.submit(score_on_and_on, server, song, number, ended)
        visitors.submit(upload_slowly, server, ended)
        with httpx.Client(base_url=server.url, timeout=30) as watcher:
            until(
                lambda: len(server.uploads()) > VISITORS and watcher.get("/healthz").json()["queue"]["running"],
                seconds=60,
                pause=0.05,
            )
        assert [*temporary.glob("apex-arena-*")]  # the clips of the pool
        below = children(server)
        server.process.terminate()
        assert server.process.wait(20) == 0
    assert "Traceback" not in server.log, server.log
    assert server.uploads() == []
    assert not [*temporary.glob("apex-*")]
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), seconds=5)


def vote_until_killed(server: Running) -> list[str]:
    """The battles of all votes that were acknowledged."""
    with httpx.Client(base_url=server.url, timeout=30) as visitor:
        voter = Voter(visitor)
        until(lambda: "battle" in voter.issue("203.0.113.1"), seconds=60, pause=0.2)
        addresses = [f"198.51.100.{number}" for number in range(VOTES)]
        issued = [voter.issue(address)["battle"] for address in addresses]
        for id in issued:
            voter.fetch(id)
        time.sleep(2 * LISTENING)
        told: list[str] = []
        with suppress(httpx.HTTPError):
            for id, address in zip(issued, addresses, strict=True):
                answer = voter.vote(id, LISTENING, address)
                assert "said" in answer, answer
                told.append(id)
                if len(told) == 2:  # the kill comes while the next ones are cast
                    threading.Timer(random.uniform(0, 0.1), server.process.kill).start()
    return told


def test_a_killed_server_starts_again_with_every_vote_it_acknowledged(tmp_path: Path) -> None:
    with running(tmp_path, "app.py", APEX_PROXIES="1") as server:
        acknowledged = vote_until_killed(server)
        assert server.process.wait(10) == -signal.SIGKILL
    assert 0 < len(acknowledged) <= VOTES
    with running(tmp_path, "app.py") as server, httpx.Client(base_url=server.url, timeout=30) as visitor:
        with closing(VoteStore(f"sqlite:///{tmp_path / 'data' / FILE}")) as store:
            kept = [vote.battle.id for vote in store.votes()]
        assert set(acknowledged) <= set(kept)
        assert len(kept) == len(set(kept)) <= len(acknowledged) + 1, "at most one vote was under way at the kill"
        events = visitor.get("/config").json()["dependencies"]
        (opened,) = (event for event in events if event["api_name"] == "_open")

        def shown() -> str:
            return visitor.post(f"{API}/run/_open", json={"data": [], "fn_index": opened["id"]}).text

        until(lambda: re.search(rf"{len(kept)} votes? so far", shown()), seconds=30, pause=0.2)
