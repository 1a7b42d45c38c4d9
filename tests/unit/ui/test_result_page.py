"""The page of a result over HTTP and in a browser without scripts, and the picture that stands for it elsewhere."""

import asyncio
import io
import re
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from PIL import Image, ImageChops
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.testclient import TestClient

from apex_space import plots
from apex_space.core.axes import KEYS
from apex_space.core.errors import StoreError, UnknownLink
from apex_space.core.settings import settings
from apex_space.plots.card import END, START, WIDTH
from apex_space.plots.panel import COLOURS as MARKS
from apex_space.plots.report import COLOURS
from apex_space.storage.identity import AddressHasher
from apex_space.storage.shared_results import SharedResults
from apex_space.storage.vote_store import FILE, VoteStore
from apex_space.ui.middleware.language import LanguageMiddleware
from apex_space.ui.pages.share_panel import Finished, SharePanel
from apex_space.ui.render.result import titled
from apex_space.ui.render.take_along import STYLE as PRINTED_STYLE
from apex_space.ui.render.take_along import printed
from apex_space.ui.routes import shared_result
from apex_space.ui.routes.shared_result import FONTS, MAX_BYTES, MAX_PICTURES, SharedResultRoutes
from helpers.results import HERE, SECRET, report
from helpers.wait import run_coroutine

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def links(tmp_path: Path) -> Iterator[SharedResults]:
    with closing(VoteStore(f"sqlite:///{tmp_path / FILE}")) as store:
        yield SharedResults(store, AddressHasher("salt"), 100)


@pytest.fixture
def client(links: SharedResults) -> TestClient:
    return TestClient(Starlette(routes=SharedResultRoutes(links).routes))


