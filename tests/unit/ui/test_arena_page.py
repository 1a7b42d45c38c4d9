"""The arena's page over HTTP: blind until the vote; and what is shown after it."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.routes import App
from starlette.requests import Request

from apex_space.arena.battles import Arena
from apex_space.arena.pool import Pool
from apex_space.arena.predictions import PredictionWorker
from apex_space.core.settings import settings
from apex_space.judges.manager import JudgeManager
from apex_space.storage.identity import AddressHasher
from apex_space.storage.records import Battle, Prediction, Song, Source, Spoke, Vote, Winner
from apex_space.storage.vote_store import FILE, VoteStore
from apex_space.ui.proxies import address
from apex_space.ui.render.reveal import foreseen, kept, offered, reveal
from apex_space.ui.routes.battle_audio import audio_route
from helpers.melodies import write_noise as noise
from helpers.votes import measure_agreement, predicted
from helpers.wait import run_coroutine

SONG_A, SONG_B = Song("1", "Glass <b>Morning</b>", "Gen & Co", "House"), Song("2", "Paper Boats")


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Over a pool of two songs, whose judges have not begun to listen."""
    folder = tmp_path_factory.mktemp("songs")
    for name, seed in (("secret", 1), ("hidden", 2)):
        noise(folder / f"{name}.wav", seed)
    pool, store = Pool(str(folder)), VoteStore(f"sqlite:///{tmp_path_factory.mktemp('data') / FILE}")
    pool.start()
    while len(pool.songs()) < 2:
        time.sleep(0.05)
    yield Arena(store, pool, PredictionWorker(JudgeManager(), pool, store), AddressHasher("salt"))
    pool.close()
    store.close()


async def serve(arena: Arena, path: str) -> FastAPI:
    """A page with the route, alone or at `path` of another application; in a loop, for else Gradio leaves one."""
    with gr.Blocks() as blocks:
        gr.Markdown("Arena")
    options: dict[str, Any] = {"app_kwargs": {"routes": [audio_route(arena)]}}
    return gr.mount_gradio_app(FastAPI(), blocks, path, **options) if path else App.create_app(blocks, **options)


@pytest.fixture(scope="module", params=["", "/part"])
def get(arena: Arena, request: pytest.FixtureRequest) -> Any:
    """Ask a page, which is served alone or mounted."""
    client = TestClient(run_coroutine(serve(arena, request.param)))
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
    battles = [arena.next("1.1.1.1").id for _ in range(4)]
    answers = [get(f"/arena/audio/{battle}/{side}.mp3") for battle in battles for side in "ab"]
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


@pytest.mark.parametrize(
    ("a", "b", "source", "takes"),
    [
        (SONG_A, SONG_B, "pool", False),
        (SONG_A, replace(SONG_B, prompt="House"), "pool", True),
        (SONG_A, replace(SONG_B, title=SONG_A.title), "pool", True),
        (Song("1"), Song("2"), "pool", False),
        (Song("1"), Song("2"), "uploaded", True),
    ],
)
def test_songs_of_one_title_or_prompt_may_be_two_takes(a: Song, b: Song, source: Source, takes: bool) -> None:
    assert Battle("id", a, b, source, 0.0).takes == takes


