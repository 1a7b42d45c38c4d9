"""The Leaderboard page in a real browser: empty, with votes, and when a vote comes in while it is open."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apex_space.storage.vote_store import FILE, VoteStore
from helpers.browser import visits
from helpers.server import Running, running_app
from helpers.votes import SONGS, cast, predicted, vote


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without a vote."""
    with running_app(tmp_path_factory.mktemp("server")) as running:
        yield running


def test_an_empty_leaderboard_leads_to_the_vote_and_fills_by_itself(empty: Running, browser: Any) -> None:
    with visits(browser, empty.url) as visit, closing(VoteStore(f"sqlite:///{empty.data / FILE}")) as store:
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


def test_votes_make_tables_and_pictures(visit: Any, server: Running, data: Path) -> None:
    page = visit("/leaderboard")
    captions = ("Songs", "Generators", "Won by the generator", "Agreement with people", "Calibration")
    for caption in (*captions, "Agreement by generators", "Votes foreseen"):
        page.locator("caption", has_text=caption).first.wait_for(timeout=60_000)
    songs = page.locator(".tall", has=page.locator("caption", has_text="Songs"))
    rated = songs.locator("tbody tr").filter(has_not_text="too few votes").count()
    assert rated > SONGS
    assert songs.bounding_box()["height"] <= 480
    assert songs.locator(".bar").count() == rated
    assert page.title().endswith("APEX Space")
    pairs = page.locator("caption", has_text="Votes between generators")
    assert not pairs.is_visible()
    page.get_by_text("Each pair with its interval").click()
    assert pairs.is_visible()
    page.locator("caption", has_text="Calibration").scroll_into_view_if_needed()
    for plot in ("calibration", "curves", "losses"):
        page.locator(f"#{plot}-plot .js-plotly-plot").wait_for(timeout=60_000)


def test_a_board_of_a_kind_has_figures_of_its_own_and_says_so(visit: Any, data: Path) -> None:
    with closing(VoteStore(f"sqlite:///{data / FILE}")) as store:
        counted = [each for each in store.votes() if each.battle.source == "pool" and not each.suspicion]
    within = [each for each in counted if each.battle.a.kinds == each.battle.b.kinds == {"genre": "rock"}]
    page = visit("/leaderboard", viewport={"width": 390, "height": 844})
    songs = page.locator("table", has=page.locator("caption", has_text="Songs")).locator("tbody tr")
    songs.first.wait_for(timeout=60_000)
    before = songs.all_inner_texts()

    def choose(board: str) -> None:
        page.get_by_label("Board").click()
        page.get_by_role("option", name=board).click()

    choose(f"Genre: rock ({len(within)} votes)")
    page.get_by_text(
        f"This board counts only the {len(within)} votes on two songs of the kind “Genre: rock”"
    ).wait_for()
    page.get_by_text("From here on, all figures are of all songs").wait_for()
    titles = {song.title for each in within for song in (each.battle.a, each.battle.b)}
    assert {page.locator(".rated tbody tr td").first.evaluate("cell => cell.firstChild.data")} <= titles
    assert songs.count() == len(titles) < len(before)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    with page.expect_download() as download:
        page.get_by_role("link", name="This board as CSV").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert text.count("genre: rock") == text.count("\n") - 1 > len(titles)
    choose("All songs")
    page.get_by_text("This board counts").wait_for(state="detached")
    assert songs.all_inner_texts() == before


def test_a_dot_stands_at_its_rating_within_its_interval(visit: Any) -> None:
    page = visit("/leaderboard")
    cell = page.locator(".rated td", has=page.locator(".bar:not(.preliminary)")).first
    cell.wait_for(timeout=60_000)
    value, low, high = (int(number) / 100 for number in re.findall(r"(\d+)%", cell.inner_text()))
    bar, dot = cell.locator(".bar").bounding_box(), cell.locator("i").bounding_box()
    line = cell.locator(".bar").evaluate("bar => getComputedStyle(bar, '::before')['width']")
    assert (dot["x"] + dot["width"] / 2 - bar["x"]) / bar["width"] == pytest.approx(value, abs=0.01)
    assert float(line.removesuffix("px")) / bar["width"] == pytest.approx(high - low, abs=0.015)


def test_captions_are_whole_on_a_phone(visit: Any) -> None:
    page = visit("/leaderboard", viewport={"width": 390, "height": 844})
    page.locator("caption", has_text="Votes foreseen").wait_for(timeout=60_000)
    page.get_by_text("Each pair with its interval").click()
    for caption in page.locator("caption").all():
        caption.evaluate("caption => caption.closest('.scroll').scrollLeft = 1000")
        box = caption.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_figures_and_votes_can_be_downloaded(visit: Any) -> None:
    page = visit("/leaderboard")
    for label, name in (("Leaderboard as CSV", "leaderboard.csv"), ("Votes as JSON lines", "votes.jsonl")):
        with page.expect_download() as download:
            page.get_by_role("link", name=label).click()
        assert download.value.suggested_filename == name
        assert download.value.path().stat().st_size > 1000
