"""The leaderboard of a running server: empty, with votes, and when a vote comes in while it is open."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_page import browser, start  # noqa: F401
from voting import predicted, sigmoid, simulate, stored, vote

from apex_space.arena.records import Song, Vote
from apex_space.arena.store import FILE, Store
from apex_space.plots.arena import MOST_ROWS
from apex_space.ui.leaderboard import POLL_SECONDS

pytestmark = pytest.mark.slow
MARKUP = "<img src=x onerror=document.title='owned'>"
SONGS = MOST_ROWS + 10


def cast(store: Store, votes: list[Vote], first: int = 0) -> None:
    for each in stored(votes, first):
        store.add_battle(each.battle)
        store.add_vote(each)


@pytest.fixture
def opened(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:  # noqa: F811
    """Open the leaderboard of a server with these votes; and its store. There must be no error in the console."""
    folder, running, complaints = tmp_path_factory.mktemp("server"), [], []
    store = Store(f"sqlite:///{folder / FILE}")

    def open_page(votes: list[Vote], **options: Any) -> tuple[Any, Store]:
        cast(store, votes)
        running.append(start(folder, APEX_DATA=str(folder)))
        page = browser.new_page(**options)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{next(running[0]).url}/leaderboard")
        page.get_by_role("heading", name="Leaderboard").wait_for()
        return page, store

    yield open_page
    browser.contexts[-1].close()
    for server in running:
        server.close()
    store.close()
    assert complaints == []


def many_votes() -> list[Vote]:
    """On more songs than the picture shows; one's title is markup."""
    votes = simulate(np.linspace(-2, 2, SONGS), 400, ties=0.1, judge=sigmoid)
    bad = Song("song9999", MARKUP, MARKUP)
    return [*votes, *([vote(bad, 1, "a", predicted(0.3)), vote(2, bad, "bad", predicted(0.6))] * 3)]


def test_an_empty_leaderboard_leads_to_the_vote(opened: Any) -> None:
    page, _ = opened([])
    page.get_by_text("No vote has been counted yet").wait_for()
    link = page.get_by_role("link", name="Listen to two songs and vote")
    assert link.evaluate("link => new URL(link.href).pathname") == "/arena"
    assert page.locator("table").count() == 0
    assert page.locator(".js-plotly-plot").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_votes_make_pictures_and_their_tables_which_fit(opened: Any, width: int) -> None:
    page, _ = opened(many_votes(), viewport={"width": width, "height": 844})
    for plot in ("#songs-plot", "#generators-plot", "#calibration-plot"):
        page.locator(f"{plot} .js-plotly-plot").wait_for(timeout=60_000)
    for caption in ("Songs", "Generators", "Agreement with people", "Calibration", "Agreement by generators"):
        assert page.locator("caption", has_text=caption).first.is_visible()
    songs = page.locator(".tall", has=page.locator("caption", has_text="Songs"))
    assert songs.locator("tbody tr").count() == SONGS + 1
    assert songs.bounding_box()["height"] <= 480
    assert f"the first {MOST_ROWS} of {SONGS + 1}" in page.locator("#songs-plot").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() == "APEX Space"


def test_a_vote_changes_the_open_page_by_itself(opened: Any) -> None:
    page, store = opened([vote(1, 2, "a", predicted(0.7))])
    page.get_by_text("1 vote so far").wait_for(timeout=30_000)
    cast(store, [vote(1, 3, "b", predicted(0.7))], first=1)
    page.get_by_text("2 votes so far").wait_for(timeout=3000 * POLL_SECONDS)
    assert page.locator("caption", has_text="Songs").locator("xpath=..").locator("tbody tr").count() == 3


def test_a_suspicious_vote_changes_nothing_that_is_shown(opened: Any) -> None:
    page, store = opened([vote(1, 2), replace(vote(1, 2), suspicion="too fast")])
    page.get_by_text("1 vote so far").wait_for(timeout=30_000)
    assert store.count() == 2
