"""The app with weights of APEX, made-up ones in thin layers."""

from pathlib import Path
from typing import Any

import httpx

from helpers.browser import upload, visits, wait_for_report
from helpers.server import running_app
from helpers.songs import short
from helpers.wait import until


def test_apex_takes_over_when_it_is_ready(browser: Any, thin_weights: Path, tmp_path: Path) -> None:
    with (
        running_app(tmp_path, APEX_WEIGHTS=str(thin_weights)) as server,
        visits(browser, server.url) as visit,
    ):
        page = visit("/", "Score")
        until(lambda: httpx.get(f"{server.url}/healthz").json()["judges"]["apex"] == "ready", seconds=120)
        page.locator(".states").wait_for(state="detached", timeout=30_000)
        upload(page, short("bossa.ogg"))
        wait_for_report(page)
        assert "APEX: the published model" in page.locator(".result .by").first.inner_text()
        assert "–" not in page.locator(".result .cards").inner_text()
