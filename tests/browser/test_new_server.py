"""The Arena and the Leaderboard page of a server that nobody has voted on, with one song."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from apex_space.storage.vote_store import FILE, VoteStore
from helpers.browser import upload_own, visits
from helpers.listener import Listener
from helpers.melodies import write_noise
from helpers.server import Running, running_app
from helpers.votes import cast, predicted, vote


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without a vote, whose pool has one song. Visitors' songs stay long enough for a button to be pressed
    again."""
    folder = tmp_path_factory.mktemp("server")
    write_noise(folder / "songs" / "one.wav", 1)
    with running_app(folder, APEX_POOL=str(folder / "songs"), APEX_UPLOAD_GRACE_SECONDS="10") as running:
        yield running


def test_an_empty_leaderboard_leads_to_the_vote_and_fills_by_itself(new: Running, browser: Any) -> None:
    with visits(browser, new.url) as visit, closing(VoteStore(f"sqlite:///{new.data / FILE}")) as store:
        page = visit("/leaderboard")
        page.get_by_text("No vote has been counted yet").wait_for()
        link = page.get_by_role("link", name="Listen to two songs and vote")
        assert link.evaluate("link => new URL(link.href).pathname") == "/arena"
        assert page.locator("table").count() == 0
        assert not page.locator("#board").is_visible()
        assert page.locator(".js-plotly-plot").count() == 0
        cast(store, [vote(1, 2, "a", predicted(0.7))])
        page.get_by_text("1 vote so far").wait_for(timeout=30_000)
        cast(store, [vote(1, 3, "b", predicted(0.7)), replace(vote(1, 2), suspicion="too fast")], first=1)
        page.get_by_text("2 votes so far").wait_for(timeout=30_000)
        page.get_by_text("Each pair with its interval").click()
        folded = page.locator("#not-counted details")
        folded.locator("summary", has_text="Of 3 votes before").click()
        assert "too fast" in folded.get_by_role("row").nth(1).inner_text()
        assert page.locator("caption", has_text="Songs").locator("xpath=..").locator("tbody tr").count() == 3
        cast(store, [vote(1, 4, "b", predicted(0.7))], first=3)
        page.get_by_text("3 votes so far").wait_for(timeout=30_000)
        assert page.locator("caption", has_text="Votes between generators").is_visible()


@pytest.mark.thorough
def test_where_one_song_makes_no_pair_ones_own_are_heard_again_without_a_new_upload(
    new: Running, browser: Any, tmp_path: Path
) -> None:
    songs = [write_noise(tmp_path / f"{place} try.wav", seed) for seed, place in enumerate(("first", "second"))]
    with visits(browser, new.url) as visit:
        page = visit("/arena")
        opened = Listener(page)
        opened.status("A battle needs two songs")
        assert page.get_by_role("button", name="Play song A").is_disabled()
        page.get_by_role("button", name="Your own two songs").click()
        make = page.get_by_role("button", name="Make it a battle")
        upload_own(page, new, "first", songs[0])
        upload_own(page, new, "second", songs[0])
        make.click()
        page.get_by_text("These two are the same song").wait_for(timeout=60_000)
        page.locator("#own-second").get_by_role("button", name="Clear").click()
        upload_own(page, new, "second", songs[1])
        for _ in range(2):
            was = page.locator("#battle audio").first.get_attribute("src")
            make.click()
            page.wait_for_function(f"document.querySelector('#battle audio').getAttribute('src') !== {json.dumps(was)}")
            opened.status("Play both songs")
            expect(page.get_by_text("These two are the same song")).to_have_count(0)
            opened.listen()
            page.keyboard.press("a")
            opened.status("You preferred A.")
            assert opened.sounding() == []
