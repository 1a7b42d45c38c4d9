"""The arena's rules: what a battle gives away, whom it lets vote and when, and what every refusal leaves behind."""

import logging
import math
import os
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from apex_space.arena import battles as module
from apex_space.arena import fraud
from apex_space.arena.battles import (
    LIFETIME,
    MAX_OWN,
    MAX_UPLOADED,
    UNDO_SECONDS,
    UNDO_SLACK,
    WHY_SECONDS,
    Arena,
    open_arena,
)
from apex_space.arena.pool import PREFIX, Pool
from apex_space.arena.predictions import PredictionWorker
from apex_space.audio.waveform import load_song
from apex_space.core.errors import (
    AlreadyVoted,
    ArenaError,
    BattleExpired,
    BattleStale,
    NotAudio,
    NotEnoughSongs,
    NotHeard,
    PoolError,
    StoreError,
    TooFast,
    UnknownBattle,
    VoteRefused,
)
from apex_space.core.files import mark_own
from apex_space.core.settings import Settings
from apex_space.judges.loading import load_judge
from apex_space.judges.manager import JudgeManager
from apex_space.storage.identity import AddressHasher
from apex_space.storage.rate_limits import LIMITS
from apex_space.storage.records import AGAIN, WITHDRAWN, Battle, Vote
from apex_space.storage.vote_store import VoteStore
from helpers import melodies
from helpers.votes import votes_counted
from helpers.wait import until

ADDRESS = "203.0.113.77"
ENOUGH = (5.0, 5.0)
PAIRS = 3
"""Number of pairs in a pool of three songs."""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    folder = tmp_path_factory.mktemp("pool")
    for seed in range(3):
        melodies.write(folder / "maker" / f"telltale {seed}.wav", seed, seconds=6)
    with_songs = Pool(str(folder))
    with_songs.start()
    until(lambda: with_songs.progress().complete)
    yield with_songs
    with_songs.close()


@pytest.fixture(scope="module")
def predictor(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictionWorker]:
    with closing(VoteStore(f"sqlite:///{tmp_path_factory.mktemp('store') / 'other.sqlite3'}")) as store:
        listening = PredictionWorker(JudgeManager(), pool, store)
        listening.start()
        until(lambda: len(listening.scored(song.id for song in pool.songs())) == 3)
        yield listening
        listening.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replica(store: VoteStore, pool: Pool, predictor: PredictionWorker, clock: Clock) -> Callable[..., Arena]:
    """Makes arenas that share all that replicas share."""

    def make(**options: Any) -> Arena:
        parts = {"store": store, "pool": pool, "predictor": predictor, "clock": clock} | options
        return Arena(hasher=AddressHasher("salt"), **parts)

    return make


@pytest.fixture
def arena(replica: Callable[..., Arena]) -> Arena:
    return replica()


