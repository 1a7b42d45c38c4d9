"""The Arena page in a real browser that plays, listens and presses keys: blind until the vote."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from apex_space.arena.pool_sources import EXAMPLES
from apex_space.arena.taste import MIN_OWN
from apex_space.storage.records import AGAIN, WITHDRAWN, Vote
from apex_space.storage.vote_store import FILE, VoteStore
from apex_space.ui.render.reveal import foreseen
from helpers.browser import overflow, upload_own
from helpers.listener import Listener
from helpers.melodies import write
from helpers.melodies import write_noise as noise
from helpers.server import QUICK, Running
from helpers.wait import until

LISTENING = float(QUICK["APEX_LISTENING_SECONDS"])
ROWS = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
SECRETS = {text for row in ROWS for text in (row["title"], row["file"], row["description"])} | {"Synthesised"}
"""What the browser must not get before a vote in a battle of the pool."""


@pytest.fixture
def listen(visit: Callable[..., Any]) -> Callable[..., Listener]:
    """Open the shared server's arena, with a browser's options."""

    def open_page(**options: Any) -> Listener:
        answers: list[Any] = []
        listener = Listener(visit("/arena", answers=answers, **options), answers)
        listener.status("Play both songs")
        return listener

    return open_page


def votes(data: Path) -> list[Vote]:
    """All that the server has written."""
    with closing(VoteStore(f"sqlite:///{data / FILE}")) as store:
        return store.votes()


def test_a_vote_by_keyboard(listen: Any, visit: Any, data: Path) -> None:
    before = len(votes(data))
    opened = listen()
    page = opened.page
    board = visit("/leaderboard")
    board.get_by_text(f"{before} vote" if before else "No vote has been counted").first.wait_for()
    page.get_by_label("Keys").uncheck()
    page.keyboard.press("a")
    opened.status("Play both songs")
    page.get_by_label("Keys").check()
    page.keyboard.press("a")
    opened.status("Not yet")
    page.evaluate("document.activeElement.blur()")
    started = time.monotonic()
    page.keyboard.press("Space")
    opened.status("Song A is heard. Now song B.")
    assert opened.sounding() == ["A"]
    assert not opened.open()
    page.keyboard.press("Space")  # goes on to the other song at once
    page.wait_for_timeout(300)
    assert opened.sounding() == ["B"]
    opened.status("Both heard")
    assert time.monotonic() - started >= 2 * LISTENING
    assert opened.open()
    sent = opened.sent()
    assert not [text for text in SECRETS if text in sent]
    assert "arena/audio/" in sent

    page.keyboard.press("b")
    opened.status("You preferred B.")
    assert opened.sounding() == []
    page.locator("#battle .reveal details").evaluate_all("all => all.forEach((each) => (each.open = true))")
    shown = page.locator("#battle .reveal").inner_text()
    assert shown.startswith("You preferred B. ")
    cast = votes(data)[before:]
    assert [vote.winner for vote in cast] == ["b"]
    assert min(cast[0].heard) >= LISTENING
    assert cast[0].suspicion == ""
    lines = shown.splitlines()
    assert lines.index(cast[0].battle.a.title) < lines.index(cast[0].battle.b.title)
    assert page.locator("#battle .won b").inner_text() == cast[0].battle.b.title
    for predicted in cast[0].battle.predictions:
        assert f"{100 * max(predicted.probability, 1 - predicted.probability):.0f}%" in shown
    assert "✓ Your choice" in page.locator("#battle .won").inner_text()
    board.get_by_text(f"{before + 1} vote").first.wait_for(timeout=30_000)
    for song in (cast[0].battle.a, cast[0].battle.b):
        board.locator("td", has_text=song.title).first.wait_for()

    told = [f"{judge} foresaw {right:g} of your 1 vote for A or B." for judge, right in foreseen(cast[0])]
    assert page.locator("#battle .foreseen").inner_text() == " ".join(told)

    page.keyboard.press("Enter")
    opened.status("Play both songs")
    assert page.locator("#battle .reveal").inner_text() == page.locator("#battle .foreseen").inner_text() == ""
    assert not opened.open()


def test_after_the_vote_a_song_can_be_heard_whole_and_downloaded(listen: Any) -> None:
    opened = listen()
    page = opened.page
    opened.listen()
    page.keyboard.press("t")
    opened.status("You called it a tie.")
    page.keyboard.press("ArrowRight")
    page.locator("#battle [data-side=B] .seek").fill("6")
    until(lambda: page.evaluate("document.querySelector('#battle [data-side=B] audio').currentTime") > 6.2)
    assert opened.sounding() == ["B"]
    title = page.locator("#battle .name b").last.inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Download (CC0 1.0): {title}", exact=True).click()
    assert download.value.suggested_filename == f"{title}.mp3"
    assert len(Path(download.value.path()).read_bytes()) > 100_000
    page.keyboard.press("n")
    opened.status("Play both songs")
    assert opened.sounding() == []


def test_why_one_voted_is_kept_with_the_vote_and_a_vote_is_taken_back(listen: Any, data: Path) -> None:
    before = len(votes(data))
    opened = listen()
    page = opened.page
    why = page.get_by_role("group", name="Why?")
    undo = page.get_by_role("button", name="Take the vote back")

    def vote(key: str) -> None:
        assert why.is_hidden()
        opened.listen()
        page.keyboard.press(key)
        page.locator("#battle .reveal .name").first.wait_for()
        assert why.is_visible() == (key != "t")

    def go_on() -> Vote:
        """Press a key for the next battle; gives the vote before."""
        page.keyboard.press("n")
        opened.status("Play both songs")
        return votes(data)[-1]

    vote("b")
    assert re.search(r"\b\d+ s Z$", undo.inner_text())
    page.keyboard.press("z")
    opened.status("Your vote is withdrawn.")
    assert undo.is_hidden()
    assert page.locator("#battle .reveal").inner_text() == page.locator("#battle .foreseen").inner_text() == ""
    assert why.is_hidden()
    assert go_on().suspicion in (WITHDRAWN, AGAIN), "a pair that was heard before did not count anyway"

    vote("b")
    assert "of your 1 vote" in page.locator("#battle .foreseen").inner_text(), "the other one is taken back"
    page.keyboard.press("1")
    page.keyboard.press("2")
    page.get_by_role("button", name="Sound").click()
    page.keyboard.press("1")  # not the melody, after all
    pressed = why.locator("[aria-pressed=true]")
    assert pressed.evaluate_all("all => all.map(({ dataset }) => dataset.tag)") == ["voice", "sound"]
    assert go_on().tags == ("sound", "voice")
    vote("t")
    page.keyboard.press("1")
    assert go_on().tags == ()

    vote("a")
    assert len(votes(data)[before:]) == 4
    undo.wait_for(state="hidden", timeout=12_000)
    page.keyboard.press("z")
    expect(page.locator("#battle .status")).to_have_text("You preferred A. You can still say why.")


@pytest.mark.thorough
def test_ones_own_votes_tell_of_ones_taste_and_every_ten_give_a_picture(listen: Any) -> None:
    opened = listen()
    page = opened.page
    taste, left = page.locator("#battle .taste"), page.locator("#battle .votes-left")
    for number in range(1, 11):
        assert page.locator("#battle .round").inner_text() == ""
        opened.listen()
        page.keyboard.press("ab"[number % 2])
        page.locator("#battle .reveal .name").first.wait_for()
        assert taste.is_visible() == (number >= MIN_OWN)
        assert left.inner_text().startswith(f"Your taste: {MIN_OWN - number} more vote") == (number < MIN_OWN)
        if number == MIN_OWN:
            taste.locator("summary").first.press("Enter")
            taste.get_by_text("Your own ranking, by your votes alone").wait_for()
            with page.expect_download() as download:
                taste.get_by_role("link", name="Picture to share").click()
            assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
            page.reload()
            opened.status("Play both songs")
            assert taste.is_visible(), "the browser's tab remembers the votes"
        elif number < 10:
            page.keyboard.press("n")
            opened.status("Play both songs")
    page.locator("#battle .round", has_text="10 votes: you against the judges.").wait_for()
    for part in (".next", ".undo"):
        expect(page.locator(f"#battle {part}")).to_be_in_viewport(ratio=1)
    assert page.locator("#battle .round a").get_attribute("download") == "me-against-the-judges.png"
    page.keyboard.press("z")
    opened.status("Your vote is withdrawn.")
    assert page.locator("#battle .round").inner_text() == ""
    assert overflow(page) <= 0


@contextmanager
def asked_for(seconds: float, context: Any) -> Iterator[None]:
    """Have the page (not the server) ask for more seconds of listening."""

    def answer(route: Any) -> None:
        given = route.fetch()
        asks = f'"listen":{LISTENING}'
        assert asks in given.text()
        route.fulfill(response=given, body=given.text().replace(asks, f'"listen":{seconds}'))

    context.route("**/arena", answer)
    yield
    context.unroute("**/arena", answer)


def test_only_time_that_was_listened_counts(browser: Any, listen: Any) -> None:
    with asked_for(9, browser.contexts[0]):
        opened = listen()
    opened.status("after 9 seconds of each")
    page = opened.page
    started = time.monotonic()
    page.keyboard.press("ArrowLeft")
    until(lambda: opened.heard("A") >= 0.5)
    for position in ("5", "2", "5.5", "3", "6"):
        page.locator("#battle [data-side=A] .seek").fill(position)
        page.wait_for_timeout(100)
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    after_jumps = opened.heard("A")
    assert 0.5 <= after_jumps <= time.monotonic() - started
    assert page.evaluate("document.querySelector('#battle [data-side=A] audio').currentTime") >= 6

    started = time.monotonic()
    page.evaluate("document.querySelector('#battle [data-side=B] audio').playbackRate = 4")
    page.get_by_role("button", name="Play song B").click()
    until(lambda: page.evaluate("document.querySelector('#battle [data-side=B] audio').currentTime") > 3)
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    faster = opened.heard("B")
    assert 0.5 <= faster <= time.monotonic() - started

    page.evaluate("document.querySelector('#battle [data-side=B] audio').muted = true")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1000)
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    assert opened.heard("B") - faster < 0.3


def test_one_song_plays_at_a_time_and_keys_write_where_one_writes(listen: Any) -> None:
    opened = listen()
    page = opened.page
    page.evaluate("document.body.insertAdjacentHTML('afterbegin', '<input id=note>')")
    page.locator("#note").focus()
    page.keyboard.type(" tan")
    assert page.locator("#note").input_value() == " tan"
    assert opened.sounding() == []
    opened.status("Play both songs")
    for name, side in (("Play song A", "A"), ("Play song B", "B"), ("Play song A", "A")):
        page.get_by_role("button", name=name).click()
        page.wait_for_timeout(300)
        assert opened.sounding() == [side]
    until(lambda: opened.heard("A") == LISTENING)
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Pause song A").click()
    assert opened.sounding() == []
    assert opened.heard("A") == LISTENING, "more than a vote takes is not counted"
    assert 0 < opened.heard("B") <= LISTENING
    page.keyboard.press("ArrowRight")
    at = "document.querySelector('#battle [data-side=B] audio').currentTime"
    until(lambda: page.evaluate(at) > 1)
    page.keyboard.press("r")
    until(lambda: 0 < page.evaluate(at) < 0.8)


def test_a_refused_vote_has_its_reason_and_the_battle_stays(listen: Any, data: Path) -> None:
    before = len(votes(data))
    opened = listen()
    forgery: dict[str, Any] = {}

    def forged(route: Any) -> None:
        body = route.request.post_data_json
        route.continue_(post_data=json.dumps({**body, "data": body["data"] | forgery}))

    def refused_for(reason: str, **instead: Any) -> None:
        """Vote, with this in the place of what the page sends."""
        forgery.update(instead)
        opened.page.keyboard.press("t")
        expect(opened.page.locator("#battle .status.error")).to_contain_text(reason, timeout=30_000)
        forgery.clear()

    opened.page.route("**/component_server/", forged)
    opened.listen()
    refused_for("Song B has played 0.1 s", heard=[9.0, 0.1])
    assert opened.open()
    refused_for("Reload the page", heard="long")
    assert opened.open()
    refused_for("A vote is one of", winner=["a"])
    assert opened.open()
    opened.page.keyboard.press("ArrowLeft")
    opened.status("Both heard")  # the error is no longer shown
    assert opened.page.locator("#battle .status.error").count() == 0
    refused_for("no such battle", battle="x" * 32)
    assert len(votes(data)) == before
    assert opened.page.evaluate("document.activeElement.innerText").startswith("Next")
    opened.page.keyboard.press("n")
    opened.status("Play both songs")


UNANSWERED = "The server did not answer."


@pytest.mark.thorough
def test_what_the_server_did_not_answer_can_be_tried_again(browser: Any, server: Running, data: Path) -> None:
    page = browser.contexts[0].new_page()  # whose console has the failures
    page.goto(f"{server.url}/arena")
    opened = Listener(page)
    opened.status("Play both songs")
    focused = "document.activeElement.className"

    def unanswered(key: str, **answer: Any) -> None:
        """Press a key while the server cannot be reached, or gives the answer."""
        page.route("**/component_server/", lambda route: route.fulfill(**answer) if answer else route.abort())
        page.evaluate("document.querySelector('#battle .status').replaceChildren()")
        page.keyboard.press(key)
        expect(page.locator("#battle .status.error")).to_contain_text(UNANSWERED)
        page.unroute("**/component_server/")

    opened.listen()
    unanswered("b")
    page.keyboard.press("b")
    opened.status("You preferred B.")
    page.keyboard.press("1")
    undo = page.locator("#battle .undo")
    undo.focus()
    unanswered("Enter", status=500, body="{}")
    assert page.evaluate(focused) == "undo"
    page.locator("#battle .next").focus()
    unanswered("Enter")
    assert page.evaluate(focused) == "next"
    assert page.locator("#battle .why [aria-pressed=true]").count() == 1
    undo.focus()
    page.keyboard.press("Enter")
    opened.status("Your vote is withdrawn.")
    assert page.evaluate(focused) == "next"
    unanswered("Enter", status=500, body="{}")
    page.keyboard.press("Enter")
    opened.status("Play both songs")
    assert votes(data)[-1].suspicion in (WITHDRAWN, AGAIN)

    opened.listen()
    page.keyboard.press("a")
    opened.status("You preferred A.")
    page.keyboard.press("1")
    unanswered("n")
    page.keyboard.press("n")
    opened.status("Play both songs")
    assert votes(data)[-1].tags == ("melody",)
    assert page.evaluate(focused) == "song", "where the space key plays, and the first button comes next"
    page.close()


def test_a_phone_shows_what_follows_a_vote_and_fingers_hit_the_buttons(listen: Any) -> None:
    phone = {"width": 390, "height": 664}
    opened = listen(viewport=phone, has_touch=True, is_mobile=True)
    page = opened.page
    live = page.locator("#battle :is([role=status], [aria-live])")
    assert live.evaluate_all("all => all.map((each) => getComputedStyle(each).display === 'none')") == [False] * 4
    opened.listen()
    page.get_by_role("button", name="A is better").focus()
    page.keyboard.down("Enter")
    opened.status("You can say why, or take the vote back within 10 seconds.")
    page.keyboard.down("Enter")  # is still held, and does not skip the reveal
    page.keyboard.up("Enter")
    page.wait_for_timeout(300)
    for part in (".why", ".next", ".undo"):
        expect(page.locator(f"#battle {part}")).to_be_in_viewport(ratio=1)

    page.set_viewport_size({"width": 320, "height": 640})
    names = page.locator("#battle .name")
    names.first.wait_for()
    assert names.evaluate_all("names => names.map(name => name.scrollWidth - name.clientWidth)") == [0, 0]
    assert overflow(page) <= 0
    page.set_viewport_size(phone)

    page.get_by_role("button", name="Next battle").tap()
    opened.status("Play both songs")
    expect(page.locator("#battle .song").first).to_be_in_viewport(ratio=1)
    opened.listen()
    expect(page.locator("#battle .votes")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Tie").tap()
    opened.status("You called it a tie.")
    targets = page.locator("#battle :is(button, summary, a)")
    boxes = [target.bounding_box() for target in targets.all() if target.is_visible()]
    assert min(min(box["width"], box["height"]) for box in boxes) >= 44


OWN, JUDGES = "this visitor's battles", "the judges against this visitor's votes"
"""What a tab remembers, by these names."""


def vote_again(opened: Listener, **kept: str) -> None:
    """Open the page again with what the tab remembers instead, and vote."""
    opened.page.evaluate(
        "(kept) => Object.entries(kept).forEach((each) => sessionStorage.setItem(...each))",
        {OWN: kept["own"], JUDGES: kept["judges"]},
    )
    opened.page.reload()
    opened.status("Play both songs")
    opened.listen()
    opened.page.keyboard.press("a")
    opened.page.locator("#battle .reveal .name").first.wait_for()


@pytest.mark.thorough
def test_a_tab_that_remembers_nonsense_or_votes_that_the_server_forgot_votes_all_the_same(listen: Any) -> None:
    opened = listen()
    page = opened.page
    for own, judges in (('{"Pocket": 5}', "[1, 2]"), ("[1, 2]", '{"Pocket": 5}'), ("5", '"abc"')):
        vote_again(opened, own=own, judges=judges)
        assert page.locator("#battle .votes-left").inner_text().startswith(f"Your taste: {MIN_OWN - 1} more votes")
        assert "NaN" not in page.locator("#battle .foreseen").inner_text()
    vote_again(opened, own=json.dumps([[f"{n:032x}", True] for n in range(300)]), judges="{}")
    remembered = "(own) => JSON.parse(sessionStorage.getItem(own)).length"
    assert page.evaluate(remembered, OWN) == 291, "a tab remembers 300 at most"
    page.locator("#battle .taste summary").first.click()
    page.get_by_text("The server no longer knows your votes.").wait_for()
    assert page.evaluate(remembered, OWN) == 1


def test_nobody_votes_under_two_addresses(listen: Any, data: Path) -> None:
    before = len(votes(data))
    opened = listen()
    for claim in ("6.6.6.6", "7.7.7.7"):  # before which the proxy's own word counts
        opened.page.set_extra_http_headers({"X-Forwarded-For": f"{claim}, 203.0.113.5"})
        opened.page.keyboard.press("n")  # of this battle, all is asked for under that address
        opened.status("Play both songs")
        opened.listen()
        opened.page.keyboard.press("x")
        opened.status("You found both bad.")
    cast = votes(data)[before:]
    assert len(cast) == 2
    assert len({vote.voter for vote in cast}) == 1


STATES = """() => {
  window.states = [];
  const battle = document.querySelector("#battle"), buttons = [...battle.querySelectorAll("button")];
  const note = () => states.push([battle.querySelector(".status").textContent, buttons.every((b) => b.disabled)]);
  new MutationObserver(note).observe(battle, { subtree: true, childList: true, attributes: true });
}"""
"""Notes each state of the battle: its status, and whether it has nothing that can be pressed."""


def test_two_songs_of_ones_own_are_heard_blind_too(listen: Any, server: Running, data: Path, tmp_path: Path) -> None:
    opened = listen()
    page = opened.page
    page.get_by_role("button", name="Your own two songs").click()
    page.get_by_role("button", name="Make it a battle").click()
    page.get_by_text("Choose a song.").first.wait_for()
    before = len(opened.answers)
    for seed, place in enumerate(("first", "second")):
        upload_own(page, server, place, noise(tmp_path / f"{place} take.wav", seed))
    was = page.locator("#battle audio").first.get_attribute("src")
    page.keyboard.press("ArrowLeft")
    page.evaluate(STATES)
    page.get_by_role("button", name="Make it a battle").click()
    page.wait_for_function(f"document.querySelector('#battle audio').src !== {was!r}", timeout=60_000)
    states = page.evaluate("states")
    making = [locked for status, locked in states if status == "Your own battle is being made …"]
    assert making
    assert making[-1], "the old battle was locked"
    assert opened.sounding() == []
    uploads = [answer for answer in opened.answers[before:] if "/arena/audio/" in answer.url]
    assert not any("take" in str(answer.all_headers()) for answer in uploads)
    page.locator("body").click(position={"x": 2, "y": 2})
    opened.listen()
    page.keyboard.press("a")
    opened.status("You preferred A.")
    assert sorted(page.locator("#battle .name b").all_inner_texts()) == [
        f"Your {place} song, {place} take" for place in ("first", "second")
    ]
    assert page.locator("#battle .songs").is_hidden(), "a visitor's own songs are deleted with the vote"
    assert page.locator("#battle .download").count() == 0
    page.keyboard.press("ArrowLeft")
    assert opened.sounding() == []
    cast = votes(data)[-1]
    assert (cast.battle.source, cast.battle.a.title, cast.battle.b.title) == ("uploaded", "", "")
    until(lambda: not (server.uploads("first take") or server.uploads("second take")), seconds=30)
    page.get_by_role("button", name="Make it a battle").click()
    page.get_by_text("This song was deleted after scoring.").first.wait_for()


@pytest.mark.parametrize(("seconds", "together"), [pytest.param(8.1, True, marks=pytest.mark.thorough), (9.0, False)])
def test_two_takes_of_a_song_are_switched_between_at_the_same_place(
    seconds: float, together: bool, listen: Any, server: Running, tmp_path: Path
) -> None:
    opened = listen()
    page = opened.page
    switch = page.get_by_label("Switch at the same place")
    assert switch.is_hidden(), "no two songs of the pool have one title or prompt"
    page.get_by_role("button", name="Your own two songs").click()
    for seed, place, length in ((1, "first", 8.0), (2, "second", seconds)):
        song = write(tmp_path / f"{place} {seconds}.wav", seed, seconds=length, rate=22_050, channels=1)
        upload_own(page, server, place, song)
    page.get_by_role("button", name="Make it a battle").click()
    switch.wait_for(timeout=60_000)
    expect(switch).to_be_checked(checked=together)
    page.locator("#battle [data-side=A] .seek").fill("4")
    page.locator("body").click(position={"x": 2, "y": 2})
    page.keyboard.press("Space")
    at = "document.querySelector('#battle [data-side={}] audio').currentTime"
    until(lambda: page.evaluate(at.format("A")) > 4.3)
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert opened.sounding() == ["B"]
    assert (page.evaluate(at.format("B")) > 4.3) == together
    switch.set_checked(not together)
    page.keyboard.press("ArrowLeft")  # a key works on the checkbox, too
    page.wait_for_timeout(300)
    assert opened.sounding() == ["A"]


def test_it_works_in_a_frame_of_another_site(browser: Any, server: Running, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(f"<iframe src={server.url}/arena width=900 height=700></iframe>")
    page = browser.contexts[0].new_page()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as site:
        threading.Thread(target=site.serve_forever).start()
        page.goto(f"http://localhost:{site.server_port}")
        site.shutdown()
    frame = page.frame_locator("iframe")
    for name, said in (("Play song A", "Song A is heard"), ("Play song B", "Both heard")):
        frame.get_by_role("button", name=name).click()
        frame.locator("#battle .status", has_text=said).wait_for()
    frame.get_by_role("button", name="Tie").click()
    frame.locator("#battle .status", has_text="You called it a tie.").wait_for()
    page.close()