class Page(HTMLParser):
    """Elements of a page and what it says of itself to other sites."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def meta(self) -> dict[str, str]:
        return {
            str(each.get("property") or each.get("name")): str(each["content"])
            for each in self.all("meta")
            if "content" in each
        }


def test_the_page_shows_scores_judge_weights_and_spread_in_tables(links: SharedResults, client: TestClient) -> None:
    answer = client.get(f"/r/{links.add([report()], 'Glass Morning', HERE).id}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    shown = unescape(answer.text)
    for text in ("Glass Morning", "57", "3.36", "± 0.33", "Pocket", "apex_space/heads/pocket", "sha256 cef15a4078cc"):
        assert text in shown
    for caption in ("Scores", "By segment", "Measured, not predicted", "Provenance"):
        assert f"<caption>{caption}</caption>" in answer.text
    assert SECRET not in answer.text
    assert "Song’s hash" not in shown


def test_several_judges_are_shown_side_by_side(links: SharedResults, client: TestClient) -> None:
    apex = report(judge="apex", scores=dict.fromkeys(KEYS) | {"likes": 80.0}, spread={})
    answer = client.get(f"/r/{links.add([report(), apex], 'Both', HERE).id}")
    assert "<caption>The same song by each judge</caption>" in answer.text
    assert "The judges differ most on likes: from 57 by Pocket to 80 by APEX" in answer.text


def test_other_sites_get_a_title_a_text_and_a_picture(links: SharedResults, client: TestClient) -> None:
    id = links.add([report()], "Glass Morning", HERE).id
    meta = Page(client.get(f"/r/{id}", headers={"host": "space.example"}).text).meta
    assert meta["og:title"] == meta["twitter:title"] == "Glass Morning"
    assert meta["og:url"] == f"http://space.example/r/{id}"
    assert meta["og:image"] == meta["twitter:image"] == f"http://space.example/r/{id}.png"
    assert (meta["og:image:width"], meta["og:image:height"]) == ("1200", "630")
    assert meta["twitter:card"] == "summary_large_image"
    for text in (meta["og:description"], meta["og:image:alt"], meta["twitter:image:alt"]):
        assert text == "Pocket: Streams not predicted, Likes 57 of 100, Musicality 3.36 of 5."
    assert meta["robots"] == "noindex"


def test_a_hostile_title_is_text_everywhere(links: SharedResults, client: TestClient) -> None:
    answer = client.get(f"/r/{links.add([report()], HOSTILE, HERE).id}")
    page = Page(answer.text)
    assert page.all("script") == [{}]  # ours, by its hash
    assert len(page.all("img")) == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.meta["og:title"] == HOSTILE


def test_nothing_but_its_own_style_script_and_picture_may_run_or_load(links: SharedResults, client: TestClient) -> None:
    heard = replace(report(), features=replace(report().features, short_term=(-20.0, -14.0)))
    answer = client.get(f"/r/{links.add([heard], 'x', HERE).id}")
    policy = answer.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    assert (style, script) == (shared_result.STYLE, shared_result.SCRIPT)
    hashes = (b64encode(sha256(text.encode()).digest()).decode() for text in (style, script))
    assert policy == (
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'".format(*hashes)
    )
    assert "<svg" in answer.text
    assert not [tag for tag, attributes in Page(answer.text).elements if "style" in attributes]
    assert answer.headers["x-robots-tag"] == "noindex"
    assert "set-cookie" not in answer.headers


def test_each_judges_report_can_be_printed_as_on_the_score_page(links: SharedResults, client: TestClient) -> None:
    """What the result keeps is on it, and its own style alone may be loaded."""
    apex = report(judge="apex", spread={})
    id = links.add([report(), apex], HOSTILE, HERE).id
    page = unescape(client.get(f"/r/{id}").text)
    for title, judge in (("Pocket", "pocket"), ("APEX", "apex")):
        assert f'<a href="{id}/{judge}.html?lang=en">Printable report: {title}</a>' in page
    answer = client.get(f"/r/{id}/pocket.html", headers={"host": "space.example"})
    assert answer.text == printed(titled(links.get(id))[0], f"http://space.example/r/{id}")
    assert HOSTILE in unescape(answer.text)
    assert SECRET not in answer.text
    style = b64encode(sha256(PRINTED_STYLE.encode()).digest()).decode()
    assert f"style-src 'sha256-{style}'" in answer.headers["content-security-policy"]
    assert f"<style>{PRINTED_STYLE}</style>" in answer.text
    elements = Page(answer.text).elements
    assert not [tag for tag, attributes in elements if tag in ("script", "img", "link") or "style" in attributes]
    assert answer.headers["x-robots-tag"] == "noindex"
    for path, reason in (
        (f"{id}/banger.html", "no report by this judge"),
        ("x/pocket.html", "There is no result here"),
    ):
        missing = client.get(f"/r/{path}")
        assert (missing.status_code, reason in missing.text) == (404, True)
        assert 'href="../../"' in missing.text


@pytest.mark.parametrize("id", ["x" * 22, "short", "..%2f..%2fapp.py", "<b>", "x" * 5000])
def test_what_is_not_there_is_a_page_that_says_so(client: TestClient, id: str) -> None:
    page, picture = client.get(f"/r/{id}"), client.get(f"/r/{id}.png")
    assert (page.status_code, picture.status_code) == (404, 404)
    if "%2f" not in id:  # which is no path of ours at all
        assert "There is no result here" in page.text
        assert "og:image" not in page.text


def test_a_database_that_does_not_answer_is_not_a_result_that_is_gone(
    links: SharedResults, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(id: str) -> Any:
        raise StoreError("The votes' database does not answer.")

    monkeypatch.setattr(links, "get", fail)
    assert [client.get(path).status_code for path in ("/r/x", "/r/x.png")] == [503, 503]


def test_the_key_deletes_and_no_other(links: SharedResults, client: TestClient) -> None:
    receipt = links.add([report()], "Glass Morning", HERE)
    path = f"/r/{receipt.id}"
    form = Page(client.get(path).text).all("form")[0]
    assert (form["method"], form["action"]) == ("post", f"{receipt.id}/delete")
    assert client.get(f"{path}/delete").status_code == 405
    for body in ({}, {"key": "wrong"}, {"key": "x" * MAX_BYTES}):
        answer = client.post(f"{path}/delete", data=body)
        assert answer.status_code == 403
        assert client.get(path).status_code == 200
    answer = client.post(f"{path}/delete", data={"key": f" {receipt.key} "})
    assert (answer.status_code, "<h1>Deleted</h1>" in answer.text) == (200, True)
    assert [client.get(each).status_code for each in (path, f"{path}.png")] == [404, 404]
    assert client.post(f"{path}/delete", data={"key": receipt.key}).status_code == 404


def test_a_body_without_end_is_not_read_to_its_end(links: SharedResults, client: TestClient) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += MAX_BYTES
            yield b"x" * MAX_BYTES

    async def ask() -> int:
        async def body() -> Any:
            for part in endless():
                yield part

        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://space.example") as asking:
            return (await asking.post("/r/x/delete", content=body())).status_code

    assert run_coroutine(ask()) == 403
    assert read <= 3 * MAX_BYTES


@pytest.mark.parametrize(
    ("proxies", "headers", "base"),
    [
        (0, {"host": "space.example"}, "http://space.example"),
        (0, {"host": "[2001:db8::1]:7860"}, "http://[2001:db8::1]:7860"),
        (0, {"host": "space.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}, None),
        (1, {"host": "inside:7860", "x-forwarded-host": "out.example", "x-forwarded-proto": "https"}, "https://out.example"),
        (1, {"host": "a.example", "x-forwarded-host": "evil.example, b.example"}, "http://b.example"),
        (2, {"host": "a.example", "x-forwarded-host": "evil.example, b.example, c.example"}, "http://b.example"),
        (1, {"host": "a.example", "x-forwarded-proto": "javascript"}, ""),
        (0, {"host": 'x"><script>alert(1)</script>'}, ""),
        (0, {"host": "space.example/../evil"}, ""),
        (0, {"host": "user@space.example"}, ""),
        (0, {"host": ""}, ""),
    ],
)  # fmt: skip
def test_the_absolute_address_is_of_the_host_that_was_asked(
    links: SharedResults,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    proxies: int,
    headers: dict[str, str],
    base: str | None,
) -> None:
    config = settings().model_copy(update={"proxies": proxies})
    monkeypatch.setattr("apex_space.ui.proxies.settings", lambda: config)
    id = links.add([report()], "x", HERE).id
    page = client.get(f"/r/{id}", headers=headers)
    base = f"http://{headers['host']}" if base is None else base
    assert Page(page.text).meta["og:url"] == f"{base}/r/{id}"
    assert "evil" not in page.text
    assert Page(page.text).all("script") == [{}]


@pytest.mark.parametrize(
    ("root", "base"), [("/part", "http://space.example/part"), ("https://space.example/x/", "https://space.example/x")]
)
def test_below_a_path_of_another_site_the_address_has_it(links: SharedResults, root: str, base: str) -> None:
    id = links.add([report()], "x", HERE).id
    app = Starlette(routes=SharedResultRoutes(links).routes)
    mounted = Starlette(routes=[Mount("/part", app)]) if root == "/part" else app
    asking = TestClient(mounted, root_path="" if root == "/part" else root)
    page = asking.get(f"/part/r/{id}" if root == "/part" else f"/r/{id}", headers={"host": "space.example"})
    assert Page(page.text).meta["og:url"] == f"{base}/r/{id}"


def test_the_picture_is_made_once_for_everybody(links: SharedResults, client: TestClient) -> None:
    path = f"/r/{links.add([report()], 'x', HERE).id}.png"
    answer = client.get(path)
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    again = client.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.size, image.format) == ((1200, 630), "PNG")


def test_the_picture_of_a_page_is_in_its_language(links: SharedResults) -> None:
    app = Starlette(routes=SharedResultRoutes(links).routes, middleware=[Middleware(LanguageMiddleware)])
    asking, id = TestClient(app), links.add([report()], "x", HERE).id
    pictures = [
        asking.get(f"/r/{Page(asking.get(f'/r/{id}?lang={tag}').text).all('img')[0]['src']}") for tag in ("en", "zh-CN")
    ]
    assert [answer.headers["content-type"] for answer in pictures] == ["image/png"] * 2
    assert len({answer.headers["etag"] for answer in pictures}) == 2


def test_few_pictures_are_drawn_at_once_and_not_many_wait(
    links: SharedResults, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def draw(*_: Any) -> bytes:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02)
        with lock:
            at_once -= 1
        return b"picture"

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(client.app), base_url="http://a.example") as asking:
            return await asyncio.gather(*(asking.get(path) for _ in range(MAX_PICTURES + 10)))

    path = f"/r/{links.add([report()], 'x', HERE).id}.png"
    monkeypatch.setattr(plots, "card", draw)
    answers = run_coroutine(ask())
    assert sorted(answer.status_code for answer in answers) == [200] * MAX_PICTURES + [503] * 10
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}
    assert most == 2


def pixels(picture: bytes, colour: str) -> list[tuple[int, int]]:
    """Where the picture has exactly that colour."""
    image = Image.open(io.BytesIO(picture))
    wanted = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
    found = [place for place, pixel in enumerate(image.get_flattened_data()) if pixel == wanted]
    return [(place % WIDTH, place // WIDTH) for place in found]


@pytest.mark.parametrize(("likes", "share"), [(0.0, 0.0), (25.0, 0.25), (99.0, 0.99), (100.0, 1.0)])
def test_a_bar_is_as_long_as_its_score(likes: float, share: float) -> None:
    picture = plots.card("x", [report(scores=dict.fromkeys(KEYS) | {"likes": likes}, spread={})], FONTS)
    columns = {x for x, _ in pixels(picture, COLOURS["likes"])}
    assert len(columns) == pytest.approx(share * (END - START), abs=2)
    assert not columns or min(columns) == START


@pytest.mark.slow
def test_each_judge_has_a_mark_of_its_own_in_each_row_and_in_the_legend() -> None:
    judges = [
        report(
            judge=name, scores=dict.fromkeys(KEYS) | {"likes": 20.0 * place, "clarity": 1.5 + 0.7 * place}, spread={}
        )
        for place, name in enumerate(("apex", "songeval", "hear-2", "pocket"))
    ]
    picture = plots.card("x", judges, FONTS)
    for colour in MARKS[:4]:
        rows = sorted({y for _, y in pixels(picture, colour)})
        groups = 1 + sum(later - earlier > 10 for earlier, later in pairwise(rows))
        assert groups == 3


@pytest.mark.parametrize("fonts", [FONTS, plots.card.__defaults__[0]])  # type: ignore[index]
def test_a_title_never_leaves_its_line(fonts: Any) -> None:
    empty, title = (Image.open(io.BytesIO(plots.card(text, [report()], fonts))) for text in ("", "W" * 100))
    left, top, right, bottom = ImageChops.difference(empty, title).getbbox()
    assert 64 - 2 <= left < right <= 1136 + 3
    assert 0 < top < bottom <= 165


def test_a_title_that_no_font_can_write_is_left_out_and_others_are_not() -> None:
    fonts = replace(FONTS, others=("no-such-font.ttf",))
    without = plots.card("", [report()], fonts)
    assert plots.card("玻璃的早晨", [report()], fonts) == without
    assert plots.card("\U000e0041\u3164", [report()], fonts) == without  # shows nothing
    titles = ("Café – Ночь", "Don’t…", "Ærøskøbing Łódź")
    assert len({without, *(plots.card(title, [report()], fonts) for title in titles)}) == 4


def test_letters_that_our_font_lacks_are_written_with_a_font_of_the_system() -> None:
    """Our font is one of mathematical symbols here, which lacks most letters. The system's font has those."""
    assert FONTS.bold
    few = next(Path(gr.__file__).parent.rglob("KaTeX_Size1-Regular.*.ttf"))
    alone, both = type(FONTS)(few, few), type(FONTS)(few, few, ("no-such-font.ttf", str(FONTS.bold)))
    without = plots.card("", [report()], both)
    assert plots.card("Łódź", [report()], alone) == plots.card("", [report()], alone)
    titles = ("Łódź", "Łódź (∑)", "∑ Łódź")
    assert len({without, *(plots.card(title, [report()], both) for title in titles)}) == 4
    assert plots.card("Łódź 早", [report()], both) == without


def test_fonts_that_are_not_there_are_replaced(tmp_path: Path) -> None:
    gone = type(FONTS)(tmp_path / "a.woff2", tmp_path / "b.woff2")
    assert plots.card("x", [report()], gone) == plots.card("x", [report()])
    assert all(file and file.is_file() for file in (FONTS.regular, FONTS.bold))


def test_a_session_that_is_gone_deletes_by_the_pages_link_and_key_or_keeps_them(links: SharedResults) -> None:
    async def make() -> SharePanel:  # in a loop, for else Gradio leaves one
        with gr.Blocks():
            return SharePanel(links)

    panel = run_coroutine(make())
    receipt = links.add([report()], "", HERE)
    link = f"https://space.example/r/{receipt.id}"
    for given in ((None, None), (link, ""), (link, "wrong"), ("https://space.example/r/../..", receipt.key)):
        *_, shown, key, note, _ = panel._remove(Finished(), *given)
        assert shown == key == gr.skip()
        assert "error" in note
    assert links.get(receipt.id)
    *_, note, _ = panel._remove(Finished(), link, receipt.key)
    assert "does not work any more" in note
    with pytest.raises(UnknownLink):
        links.get(receipt.id)
