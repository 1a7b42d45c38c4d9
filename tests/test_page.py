"""The page on a live port: through gradio's client, and in a real browser."""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running import running

from apex_space.axes import BY_KEY, KEYS
from apex_space.heads.apex import AESTHETICS, POPULARITY
from apex_space.ui.inputs import POLL_SECONDS
from apex_space.ui.uploads import GRACE_SECONDS

ROOT = Path(__file__).resolve().parent.parent
SEVEN = tuple(BY_KEY[key] for key in POPULARITY + AESTHETICS)
EXAMPLES = ROOT / "apex_space" / "examples"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
    " --use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
)


@dataclass(frozen=True)
class Server:
    """A running `python app.py`: its address and the folder of its uploads."""

    url: str
    uploads: Path


def start(folder: Path, **environment: str) -> Iterator[Server]:
    """Run the app until the generator is closed; it is to end in order."""
    with running(folder, "app.py", **environment) as server:
        yield Server(server.url, folder / "uploads")
    assert server.process.returncode == 0
    assert "Traceback" not in server.log, server.log


def _wait_for(action: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return action()
        except (OSError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())


@dataclass(frozen=True)
class Visit:
    """An open page and every error in its console."""

    page: Any
    complaints: list[str]


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Any]:
    contexts = []

    def open_page(query: str = "", **options: Any) -> Visit:
        contexts.append(browser.new_context(**options))
        page, complaints = contexts[-1].new_page(), []
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url + query)
        page.get_by_role("button", name="Score", exact=True).wait_for()
        return Visit(page, complaints)

    yield open_page
    for context in contexts:
        context.close()


def upload(page: Any, song: Path) -> None:
    page.locator("#song input[type=file]").set_input_files(song)


def wait_for_report(page: Any) -> None:
    page.get_by_role("link", name="Report as JSON").wait_for(timeout=120_000)


def test_the_client_gets_the_command_lines_report(server: Server) -> None:
    from gradio_client import Client, handle_file

    client = Client(server.url, verbose=False)
    report = client.predict(handle_file(next(EXAMPLES.glob("*.ogg"))), "pocket", api_name="/score")
    assert tuple(report["scores"]) == KEYS
    assert report["judge"] == "pocket"
    client.close()


@pytest.mark.parametrize(
    ("name", "content", "judge", "words"),
    [
        ("text.mp3", b"not a song", "best", "not a sound file"),
        ("x.wav", b"", "best", "empty"),
        (None, b"", "apex", "APEX"),
    ],
)
def test_the_client_gets_reasons(
    server: Server, tmp_path: Path, name: str | None, content: bytes, judge: str, words: str
) -> None:
    from gradio_client import Client, handle_file

    song = tmp_path / name if name else next(EXAMPLES.glob("*.ogg"))
    if name:
        song.write_bytes(content)
    client = Client(server.url, verbose=False)
    with pytest.raises(Exception, match=words):
        client.predict(handle_file(song), judge, api_name="/score")
    client.close()


def test_uploads_are_deleted_after_scoring(server: Server) -> None:
    from gradio_client import Client, handle_file

    client = Client(server.url, verbose=False)
    client.predict(handle_file(next(EXAMPLES.glob("*.ogg"))), "best", api_name="/score")
    client.close()

    def nothing_left() -> None:
        assert not [path for path in server.uploads.rglob("*") if path.is_file()]

    _wait_for(nothing_left, seconds=GRACE_SECONDS + 5)


@pytest.mark.slow
def test_a_song_dropped_on_the_page_shows_seven_axes_or_the_reason(visit: Any) -> None:
    song = next(EXAMPLES.glob("*.ogg"))
    opened = visit()
    upload(opened.page, song)
    wait_for_report(opened.page)
    cards = opened.page.locator(".card")
    assert cards.count() == len(SEVEN)
    for axis, text in zip(SEVEN, cards.all_inner_texts(), strict=True):
        assert axis.label in text
        if axis.key in ("streams", "memorability"):
            assert "–" in text
            assert len(text) > 30, f"no reason for {axis.key}: {text}"
        else:
            assert any(character.isdigit() for character in text)
    assert opened.page.get_by_role("heading", name=song.name).is_visible()
    opened.page.locator("#scores-plot .js-plotly-plot").wait_for()
    opened.page.locator("#timeline-plot .js-plotly-plot").wait_for()
    for caption in ("Scores", "By segment", "Measured, not predicted", "Who said it"):
        assert opened.page.locator("caption", has_text=caption).is_visible()
    assert opened.complaints == []


