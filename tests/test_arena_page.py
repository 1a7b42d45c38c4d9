"""The arena's page: blind until the vote, over HTTP and in a real browser that plays, listens and presses keys."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.routes import App
from starlette.requests import Request
from test_page import CHROMIUM, FLAGS, Server, start

from apex_space.arena.agreement import agree
from apex_space.arena.battles import Arena
from apex_space.arena.forecast import Forecaster
from apex_space.arena.pool import EXAMPLES, Pool
from apex_space.arena.records import Battle, Prediction, Song, Vote, Winner
from apex_space.arena.store import FILE, Store
from apex_space.arena.voters import LISTENING_SECONDS, Voters
from apex_space.roster import Roster
from apex_space.settings import settings
from apex_space.ui.arena import address
from apex_space.ui.audio_route import audio_route
from apex_space.ui.render.reveal import reveal

ROWS = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
SECRETS = {text for row in ROWS for text in (row["title"], row["file"], row["description"])} | {"Synthesised"}
"""What the browser must not get before a vote in a battle of the pool."""
SONG_A, SONG_B = Song("1", "Glass <b>Morning</b>", "Gen & Co", "House"), Song("2", "Paper Boats")


def noise(path: Path, seed: int) -> Path:
    """Four seconds of it."""
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.3, 0.3, 4 * 22_050), 22_050)
    return path


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Over a pool of two songs, whose judges have not begun to listen."""
    folder = tmp_path_factory.mktemp("songs")
    for name, seed in (("secret", 1), ("hidden", 2)):
        noise(folder / f"{name}.wav", seed)
    pool, store = Pool(str(folder)), Store(f"sqlite:///{tmp_path_factory.mktemp('data') / FILE}")
    pool.start()
    while len(pool.songs()) < 2:
        time.sleep(0.05)
    yield Arena(store, pool, Forecaster(Roster(), pool, store), Voters("salt"))
    pool.close()
    store.close()


async def serve(arena: Arena, path: str) -> FastAPI:
    """A page with the route, alone or at `path` of another application; in a loop, for else Gradio leaves one."""
    with gr.Blocks() as blocks:
        gr.Markdown("Arena")
    options: dict[str, Any] = {"app_kwargs": {"routes": [audio_route(arena)]}}
    return gr.mount_gradio_app(FastAPI(), blocks, path, **options) if path else App.create_app(blocks, **options)


@pytest.fixture(params=["", "/part"])
def get(arena: Arena, request: pytest.FixtureRequest) -> Any:
    """Ask a page, which is served alone or mounted."""
    client = TestClient(asyncio.run(serve(arena, request.param)))
    return lambda path, **more: client.get(request.param + path, **more)


def test_a_song_is_played_in_ranges_without_a_name(arena: Arena, get: Any) -> None:
    path = f"/arena/audio/{arena.next('1.1.1.1').id}/a.mp3"
    whole = get(path)
    part = get(path, headers={"range": "bytes=100-199"})
    assert (whole.status_code, part.status_code) == (200, 206)
    assert part.content == whole.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert whole.headers["content-type"] == "audio/mpeg"
    assert whole.headers["cache-control"] == "no-store"
    for text in ("secret", "hidden", "wav", arena.audio(path.split("/")[3], "a").name):
        assert text not in str(whole.headers)
        assert text.encode() not in whole.content


def test_headers_do_not_show_that_a_song_was_there_before(arena: Arena, get: Any) -> None:
    answers = [get(f"/arena/audio/{arena.next('1.1.1.1').id}/{side}.mp3") for side in "aabb" for _ in range(2)]
    songs = {answer.content for answer in answers}
    assert len(songs) == 2
    assert len({answer.headers["etag"] for answer in answers}) == len(answers)
    assert len({answer.headers["last-modified"] for answer in answers}) == 1


def test_a_download_that_broke_off_goes_on_only_within_its_battle(arena: Arena, get: Any) -> None:
    one, other = (get(f"/arena/audio/{arena.next('1.1.1.1').id}/a.mp3") for _ in range(2))
    for answer, status in ((one, 206), (other, 200)):
        again = get(
            one.url.path.removeprefix("/part"), headers={"range": "bytes=9-", "if-range": answer.headers["etag"]}
        )
        assert again.status_code == status


@pytest.mark.parametrize(
    ("battle", "side", "status"), [("x" * 32, "a", 404), ("..%2f..%2fapp", "a", 404), ("", "a", 404), (None, "c", 404)]
)
def test_what_is_no_battle_has_no_sound(arena: Arena, get: Any, battle: str | None, side: str, status: int) -> None:
    battle = arena.next("1.1.1.1").id if battle is None else battle
    assert get(f"/arena/audio/{battle}/{side}.mp3").status_code == status


