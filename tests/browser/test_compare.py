"""The Compare page in a real browser."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from helpers import melodies
from helpers.browser import PLAY, compare, upload_side
from helpers.preference_head import BAD, GOOD
from helpers.server import Running
from helpers.songs import short
from helpers.wait import until, until_it_passes

WATCH_GAINS = """() => {
  const make = AudioContext.prototype.createGain;
  window.gains = [];
  AudioContext.prototype.createGain = function () { return gains[gains.push(make.call(this)) - 1]; };
}"""
"""Notes what players' sound goes through."""
GAINS = "gains.map(({ gain }) => gain.value)"
HOLD_REQUESTS = """() => {
  const send = window.fetch;
  const gone = new Promise((go) => (window.letGo = go));
  window.fetch = (...request) => gone.then(() => send(...request));
}"""
"""Keeps what the page sends until `letGo()`."""
JSON_LINK = "Comparison as JSON"


def test_two_songs_get_a_verdict_and_are_swapped_and_compared_with_others_though_they_were_deleted(
    visit: Any, server: Running, tmp_path: Path
) -> None:
    good, bad = (Path(shutil.copy(song, tmp_path / f"swapped_{song.name}")) for song in (short(GOOD), short(BAD)))
    page = visit("/compare", "Compare")
    upload_side(page, "A", good)
    upload_side(page, "B", bad)
    assert len(server.uploads("swapped_")) == 2
    page.evaluate(WATCH_GAINS)
    level, as_they_are = page.locator("#level p"), page.get_by_label("Hear both as they are")
    assert not as_they_are.is_visible()
    first = compare(page)
    assert first.startswith("A is preferred by about")
    level.filter(has_text="Song B is played 2.6 dB quieter, so that both are equally loud.").wait_for()
    assert {round(gain, 2) for gain in page.evaluate(GAINS)} == {0.74}
    as_they_are.check()
    assert set(page.evaluate(GAINS)) == {1}
    as_they_are.uncheck()
    for plot in ("#probability-plot", "#contributions-plot"):
        page.locator(f"{plot} .js-plotly-plot").wait_for()
    for caption in ("Scores side by side", "Measured, not predicted"):
        assert page.locator("caption", has_text=caption).first.is_visible()
    quality = page.locator("details", has_text="How good this preference head is")
    assert not quality.locator("table").is_visible()
    quality.locator("summary").click()
    assert quality.locator("table").is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name=JSON_LINK).click()
    assert json.loads(download.value.path().read_text())["verdict"] == "a"

    until(lambda: not server.uploads("swapped_"), seconds=10)
    page.get_by_role("button", name="Let friends vote blind").click()
    page.get_by_role("alert").filter(has_text="Song A was deleted after it was scored. Drop it again.").wait_for()
    assert not page.locator("#friends-link").is_visible()
    page.get_by_role("button", name="Swap").click()
    page.locator(".verdict", has_text="B is preferred").wait_for()
    assert page.locator(".verdict").inner_text() == first.replace("A is", "B is")
    assert page.locator(".songs").inner_text().split() == ["A", bad.name, "B", good.name]
    level.filter(has_text="Song A is played 2.6 dB quieter").wait_for()
    assert {round(gain, 2) for gain in page.evaluate(GAINS)} == {0.74}, "of the same player"
    upload_side(page, "A", melodies.write(tmp_path / "long.wav", 7, seconds=120, rate=24_000, channels=1))
    page.get_by_role("button", name="Compare", exact=True).click()
    page.locator(".progress progress").wait_for()
    with page.expect_response("**/cancel"):
        upload_side(page, "A", short("folk.ogg"))
    compare(page)
    assert page.locator(".songs").inner_text().split() == ["A", "folk.ogg", "B", good.name]
    as_they_are.wait_for()
    page.locator("#song-b").get_by_role("button", name="Clear").click()
    as_they_are.wait_for(state="hidden")


@pytest.mark.thorough
def test_the_page_says_which_song_is_missing_and_takes_an_example_twice_and_songs_of_the_pool(visit: Any) -> None:
    page = visit("/compare", "Compare")
    start = page.get_by_role("button", name="Compare", exact=True)
    start.click()
    page.get_by_role("alert").filter(has_text="Choose Song A first. Choose Song B first.").wait_for()
    first, second = page.locator(".examples").all()
    second.get_by_role("button", name="House").click()
    page.get_by_label(PLAY).wait_for()
    page.evaluate(HOLD_REQUESTS)
    page.get_by_role("button", name="Swap").click()
    expect(start).to_be_disabled()  # it would compare the songs as they were
    page.evaluate("letGo()")
    page.locator("#pair.turned").wait_for()
    start.click()
    page.get_by_role("alert").filter(has_text="Choose Song B first.").wait_for()
    assert page.get_by_text("Choose Song A first.").count() == 0
    page.get_by_role("button", name="Swap").click()
    page.locator("#pair:not(.turned)").wait_for()
    first.get_by_role("button", name="House").click()
    page.get_by_label(PLAY).nth(1).wait_for()
    assert compare(page) == "The same song: 50 of 100 listeners"

    for side, title in (("A", "Night Bus North · Synthesised"), ("B", "Night Bus North (damaged)")):
        page.locator(f"#song-{side.lower()}").get_by_role("button", name="Clear").click()
        listing = page.get_by_role("combobox", name=f"Song {side} from the arena")
        until_it_passes(partial(pick, page, listing, title))
    page.get_by_label(PLAY).nth(1).wait_for()
    assert compare(page).startswith("A is preferred by about")
    assert page.locator(".songs").inner_text().split() == ["A", GOOD, "B", BAD]


def pick(page: Any, listing: Any, title: str) -> None:
    """Choose a song of the arena, once it is ready."""
    listing.blur()
    listing.click()
    page.wait_for_timeout(500)
    options = page.get_by_role("option", name=title)
    assert options.count() == 1
    options.click()