@pytest.fixture
def unchanged(store: VoteStore, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """From when it is called until the test ends, nothing is written."""
    before: list[list[str]] = []

    def dump() -> list[str]:
        with closing(sqlite3.connect(tmp_path / "votes.sqlite3")) as database:
            return list(database.iterdump())

    yield lambda: before.append(dump())
    assert before, "not called"
    assert dump() == before[0]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder of temporary files, for this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def listened(arena: Arena, clock: Clock, battle: Battle) -> str:
    """Both songs were fetched, and there was time to hear them. The battle's id."""
    arena.audio(battle.id, "a")
    arena.audio(battle.id, "b")
    clock.now += 10
    return battle.id


@pytest.mark.slow
def test_a_battle_is_kept_with_its_predictions_before_anyone_votes(arena: Arena, store: VoteStore, pool: Pool) -> None:
    battle = arena.next(ADDRESS)
    assert battle.source == "pool"
    assert {battle.a, battle.b} < set(pool.songs())
    assert battle.predictions
    assert all(0 <= p.low <= p.probability <= p.high <= 1 for p in battle.predictions)
    assert store.battle(battle.id) == battle
    assert set(store.scores("pocket")) == {battle.a.id, battle.b.id}


def test_ids_are_many_bits_of_chance(arena: Arena) -> None:
    ids = [arena.next(f"203.0.113.{n}").id for n in range(200)]
    assert len(set(ids)) == 200
    assert all(len(id) == 32 for id in ids)
    for place in range(32):  # 64 letters are each as likely, at every place
        assert max(Counter(id[place] for id in ids).values()) < 20


@pytest.mark.slow
def test_sides_are_balanced(arena: Arena) -> None:
    sides = Counter((battle.a.id, battle.b.id) for battle in (arena.next(f"2001:db8:{n:x}::1") for n in range(300)))
    assert len(sides) == 6
    for (a, b), count in sides.items():
        assert abs(count - sides[b, a]) < 5.5 * math.sqrt(count + sides[b, a])


@pytest.mark.slow
def test_few_voted_songs_come_first(replica: Callable[..., Arena], clock: Clock, store: VoteStore, pool: Pool) -> None:
    arena = replica(rng=Random(0))
    heard: Counter[str] = Counter()
    for n in range(60):
        battle = arena.next(f"203.0.113.{n}")
        arena.vote(listened(arena, clock, battle), "tie", ENOUGH, f"203.0.113.{n}")
        heard.update((battle.a.id, battle.b.id))
    assert heard == store.votes_per_song()
    assert max(heard.values()) - min(heard.values()) <= 12  # by blind draws, 25 is not rare


def test_the_audio_of_both_sides_is_the_clean_copies(arena: Arena, pool: Pool) -> None:
    battle = arena.next(ADDRESS)
    a, b = arena.audio(battle.id, "a"), arena.audio(battle.id, "b")
    assert (a, b) == (pool.copy(battle.a.id).path, pool.copy(battle.b.id).path)
    assert b"telltale" not in a.read_bytes()
    assert "telltale" not in str(a)


def test_a_pool_that_is_not_ready_says_so(
    replica: Callable[..., Arena], tmp_path: Path, unchanged: Callable[[], None]
) -> None:
    melodies.write(tmp_path / "one" / "only.wav", 1)
    alone = Pool(str(tmp_path / "one"))
    arena = replica(pool=alone)
    unchanged()
    with pytest.raises(NotEnoughSongs, match="being prepared"):
        arena.next(ADDRESS)
    alone.start()
    until(lambda: alone.progress().complete)
    with pytest.raises(NotEnoughSongs, match="holds 1"):
        arena.next(ADDRESS)
    alone._trouble = "The dataset some/one cannot be read."
    with pytest.raises(NotEnoughSongs, match="some/one"):
        arena.next(ADDRESS)
    alone.close()


@pytest.mark.parametrize("winner", ["a", "b", "tie", "both_bad"])
def test_a_vote_is_kept_as_it_was_cast(winner: Any, arena: Arena, clock: Clock, store: VoteStore) -> None:
    battle = arena.next(ADDRESS)
    vote = arena.vote(listened(arena, clock, battle), winner, [5, 5.5], ADDRESS)
    assert vote == Vote(battle, winner, clock.now, (5.0, 5.5), AddressHasher("salt")(ADDRESS).hash)
    assert store.votes() == [vote]


@pytest.fixture
def voted(arena: Arena, clock: Clock) -> Callable[..., Vote]:
    """Casts a vote from ADDRESS."""
    return lambda winner="a": arena.vote(listened(arena, clock, arena.next(ADDRESS)), winner, ENOUGH, ADDRESS)


def test_a_voter_says_why_once(voted: Callable[..., Vote], arena: Arena, clock: Clock, store: VoteStore) -> None:
    cast = voted("b")
    clock.now += WHY_SECONDS
    arena.explain(cast.battle.id, ["voice", "mix", "voice"], ADDRESS)
    assert store.votes() == [replace(cast, tags=("mix", "voice"))]
    with pytest.raises(VoteRefused, match="kept already"):
        arena.explain(cast.battle.id, ["melody"], ADDRESS)
    assert store.votes() == [replace(cast, tags=("mix", "voice"))]


@pytest.mark.parametrize("tags", [[], None, "mix", ["charm"], ["mix", ["voice"]], [None], {"mix": 1}])
def test_what_is_no_reason_is_refused(
    tags: Any, voted: Callable[..., Vote], arena: Arena, unchanged: Callable[[], None]
) -> None:
    cast = voted()
    unchanged()
    with pytest.raises(VoteRefused, match="no reasons"):
        arena.explain(cast.battle.id, tags, ADDRESS)


def test_only_the_voter_says_why_and_only_in_time_and_of_a_song(
    voted: Callable[..., Vote], arena: Arena, clock: Clock, unchanged: Callable[[], None]
) -> None:
    cast, tied = voted(), voted("tie")
    open_battle = arena.next(ADDRESS)
    unchanged()
    for id, address in ((cast.battle.id, "1.2.3.4"), (open_battle.id, ADDRESS), ("x" * 32, ADDRESS), (None, ADDRESS)):
        with pytest.raises(VoteRefused, match="no such vote of yours"):
            arena.explain(id, ["mix"], address)  # type: ignore[arg-type]
    with pytest.raises(VoteRefused, match="no reasons"):
        arena.explain(tied.battle.id, ["mix"], ADDRESS)
    clock.now += WHY_SECONDS + 1
    with pytest.raises(VoteRefused, match="too late"):
        arena.explain(cast.battle.id, ["mix"], ADDRESS)


def test_another_replica_takes_the_vote_and_plays_the_songs(
    arena: Arena, replica: Callable[..., Arena], clock: Clock, store: VoteStore
) -> None:
    battle = arena.next(ADDRESS)
    other = replica()
    assert other.audio(battle.id, "a") == arena.audio(battle.id, "a")
    arena.audio(battle.id, "b")
    clock.now += 10
    assert other.vote(battle.id, "b", ENOUGH, "198.51.100.1").battle == battle
    third = replica()
    later = arena.next(ADDRESS)
    clock.now += 10
    with pytest.raises(NotHeard):
        third.vote(later.id, "a", ENOUGH, ADDRESS)
    other.audio(later.id, "a")
    arena.audio(later.id, "b")
    clock.now += 10
    assert third.vote(later.id, "a", ENOUGH, ADDRESS) in store.votes()


def test_a_voter_takes_a_vote_back_within_seconds(
    voted: Callable[..., Vote], arena: Arena, clock: Clock, store: VoteStore, pool: Pool
) -> None:
    cast = voted()
    clock.now += UNDO_SECONDS
    for _ in range(2):
        arena.withdraw(cast.battle.id, ADDRESS)
    (kept,) = store.votes()
    assert replace(kept, suspicion="", changed=0.0) == cast
    assert (kept.suspicion, store.changes()) == (WITHDRAWN, 1)
    assert store.votes_per_song() == {}
    with pytest.raises(AlreadyVoted):
        arena.vote(cast.battle.id, "b", ENOUGH, ADDRESS)


def test_a_vote_is_not_taken_back_by_others_or_too_late(
    voted: Callable[..., Vote], arena: Arena, clock: Clock, unchanged: Callable[[], None]
) -> None:
    cast = voted()
    unchanged()
    for id, address in ((cast.battle.id, "1.2.3.4"), ("x" * 32, ADDRESS), (None, ADDRESS)):
        with pytest.raises(VoteRefused, match="no such vote of yours"):
            arena.withdraw(id, address)  # type: ignore[arg-type]
    clock.now += UNDO_SECONDS + UNDO_SLACK + 1
    with pytest.raises(VoteRefused, match="too late"):
        arena.withdraw(cast.battle.id, ADDRESS)


def test_the_votes_on_battles_are_found_by_their_ids_alone(voted: Callable[..., Vote], arena: Arena) -> None:
    first, second = voted(), voted("tie")
    ids: Any = [second.battle.id, "x" * 32, first.battle.id, None, "a\0b", ["a"], first.battle.id]
    assert arena.cast(ids, ADDRESS) == [first, second]
    for hostile in (None, "x", {"a": 1}, []):
        assert arena.cast(hostile, ADDRESS) == []  # type: ignore[arg-type]
    assert len(arena.cast([first.battle.id] + ["y" * 32] * MAX_OWN, ADDRESS)) == 0, "only the newest are looked at"
    found = arena.taste([first, second], {}, 0.0)
    assert (found.votes, found.judge) == (2, "pocket")


def test_a_skipped_battle_leaves_no_vote(arena: Arena, store: VoteStore) -> None:
    assert arena.next(ADDRESS).id != arena.next(ADDRESS).id
    assert votes_counted(store) == 0


def test_of_votes_at_once_one_is_taken(arena: Arena, clock: Clock, store: VoteStore) -> None:
    id = listened(arena, clock, arena.next(ADDRESS))
    together = threading.Barrier(16)

    def cast(n: int) -> str:
        together.wait()
        try:
            return arena.vote(id, "ab"[n % 2], ENOUGH, f"203.0.113.{n}").winner
        except AlreadyVoted:
            return "refused"

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(cast, range(16)))
    (accepted,) = (answer for answer in answers if answer != "refused")
    assert [vote.winner for vote in store.votes()] == [accepted]


