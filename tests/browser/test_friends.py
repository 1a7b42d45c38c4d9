"""A battle for friends in a real browser: made on Compare, voted on by a friend, deleted by its owner."""

from typing import Any

from helpers.browser import PLAY, compare, overflow
from helpers.listener import Listener
from helpers.server import Running

BUTTON = "Let friends vote blind"
HOSTILE = "<img src=x onerror=document.title='owned'>"
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


def made(page: Any) -> str:
    """The link to a battle of two examples, which are compared on the page."""
    for row, song in zip(page.locator(".examples").all(), ("House", "Bossa nova"), strict=True):
        row.get_by_role("button", name=song).click()
    page.locator("#song-b").get_by_label(PLAY).wait_for()
    assert page.get_by_role("button", name=BUTTON).count() == 0
    compare(page)
    page.locator("#contributions-plot .js-plotly-plot").wait_for()
    assert page.get_by_label("Title of Song A").input_value() == "house"
    page.get_by_role("button", name="Swap").click()
    page.wait_for_function("document.querySelector('#friends-panel :is(input, textarea)').value === 'bossa'")
    page.get_by_label("Title of Song B").fill(HOSTILE)
    page.get_by_role("button", name=BUTTON).click()
    link = page.locator("#friends-link :is(textarea, input)")
    link.wait_for(timeout=60_000)
    return str(link.input_value())


def owned(page: Any) -> str:
    """The key of the battle, as the page that made it shows it."""
    return str(page.locator("#friends-link-key :is(textarea, input)").input_value())


def test_a_friend_votes_blind_and_the_owner_sees_it_and_deletes_it(visit: Any, server: Running) -> None:
    owner = visit("/compare", "Compare")
    path = made(owner).removeprefix(server.url)
    listener = Listener(friend := visit(path, answers=(answers := []), **PHONE), answers)
    listener.status("Play both songs")
    assert overflow(friend) <= 0
    friend.keyboard.press("b")
    listener.status("Not yet: listen to song A first.")
    clips = [audio.get_attribute("src") for audio in friend.locator("audio").all()]
    listener.listen()
    assert listener.sounding() == ["B"]  # only one plays
    sent = listener.sent().lower()
    assert not [name for name in ("house", "bossa", "owned") if name in sent]
    friend.keyboard.press("b")
    friend.get_by_text("1 of 1 chose ").wait_for()
    names = friend.locator(".player h2").all_inner_texts()
    assert sorted(name[3:] for name in names) == [HOSTILE, "bossa"]
    listener.status(f"You chose {names[1][3:]}.")
    assert not friend.locator(".votes").is_visible()
    assert friend.title() == "Which of two songs is better? · APEX Space"
    again = friend.context.new_page()
    again.goto(server.url + path)
    again.get_by_text("1 of 1 chose ").wait_for()
    assert [audio.get_attribute("src") for audio in again.locator("audio").all()] == clips

    page = owner.context.new_page()
    page.goto(server.url + path)
    page.get_by_text("This is your battle.").wait_for()
    page.get_by_text("1 of 1 chose ").wait_for()
    assert not page.locator(".votes").is_visible()
    elsewhere = friend.context.browser.new_context().new_page()
    elsewhere.goto(server.url + path)
    elsewhere.locator("summary").click()
    for key, said in (("another", "This key is not the one of this battle."), (owned(owner), "This is your battle.")):
        elsewhere.locator("[name=key]").fill(key)
        elsewhere.get_by_role("button", name="See the votes").click()
        elsewhere.get_by_text(said).wait_for()
    elsewhere.get_by_text("1 of 1 chose ").wait_for()
    page.get_by_role("button", name="Delete it").click()  # this browser remembers the key
    page.get_by_role("heading", name="Deleted").wait_for()
    page.close()
    elsewhere.get_by_role("button", name="See the votes").click()
    elsewhere.get_by_text("There is no battle here").wait_for()
    assert not elsewhere.locator(".intro, .kept, details, .keys, .songs").locator("visible=true").count()
    elsewhere.context.close()
    owner.locator("#song-a").get_by_role("button", name="Clear").click()
    owner.locator("#friends-panel").wait_for(state="hidden")
    assert [friend.request.get(f"{server.url}{place}").status for place in (path, f"/b/{clips[0]}")] == [404, 404]
