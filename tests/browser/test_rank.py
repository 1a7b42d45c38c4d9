"""The Rank page in a real browser."""

import csv
import io
import json
import math
import random
import re
import shutil
import time
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from apex_space.ui.pages.rank import TEXTS
from apex_space.ui.static_files import read_static
from helpers.browser import cancel_when, rank, rank_by, wait_for_ranking
from helpers.melodies import write
from helpers.server import Running
from helpers.songs import short
from helpers.wait import until, until_it_passes

SONGS = "bossa.ogg", "folk.ogg", "house.ogg", "lofi.ogg"
MARKUP = "<img src=x onerror=document.title='owned'>.ogg"


def put(page: Any, songs: list[Path]) -> None:
    page.locator("#songs input[type=file]").set_input_files(songs)
    for song in songs:
        page.locator("#songs .file-preview").get_by_text(song.stem, exact=False).first.wait_for()


def column(page: Any, number: int) -> list[str]:
    return [row.locator("th, td").nth(number).inner_text() for row in page.locator("#ranked tbody tr").all()]


def test_songs_on_the_page_get_a_table_and_pictures_after_it_said_what_was_missing(visit: Any, tmp_path: Path) -> None:
    (tmp_path / "letter.mp3").write_text("Dear listener")
    marked, again = tmp_path / MARKUP, tmp_path / "again.ogg"
    shutil.copy(short(SONGS[0]), marked)
    shutil.copy(short(SONGS[1]), again)
    page = visit("/rank", "Rank")
    page.get_by_label("Keep the best").fill("0")
    page.get_by_role("button", name="Rank", exact=True).click()
    page.get_by_role("alert").filter(has_text="Choose songs first. Keep one or more.").wait_for()
    page.get_by_label("Keep the best").fill("2")
    put(page, [tmp_path / "letter.mp3", *map(short, SONGS), again])
    page.locator("#songs input[type=file]").last.set_input_files([marked])
    rank(page)
    page.locator(".verdict", has_text="The 2nd").wait_for()
    for plot in ("#standings-plot", "#spread-plot"):
        page.locator(f"{plot} .js-plotly-plot").wait_for()
    assert page.locator("caption", has_text="How the scores spread").is_visible()
    assert "not a sound file" in column(page, -1)[-1]
    left = page.locator(".unranked", has_text="6 of 7 ranked")
    assert "letter.mp3: This is not a sound file" in left.inner_text()
    assert page.title().endswith("APEX Space")


