"""Deploying: the audit of the lock file, and the reverse proxy of docs/deploying.md."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from helpers.browser import wait_for_report
from helpers.loopback import serve
from helpers.paths import ROOT
from helpers.server import free_port, running
from helpers.wait import until

PAGE = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
NO_MANIFEST = "the server responded with a status of 404"
"""Gradio asks for its manifest at the root of the host, wherever the page is."""


@dataclass
class Advisories:
    """A stand-in for osv.dev, which knows of one hole in `package`."""

    package: str
    url: str = ""
    closing: Event = field(default_factory=Event)


class Advising(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """An answer is sent at once, not by the line, which takes 40 ms more."""
    hub: Advisories

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["package"]
        hole = {"id": "TEST-1", "summary": "A hole", "affected": [{"package": asked}]}
        body = json.dumps({"vulns": [hole]} if asked["name"] == self.hub.package else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def audit(url: str, folder: Path) -> str:
    command = [ROOT / "tests" / "audit", "--osv-url", url, "--cache-dir", folder]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.thorough
@pytest.mark.parametrize(("package", "words"), [("jinja2", "TEST-1"), ("other", "No known vulnerabilities found")])
def test_the_audit_prints_what_is_known(tmp_path: Path, package: str, words: str) -> None:
    with serve(Advisories(package), Advising) as advisories:
        assert words in audit(advisories.url, tmp_path)


@pytest.mark.thorough
def test_the_audit_says_that_nobody_could_be_asked(tmp_path: Path) -> None:
    said = audit("http://127.0.0.1:9", tmp_path)
    assert "not done, no advisory source could be reached" in said
    assert "known vulnerabilities" not in said


@contextmanager
def proxied(page: str, folder: Path) -> Iterator[str]:
    """nginx as the page has it, in front of the server at `page`: the address of the page behind it."""
    (location,) = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)
    port = free_port()
    folders = "".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    server = f"server {{ listen 127.0.0.1:{port}; {location.replace('http://127.0.0.1:7860', page)} }}"
    config = folder / "nginx.conf"
    config.write_text(f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {folders} {server} }}")
    process = subprocess.Popen([str(NGINX), "-e", "stderr", "-c", str(config)])
    try:
        until((folder / "pid").is_file, seconds=10)
        yield f"http://127.0.0.1:{port}/apex"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
def test_all_of_the_page_works_below_a_path_of_a_proxy(browser: Any, tmp_path: Path) -> None:
    proxy, page, complaints, addresses = tmp_path / "proxy", browser.contexts[0].new_page(), [], []
    proxy.mkdir()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: addresses.append(request.url))
    with (
        running(tmp_path, "app.py", GRADIO_ROOT_PATH="/apex", APEX_PROXIES="1") as server,
        proxied(server.url, proxy) as url,
    ):
        page.goto(f"{url}/?view=compare")
        assert page.url == f"{url}/compare?view=compare"
        page.goto(url)
        page.locator("button.example").first.click()
        wait_for_report(page)
        page.get_by_role("button", name="Get a link").click()
        page.wait_for_function("document.querySelector('#link :is(input, textarea)')?.value")
        link = page.locator("#link :is(input, textarea)").input_value()
        assert link.startswith(f"{url}/r/")
        page.get_by_role("link", name="Arena", exact=True).click()
        page.locator("#battle .play:enabled").first.click(timeout=60_000)
        page.wait_for_function("parseFloat(document.querySelector('#battle .seek').value) > 1")
        page.goto(link)
        assert page.evaluate("document.images[0].naturalWidth") > 0
        page.locator("header a").click(no_wait_after=True)
        page.wait_for_url(re.compile(f"^{url}/?$"), wait_until="commit")
        page.close()
    assert [text for text in complaints if NO_MANIFEST not in text] == []
    assert [address for address in addresses if not address.startswith((f"{url}/", "data:", "blob:"))] == [url]