def test_a_suspicious_vote_is_kept_with_its_reason_and_answered_like_any(
    arena: Arena, clock: Clock, store: VoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fraud, "ONE_SIDE", PAIRS)
    gaps = Random(1)
    for before in range(PAIRS):
        battle = arena.next(ADDRESS)
        id = listened(arena, clock, battle)
        clock.now += gaps.uniform(5, 50)
        answer = arena.vote(id, "a", ENOUGH, ADDRESS)
        assert [judge.decided for judge in arena.agreement(answer).judges] == [before + 1]
        assert arena.agreement(answer).votes == before + 1
        assert replace(answer, suspicion="") == Vote(battle, "a", clock.now, ENOUGH, answer.voter)
    arena.withdraw(id, ADDRESS)
    arena.explain(id, ["mix"], ADDRESS)
    suspicions = [vote.suspicion for vote in store.votes()]
    assert suspicions[:-1] == [""] * (PAIRS - 1)
    assert "same side" in suspicions[-1]
    assert sum(store.votes_per_song().values()) == 2 * (PAIRS - 1)


def test_a_visitor_hears_new_pairs_at_all_replicas_and_a_pair_counts_once(
    replica: Callable[..., Arena], clock: Clock, store: VoteStore
) -> None:
    arenas, gaps = [replica(), replica()], Random(1)
    for number in range(PAIRS + 1):
        arena = arenas[number % 2]
        battle = arena.next(ADDRESS)
        id = listened(arena, clock, battle)
        clock.now += gaps.uniform(5, 50)
        answer = arena.vote(id, "ab"[number % 2], ENOUGH, ADDRESS)
        assert answer.suspicion == ("" if number < PAIRS else AGAIN)
    assert sum(store.votes_per_song().values()) == 2 * PAIRS
    assert arenas[0].agreement(answer).votes == PAIRS + 1


