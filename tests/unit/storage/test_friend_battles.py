"""What battles for friends promise: bounds, a vote for each friend, and gone as a whole by the key or in time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from apex_space.core.errors import AlreadyVoted, LinkError, UnknownLink, VoteRefused, WrongKey
from apex_space.core.settings import Settings
from apex_space.storage import friend_battles
from apex_space.storage.friend_battles import MAX_VOTES_OF_VISITOR, PART_BYTES, UNDECIDED, FriendBattleStore
from apex_space.storage.identity import AddressHasher, Visitor
from apex_space.storage.rate_limits import WIDER
from apex_space.storage.shared_results import DeletionKey, new_receipt
from apex_space.storage.vote_store import VoteStore
from helpers.votes import votes_counted

TABLES = ("friend_battles", "friend_parts", "friend_votes")
SOUNDS = bytes(range(256)) * 1000, b"b" * (PART_BYTES * 2)
HOUR = 3600.0
hashed = AddressHasher("salt")
HERE, THERE = hashed("192.0.2.7"), hashed("192.0.2.8")


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def timer() -> Clock:
    return Clock()


@pytest.fixture
def friends(store: VoteStore, timer: Clock) -> FriendBattleStore:
    return FriendBattleStore(store, Settings(friend_battles=3, friend_visitor_battles=2), timer)


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a.mp3", "b.mp3")]
    for path, sound in zip(paths, SOUNDS, strict=True):
        path.write_bytes(sound)
    return paths


def add(friends: FriendBattleStore, clips: list[Path], visitor: Visitor = HERE) -> DeletionKey:
    receipt = new_receipt()
    friends.add(clips, (" Paper\tLanterns\x1b[0m ", "Ｂ\u202e side"), 12.0, visitor, receipt)
    return receipt


def rows(store: VoteStore) -> list[int]:
    with store.transaction() as connection:
        return [connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in TABLES]


def test_a_battle_comes_out_as_it_went_in_and_only_the_key_deletes_all_of_it(
    friends: FriendBattleStore, clips: list[Path], store: VoteStore
) -> None:
    receipt, other = add(friends, clips), add(friends, clips)
    battle = friends.get(receipt.id)
    assert [clip.title for clip in battle.clips] == ["Paper Lanterns[0m", "Ｂ side"]
    assert (battle.seconds, [clip.bytes for clip in battle.clips]) == (12.0, [len(sound) for sound in SOUNDS])
    for clip, sound in zip(battle.clips, SOUNDS, strict=True):
        parts = [friends.part(receipt.id, clip.id, part) for part in range(4)]
        assert b"".join(parts) == sound
        assert max(map(len, parts)) == PART_BYTES
    friends.vote(receipt.id, "x" * 32, battle.clips[0].id, THERE)
    with store.transaction() as connection:
        kept = "".join(str(connection.execute(text(f"SELECT * FROM {table}")).all()) for table in TABLES)
    assert not any(secret in kept for secret in (receipt.key, "192.0.2", "x" * 32))
    for wrong in ("", other.key, receipt.id, "\ud800"):
        with pytest.raises(WrongKey):
            friends.delete(receipt.id, wrong)
    friends.delete(receipt.id, receipt.key)
    assert rows(store) == [1, 4, 0]
    assert friends.part(receipt.id, battle.clips[0].id, 0) == b""
    for gone in (lambda: friends.get(receipt.id), lambda: friends.vote(receipt.id, "x" * 32, UNDECIDED, THERE)):
        with pytest.raises(UnknownLink, match="after 24 hours"):
            gone()
    assert friends.get(other.id)


@pytest.mark.parametrize("id", ["", "x" * 22, "x" * 21 + "\0", "../../../etc/passwd", "%" * 22, "x" * 10_000])
def test_any_other_text_is_no_battle(friends: FriendBattleStore, id: str) -> None:
    with pytest.raises(UnknownLink, match="no battle here"):
        friends.get(id)


def test_after_its_time_a_battle_is_gone_at_once_and_its_bytes_with_the_next_sweep(
    friends: FriendBattleStore, clips: list[Path], timer: Clock, store: VoteStore
) -> None:
    old = add(friends, clips)
    timer.now += 23 * HOUR
    young = add(friends, clips, THERE)
    friends.sweep()
    assert rows(store) == [2, 8, 0]
    timer.now += HOUR
    with pytest.raises(UnknownLink):
        friends.get(old.id)
    FriendBattleStore(store, friends.config, timer).sweep()  # as a server does that starts again
    assert rows(store) == [1, 4, 0]
    assert friends.get(young.id)


def test_others_can_write_between_two_battles_that_are_swept(
    friends: FriendBattleStore, clips: list[Path], timer: Clock, store: VoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        add(friends, clips)
    timer.now += 24 * HOUR
    left, transaction = [], store.transaction

    @contextmanager
    def watched(writing: bool = False) -> Iterator[Connection]:
        with transaction(writing) as connection:
            yield connection
        left.append(rows(store)[0]) if writing else None

    monkeypatch.setattr(friends, "_database", SimpleNamespace(transaction=watched))
    friends.sweep()
    assert left == [1, 0]


def test_a_full_server_and_a_full_visitor_are_refused_before_and_after_encoding(
    friends: FriendBattleStore, clips: list[Path], timer: Clock, store: VoteStore
) -> None:
    for _ in range(2):
        add(friends, clips)
    for refused in (lambda: friends.check_room(HERE), lambda: add(friends, clips)):
        with pytest.raises(LinkError, match="one visitor may have: 2 battles"):
            refused()
    friends.check_room(THERE)
    add(friends, clips, THERE)
    third = hashed("192.0.2.9")
    for refused in (lambda: friends.check_room(third), lambda: add(friends, clips, third)):
        with pytest.raises(LinkError, match="as fit on this server"):
            refused()
    assert rows(store)[0] == 3
    timer.now += 24 * HOUR  # what is over takes no room, even before it is swept
    add(friends, clips)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"friend_megabytes": 1.0}, "as fit on this server"),
        ({"friend_visitor_megabytes": 1.0}, "battles or 1 MB"),
        ({"friend_visitor_megabytes": 0.5}, "too long"),
        ({"friend_battles": 0}, "as fit on this server"),
    ],
)
def test_bytes_are_bounded(store: VoteStore, clips: list[Path], limits: dict[str, Any], reason: str) -> None:
    friends = FriendBattleStore(store, Settings(**limits))  # a battle has 0.756 MB
    with pytest.raises(LinkError, match=reason):
        [add(friends, clips) for _ in range(2)]


def test_each_browser_has_one_vote_and_an_address_has_a_few(friends: FriendBattleStore, clips: list[Path]) -> None:
    battle = friends.get(add(friends, clips).id)
    choices = [battle.clips[0].id, battle.clips[1].id, UNDECIDED, battle.clips[0].id]
    for number, choice in enumerate(choices):
        friends.vote(battle.id, f"voter {number}", choice, HERE)
    for choice in choices:
        with pytest.raises(AlreadyVoted):
            friends.vote(battle.id, "voter 1", choice, THERE)
    with pytest.raises(VoteRefused, match="no song of this battle"):
        friends.vote(battle.id, "voter 9", "a", HERE)
    assert (friends.choice(battle, "voter 1"), friends.choice(battle, "voter 9")) == (battle.clips[1].id, None)
    votes = friends.votes(battle)
    assert (votes.first, votes.second, votes.undecided) == (2, 1, 1)
    for number in range(len(choices), MAX_VOTES_OF_VISITOR):
        friends.vote(battle.id, f"voter {number}", UNDECIDED, HERE)
    with pytest.raises(VoteRefused, match="from your network"):
        friends.vote(battle.id, "one more", UNDECIDED, HERE)
    friends.vote(battle.id, "one more", UNDECIDED, THERE)
    assert friends.votes(battle).undecided == MAX_VOTES_OF_VISITOR - 3 + 1


def test_votes_at_once_from_one_address_stay_within_its_bound(friends: FriendBattleStore, clips: list[Path]) -> None:
    battle = friends.get(add(friends, clips).id)

    def vote(number: int) -> bool:
        try:
            friends.vote(battle.id, f"voter {number}", UNDECIDED, HERE)
        except VoteRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        taken = [*threads.map(vote, range(2 * MAX_VOTES_OF_VISITOR))]
    assert sum(taken) == friends.votes(battle).undecided == MAX_VOTES_OF_VISITOR


def test_a_network_has_the_votes_of_a_few_addresses(
    friends: FriendBattleStore, clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(friend_battles, "MAX_VOTES_OF_VISITOR", 1)
    battle = friends.get(add(friends, clips).id)
    for number in range(WIDER):
        friends.vote(battle.id, f"voter {number}", UNDECIDED, hashed(f"2001:db8:0:{number}::1"))
    with pytest.raises(VoteRefused, match="from your network"):
        friends.vote(battle.id, "one more", UNDECIDED, hashed("2001:db8:0:ffff::1"))
    friends.vote(battle.id, "one more", UNDECIDED, hashed("2001:db8:1::1"))
    friends.vote(battle.id, "by IPv4", UNDECIDED, HERE)
    friends.vote(battle.id, "by IPv4, too", UNDECIDED, THERE)
    assert friends.votes(battle).undecided == WIDER + 3


def test_nothing_of_the_arena_is_touched(friends: FriendBattleStore, clips: list[Path], store: VoteStore) -> None:
    receipt = add(friends, clips)
    friends.vote(receipt.id, "voter", UNDECIDED, HERE)
    friends.delete(receipt.id, receipt.key)
    assert (votes_counted(store), store.votes(), store.votes_per_song()) == (0, [], {})
