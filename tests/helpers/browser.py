"""Pages in a real browser, which have to say nothing in its console."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from helpers.server import Running
from helpers.wait import until

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""Chromium, without its windows where that can be had: they take a quarter of its processor time."""
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--test-third-party-cookie-phaseout",
    "--process-per-site",
    "--js-flags=--no-opt --no-maglev --single-threaded-gc",
]
"""The last one saves a tenth of a page's processor time: no page lives long enough for an optimising compiler. The one
before lets pages share a process as long as `chromium` keeps one open: the Score page then loads in 1.1 s of processor
time instead of 1.7 s, but all of `test_arena` takes only 2% less."""
EXPECTED = ("status of 422", "Waveform load error")
"""A refusal before the queue, and a player's word on what is no song."""
PLAY = re.compile(r"^Play\b")
"""A button's name, after which comes that of the song where there are two."""
ADDRESSES = IPv4Network("198.18.0.0/15").hosts()
"""Of visitors, one for each test: what an address may do in a minute is limited."""
SITES = ("space.localhost", "blog.localhost")
"""Two sites for the browser, both on this machine: 127.0.0.1 alone would be one site with two ports."""


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium without third-party cookies; its first context is a fresh profile, the only one whose caches outlive a
    page. Skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    sites = "--host-resolver-rules=" + ",".join(f"MAP {site} 127.0.0.1" for site in SITES)
    with sync_playwright() as playwright, TemporaryDirectory(prefix="apex-tests-") as folder:
        profile = playwright.chromium.launch_persistent_context(folder, executable_path=CHROMIUM, args=[*FLAGS, sites])
        (empty,) = profile.pages  # keeps the process of all servers' pages: a site's address is without its port
        empty.route("**", lambda route: route.fulfill(body=""))
        empty.goto("http://127.0.0.1")
        yield profile.browser
        profile.close()


def complaints_of(page: Any) -> list[str]:
    """The errors that will be in the page's console."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


@contextmanager
def visits(browser: Any, root: str) -> Iterator[Callable[..., Any]]:
    """What opens a path below `root` and waits for a button there, in a window of a size and with permissions if they
    are given. Other options go to a new context, where the first page takes twice as long: its caches are empty. All
    are one visitor's to a server behind a proxy. All that the server answers goes to `answers`. At the end there must
    have been no error but EXPECTED ones, and no cookie must be in the profile."""
    profile, sender = browser.contexts[0], {"x-forwarded-for": str(next(ADDRESSES))}
    complaints: list[list[str]] = []
    contexts = {repr({}): profile}
    with ExitStack() as opened:

        def open_page(
            path: str = "/",
            button: str = "",
            answers: list[Any] | None = None,
            viewport: Any = None,
            permissions: Sequence[str] = (),
            **options: Any,
        ) -> Any:
            if (chosen := repr(options)) not in contexts:
                contexts[chosen] = opened.enter_context(browser.new_context(**options))
            context = contexts[chosen]
            page = opened.enter_context(context.new_page())
            if viewport:
                page.set_viewport_size(viewport)
            if permissions:
                context.grant_permissions(permissions)
                opened.callback(context.clear_permissions)
            (context if options else page).set_extra_http_headers(sender)
            complaints.append(complaints_of(page))
            if answers is not None:
                page.on("response", lambda answer: answers.append(answer))
            page.goto(root + path)
            if button:
                page.get_by_role("button", name=button, exact=True).wait_for()
            return page

        yield open_page
    assert_silent(text for of_one in complaints for text in of_one)
    assert profile.cookies() == []


def cancel_when(page: Any, condition: str) -> None:
    """Press Cancel as soon as JavaScript's `condition` holds, in the page itself: on a busy machine, the work may end
    before a click from outside arrives. Fails if it did not hold within a minute."""
    page.evaluate(
        """(condition) => new Promise((done, fail) => {
            const named = (button) => button.textContent.trim() === "Cancel";
            const end = Date.now() + 60_000;
            const look = () => {
                if (Date.now() > end) return fail(new Error(`never: ${condition}`));
                if (!eval(condition)) return setTimeout(look, 20);
                [...document.querySelectorAll("button")].find(named).click();
                done();
            };
            look();
        })""",
        condition,
    )


def assert_silent(complaints: Iterable[str]) -> None:
    """Fail at a complaint that is not EXPECTED."""
    found = [text for text in complaints if not any(expected in text for expected in EXPECTED)]
    assert not found, found


def upload(page: Any, song: Path) -> None:
    """Choose the song of the Score page."""
    page.locator("#song input[type=file]").set_input_files(song)


def upload_side(page: Any, side: str, song: Path) -> None:
    """Choose song A or B of the Compare page, in the place of another one."""
    player = page.locator(".block", has=page.get_by_text(f"Song {side}", exact=True)).last
    if player.get_by_role("button", name="Clear").count():
        player.get_by_role("button", name="Clear").click()
    player.locator("input[type=file]").set_input_files(song)
    player.get_by_label(PLAY).wait_for()


def upload_own(page: Any, server: Running, place: str, song: Path) -> None:
    """Choose the "first" or "second" of the two songs of one's own on the Arena page."""
    field = page.locator(f"#own-{place} input[type=file]")
    field.set_input_files(song)
    until(partial(server.uploads, song.stem), seconds=10)
    field.wait_for(state="detached")


def wait_for_report(page: Any) -> None:
    """Until the Score page has the whole report."""
    page.get_by_role("link", name="Report as JSON").wait_for(timeout=120_000)


def print_report(page: Any, link: str) -> Any:
    """Follow the link to the page to print, hold it to fit a phone and one sheet of each kind, and return it."""
    with page.expect_popup() as opened:
        page.get_by_role("link", name=link).click()
    report = opened.value
    report.set_viewport_size({"width": 390, "height": 844})
    assert overflow(report) == 0
    for paper in ("A4", "Letter"):
        assert len(re.findall(rb"/Type\s*/Page\b", report.pdf(format=paper, prefer_css_page_size=True))) == 1
    return report


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


def rank_by(page: Any, score: str) -> None:
    """Choose what the Rank page ranks by, as soon as it offers the scores of the judge alone: this undoes a choice."""
    page.locator("#by label", has_text="Banger").wait_for(state="detached")
    page.locator("#by").get_by_label(score).check()


def rank(page: Any) -> None:
    """Press the button of the Rank page, and wait for the whole ranking."""
    page.get_by_role("button", name="Rank", exact=True).click()
    wait_for_ranking(page)


def wait_for_ranking(page: Any) -> None:
    """Until the Rank page has its downloads."""
    page.get_by_role("link", name="Ranking as JSON").wait_for(timeout=120_000)