@pytest.mark.parametrize(
    "id",
    ["", "A" * 32, "../../etc/passwd", "a\0b", "\ud800" * 32, "é" * 32, "x" * 100_000, None, 7, ["a"], "' OR 1=1 --"],
    ids=lambda id: ascii(id)[:12],
)
def test_an_id_that_no_battle_has(id: Any, arena: Arena, unchanged: Callable[[], None]) -> None:
    arena.next(ADDRESS)
    unchanged()
    with pytest.raises(UnknownBattle):
        arena.vote(id, "a", ENOUGH, ADDRESS)
    with pytest.raises(UnknownBattle):
        arena.audio(id, "a")


def test_a_forged_id(arena: Arena, clock: Clock, unchanged: Callable[[], None]) -> None:
    id = listened(arena, clock, arena.next(ADDRESS))
    unchanged()
    for forged in (id[:-1], id + "A", id.swapcase(), id[:-1] + ("A" if id[-1] != "A" else "B")):
        with pytest.raises(UnknownBattle):
            arena.vote(forged, "a", ENOUGH, ADDRESS)


@pytest.mark.parametrize("side", ["A", "c", "", None, 0, ["a"]])
def test_a_side_that_no_battle_has(side: Any, arena: Arena) -> None:
    with pytest.raises(UnknownBattle, match="sides"):
        arena.audio(arena.next(ADDRESS).id, side)


def test_an_expired_battle(arena: Arena, clock: Clock, unchanged: Callable[[], None]) -> None:
    battle = arena.next(ADDRESS)
    id = listened(arena, clock, battle)
    unchanged()
    clock.now = battle.issued + LIFETIME + 0.1
    with pytest.raises(BattleExpired, match="60 minutes"):
        arena.vote(id, "a", ENOUGH, ADDRESS)
    with pytest.raises(BattleExpired):
        arena.audio(id, "a")
    arena.sweep()
    assert arena._visits == {}


def test_a_battle_counts_until_it_expires(arena: Arena, clock: Clock, store: VoteStore) -> None:
    battle = arena.next(ADDRESS)
    listened(arena, clock, battle)
    clock.now = battle.issued + LIFETIME
    arena.vote(battle.id, "a", ENOUGH, ADDRESS)
    assert votes_counted(store) == 1


def test_a_stale_battle(
    arena: Arena, replica: Callable[..., Arena], tmp_path: Path, clock: Clock, unchanged: Callable[[], None]
) -> None:
    id = listened(arena, clock, arena.next(ADDRESS))
    melodies.write(tmp_path / "other" / "song.wav", 9)
    other = Pool(str(tmp_path / "other"))
    restarted = replica(pool=other)
    unchanged()
    with pytest.raises(BattleStale):
        restarted.vote(id, "a", ENOUGH, ADDRESS)
    with pytest.raises(BattleStale):
        restarted.audio(id, "a")
    other.close()


def test_a_second_vote(
    arena: Arena, replica: Callable[..., Arena], clock: Clock, store: VoteStore, unchanged: Callable[[], None]
) -> None:
    id = listened(arena, clock, arena.next(ADDRESS))
    first = arena.vote(id, "a", ENOUGH, ADDRESS)
    unchanged()
    for voter in (arena, replica()):
        for winner in ("a", "b"):
            with pytest.raises(AlreadyVoted):
                voter.vote(id, winner, ENOUGH, "198.51.100.1")
    assert store.votes() == [first]


