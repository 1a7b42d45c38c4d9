"""The Score page in a real browser."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from apex_space.core.axes import BY_KEY, KEYS
from apex_space.models.heads.apex import AESTHETICS, POPULARITY
from helpers import melodies
from helpers.browser import PLAY, upload, wait_for_report
from helpers.server import Running
from helpers.songs import short
from helpers.sounds import tone, write_video
from helpers.wait import until

SEVEN = tuple(BY_KEY[key] for key in POPULARITY + AESTHETICS)
SONG = "bossa.ogg"
TWO_SECONDS = re.compile(r"^0:(0[2-9]|[1-5]\d)$")
"""Or more, on the recorder's clock."""
IN_VIEW = """() => {
  const { top } = document.querySelector('.result .card').getBoundingClientRect();
  return 0 < top && top < innerHeight;
}"""
DROP_TWO = """() => {
  const dataTransfer = new DataTransfer();
  for (const name of ["a.wav", "b.wav"]) dataTransfer.items.add(new File(["RIFF"], name, { type: "audio/wav" }));
  const target = document.querySelector("#song button");
  target.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


def test_a_dropped_song_takes_the_examples_place_with_seven_axes_or_the_reason(visit: Any, tmp_path: Path) -> None:
    """Markup in its name is shown as text."""
    song = tmp_path / "<img src=x onerror=document.title='owned'>.ogg"
    shutil.copy(short(SONG), song)
    page = visit("/", "Score")
    page.locator("#example .card b").first.wait_for(timeout=60_000)  # the server scores it after its start
    assert "This is an example." in page.locator("#example").inner_text()
    assert page.locator("#example h2").inner_text() == "Glass Morning"
    assert page.locator("#example").bounding_box()["y"] < 500
    upload(page, song)
    page.locator("#example").wait_for(state="hidden")
    wait_for_report(page)
    assert not page.locator("#example").is_visible()
    cards = page.locator(".result").get_by_role("list").first.get_by_role("listitem")
    assert cards.count() == len(SEVEN)
    texts = cards.all_inner_texts()
    assert [text.count("–") for text in texts] == [0, 0, 0, 0, 0, 1, 1]
    for axis in SEVEN:
        (text,) = (text for text in texts if text.startswith(axis.label))
        if axis.key in ("streams", "memorability"):
            assert "–" in text
            assert len(text) > 30, f"no reason for {axis.key}: {text}"
        else:
            assert any(character.isdigit() for character in text)
    assert page.get_by_role("heading", name="owned").is_visible()
    assert page.title().endswith("APEX Space")
    page.locator("#scores-plot .js-plotly-plot").wait_for()
    page.locator("#timeline-plot .js-plotly-plot").wait_for()
    first_screen = page.viewport_size["height"]
    assert page.evaluate("scrollY") + page.locator("#timeline-plot").bounding_box()["y"] < first_screen
    for caption in ("Scores", "By segment", "Measured, not predicted", "Provenance"):
        table = page.locator("caption", has_text=caption)
        assert not table.is_visible()
        page.locator(".result summary").get_by_text(caption, exact=True).click()
        assert table.is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Report as JSON").click()
    assert tuple(json.loads(download.value.path().read_text())["scores"]) == KEYS


@pytest.mark.thorough
def test_a_recording_is_scored(visit: Any) -> None:
    page = visit("/", "Score")
    page.get_by_role("button", name="Record audio").click()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator("time").last).to_have_text(TWO_SECONDS, timeout=30_000)  # under a second is refused
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_report(page)


def test_what_cannot_be_a_song_is_refused_in_plain_words_and_the_sound_of_a_video_is_scored(
    visit: Any, tmp_path: Path
) -> None:
    """What a name or a size tells is refused before it is sent. A dropped file is checked as a chosen one is."""
    (tmp_path / "letter.txt").write_text("Dear listener")
    (tmp_path / "letter.mp3").write_text("Dear listener")
    with (tmp_path / "large.wav").open("wb") as file:
        file.truncate(50_000_001)
    page = visit("/", "Score")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/upload" in request.url else None)
    upload(page, tmp_path / "letter.txt")
    page.get_by_role("alert").filter(has_text="letter.txt is not a sound file. Use one of these: wav, flac").wait_for()
    upload(page, tmp_path / "large.wav")
    page.get_by_role("alert").filter(has_text="large.wav has 50.0 MB. At most 50 MB are taken.").wait_for()
    page.evaluate(DROP_TWO)
    page.get_by_role("alert").filter(has_text="Choose one song here. The Rank page takes many at once.").wait_for()
    assert sent == []
    # On a busy machine, the player may ask for the file only after it was deleted.
    page.route(re.compile(r"/file=.*/letter\.mp3"), lambda route: route.fulfill(body="Dear listener"))
    upload(page, tmp_path / "letter.mp3")
    page.locator("p.error", has_text="not a sound file").wait_for(timeout=30_000)
    page.locator("#song").get_by_role("button", name="Clear").click()
    upload(page, write_video(tmp_path / "clip.mov", tone(3)))
    wait_for_report(page)


def test_a_song_that_is_removed_is_scored_no_further(visit: Any, tmp_path: Path) -> None:
    """Else its scores would stand beside the next song."""
    page = visit("/", "Score")
    upload(page, melodies.write(tmp_path / "long.wav", 7, seconds=120, rate=24_000, channels=1))
    page.locator(".progress progress").wait_for()
    page.locator("#song").get_by_role("button", name="Clear").click()
    page.get_by_text("its scores appear here").wait_for()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    upload(page, short(SONG))
    wait_for_report(page)
    assert page.locator(".result .song").inner_text() == SONG


def test_without_a_network_the_page_says_what_is_missing(visit: Any) -> None:
    page = visit("/", "Score")
    choice = page.get_by_role("radio", name="APEX", exact=True)
    expect(choice).to_be_disabled(timeout=30_000)
    expect(page.get_by_role("radio", name="Pocket", exact=True)).to_be_enabled()
    missing = page.get_by_text("APEX is not available here. Another judge answers.")
    missing.wait_for(timeout=10_000)
    why = page.locator(".states p")
    assert not why.is_visible()
    missing.click()
    assert "m-a-p/MERT-v1-95M" in why.inner_text()
    assert "APEX_WEIGHTS" in why.inner_text()


def test_the_last_result_is_there_again_until_it_is_removed(visit: Any, tmp_path: Path) -> None:
    page = visit("/", "Score")
    shutil.copy(short(SONG), tmp_path / "again.ogg")
    upload(page, tmp_path / "again.ogg")
    wait_for_report(page)
    cards = page.locator(".result .card").all_inner_texts()
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("button", name="Swap", exact=True).wait_for()
    assert page.locator("#last-result .card").count() == 0
    page.go_back()
    last = page.locator("#last-result")
    last.get_by_role("heading", name="again.ogg").wait_for()
    assert last.locator(".card").all_inner_texts() == cards
    assert last.locator("audio, input").count() == 0
    with page.expect_download() as download:
        last.get_by_role("link", name="Report as JSON").click()
    assert json.loads(download.value.path().read_text())["file"] == "again.ogg"
    upload(page, short(SONG))
    wait_for_report(page)
    last.wait_for(state="hidden")
    page.wait_for_function("Object.values(sessionStorage).some((kept) => kept.includes('Printable report'))")
    page.reload()
    last.get_by_role("heading", name=SONG).wait_for()
    assert "to play passages, to save them as mp3 or to try changes, choose the song again" in last.inner_text()
    assert last.get_by_role("link", name="Scores as a picture").is_visible()
    with page.context.expect_page() as opened:
        last.get_by_role("link", name="Printable report").click()
    opened.value.get_by_role("heading", name=SONG).wait_for()
    opened.value.close()
    last.get_by_role("button", name="Remove it").click()
    last.wait_for(state="hidden")
    page.reload()
    page.get_by_role("button", name="Score", exact=True).wait_for()
    assert not last.is_visible()


def test_on_a_phone_what_happens_comes_into_view(visit: Any, server: Running, tmp_path: Path) -> None:
    """Progress, scores, and a refusal where the visitor looks: the song's player is above the view."""
    page = visit("/", "Score", viewport={"width": 390, "height": 844})
    upload(page, melodies.write(tmp_path / "phone.wav", 78, seconds=3))
    wait_for_report(page)
    page.wait_for_function(IN_VIEW)
    until(lambda: not server.uploads("phone"), seconds=20)
    page.get_by_role("button", name="Score", exact=True).click()
    refusal = page.get_by_role("alert").filter(has_text="This song was deleted")
    refusal.wait_for()
    box = refusal.bounding_box()
    assert 0 <= box["y"] < box["y"] + box["height"] <= 844
    house = page.get_by_role("button", name="House", exact=True)
    house.scroll_into_view_if_needed()
    assert page.locator("#progress").bounding_box()["y"] < 0
    house.click()
    refusal.wait_for(state="detached")
    page.get_by_role("heading", name="house.ogg").wait_for()
    page.wait_for_function(IN_VIEW)


