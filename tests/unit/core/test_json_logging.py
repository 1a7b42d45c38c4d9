"""The log: lines of JSON with a request's number, and nothing that tells who asked for what."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from apex_space.core.json_logging import Lines
from apex_space.ui.middleware.request_logging import ID, RequestLog
from helpers.paths import ROOT

SECRET = "Unreleased Demo"
FOLDER = "/tmp/somewhere/uploads"
PROGRAM = f"""
import logging, sys, threading, traceback, warnings
from apex_space.core.json_logging import adopt, configure
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


def test_the_key_of_a_key_error_is_not_logged() -> None:
    try:
        try:
            {}["session-7"]
        except KeyError as error:
            raise RuntimeError("in the end") from error
    except RuntimeError:
        record = logging.LogRecord("name", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    (line,) = lines(Lines(FOLDER).format(record))
    assert "KeyError\n" in line["traceback"]
    assert "RuntimeError: in the end" in line["traceback"]
    assert "session-7'" not in line["traceback"]


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