@pytest.mark.parametrize("winner", ["A", "c", "", "tie ", None, 1, ["a"], {"a": 1}, "both"])
def test_an_answer_that_is_none(winner: Any, arena: Arena, clock: Clock, unchanged: Callable[[], None]) -> None:
    id = listened(arena, clock, arena.next(ADDRESS))
    unchanged()
    with pytest.raises(VoteRefused, match="one of a, b, tie, both_bad"):
        arena.vote(id, winner, ENOUGH, ADDRESS)


NO_TIMES = [
    *((math.nan, 5.0), (5.0, math.inf), (-math.inf, 5.0), (-1.0, 20.0), (1e9, 5.0), (5.0, 10**400)),
    *((), (5.0,), (5.0, 5.0, 5.0), "55", None, 5.0, ("5", "5"), (None, 5.0), {"a": 5, "b": 5}, (True, True), (5j, 5)),
]


@pytest.mark.parametrize("heard", NO_TIMES, ids=lambda heard: str(heard)[:20])
def test_times_of_listening_that_are_none(
    heard: Any, arena: Arena, clock: Clock, unchanged: Callable[[], None]
) -> None:
    id = listened(arena, clock, arena.next(ADDRESS))
    unchanged()
    with pytest.raises(VoteRefused, match="listening times"):
        arena.vote(id, "a", heard, ADDRESS)


@pytest.mark.parametrize("heard", [(0.0, 0.0), (4.7, 9.0), (9.0, 4.7), (0, 60)])
def test_less_listening_than_required(
    heard: tuple[float, float], arena: Arena, clock: Clock, unchanged: Callable[[], None]
) -> None:
    id = listened(arena, clock, arena.next(ADDRESS))
    clock.now += 100
    unchanged()
    with pytest.raises(NotHeard, match="Listen to 5 s of each"):
        arena.vote(id, "a", heard, ADDRESS)


def test_less_time_on_the_servers_clock_than_the_browser_claims(
    arena: Arena, clock: Clock, unchanged: Callable[[], None]
) -> None:
    battle = arena.next(ADDRESS)
    arena.audio(battle.id, "a")
    arena.audio(battle.id, "b")
    unchanged()
    for seconds in (0.0, 5.0, 4.7):
        clock.now += seconds
        with pytest.raises(NotHeard, match=rf"{battle.issued + 10 - clock.now:.1f} s more"):
            arena.vote(battle.id, "a", ENOUGH, ADDRESS)


def test_without_a_fetch_of_the_audio_no_time_is_long_enough(
    arena: Arena, clock: Clock, unchanged: Callable[[], None]
) -> None:
    battle = arena.next(ADDRESS)
    unchanged()
    clock.now += 600
    with pytest.raises(NotHeard, match=r"10\.0 s more"):
        arena.vote(battle.id, "a", ENOUGH, ADDRESS)


