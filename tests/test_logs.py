"""The log: lines of JSON with a request's number, and nothing that tells who asked for what."""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import running
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from test_page import EXAMPLES, ROOT, Server, start
from waiting import until

from apex_space.logs import Lines
from apex_space.ui.journal import ID, RequestLog

SECRET = "Unreleased Demo"
FOLDER = "/tmp/somewhere/uploads"
PROGRAM = f"""
import logging, sys, threading, traceback, warnings
from apex_space.logs import adopt, configure
quiet = logging.getLogger("server")
quiet.addHandler(logging.StreamHandler())
quiet.propagate = False
configure({FOLDER!r})
adopt("server")
quiet.error("from a server")
try:
    open("{FOLDER}/0f/{SECRET}.mp3")
except OSError:
    traceback.print_exc()
warnings.warn("a warning about {FOLDER}/0f/{SECRET}.mp3")
logging.getLogger("apex_space.arena").info("of our own")
logging.getLogger("httpx").info("HTTP Request: GET http://192.0.2.1/{SECRET}")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
open("{FOLDER}/0f/{SECRET}.mp3")
"""


FAILING = """
import gradio as gr
from starlette.middleware import Middleware
from apex_space.ui.journal import RequestLog
from apex_space.ui.run import run

def fail(text):
    raise RuntimeError(f"cannot read {text}")

def half(text):
    yield text
    fail(text)

with gr.Blocks() as blocks:
    box = gr.Textbox()
    for work in (fail, half):
        gr.Button().click(work, box, box, api_name=work.__name__)
run(blocks, {"app_kwargs": {"middleware": [Middleware(RequestLog)]}})
"""


def lines(text: str) -> list[dict[str, Any]]:
    """The log; at its start Gradio prints its addresses to whoever started it."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_every_library_writes_lines_without_names_of_uploads() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Demo" not in done.stderr
    written = lines(done.stderr)
    assert [line["level"] for line in written] == ["error", "error", "warning", "info", "error", "error"]
    assert written[0]["message"] == "from a server"
    assert "FileNotFoundError: [Errno 2] No such file or directory: '[an upload]'" in written[1]["traceback"]
    assert "a warning about [an upload]" in written[2]["message"]
    assert "ZeroDivisionError" in written[4]["traceback"]


@pytest.mark.parametrize("name", [f"{SECRET}.mp3", "Ünrelëased Demo, 2nd take_-.wav", "演示 Demo.flac"])
def test_names_in_any_script_are_left_out(name: str) -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "cannot read '%s', sorry", (f"{FOLDER}/0f/{name}",), None)
    assert json.loads(Lines(FOLDER).format(record))["message"] == "cannot read '[an upload]', sorry"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("8d3f2c1a-9b7e", True),
        ("short", False),
        ("a" * 65, False),
        ('abcdefgh"}{"level', False),
        ("203.0.113.77", False),
    ],
)
def test_only_a_harmless_id_is_taken_over(given: str, taken: bool) -> None:
    client = TestClient(Starlette(middleware=[Middleware(RequestLog)]))
    answered = client.get("/", headers={"x-request-id": given}).headers["x-request-id"]
    assert (answered == given) is taken
    assert ID.fullmatch(answered.encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start(tmp_path_factory.mktemp("server"))


def test_requests_and_events_are_logged_without_names_paths_and_addresses(server: Server, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    song = tmp_path / f"{SECRET}.ogg"
    shutil.copy(next(EXAMPLES.glob("*.ogg")), song)
    (tmp_path / f"{SECRET}.mp3").write_text("not a song")
    client = Client(server.url, verbose=False)
    client.predict(handle_file(song), "pocket", api_name="/score")
    with pytest.raises(Exception, match="not a sound file"):
        client.predict(handle_file(tmp_path / f"{SECRET}.mp3"), "pocket", api_name="/score")
    client.close()
    named = {"path": str(song), "meta": {"_type": "gradio.FileData"}}  # not uploaded: Gradio prints why it refuses
    with httpx.Client(base_url=server.url, headers={"x-forwarded-for": "203.0.113.77"}) as visitor:
        assert visitor.post("/gradio_api/call/score", json={"data": [named, "pocket"]}).status_code == 400
        for path in (f"/r/Demo{'x' * 18}?who=Demo", "/Demo", "/?Demo=Demo", "/gradio_api/file=/tmp/Demo"):
            visitor.get(path)

    log = server.uploads.parent / "log"
    until(lambda: log.read_text().count('"/r/{id}"') == 1, seconds=10)
    written = lines(log.read_text())
    for word in ("Demo", "203.0.113", "not a sound"):
        assert word not in log.read_text(), word
    assert "127.0.0.1" not in json.dumps(written)
    requests = [line for line in written if line["message"] == "request"]
    assert {"/gradio_api/upload", "/gradio_api/queue/join", "/r/{id}", "none", "/"} <= {r["route"] for r in requests}
    joins = {r["request"]: r["status"] for r in requests if r["route"] == "/gradio_api/queue/join"}
    assert [r["status"] for r in requests if r["route"] == "/gradio_api/call/{api_name}"] == [400]
    events = [line for line in written if line["message"] == "event"]
    assert [(event["name"], event["outcome"]) for event in events] == [("score", "done"), ("score", "refused")]
    assert all(joins[event["request"]] == 200 for event in events)
    assert all(isinstance(line["milliseconds"], int) for line in requests + events)


def test_what_nobody_foresaw_is_answered_with_its_number(tmp_path: Path) -> None:
    from gradio_client import Client

    with running(tmp_path, "-c", FAILING) as server:
        client = Client(server.url, verbose=False)
        for name in ("fail", "half"):
            with pytest.raises(Exception, match="went wrong") as refused:
                client.predict(f"{server.folder}/uploads/0f/{SECRET}.mp3", api_name=f"/{name}")
            assert "Demo" not in str(refused.value)
            number = str(refused.value).rsplit(" ", 1)[1].rstrip(".")
            written = [line for line in lines(server.log) if line.get("request") == number]
            failed, event = written[-2:]
            assert "RuntimeError: cannot read [an upload]" in failed["traceback"]
            assert (event["name"], event["outcome"]) == (name, "failed")
        client.close()
