"""A result under its link, in a browser with and without scripts."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageColor

from apex_space.plots.style import NEUTRAL
from apex_space.storage.identity import AddressHasher
from apex_space.storage.shared_results import SharedResults
from apex_space.storage.vote_store import FILE, VoteStore
from helpers.browser import complaints_of, overflow, upload, wait_for_report
from helpers.results import HERE, report
from helpers.server import Running
from helpers.songs import short

TITLE = "Paper Lanterns"


def kept(data: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data / FILE)) as connection:
        return connection.execute("SELECT id, reports FROM links WHERE title = ?", (TITLE,)).fetchall()


def test_a_link_is_made_shown_and_deleted_on_the_page(visit: Any, server: Running, data: Path) -> None:
    page = visit("/", "Score")
    upload(page, short("bossa.ogg"))
    wait_for_report(page)
    page.locator("#timeline-plot .js-plotly-plot").wait_for()  # what is typed while the result appears may be lost
    page.get_by_label("Title, if you like").fill(TITLE)
    assert kept(data) == []
    page.get_by_role("button", name="Get a link").click()
    link = page.locator("#link textarea, #link input")
    link.wait_for()
    ((id, reports),) = kept(data)
    assert link.input_value() == f"{server.url}/r/{id}"
    assert "bossa" not in reports
    assert len(page.locator("#link-key textarea, #link-key input").input_value()) == 32
    assert page.request.get(link.input_value()).status == 200
    page.get_by_role("button", name="Delete it").click()
    page.get_by_text("The link does not work any more").wait_for()
    assert kept(data) == []
    assert page.request.get(f"{server.url}/r/{id}").status == 404
    page.get_by_role("button", name="Get a link").click()
    link.wait_for()
    assert page.request.get(link.input_value()).status == 200
    later = visit(link.input_value().removeprefix(server.url))
    later.get_by_text("Delete this result").click()
    later.get_by_role("button", name="Delete it").click()  # this browser remembers the key
    later.get_by_role("heading", name="Deleted").wait_for()
    assert page.request.get(link.input_value()).status == 404


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_the_page_needs_no_script_fits_and_follows_the_theme(
    server: Running, data: Path, browser: Any, scheme: str, width: int
) -> None:
    with closing(VoteStore(f"sqlite:///{data / FILE}")) as store:
        receipt = SharedResults(store, AddressHasher("salt"), 100).add([report()], "Glass " * 16, HERE)
    size = {"width": width, "height": 844}
    context = browser.new_context(java_script_enabled=False, color_scheme=scheme, viewport=size)
    page = context.new_page()
    complaints = complaints_of(page)
    page.goto(f"{server.url}/r/{receipt.id}")
    assert page.get_by_role("img").evaluate("image => image.complete && image.naturalWidth") == 1200
    assert overflow(page) <= 0
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb({}, {}, {})".format(*ImageColor.getrgb(NEUTRAL[0 if scheme == "light" else 10]))
    page.get_by_text("Delete this result").click()
    page.get_by_label("The key that was shown").fill(receipt.key)
    page.get_by_role("button", name="Delete it").click()
    page.get_by_role("heading", name="Deleted").wait_for()
    page.get_by_role("link", name="Score your own song").click()
    assert page.url == f"{server.url}/"
    assert complaints == []
    context.close()
