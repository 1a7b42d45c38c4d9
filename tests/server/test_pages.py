"""What a page is before any script runs: its title, what its link shows where it is posted, and its size."""

import io
import re
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from apex_space.plots.card import HEIGHT, WIDTH
from apex_space.ui.previews import PREVIEWS
from helpers.server import Running

BROWSER = {"accept": "text/html,*/*;q=0.8", "accept-encoding": "gzip"}
META = re.compile(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)">')


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30, headers=BROWSER) as client:
        yield client


@pytest.mark.parametrize("path", PREVIEWS)
def test_a_link_to_a_page_shows_what_the_page_is(path: str, client: httpx.Client) -> None:
    html = client.get(f"/{path}", headers={"accept-language": "en"}).text
    shown = dict(META.findall(html))
    (title,) = re.findall("<title>(.*?)</title>", html)
    assert title == shown["og:title"] == f"{PREVIEWS[path].title} · APEX Space"
    assert shown["description"] == shown["og:description"] == PREVIEWS[path].sentence.replace("'", "&#39;")
    assert shown["og:url"] == f"{client.base_url}/{path}".replace("///", "//")
    assert len(re.findall("og:title|twitter:card", html)) == 2
    assert "Gradio" not in "".join(shown.values())
    picture = client.get(shown["og:image"])
    assert picture.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (WIDTH, HEIGHT)


def test_a_preview_is_in_the_pages_language(client: httpx.Client) -> None:
    shown = dict(META.findall(client.get("/arena?lang=zh-CN").text))
    assert "投票" in shown["og:title"]
    assert "预测" in shown["description"]


@pytest.mark.parametrize("path", ["/nowhere", "/rank/nowhere", "/preview/nowhere.html"])
def test_an_address_of_no_page_leads_back(path: str, client: httpx.Client) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "No such page" in answer.text
    assert '<a class="button" href="/">' in answer.text
    program = client.get(path, headers={"accept": "*/*"})
    assert (program.status_code, program.json()) == (404, {"detail": "Not Found"})


def test_what_lacks_in_the_api_is_json_for_browsers_too(client: httpx.Client) -> None:
    assert client.post("/gradio_api/run/nothing", json={"data": []}).json()["detail"] == "There is no such function."


def test_a_function_that_only_browsers_have_is_none_of_the_api(client: httpx.Client) -> None:
    functions = client.get("/config").json()["dependencies"]
    in_browsers = next(function["id"] for function in functions if not function["backend_fn"])
    answer = client.post("/gradio_api/run/predict", json={"data": [], "fn_index": in_browsers})
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such function.")


def test_pages_and_what_they_show_are_compressed_and_nothing_else(client: httpx.Client) -> None:
    for path in PREVIEWS:
        with client.stream("GET", f"/{path}") as answer:
            size = sum(map(len, answer.iter_raw()))
            assert answer.headers["content-encoding"] == "gzip"
            assert size < 30_000
    (opened, *_) = (each["id"] for each in client.get("/config").json()["dependencies"] if each["api_name"] == "_open")
    shown = client.post("/gradio_api/run/predict", json={"data": [], "fn_index": opened})
    assert shown.headers["content-encoding"] == "gzip"
    ranged = client.get("/", headers={"range": "bytes=0-9"})
    assert "content-encoding" not in ranged.headers
    assert "content-encoding" not in client.get("/healthz", headers={"accept": "*/*"}).headers