@pytest.mark.slow
def test_an_example_is_one_click(visit: Any) -> None:
    opened = visit()
    opened.page.locator("button.example").first.click()
    wait_for_report(opened.page)
    assert opened.page.locator(".card").count() == len(SEVEN)
    assert opened.complaints == []


@pytest.mark.slow
def test_a_recording_is_scored(visit: Any) -> None:
    opened = visit(permissions=["microphone"])
    opened.page.get_by_role("button", name="Record audio").click()
    opened.page.get_by_role("button", name="Record", exact=True).click()
    opened.page.wait_for_timeout(3000)
    opened.page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_report(opened.page)
    assert opened.complaints == []


@pytest.mark.slow
def test_a_file_that_is_no_song_gets_its_reason(visit: Any, tmp_path: Path) -> None:
    (tmp_path / "letter.mp3").write_text("Dear listener")
    opened = visit()
    upload(opened.page, tmp_path / "letter.mp3")
    opened.page.locator("p.error", has_text="not a sound file").wait_for(timeout=30_000)


@pytest.mark.slow
def test_markup_in_a_file_name_is_shown_as_text(visit: Any, tmp_path: Path) -> None:
    song = tmp_path / "<img src=x onerror=document.title='owned'>.ogg"
    shutil.copy(next(EXAMPLES.glob("*.ogg")), song)
    opened = visit()
    upload(opened.page, song)
    wait_for_report(opened.page)
    assert opened.page.title() == "APEX Space"


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows(visit: Any, width: int) -> None:
    opened = visit(viewport={"width": width, "height": 844})
    upload(opened.page, next(EXAMPLES.glob("*.ogg")))
    wait_for_report(opened.page)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_the_report_downloads(visit: Any) -> None:
    import json

    opened = visit()
    upload(opened.page, next(EXAMPLES.glob("*.ogg")))
    wait_for_report(opened.page)
    with opened.page.expect_download() as download:
        opened.page.get_by_role("link", name="Report as JSON").click()
    assert tuple(json.loads(download.value.path().read_text())["scores"]) == KEYS


@pytest.mark.slow
def test_without_a_network_the_page_says_what_is_missing(visit: Any) -> None:
    opened = visit()
    missing = opened.page.locator(".states", has_text="m-a-p/MERT-v1-95M")
    missing.wait_for(timeout=10_000)
    assert "APEX_WEIGHTS" in missing.inner_text()


@pytest.mark.slow
def test_apex_takes_over_when_it_is_ready(full_weights: Path, browser: Any, tmp_path: Path) -> None:
    for server in start(tmp_path, APEX_WEIGHTS=str(full_weights)):
        page = browser.new_page()
        page.goto(server.url)
        page.get_by_role("button", name="Score", exact=True).wait_for()
        page.wait_for_timeout(1000 * POLL_SECONDS)
        page.locator(".states").wait_for(state="detached", timeout=60_000)
        upload(page, next(EXAMPLES.glob("*.ogg")))
        wait_for_report(page)
        assert "APEX: the published model" in page.locator(".by").inner_text()
        assert "–" not in page.locator(".cards").inner_text()
        page.close()


@pytest.mark.slow
def test_the_panel_tells_how_far_it_is_and_a_song_heard_whole_can_be_given_up(
    panel_weights: Path, browser: Any, tmp_path: Path
) -> None:
    for server in start(tmp_path, APEX_WEIGHTS=str(panel_weights)):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(server.url)
            page.get_by_role("button", name="Score", exact=True).wait_for()
            page.get_by_label("The panel: all of them").check()
            upload(page, next(EXAMPLES.glob("*.ogg")))
            under_way = page.locator(".progress", has_text=re.compile(r"SongEval has heard \d+% of .* the whole panel"))
            under_way.wait_for(timeout=60_000)
            with page.expect_response("**/cancel", timeout=10_000):  # it comes when the work has stopped
                page.get_by_role("button", name="Cancel").click()
            page.get_by_text("Cancelled.").wait_for(timeout=60_000)
            page.get_by_role("button", name="Score", exact=True).click()
            page.get_by_role("link", name="All reports as JSON").wait_for(timeout=120_000)
            page.locator("#scores-plot .js-plotly-plot").wait_for()
            assert page.get_by_text("Banger: MERT-v1-330M holds no").is_visible()
            assert str(panel_weights) not in page.content()
