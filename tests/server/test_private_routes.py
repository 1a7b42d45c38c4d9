"""What nobody is to reach answers 403 or 404, and nobody has the server fetch an address."""

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from apex_space.storage.vote_store import FILE
from apex_space.ui.gradio_patches import STATUS_SCRIPT
from helpers.forked import Program
from helpers.loopback import serve
from helpers.paths import ROOT
from helpers.server import Running, running

ROUTES = """
import asyncio, json, sys
from apex_space.ui.site import launch_options
from apex_space.ui.server import open_site
from gradio.routes import App

def walk(routes):
    for route in routes:
        if inside := getattr(route, "original_router", None):
            yield from walk(inside.routes)
        else:
            yield sorted(getattr(route, "methods", None) or ["GET"]), route.path

async def made():
    site = open_site()
    assert site.blocks.delete_cache is None  # it knows no claims, and would delete songs that wait or run
    options = launch_options(site.manager, site.arena, site.leaderboard, site.results, site.friends, site.uploads)
    site.blocks.run_history = options["run_history"]
    return App.create_app(site.blocks, app_kwargs=options["app_kwargs"])

json.dump(list(walk(asyncio.run(made()).routes)), sys.stdout)
"""
API = "/gradio_api"
OPEN = {
    *("/leaderboard.csv", "/leaderboard.json", "/votes.csv", "/votes.jsonl"),
    *("/healthz", "/gradio.js", "/embed/{view}/config"),
    *("/arena/audio/{battle}/{side}.mp3", "/r/{id}", "/r/{id}.png", "/r/{id}/delete", "/r/{id}/{judge}.html"),
    *("/b/{id}", "/b/{id}/{clip}.mp3", "/b/{id}/vote", "/b/{id}/votes", "/b/{id}/delete"),
    *(
        "/config",
        "/static/{path:path}",
        "/assets/{path:path}",
        f"/assets/{STATUS_SCRIPT.name}",
        "/favicon.ico",
        "/theme.css",
        "/robots.txt",
    ),
    *("/pwa_icon", "/pwa_icon/{size}", "/manifest.json"),
    *(f"{API}/info", f"{API}/openapi.json", f"{API}/app_id", f"{API}/theme.css", f"{API}/startup-events"),
    *(f"{API}/upload", f"{API}/upload_progress", f"{API}/file={{path_or_url:path}}", f"{API}/component_server"),
    *(f"{API}/queue/join", f"{API}/queue/data", f"{API}/cancel", f"{API}/reset", f"{API}/heartbeat/{{session_hash}}"),
    *(f"{API}/run/{{api_name}}", f"{API}/api/{{api_name}}"),  # for what is not queued; see below
    *(f"{API}/call/{{api_name}}", f"{API}/call/{{api_name}}/{{event_id}}"),
    *(f"{API}/call/v2/{{api_name}}", f"{API}/call/v2/{{api_name}}/{{event_id}}"),
}
"""What programs and the pages need, besides the pages. Anything else that a version of Gradio brings is looked at."""
FILLED = {"environment": "client", "type": "component", "file_name": "index.js", "component_id": "1", "ext": "ts"}


