"""All judges on one song or two, with tiny weights: one server for all that needs them."""

import json
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import expect

from apex_space.audio.changes import CHANGES
from helpers import melodies
from helpers.browser import cancel_when, compare, overflow, upload, upload_side, visits, wait_for_report
from helpers.preference_head import BAD, GOOD
from helpers.server import Running
from helpers.songs import short
from helpers.wait import until

PASSAGE = '<button type="button" data-cut="0.0 30.0">mp3</button>'


def test_the_panel_tells_how_far_it_is_and_a_song_heard_whole_can_be_given_up(
    panel_server: Running, panel_weights: Path, browser: Any, tmp_path: Path
) -> None:
    long = melodies.write(tmp_path / "long.wav", 1, seconds=60, rate=24_000, channels=1)
    with visits(browser, panel_server.url) as visit:
        page = visit("/", "Score")
        page.get_by_label("The panel: all of them").check()
        upload(page, long)
        with page.expect_response("**/cancel", timeout=60_000):  # it comes when the work has stopped
            cancel_when(page, r"/(SongEval|HEAR \d) has scored \d+% of/.test(document.body.textContent)")
        page.get_by_text("Cancelled.").wait_for(timeout=60_000)
        page.get_by_role("button", name="Score", exact=True).click()
        page.get_by_role("link", name="All reports as JSON").wait_for(timeout=120_000)
        page.locator("#scores-plot .js-plotly-plot").wait_for()
        assert page.get_by_text(re.compile("^Not available here: .*Banger")).is_visible()
        assert not page.get_by_text("Banger: MERT-v1-330M holds no").is_visible()
        page.get_by_text("For whoever runs this server").first.click()
        assert page.get_by_text("Banger: MERT-v1-330M holds no").is_visible()
        assert str(panel_weights) not in page.content()


def test_changes_are_tried_on_a_song_that_one_judge_has_scored(panel_server: Running, browser: Any) -> None:
    """What each does is in a picture for each score, and in a table."""
    with visits(browser, panel_server.url) as visit:
        page = visit("/", "Score")
        page.get_by_label("Pocket").check()
        upload(page, short(GOOD))
        wait_for_report(page)
        page.get_by_role("button", name="What if").click()
        page.get_by_role("button", name="Try the changes").click()
        panel = page.locator("#what-if")
        panel.get_by_text("Done.", exact=True).wait_for(timeout=120_000)
        assert panel.locator(".what-if svg").count() == 5, "the scores that this judge has"
        effects, left_out = (
            panel.get_by_role("table", name=name).locator("tbody tr")
            for name in ("What each change does to the scores", "Left out")
        )
        assert effects.count() + left_out.count() == len(CHANGES) + 1, "and the noise floor"
        assert panel.get_by_role("link", name="What if, as JSON").is_visible()
        button = page.locator("button[data-cut]")  # a song with passages would take longer
        page.locator("#cut").evaluate(f"cut => cut.insertAdjacentHTML('afterend', `{PASSAGE}`)")
        button.evaluate("button => button.click()")
        page.get_by_role("alert").filter(has_text="This is no passage of the song").wait_for()
        expect(button).to_be_enabled()


@pytest.mark.thorough
def test_the_panel_compares_on_the_page(panel_server: Running, browser: Any, tmp_path: Path) -> None:
    good, bad = (Path(shutil.copy(song, tmp_path / f"panel_{song.name}")) for song in (short(GOOD), short(BAD)))
    with visits(browser, panel_server.url) as visit:
        page = visit("/compare", "Compare")
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_label("The panel: all of them").check()
        upload_side(page, "A", good)
        upload_side(page, "B", bad)
        assert len(panel_server.uploads("panel_")) == 2
        first = compare(page)
        assert first.startswith("6 judges: ")
        assert page.get_by_text("no vote has taught SongEval yet").is_visible()
        assert page.get_by_text(re.compile("^Not available here: .*Banger")).is_visible()
        assert not page.get_by_text("Banger: MERT-v1-330M holds no").is_visible()
        page.get_by_text("For whoever runs this server").first.click()
        assert page.get_by_text("Banger: MERT-v1-330M holds no").is_visible()
        page.locator("#probability-plot .js-plotly-plot").wait_for()
        assert page.locator("caption", has_text="Score of A less that of B").is_visible()
        assert overflow(page) <= 0
        with page.expect_download() as download:
            page.get_by_role("link", name="Comparison as JSON").click()
        answer = json.loads(download.value.path().read_text())
        assert set(answer["answers"]) == {"pocket", "tunejury", "tunejury-whole", "songeval", "hear-1", "hear-2"}
        assert answer["without"] == {}
        until(lambda: not panel_server.uploads("panel_"), seconds=60)
        page.get_by_role("button", name="Swap").click()
        until(lambda: page.locator(".songs").inner_text().split() == ["A", bad.name, "B", good.name])
        for_a, for_b = re.findall("([0-9]+) for ([AB])", first)
        counts = page.locator(".verdict").inner_text()
        assert f"{for_b[0]} for A, {for_a[0]} for B" in counts
        assert int(for_a[0]) > 0
        upload_side(page, "A", melodies.write(tmp_path / "other.wav", 60, seconds=3))
        compare(page)
        assert page.locator(".songs").inner_text().split() == ["A", "other.wav", "B", good.name]