def test_a_fetch_that_could_not_be_stored_is_stored_with_the_next_one(
    arena: Arena, store: VoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise StoreError("it does not answer")

    battle = arena.next(ADDRESS)
    with monkeypatch.context() as patched:
        patched.setattr(store, "add_fetch", broken)
        with pytest.raises(StoreError):
            arena.audio(battle.id, "a")
    arena.audio(battle.id, "a")
    assert set(store.fetches(battle.id)) == {"a"}


def test_old_fetches_are_forgotten(arena: Arena, clock: Clock, store: VoteStore) -> None:
    old, new = arena.next(ADDRESS), arena.next(ADDRESS)
    arena.audio(old.id, "a")
    clock.now += 60
    arena.audio(new.id, "b")
    store.forget_fetches(clock.now)
    assert (store.fetches(old.id), store.fetches(new.id)) == ({}, {"b": clock.now})


def test_time_counts_from_when_the_songs_were_first_fetched(
    arena: Arena, clock: Clock, store: VoteStore, unchanged: Callable[[], None]
) -> None:
    battle = arena.next(ADDRESS)
    clock.now += 100
    arena.audio(battle.id, "a")
    clock.now += 8
    arena.audio(battle.id, "b")
    unchanged()
    clock.now += 4
    arena.audio(battle.id, "b")
    with pytest.raises(NotHeard, match=r"1\.0 s more"):
        arena.vote(battle.id, "a", ENOUGH, ADDRESS)


def test_after_the_listening_time_the_vote_is_taken(arena: Arena, clock: Clock, store: VoteStore) -> None:
    battle = arena.next(ADDRESS)
    clock.now += 100
    arena.audio(battle.id, "a")
    arena.audio(battle.id, "b")
    clock.now += 9.9
    arena.vote(battle.id, "a", (4.9, 4.8), ADDRESS)
    assert votes_counted(store) == 1


def test_a_clock_behind_the_battles_is_no_way_around(arena: Arena, clock: Clock, unchanged: Callable[[], None]) -> None:
    battle = arena.next(ADDRESS)
    unchanged()
    clock.now -= 1_000
    with pytest.raises(NotHeard):
        arena.vote(battle.id, "a", ENOUGH, ADDRESS)


def test_of_short_songs_all_is_required(
    replica: Callable[..., Arena], tmp_path: Path, clock: Clock, store: VoteStore
) -> None:
    for seed in range(2):
        melodies.write(tmp_path / "short" / f"{seed}.wav", seed, seconds=2)
    short = Pool(str(tmp_path / "short"))
    short.start()
    until(lambda: short.progress().complete)
    arena = replica(pool=short)
    battle = arena.next(ADDRESS)
    listened(arena, clock, battle)
    with pytest.raises(NotHeard, match="Listen to 2 s"):
        arena.vote(battle.id, "a", (1.0, 2.0), ADDRESS)
    arena.vote(battle.id, "a", (2.0, 1.9), ADDRESS)
    assert votes_counted(store) == 1
    short.close()


def test_battles_too_fast(arena: Arena, unchanged: Callable[[], None]) -> None:
    for _ in range(int(LIMITS["battle"].split("/")[0])):
        arena.next(ADDRESS)
    unchanged()
    with pytest.raises(TooFast, match="Try again in"):
        arena.next(ADDRESS)


def test_votes_too_fast(arena: Arena, clock: Clock, unchanged: Callable[[], None]) -> None:
    id = listened(arena, clock, arena.next(ADDRESS))
    unchanged()
    for _ in range(int(LIMITS["vote"].split("/")[0])):
        with pytest.raises(UnknownBattle):
            arena.vote("forged", "a", ENOUGH, ADDRESS)
    with pytest.raises(TooFast, match="Try again in"):
        arena.vote(id, "a", ENOUGH, ADDRESS)


@pytest.mark.slow
def test_no_address_is_kept_or_logged(
    arena: Arena, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    addresses = (ADDRESS, "2001:db8:77::1234")
    with caplog.at_level(logging.DEBUG):
        for address in addresses:
            vote = arena.vote(listened(arena, clock, arena.next(address)), "a", ENOUGH, address)
            with pytest.raises(AlreadyVoted) as refused:
                arena.vote(vote.battle.id, "a", ENOUGH, address)
            assert address not in str(refused.value) + repr(vote)
        arena.issue_uploaded(addresses[0], *own_songs(tmp_path))
    files = [path for path in tmp_path.glob("votes.sqlite3*") if path.is_file()]
    assert files
    written = b"".join(path.read_bytes() for path in files) + caplog.text.encode()
    state = repr(vars(arena)) + repr(vars(arena._fraud)) + repr(vars(arena._limiter._counts.storage))
    for address in (*addresses, "2001:db8:77:"):
        assert address.encode() not in written
        assert address not in state


@pytest.mark.parametrize("given", [None, "a salt of one's own"])
def test_replicas_with_one_salt_give_a_voter_one_hash(given: str | None, store: VoteStore, tmp_path: Path) -> None:
    for seed in range(2):
        melodies.write(tmp_path / "pool" / f"{seed}.wav", seed)
    config = Settings(pool=str(tmp_path / "pool"), salt=given)
    arenas = [open_arena(config, JudgeManager(), store) for _ in range(2)]
    hashes = {arena._hash(ADDRESS) for arena in arenas}
    assert len(hashes) == (2 if given is None else 1)
    assert (hashes == {AddressHasher("a salt of one's own")(ADDRESS)}) == (given is not None)
    for arena in arenas:
        arena.close()


def test_a_pool_that_cannot_be_used_is_refused_at_once(store: VoteStore, tmp_path: Path) -> None:
    with pytest.raises(PoolError):
        open_arena(Settings(pool=str(tmp_path / "gone")), JudgeManager(), store)


def own_songs(folder: Path, seconds: float = 1.5) -> tuple[Path, Path]:
    one, other = (folder / "uploads" / f"my secret {n}.wav" for n in range(2))
    return melodies.write(one, 101, seconds=seconds), melodies.write(other, 102, seconds=seconds)


def test_two_songs_of_ones_own(arena: Arena, clock: Clock, store: VoteStore, tmp_path: Path, temporary: Path) -> None:
    songs = own_songs(tmp_path)
    battle = arena.issue_uploaded(ADDRESS, *songs)
    assert battle.source == "uploaded"
    assert {battle.a.id, battle.b.id} == {load_song(song).sha256 for song in songs}
    assert (battle.a.title, battle.a.generator, battle.a.prompt) == ("", "", "")
    assert [prediction.judge for prediction in battle.predictions] == ["pocket"]
    assert store.battle(battle.id) == battle
    assert set(store.scores("pocket")) == {battle.a.id, battle.b.id}
    assert all(song.is_file() for song in songs)
    for side in ("a", "b"):
        copy = arena.audio(battle.id, side)
        assert b"my secret" not in copy.read_bytes() + str(copy).encode()
        assert copy.parent.stat().st_mode & 0o077 == 0
    clock.now += 10
    arena.vote(battle.id, "b", ENOUGH, ADDRESS)
    assert [vote.battle for vote in store.votes()] == [battle]
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("votes.sqlite3*"))
    assert b"my secret" not in stored


def test_reports_of_other_judges_are_kept_with_it(arena: Arena, store: VoteStore, tmp_path: Path) -> None:
    songs = own_songs(tmp_path)
    reports = [replace(load_judge("pocket")(song), judge="apex") for song in songs]
    stranger = replace(reports[0], sha256="some other song")
    battle = arena.issue_uploaded(ADDRESS, *songs, reports=[*reports, stranger])
    assert set(store.scores("apex")) == {battle.a.id, battle.b.id}


@pytest.mark.slow
def test_ones_own_songs_are_on_either_side(replica: Callable[..., Arena], tmp_path: Path) -> None:
    arena, songs = replica(rng=Random(0)), own_songs(tmp_path, 1.1)
    first = load_song(songs[0]).sha256
    sides = Counter(arena.issue_uploaded(f"203.0.113.{n}", *songs).a.id == first for n in range(8))
    assert min(sides[True], sides[False]) >= 2
    arena.close()


def test_ones_own_audio_is_deleted_after_the_vote(
    arena: Arena, clock: Clock, tmp_path: Path, temporary: Path, unchanged: Callable[[], None]
) -> None:
    battle = arena.issue_uploaded(ADDRESS, *own_songs(tmp_path))
    listened(arena, clock, battle)
    assert list(temporary.iterdir())
    arena.vote(battle.id, "a", ENOUGH, ADDRESS)
    assert not list(temporary.iterdir())
    unchanged()
    with pytest.raises(AlreadyVoted):
        arena.vote(battle.id, "b", ENOUGH, ADDRESS)
    with pytest.raises(BattleStale, match="deleted"):
        arena.audio(battle.id, "a")


def test_a_refused_vote_leaves_the_audio(arena: Arena, tmp_path: Path) -> None:
    battle = arena.issue_uploaded(ADDRESS, *own_songs(tmp_path))
    with pytest.raises(NotHeard):
        arena.vote(battle.id, "a", ENOUGH, ADDRESS)
    assert arena.audio(battle.id, "a").is_file()
    arena.close()


def test_ones_own_audio_is_deleted_when_the_battle_expires(
    arena: Arena, clock: Clock, tmp_path: Path, temporary: Path
) -> None:
    arena.issue_uploaded(ADDRESS, *own_songs(tmp_path))
    clock.now += LIFETIME
    arena.sweep()
    assert len(list(temporary.glob("*/*.mp3"))) == 2
    clock.now += 1
    arena.sweep()
    assert not list(temporary.iterdir())


@pytest.fixture
def started(
    store: VoteStore, tmp_path: Path, temporary: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arena]:
    """An arena of its own, with all that goes on in the background, faster."""
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.02)
    for folder, age in (("killed", LIFETIME + 60), ("others", LIFETIME - 60)):
        left = temporary / f"{PREFIX}{folder}"
        left.mkdir()
        (left / "audio.mp3").write_bytes(b"left behind")
        mark_own(left)
        os.utime(left, (time.time() - age,) * 2)
    melodies.write(tmp_path / "pool" / "1.wav", 1)
    own_pool = Pool(str(tmp_path / "pool"))
    arena = Arena(
        store, own_pool, PredictionWorker(JudgeManager(), own_pool, store), AddressHasher("salt"), clock=clock
    )
    arena.start()
    yield arena
    arena.close()
    assert [folder.name for folder in temporary.iterdir()] == [f"{PREFIX}others"]


