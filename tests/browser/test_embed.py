"""Pages on foreign pages: a view alone, without cookies or storage, in a frame or as `<gradio-app>`; and their URLs."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from apex_space.ui.previews import PREVIEWS
from helpers.browser import SITES, complaints_of
from helpers.server import Running
from helpers.wait import until

SCORED, SCORED_IN_CHINESE = "Report as JSON", "JSON 报告"
POST = '<!doctype html><title>Post</title><link rel="icon" href="data:,"><h1>Post</h1>'
PARTS = (".nav-holder", "footer", "#embed")
OWN = {"score": "#song", "compare": "#song-a", "arena": "#battle", "leaderboard": "h1:text('Leaderboard')"}
"""What each view has, and no other."""


@pytest.fixture(scope="module")
def space(server: Running, browser: Any) -> Iterator[str]:
    """The address of the shared server under a name of its own. A page that stays open keeps the process of the pages
    there: see `chromium`."""
    address = server.url.replace("127.0.0.1", SITES[0])
    with closing(browser.contexts[0].new_page()) as page:
        page.goto(f"{address}/healthz")
        yield address


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
        return f"http://{SITES[1]}:{server.server_port}/post.html"

    yield publish
    server.shutdown()
    server.server_close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Open an address; gives the page. It must have no error and no cookie in the end."""
    profile, pages, complaints = browser.contexts[0], [], []

    def open_page(address: str) -> Any:
        page = profile.new_page()
        pages.append(page)
        complaints.append(complaints_of(page))
        page.goto(address)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [text for of_one in complaints for text in of_one] == []
    assert profile.cookies() == []


def surroundings(page: Any) -> list[str]:
    """What is seen of a page but its own content."""
    parts = (".nav-holder", "footer", "#lead", "#languages", "#embed")
    return [part for part in parts if page.locator(part).filter(visible=True).count()]


def component(space: str, view: str) -> str:
    script = f'<script type="module" src="{space}/gradio.js"></script>'
    return f'{script}<gradio-app src="{space}/embed/{view}" theme_mode="dark"></gradio-app>'


def unfold(page: Any) -> Any:
    """The panel of an open page, which writes snippets."""
    panel = page.locator("#embed")
    panel.get_by_role("button", name="Embed").click()
    return panel


def written(panel: Any, **chosen: str) -> str:
    """The panel's snippet after choices by their labels."""
    for label, value in chosen.items():
        panel.get_by_label(label, exact=True).select_option(value)
    return str(panel.get_by_label("Snippet").input_value())


@pytest.fixture(scope="module")
def snippets(browser: Any, space: str) -> dict[str, str]:
    """What the panel of the Score page writes for it: a frame as it is at first, and both forms in Chinese."""
    with closing(browser.contexts[0].new_page()) as page:
        page.goto(space)
        panel = unfold(page)
        plain, chinese = written(panel), written(panel, Language="中文")
        element = written(panel, Theme="dark", Form="element")
    return {"frame": plain, "Chinese frame": chinese, "Chinese element": element}


def score_an_example(page: Any, scored: str = SCORED) -> None:
    page.locator("button.example").first.click()
    page.get_by_role("link", name=scored).wait_for(timeout=60_000)
    assert page.locator(".card b").count() > 3


def test_a_frame_scores_in_its_language_without_cookies_storage_and_script(
    snippets: dict[str, str], blog: Any, visit: Any
) -> None:
    """The script around a frame sets its height, and some editors delete it."""
    snippet = re.sub("<script>.*</script>", "", snippets["Chinese frame"], flags=re.DOTALL)
    page = visit(blog(snippet.replace("<iframe", '<iframe sandbox="allow-scripts"')))
    inside = page.frame_locator("iframe")
    score_an_example(inside, SCORED_IN_CHINESE)
    assert surroundings(inside) == []
    assert height(page.locator("iframe")) == 900
    with pytest.raises(Exception, match="SecurityError"):
        page.frames[1].evaluate("localStorage.length")


