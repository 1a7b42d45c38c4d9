"""Gradio's scripts and style sheets, as browsers get them."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apex_space.ui.routes.assets import ASSETS, asset_route

SCRIPT = next(ASSETS.glob("Blocks-*.js"))
FONT = next(ASSETS.glob("*.woff2"))


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=[asset_route()]))


def test_a_script_is_compressed_and_kept(client: TestClient) -> None:
    answer = client.get(f"/assets/{SCRIPT.name}", headers={"accept-encoding": "br, gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < SCRIPT.stat().st_size / 2
    assert answer.text == SCRIPT.read_text(encoding="utf-8")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("file", [SCRIPT, FONT])
def test_other_files_and_who_cannot_unpack_get_the_file(client: TestClient, file: Path) -> None:
    answer = client.get(f"/assets/{file.name}", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.content == file.read_bytes()
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["nothing.js", "..", "%2e%2e", "..%2findex.html", "%2e%2e%2findex.html"])
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/assets/{name}").status_code == 404
