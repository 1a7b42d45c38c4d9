"""The app with the networks of APEX at full size, whose weights are made up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file

from helpers.browser import upload, visits, wait_for_report
from helpers.paths import EXAMPLES
from helpers.preference_head import BAD, GOOD
from helpers.server import Running, running_app
from helpers.wait import until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, full_weights: Path, data: Path) -> Iterator[Running]:
    settings = {"APEX_WEIGHTS": str(full_weights), "APEX_DATA": str(data)}
    with running_app(tmp_path_factory.mktemp("server"), **settings) as running:
        yield running


def test_apex_takes_over_when_it_is_ready(server: Running, browser: Any) -> None:
    with visits(browser, server.url) as visit:
        page = visit("/", "Score")
        until(lambda: httpx.get(f"{server.url}/healthz").json()["judges"]["apex"] == "ready", seconds=120)
        page.locator(".states").wait_for(state="detached", timeout=30_000)
        upload(page, EXAMPLES / "bossa.ogg")
        wait_for_report(page)
        assert "APEX: the published model" in page.locator(".by").inner_text()
        assert "–" not in page.locator(".cards").inner_text()


def test_a_judge_without_a_head_answers_through_pockets(server: Running) -> None:
    until(lambda: httpx.get(f"{server.url}/healthz").json()["judges"]["apex"] == "ready", seconds=120)
    client = Client(server.url, verbose=False)
    found = client.predict(handle_file(GOOD), handle_file(BAD), "apex", api_name="/compare")
    client.close()
    assert (found["judge"], found["head"]["judge"], found["fallback"]) == ("apex", "pocket", True)
    assert found["verdict"] == "a"
    assert found["a"]["judge"] == found["b"]["judge"] == "apex"