@pytest.mark.thorough
def test_whether_both_songs_are_by_one_maker_can_be_said_afterwards(
    panel_server: Running, browser: Any, tmp_path: Path
) -> None:
    with visits(browser, panel_server.url) as visit:
        page = visit("/compare", "Compare")
        page.get_by_label("SongEval").check()
        for seed, side in enumerate("AB", 50):  # songs that no test before has let the server hear
            upload_side(page, side, melodies.write(tmp_path / f"{side}.wav", seed, seconds=6, rate=24_000, channels=1))
        page.evaluate(WATCH_CONTROLS)
        page.get_by_role("button", name="Compare", exact=True).click()
        page.locator(".verdict").wait_for(timeout=60_000)
        assert {"one-maker", "Swap"} <= {*page.evaluate("[...disabled]")}
        surer = page.locator(".verdict").inner_text()
        assert page.get_by_text("This holds if both songs are by the same generator or artist").is_visible()
        assert page.get_by_text("no vote has taught SongEval yet").is_visible()
        page.get_by_label("Both songs are by the same generator or artist").uncheck()
        page.get_by_text("So the estimate is less sure").wait_for()
        assert width(page.locator(".verdict").inner_text()) > width(surer)
        page.get_by_label("Both songs are by the same generator or artist").check()
        page.get_by_text("So the estimate is less sure").wait_for(state="detached")
        assert page.locator(".verdict").inner_text() == surer


WATCH_CONTROLS = """() => {
  window.disabled = new Set();
  const name = (control) => control.textContent.trim() || control.closest(".block").id;
  const look = () => document.querySelectorAll(":disabled").forEach((control) => disabled.add(name(control)));
  new MutationObserver(look).observe(document.body, { attributes: true, childList: true, subtree: true });
}"""
"""Notes which controls are disabled at any time from now on."""


def width(verdict: str) -> int:
    """Of the interval, in listeners."""
    low, high = re.findall(r"\(([0-9]+) to ([0-9]+)\)", verdict)[0]
    return int(high) - int(low)


def test_only_scores_of_the_chosen_judge_are_offered(panel_server: Running, browser: Any) -> None:
    with visits(browser, panel_server.url) as visit:
        page = visit("/rank", "Rank")
        offered = page.locator("#by label")
        offered.filter(has_text="Banger").wait_for(state="detached")
        page.get_by_label("Clarity").check()
        page.get_by_label("HEAR 1").check()
        offered.filter(has_text="Clarity").wait_for(state="detached")
        assert offered.all_inner_texts() == ["Preference: what people would pick", "Musicality"]
        assert page.get_by_label("Preference: what people would pick").is_checked()
        page.get_by_label("Best that is ready").check()
        offered.filter(has_text="Clarity").wait_for()
        assert offered.filter(has_text="Streams").count() == 0


def test_a_judge_without_a_head_answers_by_a_published_rule(panel_server: Running) -> None:
    with closing(Client(panel_server.url, verbose=False)) as client:
        found = client.predict(handle_file(short(GOOD)), handle_file(short(BAD)), "hear-1", api_name="/compare")
    assert (found["judge"], found["head"], found["fallback"]) == ("hear-1", None, False)
    assert (found["spoke"], found["votes"]) == ("rule", 0)
    assert found["low"] < 0.5 < found["high"]
    assert found["a"]["judge"] == found["b"]["judge"] == "hear-1"