def test_a_battle_that_is_over_has_its_reason(arena: Arena, get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    battle = arena.next("1.1.1.1")
    monkeypatch.setattr(arena, "_clock", lambda: battle.issued + 4000)
    answer = get(f"/arena/audio/{battle.id}/b.mp3")
    assert (answer.status_code, answer.headers["cache-control"]) == (410, "no-store")
    assert "Take the next one" in answer.text


@pytest.mark.parametrize(
    ("proxies", "lines", "found"),
    [
        (0, [], "9.9.9.9"),
        (0, ["6.6.6.6"], "9.9.9.9"),
        (1, ["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
        (1, ["6.6.6.6", "1.1.1.1"], "1.1.1.1"),
        (2, ["6.6.6.6, 1.1.1.1, 2.2.2.2"], "1.1.1.1"),
        (2, ["6.6.6.6"], "9.9.9.9"),
        (1, [], "9.9.9.9"),
    ],
)
def test_nobody_chooses_an_address(
    proxies: int, lines: list[str], found: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("APEX_PROXIES", str(proxies))
    settings.cache_clear()
    request.addfinalizer(settings.cache_clear)
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    asked = Request({"type": "http", "headers": headers, "client": ("9.9.9.9", 1)})
    assert address(asked) == found
    assert address(gr.Request(asked)) == found


def vote(winner: Winner, *predictions: Prediction) -> Vote:
    return Vote(Battle("id", SONG_A, SONG_B, "pool", 0.0, predictions), winner, 20.0, (6.0, 6.0))


def words(html: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def test_the_reveal_names_the_songs_and_escapes_them() -> None:
    shown = reveal(vote("a"), agree([])["pool"])
    assert "Glass &lt;b&gt;Morning" in shown
    assert "Gen &amp; Co" in shown
    assert shown.index("Glass") < shown.index("Paper Boats")
    assert "no prediction" in shown


@pytest.mark.parametrize(
    ("probability", "winner", "parts"),
    [
        (0.7, "a", ("expected A: 70%", "60% to 80%", "You agree")),
        (0.7, "b", ("expected A: 70%", "60% to 80%", "You disagree")),
        (0.3, "b", ("expected B: 70%", "60% to 80%", "You agree")),
        (0.45, "b", ("expected B: 55%", "45% to 65%", "too close to call")),
        (0.7, "tie", ("expected A", "neither")),
        (0.7, "bad", ("expected A", "neither")),
    ],
)
def test_the_reveal_holds_each_prediction_against_the_vote(
    probability: float, winner: Winner, parts: tuple[str, ...]
) -> None:
    foreseen = Prediction("pocket", "pocket", "1", probability, probability - 0.1, probability + 0.1)
    shown = words(reveal(vote(winner, foreseen), agree([])["pool"]))
    for part in ("Pocket", *parts):
        assert part in shown


def test_the_reveal_tells_how_often_a_judge_was_right() -> None:
    foreseen = Prediction("pocket", "pocket", "1", 0.7, 0.6, 0.8)
    cast = [vote(winner, foreseen) for winner in ("a", "a", "b", "a", "tie")]
    shown = words(reveal(cast[-1], agree(cast)["pool"]))
    assert "agreed with people in 75% of 4 decided votes (95% interval 30% to 95%; preliminary" in shown


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    yield from start(folder, APEX_DATA=str(folder / "data"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())


def votes(server: Server) -> list[Vote]:
    """All that the server has written."""
    store = Store(f"sqlite:///{server.uploads.parent / 'data' / FILE}")
    try:
        return store.votes()
    finally:
        store.close()


@dataclass
class Visit:
    """A visitor's page: what the server has sent to it, and every error in its console."""

    page: Any
    answers: list[Any]
    complaints: list[str]

    def status(self, text: str, timeout: float = 30_000) -> None:
        self.page.locator("#battle .status", has_text=text).wait_for(timeout=timeout)

    def sounding(self) -> list[str]:
        """The sides that play."""
        script = "songs => songs.filter(s => !s.querySelector('audio').paused).map(s => s.dataset.side)"
        return self.page.locator("#battle .song").evaluate_all(script)

    def heard(self, side: str) -> float:
        """The meter's seconds."""
        return self.page.evaluate(f"document.querySelector('#battle [data-side={side}] progress').value")

    def open(self) -> bool:
        """Whether one can vote."""
        buttons = self.page.locator("#battle [data-winner]")
        states = {buttons.nth(index).is_enabled() for index in range(buttons.count())}
        assert len(states) == 1
        return states.pop()

    def listen(self) -> None:
        """To as much of both songs as a vote takes, by keyboard."""
        for key, said in (("ArrowLeft", "Song A is heard"), ("ArrowRight", "Both heard")):
            self.page.keyboard.press(key)
            self.status(said)

    def sent(self) -> str:
        """The page as it stands, and all that the server sent for it: addresses, headers and bodies."""
        parts = [self.page.content()]
        for answer in self.answers:
            if "/heartbeat/" in answer.url:  # a stream that ends with the visit
                continue
            body = answer.body() if answer.status == 200 and "/assets/" not in answer.url else b""
            parts += [answer.url, str(answer.all_headers()), body.decode("latin-1")]
        return "\n".join(parts)


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Any]:
    contexts = []

    def open_page(address: str = server.url, **options: Any) -> Visit:
        contexts.append(browser.new_context(**options))
        visited = Visit(contexts[-1].new_page(), [], [])
        visited.page.on("response", lambda answer: visited.answers.append(answer))
        visited.page.on("console", lambda m: visited.complaints.append(m.text) if m.type == "error" else None)
        visited.page.on("pageerror", lambda error: visited.complaints.append(str(error)))
        visited.page.goto(f"{address}/arena")
        visited.status("Play both songs")
        return visited

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.slow
def test_a_vote_by_keyboard(visit: Any, server: Server) -> None:
    before = len(votes(server))
    opened = visit()
    page = opened.page
    board = page.context.new_page()
    board.goto(f"{server.url}/leaderboard")
    board.get_by_text(f"{before} vote" if before else "No vote has been counted").first.wait_for()
    page.keyboard.press("a")
    opened.status("Not yet")
    started = time.monotonic()
    page.keyboard.press("Space")
    opened.status("Song A is heard. Now song B.")
    assert opened.sounding() == ["A"]
    assert not opened.open()
    page.keyboard.press("Space")
    assert opened.sounding() == []
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    assert opened.sounding() == ["B"]
    opened.status("Both heard")
    assert time.monotonic() - started >= 2 * LISTENING_SECONDS
    assert opened.open()
    sent = opened.sent()
    assert not [text for text in SECRETS if text in sent]
    assert "arena/audio/" in sent

    page.keyboard.press("b")
    opened.status("You preferred B.")
    shown = page.locator("#battle .reveal").inner_text()
    cast = votes(server)[before:]
    assert [vote.winner for vote in cast] == ["b"]
    assert min(cast[0].heard) >= LISTENING_SECONDS
    assert cast[0].suspicion == ""
    assert shown.index(cast[0].battle.a.title) < shown.index(cast[0].battle.b.title)
    assert page.locator("#battle .won b").inner_text() == cast[0].battle.b.title
    for foreseen in cast[0].battle.predictions:
        assert f"{100 * max(foreseen.probability, 1 - foreseen.probability):.0f}%" in shown
    board.get_by_text(f"{before + 1} vote").first.wait_for(timeout=30_000)
    for song in (cast[0].battle.a, cast[0].battle.b):
        board.locator("td", has_text=song.title).first.wait_for()

    page.keyboard.press("Enter")  # on the button for the next battle, which has the focus
    opened.status("Play both songs")
    assert page.locator("#battle .reveal").inner_text() == ""
    assert not opened.open()
    assert opened.complaints == []


@pytest.mark.slow
def test_only_time_that_was_listened_counts(visit: Any) -> None:
    opened = visit()
    page = opened.page
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(1000)
    for position in ("20", "5", "25", "10", "28"):
        page.locator("#battle [data-side=A] .seek").fill(position)
        page.wait_for_timeout(100)
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    after_jumps = opened.heard("A")
    assert 0.5 <= after_jumps <= 2.0
    assert page.evaluate("document.querySelector('#battle [data-side=A] audio').currentTime") >= 28

    started = time.monotonic()
    page.evaluate("document.querySelector('#battle [data-side=B] audio').playbackRate = 4")
    page.get_by_role("button", name="Play song B").click()
    page.wait_for_timeout(1500)
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    assert page.evaluate("document.querySelector('#battle [data-side=B] audio').currentTime") > 3
    faster = opened.heard("B")
    assert 0.5 <= faster <= time.monotonic() - started

    page.evaluate("document.querySelector('#battle [data-side=B] audio').muted = true")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1000)
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    assert opened.heard("B") - faster < 0.3
    assert not opened.open()
    assert opened.complaints == []


@pytest.mark.slow
def test_one_song_plays_at_a_time(visit: Any) -> None:
    opened = visit()
    for name, side in (("Play song A", "A"), ("Play song B", "B"), ("Play song A", "A")):
        opened.page.get_by_role("button", name=name).click()
        opened.page.wait_for_timeout(300)
        assert opened.sounding() == [side]
    opened.page.get_by_role("button", name="Pause song A").click()
    assert opened.sounding() == []
    assert opened.heard("A") > opened.heard("B") > 0


@pytest.mark.slow
def test_a_refused_vote_has_its_reason_and_the_battle_stays(visit: Any, server: Server) -> None:
    before = len(votes(server))
    opened = visit()

    def change(field: str, value: Any) -> None:
        """Forge what the page sends next."""

        def forged(route: Any) -> None:
            body = route.request.post_data_json
            route.continue_(post_data=json.dumps({**body, "data": {**body["data"], field: value}}))

        opened.page.route("**/component_server/", forged, times=1)

    opened.listen()
    for field, value, reason in (
        ("heard", [9.0, 0.5], "Song B has played 0.5 s"),
        ("heard", "long", "Reload the page"),
        ("winner", ["a"], "A vote is one of"),
    ):
        change(field, value)
        opened.page.keyboard.press("t")
        opened.page.locator("#battle .status.error", has_text=reason).wait_for()
        assert opened.open()
    change("battle", "x" * 32)
    opened.page.keyboard.press("t")
    opened.page.locator("#battle .status.error", has_text="no such battle").wait_for()
    assert len(votes(server)) == before
    assert opened.page.evaluate("document.activeElement.innerText").startswith("Next")
    opened.page.keyboard.press("n")
    opened.status("Play both songs")


@pytest.mark.slow
def test_keys_write_where_one_writes(visit: Any) -> None:
    opened = visit()
    page = opened.page
    page.evaluate("document.body.insertAdjacentHTML('afterbegin', '<input id=note>')")
    page.locator("#note").focus()
    page.keyboard.type(" tan")
    assert page.locator("#note").input_value() == " tan"
    assert opened.sounding() == []
    opened.status("Play both songs")


@pytest.mark.slow
def test_nobody_votes_under_two_addresses(visit: Any, server: Server) -> None:
    before = len(votes(server))
    for claim in ("6.6.6.6", "7.7.7.7"):
        opened = visit(extra_http_headers={"X-Forwarded-For": claim})
        opened.listen()
        opened.page.keyboard.press("x")
        opened.status("You found both bad.")
    assert len({vote.voter for vote in votes(server)[before:]}) == 1


@pytest.mark.slow
def test_two_songs_of_ones_own_are_heard_blind_too(visit: Any, server: Server, tmp_path: Path) -> None:
    opened = visit()
    page = opened.page
    page.get_by_role("button", name="Your own two songs").click()
    page.get_by_role("button", name="Make it a battle").click()
    page.get_by_text("Choose a song.").first.wait_for()
    before = len(opened.answers)
    for seed, place in enumerate(("first", "second")):
        field = page.locator(f"#own-{place} input[type=file]")
        field.set_input_files(noise(tmp_path / f"{place} take.wav", seed))
        field.wait_for(state="detached")
    was = page.locator("#battle audio").first.get_attribute("src")
    page.get_by_role("button", name="Make it a battle").click()
    page.wait_for_function(f"document.querySelector('#battle audio').src !== {was!r}", timeout=60_000)
    uploads = [answer for answer in opened.answers[before:] if "/arena/audio/" in answer.url]
    assert not any("take" in str(answer.all_headers()) for answer in uploads)
    page.locator("body").click(position={"x": 2, "y": 2})
    opened.listen()
    page.keyboard.press("a")
    opened.status("You preferred A.")
    assert sorted(page.locator("#battle .name b").all_inner_texts()) == [
        f"Your {place} song, {place} take" for place in ("first", "second")
    ]
    cast = votes(server)[-1]
    assert (cast.battle.source, cast.battle.a.title, cast.battle.b.title) == ("own", "", "")
    deadline = time.monotonic() + 30
    while any(path.is_file() for path in server.uploads.rglob("*")) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not [path for path in server.uploads.rglob("*") if path.is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows_and_fingers_hit_the_buttons(visit: Any, width: int) -> None:
    opened = visit(viewport={"width": width, "height": 844})
    opened.listen()
    opened.page.get_by_role("button", name="Tie").click()
    opened.status("You called it a tie.")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [button.bounding_box() for button in opened.page.locator("#battle button").all() if button.is_visible()]
    assert min(min(box["width"], box["height"]) for box in boxes) >= 44


@pytest.mark.slow
def test_it_works_in_a_frame_of_another_site(browser: Any, server: Server, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(f"<iframe src={server.url}/arena width=900 height=700></iframe>")
    page = browser.new_page()
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


@pytest.mark.slow
def test_a_pool_of_one_song_says_that_it_makes_no_pair(browser: Any, tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    noise(songs / "one.wav", 1)
    for server in start(tmp_path, APEX_DATA=str(tmp_path / "data"), APEX_POOL=str(songs)):
        page = browser.new_page()
        page.goto(f"{server.url}/arena")
        page.locator("#battle .status", has_text="A battle needs two songs").wait_for()
        assert page.get_by_role("button", name="Play song A").is_disabled()
        page.close()