def test_ones_own_audio_is_deleted_without_anyone_asking(started: Arena, clock: Clock, tmp_path: Path) -> None:
    battle = started.issue_uploaded(ADDRESS, *own_songs(tmp_path))
    copy = started.audio(battle.id, "a")
    time.sleep(0.1)
    assert copy.is_file()
    clock.now += LIFETIME + 1
    until(lambda: not copy.parent.exists())


def test_what_a_killed_process_left_is_deleted_and_what_is_in_use_is_not(started: Arena, temporary: Path) -> None:
    until(lambda: not (temporary / f"{PREFIX}killed").exists())
    assert (temporary / f"{PREFIX}others" / "audio.mp3").is_file()
    until(lambda: started.pool.progress().complete)
    in_use = Path(started.pool._folder.name)
    minutes_ago = time.time() - 600
    os.utime(in_use, (minutes_ago, minutes_ago))
    until(lambda: time.time() - in_use.stat().st_mtime < 60)


def test_closing_deletes_ones_own_audio(replica: Callable[..., Arena], tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "pool").mkdir()
    melodies.write(tmp_path / "pool" / "1.wav", 1)
    arena = replica(pool=Pool(str(tmp_path / "pool")))
    arena._predictor = PredictionWorker(JudgeManager(), arena.pool, arena._store)
    arena.issue_uploaded(ADDRESS, *own_songs(tmp_path))
    arena.close()
    assert not list(temporary.iterdir())