def test_a_component_scores_in_its_language_and_theme_on_a_foreign_page(
    snippets: dict[str, str], blog: Any, visit: Any
) -> None:
    page = visit(blog(snippets["Chinese element"]))
    score_an_example(page, SCORED_IN_CHINESE)
    assert surroundings(page) == []
    assert page.locator("gradio-app .dark, .dark gradio-app, gradio-app.dark").count()


def test_a_battle_plays_in_a_frame_on_a_foreign_page(space: str, blog: Any, visit: Any) -> None:
    page = visit(blog(f'<iframe src="{space}/?view=arena" width="100%" height="900"></iframe>'))
    inside = page.frame_locator("iframe")
    inside.get_by_text("Your vote opens after").wait_for(timeout=60_000)
    inside.get_by_role("button", name="Play song A").click()
    inside.locator(".heard", has_text="heard").first.wait_for(timeout=20_000)
    assert surroundings(inside) == []


def test_a_foreign_page_cannot_vote(space: str, blog: Any, visit: Any) -> None:
    page = visit(blog(component(space, "arena")))
    page.get_by_text("Votes are not taken from a page of another site").wait_for(timeout=60_000)
    assert not page.get_by_role("button", name="A is better").is_enabled()
    assert page.locator("#own-songs").count()
    assert not page.locator("#own-songs").is_visible()
    assert contrast(page.locator("#battle .seek").first) >= 3


