"""The page of a battle for friends over HTTP: blind before the vote, one vote, and closed to strangers' sites."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from html import escape
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apex_space.arena.friends import FriendBattles, FriendReveal, open_friend_battles
from apex_space.core.errors import StoreError
from apex_space.core.i18n import use_language
from apex_space.core.settings import Settings
from apex_space.storage.friend_battles import PART_BYTES, UNDECIDED, FriendBattle, FriendClip, FriendVotes
from apex_space.storage.shared_results import DeletionKey, new_receipt
from apex_space.storage.vote_store import FILE, VoteStore
from apex_space.ui.pages.friends_panel import Compared, FriendsPanel
from apex_space.ui.render import friends as render
from apex_space.ui.routes import friend_battle
from apex_space.ui.routes.friend_battle import FriendBattleRoutes
from apex_space.ui.routes.shared_result import MAX_BYTES
from helpers.results import HERE
from unit.ui.test_result_page import HOSTILE, Page

SOUNDS = b"a" * (PART_BYTES + 1000), bytes(range(250)) * (PART_BYTES // 250) + b"b" * 1000
VOTER = "0123456789abcdef" * 2


@pytest.fixture
def friends(tmp_path: Path) -> Iterator[FriendBattles]:
    with closing(VoteStore(f"sqlite:///{tmp_path / FILE}")) as store:
        yield open_friend_battles(Settings(), store)


@pytest.fixture
def made(friends: FriendBattles, tmp_path: Path) -> DeletionKey:
    clips = [tmp_path / "my-secret-name-1.mp3", tmp_path / "my-secret-name-2.mp3"]
    for clip, sound in zip(clips, SOUNDS, strict=True):
        clip.write_bytes(sound)
    receipt = new_receipt()
    friends.store.add(clips, (HOSTILE, "Quiet River"), 30.0, friends._hash(HERE), receipt)
    return receipt


@pytest.fixture
def client(friends: FriendBattles) -> TestClient:
    return TestClient(Starlette(routes=FriendBattleRoutes(friends).routes))


def cast(client: TestClient, id: str, **sent: Any) -> Any:
    given = {"voter": VOTER, "key": "", "choice": UNDECIDED, "heard": [5, 5]}
    return client.post(f"/b/{id}/vote", json=given | sent)


def test_before_the_vote_nothing_tells_which_song_is_which(
    friends: FriendBattles, made: DeletionKey, client: TestClient
) -> None:
    answer = client.get(f"/b/{made.id}", headers={"host": "space.example"})
    page = Page(answer.text)
    assert answer.status_code == 200
    for secret in ("alert(", "Quiet", "River", "secret", made.key):
        assert secret not in answer.text
    (battle,) = (attributes for attributes in page.all("div") if attributes.get("id") == "battle")
    props = json.loads(str(battle["data-props"]))
    assert props["clips"] == sorted(clip.id for clip in friends.store.get(made.id).clips)
    assert page.meta["og:title"] == "Which of two songs is better?"
    assert page.meta["og:url"] == f"http://space.example/b/{made.id}"
    assert page.meta["og:image"] == "http://space.example/preview/b.png"
    assert page.meta["robots"] == "noindex"
    assert client.post(f"/b/{made.id}/votes", json={"voter": VOTER}).json() == {}
    assert len(answer.content) < 100_000


def test_nothing_but_its_own_style_script_and_songs_may_run_or_load(made: DeletionKey, client: TestClient) -> None:
    answer = client.get(f"/b/{made.id}")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    assert (style, script) == (friend_battle.STYLE, friend_battle.SCRIPT)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not [tag for tag, attributes in Page(answer.text).elements if {"style", "onclick"} & attributes.keys()]
    assert (answer.headers["x-robots-tag"], answer.headers["referrer-policy"]) == ("noindex", "same-origin")
    assert "set-cookie" not in answer.headers


def test_a_vote_is_answered_with_the_names_and_the_votes_and_counts_once(
    friends: FriendBattles, made: DeletionKey, client: TestClient
) -> None:
    first, second = (clip.id for clip in friends.store.get(made.id).clips)
    answer = cast(client, made.id, choice=second)
    found = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert found["said"] == "You chose Quiet River."
    assert found["titles"] == {first: HOSTILE[:100], second: "Quiet River"}
    assert "1 of 1 chose Quiet River." in found["shown"]
    assert escape(HOSTILE[:20]) in found["shown"]
    assert Page(found["shown"]).all("img") == Page(found["shown"]).all("script") == []
    again = cast(client, made.id, choice=first).json()
    assert "voted in this battle before" in again["said"]
    assert again["shown"] == found["shown"]
    later = client.post(f"/b/{made.id}/votes", json={"voter": VOTER}).json()
    assert later == found
    owner = client.post(f"/b/{made.id}/votes", json={"voter": "f" * 32, "key": made.key}).json()
    assert (owner["owner"], later["owner"], owner["shown"]) == (True, False, found["shown"])


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        ({"heard": [5, 4]}, 403, "Listen to 5 s of each song first. Song B has played 4.0 s."),
        ({"heard": None}, 403, "listening times"),
        ({"heard": {"a": 5, "b": 5}}, 403, "listening times"),
        ({"choice": "a"}, 403, "no song of this battle"),
        ({"choice": ["a"], "voter": 7}, 403, "not valid"),
        ({"voter": "<script>" * 4}, 403, "not valid"),
    ],
)
def test_a_vote_that_cannot_count_is_refused_with_its_reason(
    made: DeletionKey, client: TestClient, friends: FriendBattles, sent: dict[str, Any], status: int, reason: str
) -> None:
    answer = cast(client, made.id, **sent)
    assert (answer.status_code, answer.json()["gone"]) == (status, False)
    assert reason in answer.json()["refused"]
    assert friends.store.votes(friends.store.get(made.id)) == FriendVotes(0, 0, 0)


def test_other_sites_neither_vote_nor_play_the_songs(
    made: DeletionKey, client: TestClient, friends: FriendBattles
) -> None:
    clip = friends.store.get(made.id).clips[0].id
    path = f"/b/{made.id}"
    body = {"voter": VOTER, "choice": clip, "heard": [5, 5]}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}):
        answers = [client.post(f"{path}/{what}", json=body, headers=headers) for what in ("vote", "votes")]
        answers.append(client.get(f"{path}/{clip}.mp3", headers=headers))
        assert [answer.status_code for answer in answers] == [403] * 3
    form = client.post(f"{path}/vote", content="voter=x", headers={"content-type": "text/plain"})
    assert form.status_code == 403
    assert client.get(f"{path}/vote").status_code == 405
    assert friends.store.votes(friends.store.get(made.id)) == FriendVotes(0, 0, 0)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"[" * 900, b"\xff", b'{"voter": ' + b"1" * MAX_BYTES * 100])
def test_a_body_that_is_no_vote_is_refused(made: DeletionKey, client: TestClient, body: bytes) -> None:
    assert client.post(f"/b/{made.id}/vote", content=body).status_code == 403
    assert client.post(f"/b/{made.id}/votes", content=body).json() == {}


@pytest.mark.parametrize("id", ["x" * 22, "short", "..%2f..%2fapp.py", "<b>", "x" * 5000])
def test_what_is_not_there_is_a_page_that_says_so(client: TestClient, id: str) -> None:
    page, clip, vote = client.get(f"/b/{id}"), client.get(f"/b/{id}/{'y' * 22}.mp3"), cast(client, id)
    assert (page.status_code, clip.status_code, vote.status_code) == (404, 404, 404)
    if "%2f" not in id:  # which is no path of ours at all
        assert "There is no battle here" in page.text
        assert vote.json()["gone"]


def test_a_clip_is_served_whole_and_in_parts(made: DeletionKey, client: TestClient, friends: FriendBattles) -> None:
    for clip, sound in zip(friends.store.get(made.id).clips, SOUNDS, strict=True):
        path, n = f"/b/{made.id}/{clip.id}.mp3", len(sound)
        whole = client.get(path)
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, sound, "audio/mpeg")
        assert not {"etag", "last-modified", "content-disposition"} & whole.headers.keys()
        for asked, start, end in (
            ("bytes=0-", 0, n),
            ("bytes=0-1", 0, 2),
            (f"bytes={PART_BYTES - 3}-{PART_BYTES + 4}", PART_BYTES - 3, PART_BYTES + 5),
            (f"bytes={PART_BYTES}-{10**14}", PART_BYTES, n),
        ):
            part = client.get(path, headers={"range": asked})
            assert (part.status_code, part.content) == (206, sound[start:end])
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{n}"
        for asked in (f"bytes={n}-", "bytes=5-2"):
            assert client.get(path, headers={"range": asked}).status_code == 416
        for asked in ("bytes=-5", "bytes=0-1,4-5", "bytes=" + "9" * 5000 + "-", "x"):
            assert client.get(path, headers={"range": asked}).status_code == 200
    assert client.get(f"/b/{made.id}/{made.id}.mp3").status_code == 404


def test_the_key_deletes_it_also_while_somebody_listens_or_votes(
    made: DeletionKey, client: TestClient, friends: FriendBattles
) -> None:
    battle = friends.store.get(made.id)
    sound = FriendBattleRoutes(friends)._sound(battle, battle.clips[0], 0, battle.clips[0].bytes)
    begun = next(sound)
    path = f"/b/{made.id}"
    for key in ("", "wrong", "x" * MAX_BYTES):
        answer = client.post(f"{path}/delete", data={"key": key})
        assert (answer.status_code, client.get(path).status_code) == (403, 200)
    answer = client.post(f"{path}/delete", data={"key": made.key})
    assert (answer.status_code, "<h1>Deleted</h1>" in answer.text) == (200, True)
    assert client.get(path).status_code == 404
    assert cast(client, made.id).json() == {
        "refused": "There is no battle here: the link is incomplete, or the battle was deleted. Battles for friends "
        "are deleted after 24 hours at the latest.",
        "gone": True,
    }
    rest = b"".join(sound)
    assert len(begun + rest) == battle.clips[0].bytes
    assert set(rest) == {0}


def test_a_database_that_does_not_answer_is_not_a_battle_that_is_gone(
    friends: FriendBattles, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(id: str) -> Any:
        raise StoreError("The votes' database does not answer.")

    monkeypatch.setattr(friends.store, "get", fail)
    answer = cast(client, "x")
    assert (client.get("/b/x").status_code, answer.status_code, answer.json()["gone"]) == (503, 503, False)


def reveal(first: int, second: int, undecided: int = 0, titles: tuple[str, str] = ("One", "Two")) -> FriendReveal:
    clips = FriendClip("1", titles[0], 1), FriendClip("2", titles[1], 1)
    return FriendReveal(FriendBattle("x", clips, 9.0, 1.7e9, ""), FriendVotes(first, second, undecided), None)


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        ((0, 0), "Nobody has chosen one of the songs yet."),
        ((0, 0, 2), "2 could not decide and are not counted here."),
        ((5, 2), "5 of 7 chose One."),
        ((5, 2), "it could be anything between 36% and 92% of all who might listen. So it is too early"),
        ((1, 9, 1), "9 of 10 chose Two."),
        ((1, 9, 1), "between 60% and 98% of all who might listen. So most seem to prefer Two."),
        ((2, 2), "2 chose One, and 2 chose Two."),
        ((30, 20), "Of all who might listen, it would be between 46% and 72%."),
    ],
)
def test_the_votes_are_said_in_sentences(votes: tuple[int, ...], said: str) -> None:
    assert said in render.votes(reveal(*votes))


def test_songs_of_one_name_or_none_are_told_apart_and_names_are_text() -> None:
    assert render.titles(reveal(0, 0, titles=("", "")).battle) == ("A song (1)", "A song (2)")
    assert render.titles(reveal(0, 0, titles=("Take", "Take")).battle) == ("Take (1)", "Take (2)")
    assert render.titles(reveal(0, 0, titles=("", "Take")).battle) == ("A song", "Take")
    assert "<script" not in render.votes(reveal(1, 2, titles=(HOSTILE, f"{HOSTILE}2")))
    with use_language("zh-CN"):
        assert "7 人中有 5 人选择了 One。" in render.votes(reveal(5, 2))


def test_the_panel_is_offered_for_compared_songs_with_their_names() -> None:
    class Offered(FriendsPanel):
        def __init__(self, most: int) -> None:
            self._friends = type("Friends", (), {"most": most})()

    songs = Compared("/uploads/x/Night Bus.wav", "/uploads/y/b\u202e.mp3")
    assert Offered(1)._suggest(songs) == ["Night Bus", "b"]
    assert Offered(0)._suggest(songs) is Offered(1)._suggest(Compared()) is None