@pytest.fixture(scope="module")
def visitor(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def raw(visitor: httpx.Client, path: str, method: str = "GET") -> httpx.Response:
    """Ask for a path as it is written: a client would take "/.." out of it."""
    url = visitor.base_url.copy_with(raw_path=path.encode())
    with visitor.stream(method, url) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            answer.read()
        return answer


def filled(template: str) -> str:
    for name in ("{path:path}", "{rest:path}", "{url_path:path}"):
        template = template.replace(name, "x")
    parts = (part.partition("{") for part in template.split("}"))
    return "".join(text + (FILLED.get(name, "x") if brace else "") for text, brace, name in parts)


def test_every_other_route_is_closed(visitor: httpx.Client, tmp_path: Path) -> None:
    settings = os.environ | {"APEX_DATA": str(tmp_path), "GRADIO_TEMP_DIR": str(tmp_path)}
    done = Program(("-c", ROUTES), settings, tmp_path / "log")
    done.wait(60)
    written = (tmp_path / "log").read_text()
    assert done.returncode == 0, written
    routes = [(method, path) for methods, path in json.loads(written.splitlines()[-1]) for method in methods]
    assert len(routes) > 60
    pages = {path for path, *_ in visitor.get("/config").json()["pages"]}
    closed = [
        (method, path) for method, path in routes if path.rstrip("/") not in OPEN and path.strip("/") not in pages
    ]
    assert len(closed) > 20
    found = {(method, path): raw(visitor, filled(path), method).status_code for method, path in closed}
    assert {asked: status for asked, status in found.items() if status not in (403, 404)} == {}


@pytest.mark.parametrize(
    "path",
    [
        *("/monitoring", "/monitoring/", "/monitoring/summary", "/monitoring/x/dashboard", "/docs", "/redoc"),
        *("/openapi.json", "/login", "/logout", "/.env", "/app.py", "/data", "/gradio_api/mcp/../monitoring"),
        *(f"{API}/queue/status", f"{API}/runs", f"{API}/vibe-code", f"{API}/dev/reload", f"{API}/token", f"{API}/user"),
        *(f"{API}/run-history/buckets", f"{API}/deep_link?session_hash=x", f"{API}/profiling/traces"),
        *(f"{API}/custom_component/x/client/component/..%2f..%2froutes.py", f"{API}/queue/data/x"),
        *(f"{API}/stream/x/x/1/playlist-file", f"{API}/proxy=https://huggingface.co/x", f"{API}/file/etc/passwd"),
    ],
)
def test_private_corners_are_closed(visitor: httpx.Client, path: str) -> None:
    assert raw(visitor, path).status_code in (403, 404)


@pytest.mark.parametrize("before", ["", "/", "/.", "../../../../../../..", "/tmp/../"])
@pytest.mark.parametrize("quoted", [str, quote, lambda path: quote(quote(path, safe="")), lambda p: quote(p, safe="")])
@pytest.mark.parametrize("door", [f"{API}/file=", "/static/", "/assets/", f"{API}/file/", "/svelte/"])
def test_no_door_leads_to_the_files_of_the_machine(
    visitor: httpx.Client, server: Running, data: Path, door: str, quoted: Any, before: str
) -> None:
    database = data / FILE
    assert database.is_file()
    for file in (Path("/etc/passwd"), database, *(() if before else (ROOT / "app.py", server.folder / "log"))):
        answer = raw(visitor, door + quoted(f"{before}{file}"))
        assert answer.status_code in (403, 404), answer.url


def test_what_is_told_about_the_pages_tells_nothing_of_the_machine(
    visitor: httpx.Client, server: Running, data: Path
) -> None:
    for path in ("/config", f"{API}/info", f"{API}/openapi.json", "/healthz", "/", "/about"):
        text = visitor.get(path).text
        for secret in ("the salt", str(ROOT), str(server.folder), str(data), str(Path.home()), FILE):
            assert secret not in text, (path, secret)


def test_a_queued_event_cannot_be_run_past_the_queue(visitor: httpx.Client) -> None:
    events = {event["api_name"]: event for event in visitor.get("/config").json()["dependencies"]}
    for name in ("score", "compare"):
        assert events[name]["queue"]
        for door in ("run", "api"):
            answer = visitor.post(f"{API}/{door}/{name}", json={"data": []})
            assert answer.status_code == 404
            assert "queue" in answer.text


class Hits:
    """A server of another, and what was asked of it."""

    def __init__(self) -> None:
        self.url, self.closing, self.asked = "", Event(), list[str]()


class Handler(BaseHTTPRequestHandler):
    """Counts what is asked."""

    hub: Hits

    def do_GET(self) -> None:
        self.hub.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


EVERY_NAME_IS_HERE = """
import runpy, safehttpx

async def here(name):
    return "127.0.0.1"

safehttpx.async_validate_url = here  # or Gradio would refuse this machine's own addresses, and tries others
runpy.run_path("app.py", run_name="__main__")
"""


def test_no_address_is_fetched(tmp_path: Path) -> None:
    with (
        running(tmp_path, "-c", EVERY_NAME_IS_HERE) as server,
        serve(Hits(), Handler) as other,
        httpx.Client(base_url=server.url, timeout=30) as visitor,
    ):
        events = visitor.get("/config").json()["dependencies"]
        for host in ("songs.example.org", "127.0.0.1"):
            song = other.url.replace("127.0.0.1", host) + "/song.ogg"
            for event in events:
                refused = hand_over(visitor, event, {"path": song, "url": song, "meta": {"_type": "gradio.FileData"}})
                if event["api_name"] in ("score", "compare"):
                    assert refused.status_code == 400
                    assert "Upload the file itself" in refused.text
            for door in ("file=", "proxy=", "file/"):
                assert visitor.get(f"{API}/{door}{song}").status_code in (403, 404)
        assert other.asked == []


def hand_over(visitor: httpx.Client, event: dict[str, Any], value: Any) -> httpx.Response:
    """Run an event with `value` for each of its inputs."""
    given = {"data": [value] * len(event["inputs"]), "fn_index": event["id"], "session_hash": str(event["id"])}
    return visitor.post(f"{API}/queue/join" if event["queue"] else f"{API}/run/{event['api_name']}", json=given)
