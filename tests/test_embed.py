"""Pages on foreign pages: a view alone, without cookies or storage, in a frame or as `<gradio-app>`; and their URLs."""

import asyncio
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from test_page import CHROMIUM, FLAGS, Server, start

from apex_space.ui.embed import embedding

NAMES = ("space.test", "blog.test")
"""Two sites for the browser, both on this machine: 127.0.0.1 alone would be one site with two ports."""
SCORED = "Report as JSON"
POST = '<!doctype html><title>Post</title><link rel="icon" href="data:,"><h1>Post</h1>'
VIEWS = ("score", "compare", "arena", "leaderboard")


async def serve(path: str) -> FastAPI:
    """Two pages at `path` of another application; in a loop, for else Gradio leaves one."""
    with gr.Blocks() as blocks:
        gr.Markdown("First")
    with blocks.route("Second", "/second"):
        gr.Markdown("Second")
    with pytest.warns(UserWarning, match="SSR mode is not supported with multi-page apps"):
        return gr.mount_gradio_app(FastAPI(), blocks, path, app_kwargs=embedding())


@pytest.fixture(params=["/", "/part"])
def get(request: pytest.FixtureRequest) -> Any:
    client = TestClient(asyncio.run(serve(request.param)), follow_redirects=False)
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


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("space")
    for server in start(folder):
        yield Server(server.url.replace("127.0.0.1", NAMES[0]), folder)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def blog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Publish a page on another site; gives its address."""
    folder = tmp_path_factory.mktemp("blog")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def publish(body: str) -> str:
        (folder / "post.html").write_text(f"{POST}{body}", encoding="utf-8")
        return f"http://{NAMES[1]}:{server.server_port}/post.html"

    yield publish
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Without third-party cookies and storage."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    flags = [*FLAGS.split(), "--test-third-party-cookie-phaseout", "--host-resolver-rules=MAP *.test 127.0.0.1"]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=flags)


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Open an address; gives the page. It must have no error and no cookie in the end."""
    context, complaints = browser.new_context(), []

    def open_page(address: str) -> Any:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    assert complaints == []
    assert context.cookies() == []
    context.close()


def surroundings(page: Any) -> list[str]:
    """What is seen of a page but its own content."""
    parts = (".nav-holder", "footer", "#lead", "#languages", "#embed")
    return [part for part in parts if page.locator(part).filter(visible=True).count()]


def frame(space: Server, view: str, sandbox: str = "") -> str:
    return f'<iframe {sandbox} src="{space.url}/?view={view}" width="100%" height="900"></iframe>'


def component(space: Server, view: str) -> str:
    script = f'<script type="module" src="{space.url}/gradio.js"></script>'
    return f'{script}<gradio-app src="{space.url}/embed/{view}" theme_mode="dark"></gradio-app>'


def score_an_example(page: Any) -> None:
    page.locator("button.example").first.click()
    page.get_by_role("link", name=SCORED).wait_for(timeout=60_000)
    assert page.locator(".card b").count() > 3


@pytest.mark.slow
@pytest.mark.parametrize("sandbox", ["", 'sandbox="allow-scripts"', 'sandbox="allow-scripts allow-same-origin"'])
def test_a_frame_scores_without_cookies_or_storage(space: Server, blog: Any, visit: Any, sandbox: str) -> None:
    page = visit(blog(frame(space, "score", sandbox)))
    inside = page.frame_locator("iframe")
    score_an_example(inside)
    assert surroundings(inside) == []
    if sandbox == 'sandbox="allow-scripts"':
        with pytest.raises(Exception, match="SecurityError"):
            page.frames[1].evaluate("localStorage.length")


@pytest.mark.slow
def test_a_component_scores_on_a_foreign_page(space: Server, blog: Any, visit: Any) -> None:
    page = visit(blog(component(space, "score")))
    score_an_example(page)
    assert surroundings(page) == []
    assert page.locator("gradio-app .dark, .dark gradio-app, gradio-app.dark").count()