def contrast(slider: Any) -> float:
    """Between the track in the middle of a slider and what is above it, as WCAG defines it."""
    picture = Image.open(BytesIO(slider.screenshot())).convert("RGB")
    places = ((picture.width // 2, picture.height // 2), (picture.width // 2, 2))
    light, dark = sorted((luminance(picture.getpixel(place)) for place in places), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Any) -> float:
    red, green, blue = ((value / 255 + 0.055) ** 2.4 / 1.055**2.4 for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.thorough
def test_the_links_of_a_component_lead_to_the_server_in_a_new_tab(space: str, blog: Any, visit: Any) -> None:
    page = visit(blog(component(space, "leaderboard")))
    link = page.locator(f"a[href='{space}/arena'][target=_blank]")
    link.first.wait_for(timeout=60_000)
    assert link.first.is_visible()
    assert page.locator("gradio-app a:not([href^=http])").count() == 0
    with page.expect_popup() as opened:
        link.first.click()
    opened.value.locator("#battle .status").wait_for()
    opened.value.close()
    assert page.url.endswith("/post.html")


@pytest.mark.parametrize(
    ("view", "theme"), [("score", "light"), ("compare", "dark"), ("arena", "light"), ("leaderboard", "dark")]
)
def test_every_view_is_its_page_alone_and_in_its_theme(space: str, visit: Any, view: str, theme: str) -> None:
    page = visit(f"{space}/?view={view}&__theme={theme}")
    page.locator(OWN[view]).first.wait_for()
    for part in PARTS:
        page.locator(part).first.wait_for(state="attached")
    assert surroundings(page) == []
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")


def test_the_headers_forbid_no_frame(server: Running) -> None:
    headers = httpx.get(server.url).headers
    assert "x-frame-options" not in headers
    assert "frame-ancestors" not in headers.get("content-security-policy", "")


def test_the_snippets_that_the_panel_writes_work_elsewhere(space: str, blog: Any, visit: Any) -> None:
    page = visit(f"{space}/leaderboard")
    panel = unfold(page)
    assert panel.get_by_label("Page", exact=True).input_value() == "leaderboard"
    written(panel, Form="element")
    assert written(panel, Page="arena").startswith("<iframe"), "an element takes no votes"
    panel.get_by_label("Height").fill("640")
    written(panel, Page="compare", Theme="dark")
    assert page.locator(".preview").get_attribute("srcdoc") is None, "a preview that nobody saw was loaded"
    for form in ("frame", "element"):
        snippet = written(panel, Form=form)
        assert space in snippet
        assert "640" in snippet
        page.locator(".preview").scroll_into_view_if_needed()
        outside = visit(blog(snippet))
        for host in (page.frame_locator(".preview"), outside):
            inside = host.frame_locator("iframe") if form == "frame" else host
            inside.locator("#song-a").wait_for(timeout=30_000)
            assert inside.locator(".dark").count()
        shown = outside.locator("iframe, gradio-app").first
        if form == "element":
            assert height(shown) == 640
        else:
            until(lambda shown=shown: height(shown) != 640)
            assert not inside.locator("html").evaluate("page => page.scrollHeight > innerHeight")
    panel.get_by_role("button", name="Copy").click()
    panel.get_by_text(re.compile("Copied|Selected")).wait_for()


def height(shown: Any) -> float:
    return float(shown.evaluate("shown => shown.getBoundingClientRect().height"))


@pytest.mark.thorough
def test_a_frame_is_as_high_as_its_content_and_its_progress_comes_into_view(
    snippets: dict[str, str], blog: Any, visit: Any
) -> None:
    page = visit(blog(f'<div style="height: 500px"></div>{snippets["frame"]}<iframe srcdoc=other></iframe>'))
    page.set_viewport_size({"width": 390, "height": 844})
    shown, inside = page.locator("iframe").first, page.frame_locator("iframe").first
    until(lambda: height(shown) > 1500)

    def place() -> float:
        top = inside.locator("#progress").evaluate("progress => progress.getBoundingClientRect().top")
        return float(shown.evaluate("shown => shown.getBoundingClientRect().top")) + float(top)

    example = inside.locator("button.example").last
    example.scroll_into_view_if_needed()
    assert place() < 0
    scrolled = page.evaluate("scrollY")
    page.frames[1].evaluate("parent.postMessage({ apexSpaceShow: 'x' }, '*')")
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert page.evaluate("scrollY") == scrolled
    before = height(shown)
    example.click()
    until(lambda: -1 <= place() <= 422)
    inside.get_by_role("link", name=SCORED).wait_for(timeout=60_000)
    until(lambda: height(shown) > before + 400)
    for plot in ("scores", "timeline"):
        inside.locator(f"#{plot}-plot .js-plotly-plot").wait_for()
    page.wait_for_timeout(1000)  # until it has told the height of its pictures
    until(lambda: not inside.locator("html").evaluate("page => page.scrollHeight > innerHeight"))
    grown = height(shown)
    page.frames[2].evaluate("parent.postMessage({ apexSpaceHeight: 5000 }, '*')")
    page.evaluate("postMessage({ apexSpaceHeight: 5000 }, '*')")
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert height(shown) == grown, "only the page in the frame sets its height"
    for sent, taken in (("1e9", 10_000), ("'x'", 10_000), ("null", 10_000), ("-5", 200), ("{}", 200)):

        def is_taken(sent: str = sent, taken: int = taken) -> bool:
            """The page in the frame may tell its height between."""
            page.frames[1].evaluate(f"parent.postMessage({{ apexSpaceHeight: {sent} }}, '*')")
            page.evaluate("new Promise((done) => setTimeout(done))")
            return height(shown) == taken

        until(is_taken)


def test_pages_have_urls_and_the_back_button_goes_back(space: str, visit: Any) -> None:
    page = visit(space)
    seen_whole(page, "score")
    for name, view in (("Compare", "compare"), ("Arena", "arena"), ("Leaderboard", "leaderboard")):
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_url(f"{space}/{view}")
        page.wait_for_function("title => document.title === title", arg=f"{PREVIEWS[view].title} · APEX Space")
        seen_whole(page, view)
    for path, view in (("/arena", "arena"), ("/compare", "compare"), ("/", "score")):
        page.go_back()
        assert page.url == f"{space}{path}"
        page.locator(OWN[view]).first.wait_for()
    page.go_forward()
    assert page.url == f"{space}/compare"


def seen_whole(page: Any, view: str) -> None:
    """Wait until a page is there with all that it lacks on a foreign page."""
    for part in (OWN[view], *PARTS):
        page.locator(part).first.wait_for()
