"""The Leaderboard page in a real browser, with votes. test_new_server.py has the empty one."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from apex_space.storage.vote_store import FILE, VoteStore
from helpers.browser import overflow
from helpers.votes import SONGS


def test_votes_make_tables_pictures_and_files(visit: Any) -> None:
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
    for label, name in (("Leaderboard as CSV", "leaderboard.csv"), ("Votes as JSON lines", "votes.jsonl")):
        with page.expect_download() as download:
            page.get_by_role("link", name=label).click()
        assert download.value.suggested_filename == name
        assert download.value.path().stat().st_size > 1000
    the_dot_stands_at_its_rating_within_its_interval(page)


def the_dot_stands_at_its_rating_within_its_interval(page: Any) -> None:
    cell = page.locator(".rated td", has=page.locator(".bar:not(.preliminary)")).first
    cell.wait_for(timeout=60_000)
    value, low, high = (int(number) / 100 for number in re.findall(r"(\d+)%", cell.inner_text()))
    bar, dot = cell.locator(".bar").bounding_box(), cell.locator("i").bounding_box()
    line = cell.locator(".bar").evaluate("bar => getComputedStyle(bar, '::before')['width']")
    assert (dot["x"] + dot["width"] / 2 - bar["x"]) / bar["width"] == pytest.approx(value, abs=0.01)
    assert float(line.removesuffix("px")) / bar["width"] == pytest.approx(high - low, abs=0.015)


def test_on_a_phone_captions_are_whole_and_a_board_of_a_kind_has_figures_of_its_own(visit: Any, data: Path) -> None:
    with closing(VoteStore(f"sqlite:///{data / FILE}")) as store:
        counted = [each for each in store.votes() if each.battle.source == "pool" and not each.suspicion]
    within = [each for each in counted if each.battle.a.kinds == each.battle.b.kinds == {"genre": "rock"}]
    page = visit("/leaderboard")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("caption", has_text="Votes foreseen").wait_for(timeout=60_000)
    page.get_by_text("Each pair with its interval").click()
    for caption in page.locator("caption").all():
        caption.evaluate("caption => caption.closest('.scroll').scrollLeft = 1000")
        box = caption.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390

    songs = page.locator("table", has=page.locator("caption", has_text="Songs")).locator("tbody tr")
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
    assert overflow(page) <= 0
    with page.expect_download() as download:
        page.get_by_role("link", name="This board as CSV").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert text.count("genre: rock") == text.count("\n") - 1 > len(titles)
    choose("All songs")
    page.get_by_text("This board counts").wait_for(state="detached")
    assert songs.all_inner_texts() == before