@pytest.mark.thorough
def test_a_song_is_compared_with_the_last_take(visit: Any) -> None:
    page = visit("/", "Score")
    against, choices = page.locator(".result .against"), page.locator("#take")
    upload(page, short("house.ogg"))
    wait_for_report(page)
    assert page.locator(".result .card").count() == len(SEVEN)
    assert (against.count(), choices.is_visible()) == (0, False)
    for song, start in (
        (SONG, "Against your last take, "),
        ("folk.ogg", "Against the take that you keep, "),
    ):
        upload_next(page, song)
        against.filter(has_text=f"{start}house.ogg: ").wait_for()
        choices.get_by_label("Keep comparing with the earlier take").check()
    assert page.locator(".result .change").count() == page.locator(".result .card b").count()
    page.evaluate("Object.defineProperty(navigator, 'share', { value: async (shared) => (window.shared = shared) })")
    page.get_by_role("button", name="Share these words").click()
    assert page.evaluate("shared.text.split('\\n')[1]") == against.inner_text()
    choices.get_by_role("button", name="Forget the earlier take").press("Enter")
    against.wait_for(state="detached")
    choices.wait_for(state="hidden")
    expect(page.locator("#outcome .result").first).to_be_focused()
    assert page.locator(".result .change").count() == 0
    page.get_by_role("button", name="A reference song beside yours").click()
    page.locator("#reference-song input[type=file]").set_input_files(short(SONG))
    page.locator("#reference-song").get_by_label(PLAY).wait_for()
    upload_next(page, "folk.ogg")
    against.filter(has_text=f"Against the reference song, {SONG}: ").wait_for()
    assert not choices.is_visible()


def upload_next(page: Any, name: str) -> None:
    """Choose the beginning of an example in the place of the song before."""
    page.locator("#song").get_by_role("button", name="Clear").click()
    upload(page, short(name))
