"""A visitor who leaves frees the place in the queue and the upload, wherever the request was."""

import json
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from helpers.server import running
from helpers.wait import until

SERVER = """
import time
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from apex_space.ui.gradio_patches import keep_queue_going
from apex_space.ui.uploads import Uploads

keep_queue_going()
uploads = Uploads(Path(get_upload_folder()), 0)
ended = []

def check(song, refuse):
    uploads.claim(song)
    return [gr.validate(True, ""), gr.validate(not refuse, "refused")]

def score(song, refuse):
    try:
        for second in range(600):
            yield second
            time.sleep(0.1)
    finally:
        ended.append(song)

with gr.Blocks(analytics_enabled=False) as blocks:
    song, refuse, number, done = gr.Audio(type="filepath"), gr.Checkbox(), gr.Number(), gr.JSON()
    gr.Button().click(score, [song, refuse], number, validator=check, api_name="score", concurrency_limit=1)
    gr.Button().click(lambda: len(ended), outputs=done, api_name="ended", queue=False)
blocks.queue().launch(quiet=True)
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        running(tmp_path_factory.mktemp("server"), "-c", SERVER) as server,
        httpx.Client(base_url=f"{server.url}/gradio_api", timeout=60) as client,
    ):
        yield client


class Visitor:
    """A visitor with a song of their own, who asks for its score and reads the answers."""

    def __init__(self, client: httpx.Client, number: int) -> None:
        self.client, self.session = client, f"visitor{number}"
        answer = self.client.post("/upload", files={"files": (f"{number}.wav", f"song {number}".encode())})
        self.song = Path(answer.json()[0])

    def ask(self, refuse: bool = False) -> httpx.Response:
        song = {"path": str(self.song), "meta": {"_type": "gradio.FileData"}}
        asked = {"data": [song, refuse], "fn_index": 0, "session_hash": self.session}
        return self.client.post("/queue/join", json=asked)

    def listen(self) -> Generator[str, None, None]:
        """The kinds of messages as they come, until the generator is closed: then the visitor has left."""
        with self.client.stream("GET", "/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))["msg"]

    def cancel(self, event: str) -> None:
        self.client.post("/cancel", json={"session_hash": self.session, "fn_index": 0, "event_id": event})


def test_those_who_leave_while_running_or_waiting_free_place_and_upload(client: httpx.Client) -> None:
    first, second, third = (Visitor(client, number) for number in range(3))
    listening = {}
    for visitor in (first, second, third):
        visitor.ask().raise_for_status()
        listening[visitor] = visitor.listen()
        until(lambda visitor=visitor: next(listening[visitor]) in ("process_generating", "estimation"))
    until(lambda: next(listening[first]) == "process_generating")
    listening[second].close()
    until(lambda: not second.song.exists(), seconds=30)
    assert first.song.is_file()
    assert third.song.is_file()
    listening[first].close()
    until(lambda: next(listening[third]) == "process_generating", seconds=30)
    until(lambda: not first.song.exists(), seconds=30)
    assert third.song.is_file()
    listening[third].close()
    until(lambda: not third.song.exists(), seconds=30)
    ended = client.post("/run/ended", json={"data": []}).json()["data"][0]
    assert ended == 2


def test_who_cancels_while_waiting_frees_the_upload(client: httpx.Client) -> None:
    running, waiting = Visitor(client, 10), Visitor(client, 11)
    running.ask().raise_for_status()
    runs = running.listen()
    until(lambda: next(runs) == "process_generating")
    event = waiting.ask().json()["event_id"]
    waits = waiting.listen()
    next(waits)
    waiting.cancel(event)
    until(lambda: not waiting.song.exists(), seconds=30)
    assert running.song.is_file()
    waits.close()
    runs.close()
    until(lambda: not running.song.exists(), seconds=30)


def test_a_refused_request_frees_the_upload(client: httpx.Client) -> None:
    refused = Visitor(client, 20)
    assert refused.ask(refuse=True).status_code == 422
    until(lambda: not refused.song.exists(), seconds=30)