def test_a_ranking_is_had_as_files_sorted_searched_and_played_and_examples_replace_its_songs(visit: Any) -> None:
    page = visit("/rank", "Rank")
    page.get_by_label("Keep the best").fill("2")
    put(page, [*map(short, SONGS)])
    rank(page)
    names = column(page, 1)
    assert column(page, 0) == [str(place) for place in range(1, len(SONGS) + 1)]
    with page.expect_download() as download:
        page.get_by_role("link", name="The kept songs as a zip").click()
    with ZipFile(download.value.path()) as made:
        assert made.namelist() == [f"0{place} {name}" for place, name in enumerate(names[:2], 1)]
        assert made.read(made.namelist()[0]) == short(names[0]).read_bytes()
    with page.expect_download() as download:
        page.get_by_role("link", name="Ranking as CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert [row["file"] for row in rows] == names
    with page.expect_download() as download:
        page.get_by_role("link", name="Ranking as JSON").click()
    assert [row["file"] for row in json.loads(download.value.path().read_text())["rows"]] == names

    song = page.locator("#ranked thead button", has_text="Song")
    song.focus()
    page.keyboard.press("Enter")
    assert column(page, 1) == sorted(names)
    assert song.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    assert column(page, 1) == sorted(names, reverse=True)
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Song")
    page.locator("#ranked thead button", has_text="Likes").click()
    likes = [float(text) for text in column(page, 3)]
    assert likes == sorted(likes, reverse=True)
    page.locator("#ranked input").fill(f"{names[2][:-4].upper()} ogg")
    assert names[2] in column(page, 1)
    assert len(column(page, 1)) < len(names)
    page.locator("#ranked tbody button").first.focus()
    page.keyboard.press("Enter")
    until_it_passes(lambda: playing(page, column(page, 1)[0]), seconds=10)

    source = page.locator("#ranked audio").evaluate("audio => audio.src")
    page.evaluate(DRAW, [read_static("rank.html"), read_static("rank.js"), passage(source)])
    page.get_by_role("button", name="Hear 0:02–0:03").click()
    until_it_passes(lambda: stopped(page, 2, 3), seconds=10)
    page.locator("#drawn").evaluate("drawn => drawn.remove()")

    page.locator("#ranked input").fill("")
    page.locator("#ranked thead button", has_text="Musicality").click()
    before = page.locator("th[aria-sort]").inner_text()
    names, number = column(page, 1), heads(page).index(before)
    assert len(names) == len(SONGS)
    page.get_by_label("Coherence").check()
    page.get_by_role("button", name="Rank", exact=True).first.click()  # the table's first head bears this name, too
    page.locator("#ranked caption", has_text="Songs by coherence").wait_for()
    until_it_passes(lambda: sorted_by(page, names, before))
    assert heads(page).index(page.locator("th[aria-sort]").inner_text()) != number

    page.get_by_role("button", name="Take the example songs").click()
    expect(page.locator("#songs .file-preview").get_by_text(".ogg")).to_have_count(6)
    assert "damaged" not in page.locator("#songs .file-preview").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="A sample csv of groups").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert {row["group"] for row in rows} == {"prompt A", "prompt B"}


DRAW = """([template, script, props]) => {
    const element = document.createElement("div");
    element.id = "drawn";
    element.innerHTML = template;
    document.body.append(element);
    new Function("element", "props", "watch", script)(element, props, () => {});
}"""
"""Draws the table of a ranking that only long songs would have."""


def passage(source: str) -> dict[str, Any]:
    """What a page gets of one song with a passage."""
    cells = [["1", 1], ["song", "song"], ["0:02–0:03", 2, [2, 3]]]
    columns = [{"key": key, "label": key} for key in ("rank", "song", "passage")]
    row = {"name": "song", "kept": True, "undecided": False, "source": source, "cells": cells}
    return {"texts": TEXTS, "value": {"caption": "Songs", "columns": columns, "rows": [row], "kept": ""}}


def stopped(page: Any, start: float, end: float) -> None:
    audio = page.locator("#drawn audio")
    assert audio.evaluate("audio => audio.played.length && audio.played.start(0)") == pytest.approx(start, abs=0.1)
    assert audio.evaluate("audio => audio.paused && audio.currentTime") == pytest.approx(end, abs=0.3)


def heads(page: Any) -> list[str]:
    return [head.inner_text() for head in page.locator("#ranked thead th").all()]


def sorted_by(page: Any, names: list[str], head: str) -> None:
    assert page.locator("th[aria-sort=descending]").inner_text() == head
    assert column(page, 1) == names


def playing(page: Any, name: str) -> None:
    assert page.locator("#ranked .playing").inner_text() == name
    assert page.evaluate("document.querySelector('#ranked audio').currentTime") > 0


def test_cancel_keeps_what_is_done_and_another_run_goes_on(visit: Any, tmp_path: Path) -> None:
    songs = [write(tmp_path / f"{i:02}.wav", 100 + i, seconds=25, rate=24_000, channels=1) for i in range(9)]
    page = visit("/rank", "Rank")
    put(page, songs)
    page.get_by_role("button", name="Rank", exact=True).click()
    page.locator("#ranked tbody th button").first.focus()
    cancel_when(page, "document.querySelectorAll('#ranked tbody tr').length >= 2")
    assert page.evaluate("document.activeElement.matches('#ranked tbody th button')")
    page.locator(".note", has_text="Cancelled").wait_for()
    wait_for_ranking(page)
    done = page.locator("#ranked tbody tr").count()
    assert 2 <= done < len(songs)
    time.sleep(1)
    assert page.locator("#ranked tbody tr").count() == done
    page.get_by_role("button", name="Rank", exact=True).click()
    page.locator(".note", has_text="Cancelled").wait_for(state="detached")
    wait_for_ranking(page)
    assert page.locator("#ranked tbody tr").count() == len(songs)