def test_own_audio_on_another_replica_is_stale(
    arena: Arena, replica: Callable[..., Arena], clock: Clock, tmp_path: Path, unchanged: Callable[[], None]
) -> None:
    battle = arena.issue_uploaded(ADDRESS, *own_songs(tmp_path))
    listened(arena, clock, battle)
    unchanged()
    with pytest.raises(BattleStale):
        replica().vote(battle.id, "a", ENOUGH, ADDRESS)


def test_own_songs_have_to_be_fetched_before_the_vote(
    arena: Arena, clock: Clock, tmp_path: Path, unchanged: Callable[[], None]
) -> None:
    battle = arena.issue_uploaded(ADDRESS, *own_songs(tmp_path))
    arena.audio(battle.id, "a")
    unchanged()
    clock.now += 60
    with pytest.raises(NotHeard):
        arena.vote(battle.id, "a", ENOUGH, ADDRESS)


def test_the_same_song_twice(arena: Arena, tmp_path: Path, temporary: Path, unchanged: Callable[[], None]) -> None:
    song, other = own_songs(tmp_path)
    other.write_bytes(song.read_bytes())
    unchanged()
    with pytest.raises(ArenaError, match="same song"):
        arena.issue_uploaded(ADDRESS, song, other)
    assert not list(temporary.iterdir())


def test_what_is_no_song_is_named(arena: Arena, tmp_path: Path, temporary: Path, unchanged: Callable[[], None]) -> None:
    song, other = own_songs(tmp_path)
    other.write_bytes(b"no sound")
    unchanged()
    with pytest.raises(NotAudio, match="The second song: "):
        arena.issue_uploaded(ADDRESS, song, other)
    assert not list(temporary.iterdir())


def test_own_battles_too_fast(arena: Arena, tmp_path: Path, unchanged: Callable[[], None]) -> None:
    for _ in range(int(LIMITS["uploaded"].split("/")[0])):
        with pytest.raises(NotAudio):
            arena.issue_uploaded(ADDRESS, tmp_path, tmp_path)
    unchanged()
    with pytest.raises(TooFast):
        arena.issue_uploaded(ADDRESS, *own_songs(tmp_path))


def test_a_failure_on_the_way_leaves_no_audio(
    arena: Arena, tmp_path: Path, temporary: Path, store: VoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(store, "add_battle", fail)
    with pytest.raises(RuntimeError, match="disk"):
        arena.issue_uploaded(ADDRESS, *own_songs(tmp_path))
    assert not list(temporary.iterdir())
    assert not arena._visits


def test_only_so_much_audio_is_kept(
    arena: Arena, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_UPLOADED >= 10
    monkeypatch.setattr(module, "MAX_UPLOADED", 2)
    songs = own_songs(tmp_path)
    first, second, third = (arena.issue_uploaded(f"203.0.113.{n}", *songs) for n in range(3))
    with pytest.raises(BattleStale):
        arena.audio(first.id, "a")
    assert all(arena.audio(battle.id, side).is_file() for battle in (second, third) for side in ("a", "b"))
    assert len(list(temporary.iterdir())) == 2
    arena.close()


@pytest.mark.slow
def test_who_makes_many_battles_takes_no_room_from_others(
    arena: Arena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_UPLOADED", 3)
    songs = own_songs(tmp_path)
    other = arena.issue_uploaded(ADDRESS, *songs)
    busy = [arena.issue_uploaded(f"2001:db8:1:{network}::1", *songs) for network in range(4)]
    assert all(arena.audio(battle.id, "a").is_file() for battle in (other, *busy[-2:]))
    for battle in busy[:2]:
        with pytest.raises(BattleStale):
            arena.audio(battle.id, "a")
    arena.close()
