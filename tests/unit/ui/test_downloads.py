"""The leaderboard and the votes as files for everybody."""

import csv
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apex_space import __version__
from apex_space.arena import leaderboard as module
from apex_space.arena.leaderboard import LeaderboardService
from apex_space.core.errors import StoreError
from apex_space.storage.identity import DAY
from apex_space.storage.records import Vote
from apex_space.storage.vote_store import VoteStore
from apex_space.ui.routes.downloads import _Files, download_routes
from helpers.votes import predicted, song, stored, vote

FILES = ("leaderboard.csv", "leaderboard.json", "votes.csv", "votes.jsonl")
FIRST = 20_000
"""The day of the first votes, in days since 1970."""


class Clock:
    """Tells the time that a test sets."""

    now = (FIRST + 1) * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leaderboard(store: VoteStore) -> LeaderboardService:
    """Four votes of the first day, of which two are for everybody, and one of the next day."""
    made = [
        vote(0, 1, "a", predicted(0.7), voter="a hash", heard=(6.5, 7.5)),
        vote(2, 0, "b", predicted(0.4), voter="a hash"),
        vote(5, 6, "a", source="uploaded"),
        vote(0, 2, "a", suspicion="too fast"),
        vote(1, 2, "tie"),
    ]
    hours = (23, 1, 2, 3, 25)
    given = zip(stored(made), hours, strict=True)
    store.add_all([(replace(each, at=FIRST * DAY + hour * 3600.0), []) for each, hour in given])
    return LeaderboardService(store)


@pytest.fixture
def client(leaderboard: LeaderboardService, clock: Clock) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=download_routes(leaderboard, clock))) as opened:
        yield opened


def lines(client: TestClient) -> list[dict[str, object]]:
    return [json.loads(line) for line in client.get("/votes.jsonl").text.splitlines()]


def test_every_file_is_an_attachment_without_voters(client: TestClient, leaderboard: LeaderboardService) -> None:
    leaderboard.refit()
    for name in FILES:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        for private in ("a hash", "too fast", "heard", "battle0", "6.5"):
            assert private not in answer.text


def test_the_file_of_the_leaderboard_is_its_standing(client: TestClient, leaderboard: LeaderboardService) -> None:
    assert json.loads(client.get("/leaderboard.json").text)["songs"] == []
    standing = leaderboard.refit()
    plain = json.loads(client.get("/leaderboard.json").text)
    assert (plain["version"], plain["at"]) == (__version__, int(standing.at))
    assert datetime.fromisoformat(plain["made"]).timestamp() == plain["at"]
    assert [song["key"] for song in plain["songs"]] == [song.key for song in standing.songs]
    assert plain["songs"][0]["rating"] == pytest.approx(standing.songs[0].rating, rel=1e-4)
    rated = [row for row in csv.DictReader(io.StringIO(client.get("/leaderboard.csv").text)) if row["part"] == "song"]
    assert [row["name"] for row in rated] == [song.key for song in standing.songs]


def test_the_files_of_a_board_name_it_and_have_its_figures(
    client: TestClient, leaderboard: LeaderboardService, store: VoteStore
) -> None:
    rock, jazz = (
        [replace(song(number), kinds={"genre": f"={genre}"}) for number in numbers]
        for genre, numbers in (("rock", (10, 11)), ("jazz", (12, 13)))
    )
    store.add_all([(each, []) for each in stored([vote(*rock), vote(*rock), vote(rock[0], jazz[0]), vote(*jazz)], 10)])
    assert client.get("/leaderboard.csv?board=genre: =rock").status_code == 404, "nothing was fitted yet"
    leaderboard.refit()
    table = [*csv.DictReader(io.StringIO(client.get("/leaderboard.csv?board=genre: =rock").text))]
    assert [(row["name"], row["votes"], row["board"]) for row in table if row["part"] == "song"] == [
        (each.id, "2", "genre: =rock") for each in rock
    ]
    for name in ("genre: =jazz", "genre: =rock"):
        assert client.get("/leaderboard.json", params={"board": name}).json()["board"] == name
    everything = client.get("/leaderboard.json").json()
    assert everything["board"] == "all songs"
    assert [(each["board"], each["votes"]) for each in everything["boards"]] == [
        ("genre: =rock", 2),
        ("genre: =jazz", 1),
    ]
    assert {row["board"] for row in csv.DictReader(io.StringIO(client.get("/leaderboard.csv").text))} == {"all songs"}
    for name in ("leaderboard.csv", "leaderboard.json"):
        refused = client.get(f"/{name}", params={"board": "\r\n<script>"})
        assert (refused.status_code, refused.headers["content-type"].split(";")[0]) == (404, "text/plain")
        assert "There is no board" in refused.text


def test_votes_are_given_when_their_day_is_over(client: TestClient, clock: Clock) -> None:
    """So nobody learns from a file whether the vote that they just gave counts, or when others voted."""
    clock.now -= 1
    assert lines(client) == []
    clock.now += 1
    found = lines(client)
    assert [(row["day"], row["winner"]) for row in found] == [("2024-10-04", "a"), ("2024-10-04", "b")]
    assert found[0]["predictions"][0]["probability"] == 0.7
    table = [*csv.DictReader(io.StringIO(client.get("/votes.csv").text))]
    assert [*table[0]] == [*found[0]]
    assert json.loads(table[0]["predictions"]) == found[0]["predictions"]
    clock.now += DAY
    assert [row["winner"] for row in lines(client)] == ["a", "b", "tie"]


def test_only_the_newest_votes_are_given(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VOTES", 1)
    assert [row["winner"] for row in lines(client)] == ["a"]


def test_a_file_is_written_once_a_day_however_many_ask(
    client: TestClient, clock: Clock, leaderboard: LeaderboardService, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, writing, go_on = leaderboard.votes, threading.Event(), threading.Event()
    asked: list[float] = []

    def slowly(before: float) -> list[Vote]:
        asked.append(before)
        writing.set()
        assert go_on.wait(30)
        return read(before)

    monkeypatch.setattr(leaderboard, "votes", slowly)
    first = threading.Thread(target=lines, args=(client,))
    first.start()
    assert writing.wait(30)
    answer = client.get("/votes.jsonl")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    go_on.set()
    first.join(30)
    assert len(lines(client)) == len(lines(client)) == 2
    assert asked == [clock.now]


def test_a_file_that_another_request_replaces_meanwhile_is_still_the_one_asked_for() -> None:
    class Replaced(dict[str, tuple[object, bytes]]):
        def get(self, name: str, default: Any = None) -> Any:
            found = super().get(name, default)
            self[name] = "jazz", b"jazz"
            return found

    files = _Files()
    files._made = Replaced(board=("rock", b"rock"))
    assert files.get("board", "rock", lambda: "made again") == b"rock"


def test_a_store_that_cannot_be_used_is_said_and_asked_again(
    client: TestClient, leaderboard: LeaderboardService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(before: float) -> None:
        raise StoreError("The votes cannot be read now.")

    with monkeypatch.context() as broken:
        broken.setattr(leaderboard, "votes", fail)
        answer = client.get("/votes.csv")
        assert (answer.status_code, answer.text) == (503, "The votes cannot be read now.")
        assert client.get("/leaderboard.json").status_code == 200
    assert client.get("/votes.csv").status_code == 200
