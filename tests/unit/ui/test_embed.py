"""Addresses of a view alone, over HTTP."""

import re
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from apex_space.ui.routes.embed import embedding
from helpers.wait import run_coroutine


async def serve(path: str) -> FastAPI:
    """Two pages at `path` of another application; in a loop, for else Gradio leaves one."""
    with gr.Blocks() as blocks:
        gr.Markdown("First")
    with blocks.route("Second", "/second"):
        gr.Markdown("Second")
    with pytest.warns(UserWarning, match="SSR mode is not supported with multi-page apps"):
        return gr.mount_gradio_app(FastAPI(), blocks, path, app_kwargs=embedding())


@pytest.fixture(scope="module", params=["/", "/part"])
def get(request: pytest.FixtureRequest) -> Any:
    client = TestClient(run_coroutine(serve(request.param)), follow_redirects=False)
    return lambda path, **more: client.get(request.param.rstrip("/") + path, **more)


def test_a_view_leads_to_its_page_with_all_that_was_asked(get: Any) -> None:
    answer = get("/?view=second&__theme=dark")
    assert (answer.status_code, answer.headers["location"]) == (307, "second?view=second&__theme=dark")
    followed = answer.url.join(answer.headers["location"])
    assert get(followed.raw_path.decode().removeprefix("/part")).status_code == 200


@pytest.mark.parametrize("query", ["", "?view=score", "?view=api", "?view=//evil.example", "?view=", "?view=second/.."])
def test_anything_else_is_the_main_page(get: Any, query: str) -> None:
    assert get(f"/{query}").status_code == 200


def test_a_view_does_not_lead_away_from_another_page(get: Any) -> None:
    assert get("/second?view=second").status_code == 200
    assert get("/config?view=second").status_code == 200


@pytest.mark.parametrize(("view", "shown", "other"), [("score", "First", "Second"), ("second", "Second", "First")])
def test_the_component_gets_a_view_as_the_only_page(get: Any, view: str, shown: str, other: str) -> None:
    config = get(f"/embed/{view}/config", headers={"host": "space.example"}).json()
    assert list(config["page"]) == [""]
    assert len(config["pages"]) == 1
    texts = {part["props"].get("value") for part in config["components"]}
    assert shown in texts
    assert other not in texts
    assert re.fullmatch(r"http://space\.example(/part)?", config["root"])


def test_no_such_view(get: Any) -> None:
    answer = get("/embed/nothing/config")
    assert answer.status_code == 404
    assert "score, second" in answer.text


def test_the_script_of_the_component_is_of_this_version(get: Any) -> None:
    (asset,) = re.findall(r"import\(\"\./(assets/[\w.-]+)\"\)", get("/gradio.js").text)
    assert get(f"/{asset}").status_code == 200
