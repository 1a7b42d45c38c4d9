"""Battles for friends: clips that only the music tells apart, and votes by the arena's rules that never count there."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from apex_space.arena import friends as module
from apex_space.arena.friends import FriendBattles, open_friend_battles
from apex_space.core.errors import ArenaError, AudioError, LinkError, NotHeard, TooFast, UnknownLink, VoteRefused
from apex_space.core.settings import Settings
from apex_space.storage.friend_battles import UNDECIDED
from apex_space.storage.identity import AddressHasher
from apex_space.storage.shared_results import DeletionKey
from apex_space.storage.vote_store import VoteStore
from helpers import melodies
from helpers.database import sqlite

HERE, THERE = "192.0.2.7", "192.0.2.8"
VOTER, OTHER = "a" * 32, "b" * 32
ENOUGH = (5.0, 5.0)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def friends(store: VoteStore) -> FriendBattles:
    return open_friend_battles(Settings(salt="salt"), store)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A loud long song and a quiet short one, whose names tell. Not to be written to."""
    folder = tmp_path_factory.mktemp("songs")
    loud = melodies.write(folder / "my loud song.wav", 101, seconds=7)
    return loud, melodies.write(folder / "my quiet song.wav", 102, seconds=5.5)


@dataclass(frozen=True)
class Made:
    """A battle, the file of the database that has it, to be copied, and the folder of its temporary files."""

    key: DeletionKey
    database: Path
    temporary: Path


