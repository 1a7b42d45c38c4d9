"""What a page costs its visitor: bytes and requests of a first load, with nothing in the browser's cache, and work
while nobody touches it."""

from typing import Any

import pytest

from helpers.server import Running

MAX_BYTES, MAX_REQUESTS = 600_000, 90
QUIET_MS = 1500
NOTE_FRAMES = """
    const ask = window.requestAnimationFrame;
    window.requestAnimationFrame = (draw) => (window.frame_at = performance.now(), ask(draw));
"""


PAGES = ("/", "/about")
OTHERS = ("/rank", "/compare", "/arena", "/leaderboard")


@pytest.mark.parametrize("path", [*PAGES, *(pytest.param(path, marks=pytest.mark.thorough) for path in OTHERS)])
def test_a_first_load_is_light_and_the_page_about_comes_to_rest(server: Running, browser: Any, path: str) -> None:
    """Gradio's own script draws in each frame for ever."""
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(NOTE_FRAMES)
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        asked: dict[str, str] = {}
        sent: dict[str, float] = {}
        network.on(
            "Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]})
        )
        network.on(
            "Network.loadingFinished", lambda event: sent.update({event["requestId"]: event["encodedDataLength"]})
        )
        page.goto(server.url + path)
        page.locator("footer").wait_for()
        if path == "/leaderboard":
            page.locator("caption", has_text="Votes foreseen").wait_for()
        if path == "/about":
            page.wait_for_function(f"performance.now() > window.frame_at + {QUIET_MS}", polling=100)
        else:
            page.wait_for_timeout(QUIET_MS)
    bytes_of = {asked[id]: size for id, size in sent.items() if asked.get(id, "").startswith("http")}
    assert len(bytes_of) < MAX_REQUESTS
    assert sum(bytes_of.values()) < MAX_BYTES, sorted(bytes_of.items(), key=lambda item: -item[1])[:8]
