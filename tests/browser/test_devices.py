"""Pages on a touch screen, on paper and for the keyboard."""

import re
from typing import Any

from playwright.sync_api import expect

from helpers.browser import print_report, upload, wait_for_report
from helpers.songs import SECONDS, short

PART = "() => document.activeElement.closest('#song, #choices, #outcome')?.id"
"""The part of the Score page where the focus is."""
TEXT_RECT = """element => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect().toJSON();
}"""
SMALL = """[...document.querySelectorAll(".main :is(button, select, textarea, summary, label:has(input))")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }))
  .map((each) => each.getBoundingClientRect())
  .filter(({ width, height }) => width && Math.min(width, height) < 43.9)"""
"""Controls that are smaller than a finger."""
AUDIO = "document.querySelector('#song #waveform > *').shadowRoot.querySelector('audio')"
TAP = "getComputedStyle(document.querySelector('#song [data-testid=upload-text]'), '::after').content"


def test_a_touch_screen_names_no_keys_and_has_large_targets(visit: Any) -> None:
    touch = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 844}}
    page = visit("/", "Score", **touch)
    page.wait_for_function(f"{TAP} === '\"Tap to choose a song\"'")
    upload(page, short("bossa.ogg"))
    page.locator("#song .play-pause-button").wait_for()
    page.locator("#embed .label-wrap").tap()
    page.locator("#embed .copy").wait_for()
    page.wait_for_function(f"{SMALL}.length === 0")
    page.locator("#timeline-plot .nsewdrag").first.tap()
    page.wait_for_function(f"!{AUDIO}.paused && {AUDIO}.currentTime > {SECONDS / 3}")
    page = visit("/arena", **touch)
    page.locator("#battle .status", has_text="Play both songs").wait_for()
    assert page.locator("#battle kbd").count() > 3
    assert not any(key.is_visible() for key in page.locator("#battle kbd").all())


def test_the_narrowest_phone_shows_all_pages_in_one_line_and_no_text_over_another(visit: Any) -> None:
    page = visit("/rank", "Rank")
    page.set_viewport_size({"width": 320, "height": 640})
    page.locator(".nav-holder nav a").last.wait_for()
    assert len({link.bounding_box()["y"] for link in page.locator(".nav-holder nav a").all()}) == 1
    label, text = (page.locator(f"#groups {part}").last for part in ("[data-testid=block-label]", ".wrap"))
    assert label.evaluate(TEXT_RECT)["bottom"] <= text.evaluate(TEXT_RECT)["top"]
    page.locator("#songs input[type=file]").set_input_files([short(f"{name}.ogg") for name in ("bossa", "house")])
    stems = page.locator("#songs .stem")
    expect(stems).to_have_count(2)
    assert [stem.evaluate("e => e.scrollWidth - e.clientWidth") for stem in stems.all()] == [0, 0]


def test_a_chosen_song_is_scored_shared_in_words_walked_through_and_printed(visit: Any) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    page = visit("/", "Score", permissions=permissions, viewport={"width": 1280, "height": 844})
    share = page.get_by_role("button", name="Share these words")
    assert not share.is_visible()
    page.locator("#song .upload-container").focus()
    upload(page, short("bossa.ogg"))
    expect(page.locator("#song .play-pause-button")).to_be_focused(timeout=30_000)
    wait_for_report(page)
    share.click()
    page.get_by_role("status").filter(has_text="Copied.").wait_for()
    words = page.evaluate("navigator.clipboard.readText()")
    parts_of_the_song_are_played(page)
    likes = page.locator(".result .card", has_text="Likes").locator("b").inner_text()
    assert words.startswith(f"bossa.ogg: Likes {likes}, Coherence ")
    assert words.endswith(page.url)
    the_tab_key_goes_as_the_eye_does(page, ["song", "choices", "outcome"], beside=True)
    page.set_viewport_size({"width": 390, "height": 844})
    the_tab_key_goes_as_the_eye_does(page, ["song", "outcome", "choices"], beside=False)
    assert print_report(page, "Printable report").locator("h1").inner_text() == "bossa.ogg"
    paper_shows_what_was_found_without_what_can_be_pressed(page)


def the_tab_key_goes_as_the_eye_does(page: Any, order: list[str], beside: bool) -> None:
    """On a wide page, down the left column first. On a phone, the result is directly below the song."""
    page.locator("#song input, #song button").first.focus()
    met: list[str] = []
    for _ in range(60):
        if (part := page.evaluate(PART)) and part not in met:
            met.append(part)
        page.keyboard.press("Tab")
    assert met == order
    song, result = (page.locator(name).first.bounding_box() for name in ("#song", ".result .card"))
    examples = page.locator(".examples").bounding_box()
    assert result["y"] < examples["y"]
    assert song["x"] == examples["x"]
    assert (result["x"] > song["x"] + song["width"]) == beside


def parts_of_the_song_are_played(page: Any) -> None:
    """By the buttons of tables up to their end, and by the timeline from where it is pressed. It shows where it is."""
    second = f"{AUDIO}.currentTime"
    page.locator(".result summary", has_text="By segment").click()
    page.get_by_role("button", name="Hear 0:00–0:12").first.click()
    page.locator("#timeline-plot .playing").wait_for()
    page.wait_for_function(f"{second} > 0.2")
    page.locator("#timeline-plot .nsewdrag").first.click()
    page.wait_for_function(f"{second} > {SECONDS / 3}")
    page.locator("#song").get_by_role("button", name=re.compile("^Pause")).click()


def paper_shows_what_was_found_without_what_can_be_pressed(page: Any) -> None:
    page.emulate_media(media="print")
    for shown in (".result .song", ".result .card", "#scores-plot", "caption:text-is('Scores')"):
        expect(page.locator(shown).first).to_be_visible()
    for hidden in (
        "button:not([data-from])",
        "input",
        ".nav-holder",
        "footer",
        "#embed",
        "#song",
        "#share-panel",
        "#judge",
    ):
        assert not any(part.is_visible() for part in page.locator(hidden).all()), hidden
