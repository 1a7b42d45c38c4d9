"""The leaderboard and the votes as files for everybody."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apex_space import __version__
from apex_space.arena import leaderboard as module
from apex_space.arena.leaderboard import LeaderboardService
from apex_space.core.errors import StoreError
from apex_space.storage.vote_store import VoteStore
from apex_space.ui.routes import downloads
from apex_space.ui.routes.downloads import download_routes
from helpers.votes import cast, predicted, vote

FILES = ("leaderboard.csv", "leaderboard.json", "votes.csv", "votes.jsonl")


@pytest.fixture
def leaderboard(store: VoteStore) -> LeaderboardService:
    made = [vote(0, 1, "a", predicted(0.7), voter="a hash"), vote(1, 2, "b", predicted(0.4), voter="a hash")]
    cast(store, [*made, vote(5, 6, "a", source="uploaded"), vote(0, 2, "a", suspicion="too fast")])
    return LeaderboardService(store)


@pytest.fixture
def client(leaderboard: LeaderboardService) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=download_routes(leaderboard))) as opened:
        yield opened


def test_every_file_is_an_attachment_without_voters(client: TestClient, leaderboard: LeaderboardService) -> None:
    leaderboard.refit()
    for name in FILES:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert "a hash" not in answer.text
        assert "too fast" not in answer.text


def test_the_files_hold_the_standing_and_the_votes_that_count(
    client: TestClient, leaderboard: LeaderboardService
) -> None:
    assert json.loads(client.get("/leaderboard.json").text)["songs"] == []
    standing = leaderboard.refit()
    plain = json.loads(client.get("/leaderboard.json").text)
    assert (plain["version"], plain["at"]) == (__version__, int(standing.at))
    assert datetime.fromisoformat(plain["made"]).timestamp() == plain["at"]
    assert [song["key"] for song in plain["songs"]] == [song.key for song in standing.songs]
    assert plain["songs"][0]["rating"] == pytest.approx(standing.songs[0].rating, rel=1e-4)
    rated = [row for row in csv.DictReader(io.StringIO(client.get("/leaderboard.csv").text)) if row["part"] == "song"]
    assert [row["name"] for row in rated] == [song.key for song in standing.songs]
    votes = [*csv.DictReader(io.StringIO(client.get("/votes.csv").text))]
    lines = [json.loads(line) for line in client.get("/votes.jsonl").text.splitlines()]
    assert [row["battle"] for row in votes] == [row["battle"] for row in lines] == ["battle0", "battle1"]
    assert json.loads(votes[0]["predictions"])[0]["probability"] == 0.7


def test_only_the_newest_votes_are_given(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VOTES", 1)
    assert [json.loads(line)["battle"] for line in client.get("/votes.jsonl").text.splitlines()] == ["battle1"]


def test_further_requests_are_told_to_try_again(
    leaderboard: LeaderboardService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "AT_ONCE", 0)
    with TestClient(Starlette(routes=download_routes(leaderboard))) as client:
        answer = client.get("/votes.csv")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_a_store_that_cannot_be_used_is_said_and_frees_the_place(
    client: TestClient, leaderboard: LeaderboardService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StoreError("The votes cannot be read now.")

    monkeypatch.setattr(leaderboard, "votes", fail)
    for _ in range(downloads.AT_ONCE + 1):
        answer = client.get("/votes.csv")
        assert (answer.status_code, answer.text) == (503, "The votes cannot be read now.")
    assert client.get("/leaderboard.json").status_code == 200