def words(html: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def test_the_reveal_offers_a_song_that_may_be_downloaded() -> None:
    (link,) = re.findall("<a class=.*?</a>", reveal(vote("a"), None, {"a": "CC0 1.0"}))
    assert 'href="arena/audio/id/a.mp3"' in link
    assert 'download="Glass &lt;b&gt;Morning&lt;/b&gt;.mp3"' in link
    assert words(link) == "Download (CC0 1.0)"


def test_the_reveal_names_the_songs_and_escapes_them() -> None:
    shown = reveal(vote("a"), measure_agreement([])["pool"])
    assert "Glass &lt;b&gt;Morning" in shown
    assert "Gen &amp; Co" in shown
    assert shown.index("Glass") < shown.index("Paper Boats")
    assert "no prediction" in shown


@pytest.mark.parametrize(
    ("probability", "winner", "parts"),
    [
        (0.7, "a", ("You preferred A. Pocket predicted A. It was right.", "expected A: 70%", "60% to 80%")),
        (0.7, "b", ("You preferred B. Pocket predicted A. It was wrong.", "expected A: 70%", "60% to 80%")),
        (0.3, "b", ("Pocket predicted B. It was right.", "expected B: 70%", "60% to 80%")),
        (0.45, "b", ("Pocket was not sure. Its guess was B. It was right.", "expected B: 55%", "45% to 65%")),
        (0.45, "a", ("Its guess was B. It was wrong.", "too close to call")),
        (0.7, "tie", ("You called it a tie. Pocket predicted A. That counts neither for nor against it.",)),
        (0.7, "both_bad", ("You found both bad. Pocket predicted A. That counts neither",)),
    ],
)
def test_the_reveal_holds_each_prediction_against_the_vote(
    probability: float, winner: Winner, parts: tuple[str, ...]
) -> None:
    predicted = Prediction("pocket", "pocket", "1", probability, probability - 0.1, probability + 0.1)
    shown = words(reveal(vote(winner, predicted), measure_agreement([])["pool"]))
    for part in parts:
        assert part in shown


@pytest.mark.parametrize(("winner", "chosen"), [("a", "Glass"), ("b", "Paper Boats"), ("tie", "")])
def test_the_reveal_marks_the_song_that_was_chosen_in_words(winner: Winner, chosen: str) -> None:
    shown = reveal(vote(winner), measure_agreement([])["pool"])
    marked = [part for part in shown.split("<section")[1:] if "✓ Your choice" in part and "won" in part]
    assert len(marked) == bool(chosen)
    assert all(chosen in part for part in marked)


def test_the_reveal_tells_how_often_a_judge_was_right() -> None:
    predicted = Prediction("pocket", "pocket", "1", 0.7, 0.6, 0.8)
    cast = [vote(winner, predicted) for winner in ("a", "a", "b", "a", "tie")]
    shown = words(reveal(cast[-1], measure_agreement(cast)["pool"]))
    assert "So far it was right in 3 of 4 votes." in shown
    assert "agreed with people in 75% of 4 decided votes (95% interval 30% to 95%; preliminary" in shown


@pytest.mark.parametrize(
    ("winner", "told", "later"),
    [
        (
            "b",
            "You preferred B. You can say why, or take the vote back within 10 seconds.",
            "You preferred B. You can still say why.",
        ),
        ("tie", "You called it a tie. You can take the vote back within 10 seconds.", "You called it a tie."),
    ],
)
def test_a_voter_is_told_what_can_be_done_about_the_vote(winner: Winner, told: str, later: str) -> None:
    assert offered(winner, 10.0) == told
    assert kept(winner) == later


def test_a_screen_reader_hears_the_vote_once() -> None:
    """In the status. The reveal repeats it for those who see it and not the status."""
    shown = reveal(vote("a"), None)
    assert '<span aria-hidden="true">You preferred A.</span>' in shown
    assert "You preferred A." in words(shown)


@pytest.mark.parametrize(("winner", "right"), [("a", [("Pocket", 1.0)]), ("b", [("Pocket", 0.0)]), ("tie", [])])
def test_a_judge_that_foresaw_a_vote_is_told_to_its_voter(winner: Winner, right: list[tuple[str, float]]) -> None:
    assert foreseen(vote(winner, predicted(0.7))) == right


@pytest.mark.parametrize(
    ("spoke", "by"),
    [
        ("scores", "It went mostly by its own scores."),
        ("generators", "It went mostly by what voters think of these generators."),
    ],
)
def test_the_reveal_says_what_a_learned_prediction_went_by_and_how_many_votes_taught_it(spoke: Spoke, by: str) -> None:
    predicted = Prediction("pocket", "pocket", "1", 0.7, 0.6, 0.8, votes=1234, spoke=spoke)
    told, figures = map(words, reveal(vote("a", predicted), measure_agreement([])["pool"]).split("<details>"))
    assert f"Pocket predicted A. It was right. {by}" in told
    assert "It had learned from 1,234 votes." in figures
    by_head = words(reveal(vote("a", replace(predicted, votes=0, spoke="")), None))
    assert "went mostly" not in by_head
    assert "learned" not in by_head


def test_the_reveal_names_the_published_rule_of_a_judge_that_no_vote_has_taught() -> None:
    predicted = [Prediction(judge, judge, "1", 0.7, 0.3, 0.9, spoke="scores") for judge in ("hear-2", "apex")]
    told, figures = map(words, reveal(vote("a", *predicted), None).split("<details>"))
    assert told.count("It went mostly by its own scores.") == 2
    assert "With SongEval’s scores this was right in 74% of 1,340 battles elsewhere" in figures
    assert figures.count("published rule") == 1
    assert "coin" not in figures
    tunejury = replace(predicted[0], judge="tunejury")
    assert "worse than a coin’s there (log-loss 0.7315; a coin has 0.6931" in words(reveal(vote("a", tunejury), None))
    assert "0.7315" not in words(reveal(vote("a", replace(tunejury, votes=30)), None))
    by_head = replace(predicted[0], revision="1; head 0123456789ab")
    assert "published rule" not in words(reveal(vote("a", by_head), None))


def test_the_reveal_folds_the_figures_below_the_plain_words() -> None:
    predicted = [Prediction(judge, judge, "1", 0.7, 0.6, 0.8) for judge in ("pocket", "apex")]
    cast = vote("a", *predicted)
    told, figures = reveal(cast, measure_agreement([cast])["pool"]).split("<details>")
    assert words(told).count("It was right. So far it was right in 1 of 1 vote.") == 2
    assert "%" not in told
    assert figures.count("decided votes") == 2
