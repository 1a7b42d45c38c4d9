"""The log: lines of JSON with a request's number, and nothing that tells who asked for what."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from helpers.server import Running, running
from helpers.songs import short
from helpers.wait import until

SECRET = "Unreleased Demo"
FAILING = """
import gradio as gr
from starlette.middleware import Middleware
from apex_space.ui.middleware.request_logging import RequestLog
from apex_space.ui.server import run_server

def fail(text):
    raise RuntimeError(f"cannot read {text}")

def half(text):
    yield text
    fail(text)

with gr.Blocks() as blocks:
    box = gr.Textbox()
    for work in (fail, half):
        gr.Button().click(work, box, box, api_name=work.__name__)
run_server(blocks, {"app_kwargs": {"middleware": [Middleware(RequestLog)]}})
"""


def lines(text: str) -> list[dict[str, Any]]:
    """The log; at its start Gradio prints its addresses to whoever started it."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_requests_and_events_are_logged_without_names_paths_and_addresses(
    server: Running, client: Any, tmp_path: Path
) -> None:
    from gradio_client import handle_file

    before = len(server.log)
    song = tmp_path / f"{SECRET}.ogg"
    shutil.copy(short("bossa.ogg"), song)
    (tmp_path / f"{SECRET}.mp3").write_text("not a song")
    client.predict(handle_file(song), "pocket", api_name="/score")
    with pytest.raises(Exception, match="not a sound file"):
        client.predict(handle_file(tmp_path / f"{SECRET}.mp3"), "pocket", api_name="/score")
    named = {"path": str(song), "meta": {"_type": "gradio.FileData"}}  # not uploaded: Gradio prints why it refuses
    with httpx.Client(base_url=server.url, headers={"x-forwarded-for": "203.0.113.77"}) as visitor:
        assert visitor.post("/gradio_api/call/score", json={"data": [named, "pocket"]}).status_code == 400
        for path in (f"/r/Demo{'x' * 18}?who=Demo", "/Demo", "/?Demo=Demo", "/gradio_api/file=/tmp/Demo"):
            visitor.get(path)

    until(lambda: server.log[before:].count('"/r/{id}"') == 1, seconds=10)
    log = server.log[before:]
    written = lines(log)
    for word in ("Demo", "203.0.113", "not a sound"):
        assert word not in log, word
    assert "127.0.0.1" not in json.dumps(written)
    requests = [line for line in written if line["message"] == "request"]
    assert {"/gradio_api/upload", "/gradio_api/queue/join", "/r/{id}", "none", "/"} <= {r["route"] for r in requests}
    joins = {r["request"]: r["status"] for r in requests if r["route"] == "/gradio_api/queue/join"}
    assert [r["status"] for r in requests if r["route"] == "/gradio_api/call/{api_name}"] == [400]
    events = [line for line in written if line["message"] == "event"]
    assert [(event["name"], event["outcome"]) for event in events] == [("score", "done"), ("score", "refused")]
    assert all(joins[event["request"]] == 200 for event in events)
    assert all(isinstance(line["milliseconds"], int) for line in requests + events)


def test_what_nobody_expected_is_answered_with_its_number(tmp_path: Path) -> None:
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