@pytest.fixture(scope="module")
def made_once(songs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Made:
    folder, temporary = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("temporary")
    with (
        pytest.MonkeyPatch.context() as patch,
        closing(VoteStore(sqlite(folder, empty_database))) as store,
    ):
        patch.setattr("tempfile.tempdir", str(temporary))
        key = open_friend_battles(Settings(salt="salt"), store).make(*songs, ("Loud", "Quiet"), HERE)
    return Made(key, folder / empty_database.name, temporary)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Iterator[VoteStore]:
    """A new database; where a test asks for `made`, a copy of the one that has that battle."""
    file = request.getfixturevalue("made_once").database if "made" in request.fixturenames else empty_database
    with closing(VoteStore(sqlite(tmp_path, file))) as opened:
        yield opened


@pytest.fixture
def made(made_once: Made) -> DeletionKey:
    return made_once.key


def decoded(friends: FriendBattles, id: str, place: int, folder: Path) -> tuple[float, bytes]:
    """Length in seconds and bytes of a clip as friends get it."""
    clip = friends.store.get(id).clips[place]
    sound = b"".join(friends.store.part(id, clip.id, part) for part in range(9))
    (folder / "clip.mp3").write_bytes(sound)
    with av.open(str(folder / "clip.mp3")) as container:
        assert container.metadata.keys() <= {"encoder"}
        frames = list(container.decode(audio=0))
    return sum(frame.samples for frame in frames) / frames[0].sample_rate, sound


@pytest.mark.slow
def test_clips_have_the_same_length_and_tell_nothing_but_their_sound(
    friends: FriendBattles, made: DeletionKey, made_once: Made, tmp_path: Path
) -> None:
    (one, first), (two, second) = (decoded(friends, made.id, place, tmp_path) for place in range(2))
    assert one == two == pytest.approx(5.5, abs=0.1)
    assert len(first) == len(second) == friends.store.get(made.id).clips[0].bytes
    assert not [word for word in (b"loud", b"quiet", b"Loud", b"ID3") if word in first + second]
    assert first != second
    assert friends.store.get(made.id).seconds == 5.5
    assert [*made_once.temporary.iterdir()] == []


@pytest.mark.slow
def test_foreign_files_stay_and_own_ones_go_when_a_battle_cannot_be_made(
    friends: FriendBattles, songs: tuple[Path, Path], temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = [temporary / "apex-arena-mine.mp3", temporary / "apex-arena-mine" / "song.mp3"]
    for file in foreign:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"mine")
    (tmp_path / "letter.mp3").write_text("Dear listener")
    with pytest.raises(AudioError, match=r"The second song: .*not a sound file"):
        friends.make(songs[0], tmp_path / "letter.mp3", ("", ""), HERE)
    with pytest.raises(ArenaError, match="the same song"):
        friends.make(songs[0], songs[0], ("", ""), HERE)
    monkeypatch.setattr(friends.store, "add", lambda *_: (_ for _ in ()).throw(LinkError("full")))
    with pytest.raises(LinkError):
        friends.make(*songs, ("", ""), HERE)
    assert sorted(path for path in temporary.rglob("*") if path.is_file()) == sorted(foreign)
    assert all(file.read_bytes() == b"mine" for file in foreign)
    assert all(song.is_file() for song in songs)


def test_a_full_server_decodes_nothing(
    store: VoteStore, songs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    friends = open_friend_battles(Settings(friend_battles=0), store)
    monkeypatch.setattr(module, "decode_two", lambda *_: pytest.fail("decoded"))
    with pytest.raises(LinkError, match="as fit on this server"):
        friends.make(*songs, ("", ""), HERE)


def test_a_vote_needs_both_songs_heard_and_the_owner_has_none(friends: FriendBattles, made: DeletionKey) -> None:
    choice = friends.store.get(made.id).clips[1].id
    for heard in ((5.0, 4.0), (0.0, 9.0)):
        with pytest.raises(NotHeard, match="Listen to 5 s of each song first"):
            friends.vote(made.id, VOTER, "", choice, heard, THERE)
    invalid: Any
    for invalid in (None, (5.0,), ("5", "5"), (float("nan"), 5.0), (1e9, 5.0), {"a": 1}):
        with pytest.raises(VoteRefused, match="listening times"):
            friends.vote(made.id, VOTER, "", choice, invalid, THERE)
    for voter in ("", "short", "x" * 65, "é" * 32, "a b" * 8):
        with pytest.raises(VoteRefused, match="not valid"):
            friends.vote(made.id, voter, "", choice, ENOUGH, THERE)
    with pytest.raises(VoteRefused, match="your own battle"):
        friends.vote(made.id, VOTER, made.key, choice, ENOUGH, HERE)
    with pytest.raises(UnknownLink):
        friends.vote("x" * 22, VOTER, "", choice, ENOUGH, THERE)
    assert friends.reveal(made.id, VOTER, "") is None
    friends.vote(made.id, VOTER, "", choice, ENOUGH, THERE)
    found = friends.reveal(made.id, VOTER, "")
    assert found is not None
    assert (found.choice, found.votes.first, found.votes.second) == (choice, 0, 1)


def test_votes_are_seen_by_voters_and_the_owner_alone(friends: FriendBattles, made: DeletionKey) -> None:
    friends.vote(made.id, VOTER, "", UNDECIDED, ENOUGH, THERE)
    for voter, key in ((OTHER, ""), (OTHER, "wrong"), ("", ""), (OTHER, "\ud800")):
        assert friends.reveal(made.id, voter, key) is None
    owner = friends.reveal(made.id, OTHER, made.key)
    assert owner is not None
    assert (owner.choice, owner.votes.undecided) == (None, 1)


def test_nobody_makes_or_votes_too_fast(
    friends: FriendBattles, songs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = LinkError("full")
    monkeypatch.setattr(friends.store, "check_room", lambda _: (_ for _ in ()).throw(full))
    for _ in range(4):
        with pytest.raises(LinkError):
            friends.make(*songs, ("", ""), HERE)
    with pytest.raises(TooFast, match="Try again in"):
        friends.make(*songs, ("", ""), HERE)
    for _ in range(30):
        with pytest.raises(VoteRefused):
            friends.vote("x" * 22, "", "", "", ENOUGH, HERE)
    with pytest.raises(TooFast):
        friends.vote("x" * 22, "", "", "", ENOUGH, HERE)


def test_the_sweep_goes_on_after_the_database_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    from apex_space.core.errors import StoreError

    swept: list[float] = []

    def sweep() -> None:
        if not swept:
            raise StoreError("The votes' database does not answer.")

    def sleep(seconds: float) -> None:
        swept.append(seconds)
        if len(swept) == 2:
            raise SystemExit

    monkeypatch.setattr(module.time, "sleep", sleep)
    friends = FriendBattles(SimpleNamespace(sweep=sweep), AddressHasher())  # type: ignore[arg-type]
    with pytest.raises(SystemExit):
        friends._run()
    assert len(swept) == 2


def test_no_address_is_kept_or_logged(
    friends: FriendBattles, made: DeletionKey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        friends.vote(made.id, VOTER, "", UNDECIDED, ENOUGH, THERE)
    written = b"".join(path.read_bytes() for path in tmp_path.glob("*.sqlite3*")) + caplog.text.encode()
    assert b"friend_battles" in written
    for address in (HERE, THERE):
        assert address.encode() not in written