@pytest.mark.slow
@pytest.mark.parametrize("form", [frame, component])
def test_a_battle_plays_on_a_foreign_page(space: Server, blog: Any, visit: Any, form: Any) -> None:
    page = visit(blog(form(space, "arena")))
    inside = page.frame_locator("iframe") if form is frame else page
    inside.get_by_text("Your vote opens after").wait_for(timeout=60_000)
    inside.get_by_role("button", name="Play song A").click()
    inside.locator(".heard", has_text="2 of 5 s").wait_for(timeout=20_000)
    assert surroundings(inside) == []


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_its_page_alone_and_in_its_theme(space: Server, visit: Any, view: str) -> None:
    own = {"score": "#song", "compare": "#song-a", "arena": "#battle", "leaderboard": "h1:text('Leaderboard')"}
    for theme, dark in (("light", False), ("dark", True)):
        page = visit(f"{space.url}/?view={view}&__theme={theme}")
        page.locator(own[view]).first.wait_for()
        assert surroundings(page) == []
        assert page.evaluate("document.body.classList.contains('dark')") == dark
        page.close()
    whole = visit(space.url + ("" if view == "score" else f"/{view}"))
    whole.locator(own[view]).first.wait_for()
    assert {".nav-holder", "footer", "#embed"} <= set(surroundings(whole))


@pytest.mark.slow
def test_the_headers_forbid_no_frame(space: Server, browser: Any) -> None:
    headers = browser.new_page().request.get(space.url.replace(NAMES[0], "127.0.0.1")).headers
    assert "x-frame-options" not in headers
    assert "frame-ancestors" not in headers.get("content-security-policy", "")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["frame", "element"])
def test_the_snippet_that_the_panel_writes_works_elsewhere(space: Server, blog: Any, visit: Any, form: str) -> None:
    page = visit(f"{space.url}/leaderboard")
    panel = page.locator("#embed")
    panel.get_by_role("button", name="Embed").click()
    assert panel.get_by_label("Page", exact=True).input_value() == "leaderboard"
    panel.get_by_label("Page", exact=True).select_option("compare")
    panel.get_by_label("Theme").select_option("dark")
    panel.get_by_label("Height").fill("640")
    panel.get_by_label("Form").select_option(form)
    snippet = panel.get_by_label("Snippet").input_value()
    assert space.url in snippet
    assert "640" in snippet
    page.locator(".preview").scroll_into_view_if_needed()
    outside = visit(blog(snippet))
    for host in (page.frame_locator(".preview"), outside):
        inside = host.frame_locator("iframe") if form == "frame" else host
        inside.locator("#song-a").wait_for(timeout=30_000)
        assert inside.locator(".dark").count()
    shown = outside.locator("iframe, gradio-app").first
    assert shown.evaluate("shown => shown.getBoundingClientRect().height") == 640


@pytest.mark.slow
@pytest.mark.parametrize("form", ["frame", "element"])
def test_a_snippet_in_a_language_is_answered_in_it(space: Server, blog: Any, visit: Any, form: str) -> None:
    page = visit(space.url)
    panel = page.locator("#embed")
    panel.get_by_role("button", name="Embed").click()
    panel.get_by_label("Language").select_option("中文")
    panel.get_by_label("Form").select_option(form)
    outside = visit(blog(panel.get_by_label("Snippet").input_value()))
    inside = outside.frame_locator("iframe") if form == "frame" else outside
    inside.locator("button.example").first.click()
    inside.get_by_role("link", name="JSON 报告").wait_for(timeout=60_000)


@pytest.mark.slow
def test_the_snippet_is_copied(space: Server, visit: Any) -> None:
    page = visit(space.url)
    page.locator("#embed").get_by_role("button", name="Embed").click()
    page.locator("#embed").get_by_role("button", name="Copy").click()
    page.get_by_text(re.compile("Copied|Selected")).wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_the_panel_fits(space: Server, browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto(space.url)
    page.locator("#embed").get_by_role("button", name="Embed").click()
    page.locator("#embed").get_by_label("Snippet").scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.slow
def test_pages_have_urls_and_the_back_button_goes_back(space: Server, visit: Any) -> None:
    page = visit(space.url)
    for name, path in (("Compare", "/compare"), ("Arena", "/arena"), ("Leaderboard", "/leaderboard")):
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_url(f"{space.url}{path}")
    for path, content in (("/arena", "#battle"), ("/compare", "#song-a"), ("/", "#song")):
        page.go_back()
        assert page.url == f"{space.url}{path}"
        page.locator(content).first.wait_for()
    page.go_forward()
    assert page.url == f"{space.url}/compare"