def ranked_alike(visit: Any, folder: Path, count: int) -> tuple[Any, dict[str, int]]:
    """Rank songs that differ by less than the judge's error; gives the page, and the judge's ranks in its order."""
    page = visit("/rank", "Rank")
    rank_by(page, "Musicality")
    page.get_by_label("Keep the best").fill(str(count // 2))
    put(page, [write(folder / f"alike{i}.wav", i, seconds=4, rate=24_000, channels=1) for i in range(count)])
    rank(page)
    page.get_by_role("button", name="Hear these songs blind").wait_for()
    assert page.locator("#ranked .undecided").count() == count
    return page, dict(zip(column(page, 1), map(int, column(page, 0)), strict=True))


def on_side(page: Any, side: int) -> str:
    """The name of the song on a side, which only its address tells."""
    return unquote(page.locator("#blind audio").nth(side).evaluate("audio => audio.src")).rsplit("/", 1)[-1]


def answer(page: Any, levels: dict[str, int]) -> None:
    """Prefer the song of the lower level."""
    a, b = (levels[on_side(page, side)] for side in (0, 1))
    better = "They are alike" if a == b else "A is better" if a < b else "B is better"
    page.get_by_role("button", name=better).click()


def listen(page: Any, button: str, levels: dict[str, int]) -> int:
    """Compare songs until they are in order; gives the number of comparisons."""
    page.get_by_role("button", name=button).click()
    asked = 0
    while page.locator("#blind .pair").is_visible():
        asked += 1
        number, total = map(int, re.findall(r"\d+", page.locator("#blind .status").inner_text()))
        assert number == asked <= total
        answer(page, levels)
    return asked


def own_order(page: Any) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in page.locator("#blind tbody tr").all()]


@pytest.mark.thorough
def test_few_blind_comparisons_give_the_visitors_own_order(visit: Any, tmp_path: Path) -> None:
    page, ranks = ranked_alike(visit, tmp_path, 10)
    listen_and_disagree(page, "Hear these songs blind", ranks, 9)


def listen_and_disagree(page: Any, button: str, ranks: dict[str, int], heard: int) -> None:
    """Like the best songs in an order of our own, which the page has to find with few questions."""
    songs = list(ranks)[:heard]
    liked = random.Random(heard).sample(songs, heard)
    asked = listen(page, button, {name: place for place, name in enumerate(liked)})
    assert heard - 1 <= asked <= sum(math.ceil(math.log2(place)) for place in range(2, heard + 1))
    assert own_order(page) == [[name, str(place), str(ranks[name])] for place, name in enumerate(liked, 1)]
    pairs = list(combinations(liked, 2))
    same = sum(ranks[first] < ranks[second] for first, second in pairs)
    said = f"You and the judge put {same} of {len(pairs)} pairs in the same order."
    assert page.locator("#blind .status").inner_text() == said


@pytest.mark.thorough
def test_alike_songs_share_a_rank_and_do_not_count_as_agreement(visit: Any, tmp_path: Path) -> None:
    page, ranks = ranked_alike(visit, tmp_path, 4)
    songs, status = list(ranks), page.locator("#blind .status")
    listen(page, "Hear these songs blind", dict.fromkeys(songs, 1))
    assert own_order(page) == [[name, "1", str(ranks[name])] for name in songs]
    assert status.inner_text() == "You or the judge found these songs alike, so there is no order to compare."
    listen(page, "Start again", dict(zip(songs, (2, 1, 2, 1), strict=True)))
    own = [songs[1], songs[3], songs[0], songs[2]]
    assert own_order(page) == [[name, rank, str(ranks[name])] for name, rank in zip(own, "1133", strict=True)]
    assert status.inner_text() == (
        "You and the judge put 1 of 4 pairs in the same order. "
        "Pairs that do not count, because you or the judge found them alike: 2."
    )
    listen_and_disagree(page, "Start again", ranks, 4)


def test_blind_songs_have_no_names_and_one_plays_at_a_time(visit: Any, tmp_path: Path) -> None:
    page, ranks = ranked_alike(visit, tmp_path, 3)
    page.locator("#ranked tbody button").first.click()
    page.get_by_role("button", name="Hear these songs blind").focus()
    page.keyboard.press("Enter")
    panel = page.locator("#blind")
    markup = panel.evaluate(WITHOUT_ADDRESSES)
    assert "Song A" in markup
    assert panel.get_by_text("Both are played equally loud.").is_visible()
    assert not re.search(r"\.wav|alike\d", markup)
    for playing in (0, 1):
        panel.locator("audio").nth(playing).evaluate("audio => audio.play()")
        states = panel.locator("audio").evaluate_all("players => players.map((player) => player.paused)")
        assert states == [side != playing for side in (0, 1)]
    assert page.locator("#ranked audio").evaluate("audio => audio.paused")
    assert panel.get_by_label("Song A").evaluate("audio => audio === document.activeElement")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "A is better":
            break
    better = on_side(page, 0)
    page.keyboard.press("Enter")
    assert panel.get_by_label("Song A").evaluate("audio => audio === document.activeElement")
    assert panel.locator(".status").inner_text().startswith("Comparison 2 of")
    page.get_by_role("button", name="Stop here").click()
    first, second, third = own_order(page)
    assert [first[0], first[1], second[1], third[1]] == [better, "1", "2", "–"]
    assert third[0] == list(ranks)[2]
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("button", name="Stop here").click()
    assert page.get_by_role("button", name="Hear these songs blind").is_visible()
    assert not panel.locator("table").is_visible()
    page.get_by_role("button", name="Hear these songs blind").click()
    page.get_by_label("Keep the best").fill("3")
    page.get_by_role("button", name="Rank", exact=True).first.click()
    panel.locator("h2").wait_for(state="hidden")
    page.locator(".verdict", has_text="All 3 songs").wait_for()
    assert not panel.locator("h2").is_visible()


WITHOUT_ADDRESSES = """panel => {
    const copy = panel.cloneNode(true);
    for (const audio of copy.querySelectorAll("audio")) audio.removeAttribute("src");
    return copy.innerHTML;
}"""


@pytest.mark.thorough
def test_two_songs_take_one_comparison_and_are_deleted_once_the_page_is_closed(
    visit: Any, server: Running, tmp_path: Path
) -> None:
    """After an hour, which Gradio makes a second for tests."""
    page, ranks = ranked_alike(visit, tmp_path, 2)
    sent = "**/gradio_api/file=**"
    page.route(sent, lambda route: route.fulfill(body="gone", content_type="audio/wav"))
    page.get_by_role("button", name="Hear these songs blind").click()
    page.get_by_role("alert").filter(has_text="A song cannot be played.").wait_for()
    assert page.locator("#blind .status").inner_text() == "Comparison 1 of 1"
    answer(page, {name: -place for name, place in ranks.items()})
    assert page.locator("#blind .status").inner_text() == "You and the judge prefer different songs."
    assert not page.get_by_text("A song cannot be played.").is_visible()
    assert listen(page, "Start again", ranks) == 1
    assert page.locator("#blind .status").inner_text() == "You and the judge prefer the same song."
    page.unroute(sent)
    time.sleep(2)  # longer than an upload stays after its last scoring
    page.locator("#ranked tbody button").first.click()
    until_it_passes(lambda: playing(page, column(page, 1)[0]), seconds=10)
    assert server.uploads("alike")
    page.close()
    until(lambda: not server.uploads("alike"), seconds=30)
