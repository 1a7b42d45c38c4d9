"""Pages in a real browser, which have to say nothing in its console."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--test-third-party-cookie-phaseout",
]
PLAY = re.compile(r"^Play\b")
"""A button's name, after which comes that of the song where there are two."""
SITES = ("space.test", "blog.test")
"""Two sites for the browser, both on this machine: 127.0.0.1 alone would be one site with two ports."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium with a fresh profile and without third-party cookies. Skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    sites = "--host-resolver-rules=" + ",".join(f"MAP {site} 127.0.0.1" for site in SITES)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, sites])


def complaints_of(page: Any) -> list[str]:
    """The errors that will be in the page's console."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


@contextmanager
def visits(browser: Any, root: str) -> Iterator[Callable[..., Any]]:
    """What opens a path below `root` in a context with the given options and waits for a button there; at the end there
    must have been no error but refusals before the queue (status 422)."""
    contexts: list[Any] = []
    complaints: list[list[str]] = []

    def open_page(path: str = "/", button: str = "", **options: Any) -> Any:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        complaints.append(complaints_of(page))
        page.goto(root + path)
        if button:
            page.get_by_role("button", name=button, exact=True).wait_for()
        return page

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()
    assert [text for of_one in complaints for text in of_one if "422" not in text] == []


def upload(page: Any, song: Path) -> None:
    """Choose the song of the Score page."""
    page.locator("#song input[type=file]").set_input_files(song)


def wait_for_report(page: Any) -> None:
    """Until the Score page has the whole report."""
    page.get_by_role("link", name="Report as JSON").wait_for(timeout=120_000)


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def compare(page: Any) -> str:
    """Press the button of the Compare page; gives the verdict."""
    for old in page.locator(".verdict").all():
        old.evaluate("verdict => verdict.dataset.old = true")
    page.get_by_role("button", name="Compare", exact=True).click()
    new = page.locator(".verdict:not([data-old])")
    new.wait_for(timeout=60_000)
    return str(new.inner_text())


def rank(page: Any) -> None:
    """Press the button of the Rank page, and wait for the whole ranking."""
    page.get_by_role("button", name="Rank", exact=True).click()
    wait_for_ranking(page)


def wait_for_ranking(page: Any) -> None:
    """Until the Rank page has its downloads."""
    page.get_by_role("link", name="Ranking as JSON").wait_for(timeout=120_000)
