"""What the votes' database promises. Some of these tests run on PostgreSQL as well, see `server/test_postgresql.py`."""

import logging
import multiprocessing
import os
import stat
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DatabaseError

from apex_space.core.errors import AlreadyVoted, StoreError, UnknownBattle
from apex_space.core.settings import Settings
from apex_space.storage.database import JOURNAL_BYTES, write
from apex_space.storage.migrations import MIGRATIONS, Migration
from apex_space.storage.records import (
    AGAIN,
    WITHDRAWN,
    Battle,
    Prediction,
    Song,
    SongScores,
    Source,
    StoredModel,
    Vote,
    Winner,
)
from apex_space.storage.vote_counts import VoteCounts, read_counts, tally
from apex_space.storage.vote_store import ADD_VOTE, FILE, KEPT_TEXTS, VoteStore, _add_battles, _vote_row, open_store
from helpers.votes import votes_counted

PREDICTED = Prediction("apex", "pocket", "r", 0.7, 0.6, 0.8)
NAMED = [Song(f"song{i}", f"Title {i}", f"maker{i % 2}", "a waltz") for i in range(4)]


def battle(id: str = "battle", a: Song = NAMED[0], b: Song = NAMED[1], **options: Any) -> Battle:
    return Battle(id, a, b, **{"source": "pool", "issued": 100.5, **options})


def vote(battle: Battle, **options: Any) -> Vote:
    return Vote(
        battle, **{"winner": "a", "at": 120.25, "heard": (5.5, 7.25), "voter": f"voter of {battle.id}", **options}
    )


def cast(store: VoteStore, vote: Vote) -> Vote:
    store.add_battle(vote.battle)
    store.add_vote(vote)
    return vote


numbers = st.floats(0, 1e10)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
songs = st.builds(lambda *texts: Song(uuid4().hex, *texts), texts, texts, texts)
shares = st.floats(0, 1)
spoke = st.sampled_from(["", "scores", "generators"])
predictions = st.builds(Prediction, texts, texts, texts, shares, shares, shares, st.integers(0, 10**6), spoke)
sources = st.sampled_from(["pool", "uploaded"])
battles = st.builds(lambda *rest: Battle(uuid4().hex, *rest), songs, songs, sources, numbers, st.tuples(predictions))
winners = st.sampled_from(["a", "b", "tie", "both_bad"])
votes = st.builds(Vote, battles, winners, numbers, st.tuples(numbers, numbers), texts, texts)
scores = st.dictionaries(texts, st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=3)


@pytest.mark.slow
def test_what_was_put_in_comes_out_by_its_time(store: VoteStore) -> None:
    @given(st.lists(st.tuples(votes, scores), max_size=4))
    @settings(max_examples=30)
    def holds(pairs: list[tuple[Vote, dict[str, float | None]]]) -> None:
        for vote, values in pairs:
            store.add_battle(vote.battle, [SongScores(vote.battle.a.id, "judge", "1", values)])
            assert store.battle(vote.battle.id) == vote.battle
            store.add_vote(vote)
            assert store.scores("judge")[vote.battle.a.id].scores == values
            kept.append(vote)
        assert store.votes() == sorted(kept, key=lambda vote: (vote.at, vote.battle.id))
        assert votes_counted(store) == len(kept)

    kept: list[Vote] = []
    holds()


def test_it_is_all_there_after_closing_and_opening(url: str) -> None:
    with closing(VoteStore(url)) as first:
        given = cast(first, vote(battle(predictions=(Prediction("apex", "pocket", "r", 0.1, 0.05, 0.2),))))
    with closing(VoteStore(url)) as second:
        assert second.votes() == [given]


def test_a_battle_has_one_vote_and_it_stays(store: VoteStore) -> None:
    first = cast(store, vote(battle()))
    with pytest.raises(AlreadyVoted):
        store.add_vote(first)
    with pytest.raises(AlreadyVoted):
        store.add_vote(replace(first, winner="b", at=999.0))
    assert store.votes() == [first]


@pytest.mark.parametrize("change", [{"id": "forged"}, {"a": NAMED[1], "b": NAMED[0]}, {"b": NAMED[2]}])
def test_a_vote_needs_the_battle_that_was_issued(change: dict[str, Any], store: VoteStore) -> None:
    store.add_battle(battle())
    with pytest.raises(UnknownBattle):
        store.add_vote(vote(replace(battle(), **change)))
    assert votes_counted(store) == 0


@pytest.mark.parametrize("id", ["", "forged", "' OR 1=1 --", "nul \0", "\ud800", "%s", ":battle", "x" * 100_000])
def test_an_id_that_was_never_issued_has_no_battle(id: str, store: VoteStore) -> None:
    store.add_battle(battle())
    assert store.battle(id) is None


def test_a_battle_is_issued_once(store: VoteStore) -> None:
    store.add_battle(battle())
    with pytest.raises(StoreError, match="already"):
        store.add_battle(battle(b=NAMED[2]))
    assert store.battle("battle") == battle()


def test_of_many_votes_at_once_on_a_battle_one_is_kept(store: VoteStore) -> None:
    store.add_battle(battle())
    barrier = threading.Barrier(8)

    def try_to(voter: int) -> bool:
        barrier.wait()
        try:
            store.add_vote(vote(battle(), voter=str(voter)))
        except AlreadyVoted:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        kept = [voter for voter, done in enumerate(pool.map(try_to, range(8))) if done]
    assert [vote.voter for vote in store.votes()] == [str(voter) for voter in kept]
    assert len(kept) == 1


@pytest.mark.slow
def test_many_threads_may_write_and_read(store: VoteStore) -> None:
    def use(number: int) -> None:
        pair = (NAMED[number % 4], NAMED[(number + 1 + number // 4 % 3) % 4])
        cast(store, vote(battle(str(number), *pair)))
        assert str(number) in {vote.battle.id for vote in store.votes()}

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(use, range(64)))
    assert votes_counted(store) == 64


def test_a_song_keeps_the_texts_it_was_first_seen_with(store: VoteStore) -> None:
    store.add_battle(battle())
    store.add_battle(battle("later", replace(NAMED[0], title="another", prompt="")))
    assert store.battle("later") == battle("later")


def test_an_upload_without_texts_does_not_take_a_songs_texts_away(store: VoteStore) -> None:
    store.add_battle(battle("uploaded", Song(NAMED[0].id), Song(NAMED[1].id), source="uploaded"))
    store.add_battle(battle("pool"))
    assert store.battle("pool") == battle("pool")


def test_scores_are_kept_once_and_the_latest_revision_is_given(store: VoteStore) -> None:
    def scored(revision: str, value: float | None) -> SongScores:
        return SongScores(NAMED[0].id, "apex", revision, {"clarity": value})

    store.add_battle(battle("1", issued=1.0), [scored("old", 1.0), SongScores(NAMED[1].id, "pocket", "p", {})])
    store.add_battle(battle("2", issued=2.0), [scored("new", None)])
    store.add_battle(battle("3", issued=3.0), [scored("old", 3.0)])
    assert store.scores("apex") == {NAMED[0].id: scored("new", None)}
    assert store.scores("pocket").keys() == {NAMED[1].id}
    assert store.scores("nobody") == {}
    assert store.scored()[NAMED[0].id] == [(1.0, scored("old", 1.0)), (2.0, scored("new", None))]


def test_songs_are_counted_by_their_unsuspicious_votes(store: VoteStore) -> None:
    cast(store, vote(battle("1")))
    cast(store, vote(battle("2", NAMED[1], NAMED[2]), winner="both_bad"))
    cast(store, vote(battle("3", NAMED[2], NAMED[3]), suspicion="too many"))
    store.add_battle(battle("never voted on"))
    assert store.votes_per_song() == {NAMED[0].id: 1, NAMED[1].id: 2, NAMED[2].id: 1}


def store_uncounted(store: VoteStore, *votes: Vote) -> None:
    """Store votes as code did that knew no counts."""
    with store.transaction(writing=True) as connection:
        _add_battles(connection, [(vote.battle, ()) for vote in votes])
        write(connection, ADD_VOTE, [_vote_row(vote) for vote in votes])


@pytest.mark.slow
def test_the_counts_are_those_of_all_votes_however_they_came(url: str) -> None:
    pairs = st.permutations(NAMED).map(lambda songs: songs[:2])
    judged = st.builds(Prediction, st.sampled_from(["pocket", "apex"]), texts, texts, shares, shares, shares)
    drawn = st.builds(
        lambda pair, source, judged, winner, suspicion: vote(
            battle(uuid4().hex, *pair, source=source, predictions=judged), winner=winner, suspicion=suspicion
        ),
        pairs,
        sources,
        st.tuples(judged),
        winners,
        st.sampled_from(["", "", "too many"]),
    )

    @given(st.lists(drawn, max_size=8), st.lists(drawn, max_size=8))
    @settings(max_examples=20)
    def holds(cast_here: list[Vote], imported: list[Vote]) -> None:
        for each in cast_here:
            cast(store, each)
        twice = [(each, ()) for each in [*imported, *cast_here[:2], *imported[:2]]]
        assert store.add_all(twice) == len(imported)
        assert store.add_all(twice) == 0
        assert_counted(store)

    with closing(VoteStore(url)) as store:
        holds()


def _without_generators(votes: list[Vote], source: Source) -> list[Vote]:
    return [
        replace(each, battle=replace(each.battle, a=Song(each.battle.a.id), b=Song(each.battle.b.id)))
        for each in votes
        if each.battle.source == source
    ]


def assert_summed(found: VoteCounts, expected: VoteCounts) -> None:
    assert found.totals == expected.totals
    assert found.predicted.keys() == expected.predicted.keys()
    for group, sums in expected.predicted.items():
        assert astuple(found.predicted[group]) == pytest.approx(astuple(sums))


def assert_counted(store: VoteStore) -> None:
    expected, found = tally(store.votes()), store.counts()
    assert (found.songs, found.per_song) == (expected.songs, expected.per_song)
    assert sorted(map(tuple, found.pairs)) == sorted(expected.pairs)
    assert_summed(found, expected)
    for source in get_args(Source):
        assert_summed(store.predicted(source), tally(_without_generators(store.votes(), source)))
    assert found.per_song == store.votes_per_song()
    assert found.votes == votes_counted(store) == len(store.votes())
    assert (found.reasons, found.changes) == (expected.reasons, store.changes())


def test_predictions_that_older_code_stored_have_learned_from_no_vote(store: VoteStore) -> None:
    given = cast(store, vote(battle()))
    old = '[{"judge": "apex", "head": "pocket", "revision": "r", "probability": 0.4, "low": 0.3, "high": 0.5}]'
    with store.transaction(writing=True) as connection:
        row = "SELECT 'old', a, b, source, issued, :predictions FROM battles WHERE id = :id"
        connection.execute(text(f"INSERT INTO battles {row}"), {"predictions": old, "id": given.battle.id})
    found = store.battle("old")
    assert found is not None
    assert found.predictions == (Prediction("apex", "pocket", "r", 0.4, 0.3, 0.5, votes=0, spoke=""),)


def test_choices_are_the_counted_votes_for_a_song_of_the_pool_the_oldest_first(store: VoteStore) -> None:
    assert (store.decided(), store.choices(9), store.generators(), store.judges()) == (0, [], {}, [])
    given = [
        cast(store, vote(battle(f"battle {number}", **options), at=200.0 - number, winner=winner, suspicion=suspicion))
        for number, (options, winner, suspicion) in enumerate(
            [({}, "b", ""), ({}, "a", ""), ({}, "tie", ""), ({}, "a", "too many"), ({"source": "uploaded"}, "a", "")]
        )
    ]
    a, b = given[0].battle.a, given[0].battle.b
    assert store.choices(9) == [(a.id, b.id, "a"), (a.id, b.id, "b")]
    assert store.choices(1) == [(a.id, b.id, "b")]
    assert store.ballots(9) == [(a.id, b.id, each.winner, each.voter) for each in given[:3]]
    assert store.ballots(1) == [(a.id, b.id, "b", given[0].voter)]
    assert store.decided() == 2
    assert store.generators() == {a.id: a.generator, b.id: b.generator}


def test_of_models_the_one_of_the_most_votes_is_given_and_each_is_stored_once(store: VoteStore) -> None:
    models = [
        StoredModel("pocket", "r", decided, version, f"model {version}") for decided, version in ((9, "x"), (10, "y"))
    ]
    for model in (*reversed(models), *models):
        store.add_model(model, 1.0)
    assert store.newest_model("pocket", "r") == models[1]
    assert store.newest_model("pocket", "r", known="x") == models[1]
    assert store.newest_model("pocket", "r", known="y") == replace(models[1], model="")
    assert store.newest_model("pocket", "other") is store.newest_model("apex", "r") is None


def test_old_models_lose_their_texts_and_nothing_else(url: str, store: VoteStore) -> None:
    for decided in range(KEPT_TEXTS + 4):
        store.add_model(StoredModel("pocket", "r", decided, f"v{decided}", "text"), 1.0)
        store.add_model(StoredModel("pocket", "other", 0, "v", "text"), 1.0)
    with store.transaction() as connection:
        rows = connection.execute(text("SELECT decided, version, model FROM models WHERE revision = 'r'")).all()
        assert connection.scalar(text("SELECT model FROM models WHERE revision = 'other'")) == "text"
    assert sorted(map(tuple, rows)) == [
        (decided, f"v{decided}", "" if decided < 3 else "text") for decided in range(KEPT_TEXTS + 4)
    ]
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    for change in (
        "UPDATE models SET version = 'x'",
        "UPDATE models SET at = 0, model = ''",
        "DELETE FROM models",
    ):
        with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
            connection.execute(text(change))
    engine.dispose()


def test_votes_that_older_code_stored_are_counted_when_the_counts_are_read(store: VoteStore) -> None:
    store_uncounted(store, *(vote(battle(f"old {number}")) for number in range(3)))
    cast(store, vote(battle("new")))
    assert votes_counted(store) == 1
    assert_counted(store)
    store_uncounted(store, vote(battle("from an old replica"), suspicion="too many"))
    assert_counted(store)


def test_imports_and_votes_at_once_are_counted_once(store: VoteStore) -> None:
    votes = [vote(battle(f"battle {number}", predictions=(PREDICTED,))) for number in range(40)]
    cast(store, votes[0])
    for each in votes[1:20]:
        store.add_battle(each.battle)
    work = [partial(store.add_vote, each) for each in votes[1:20]]
    work += [partial(store.add_all, [(each, ()) for each in votes[first : first + 20]]) for first in (0, 10, 20)] * 2
    with ThreadPoolExecutor(8) as threads:
        done = [threads.submit(each) for each in work]
    assert {type(each.exception()) for each in done} <= {type(None), AlreadyVoted}
    assert votes_counted(store) == 40
    assert_counted(store)


def test_a_vote_gets_its_tags_once(store: VoteStore) -> None:
    given = cast(store, vote(battle()))
    assert store.add_tags("battle", ["voice", "melody"])
    assert not store.add_tags("battle", ["mix"])
    assert store.votes() == store.votes_on(["battle"]) == [replace(given, tags=("melody", "voice"))]
    assert store.votes_on(["another"]) == []


def test_tags_are_counted_for_the_generator_that_won(store: VoteStore) -> None:
    for number, options in enumerate(
        [{}, {"winner": "b"}, {"winner": "b"}, {"suspicion": "a robot"}, {"source": "uploaded"}, {}]
    ):
        made = battle(f"{number}", source=options.pop("source", "pool"))
        cast(store, vote(made, **options))
        store.add_tags(f"{number}", ["mix", "voice"] if number < 2 else ["mix"])
    store.set_aside(["5"], "withdrawn")
    assert store.tags_of_wins() == {"maker0": (1, {"mix": 1, "voice": 1}), "maker1": (2, {"mix": 2, "voice": 1})}


# ---- votes that are set aside and restored -------------------------------------------------------------------------


def judged(id: str, a: int = 0, b: int = 1, chance: float = 0.7, **options: Any) -> Vote:
    made = battle(id, NAMED[a], NAMED[b], predictions=(replace(PREDICTED, probability=chance),))
    return vote(made, **options)


def reasons(store: VoteStore) -> dict[str, str]:
    return {vote.battle.id: vote.suspicion for vote in store.votes()}


def test_a_vote_set_aside_counts_nothing_until_it_is_restored(store: VoteStore) -> None:
    kept = cast(store, judged("kept", chance=0.1))
    before = store.counts()
    other = cast(store, judged("other", 1, 2, chance=0.3, at=130.0))
    whole = store.counts()

    assert store.set_aside(["other", "no such battle"], "a robot") == 1
    (first, second) = store.votes()
    assert (first, second) == (kept, replace(other, suspicion="a robot", changed=second.changed))
    assert second.changed > 1.7e9
    assert_counted(store)
    found = store.counts()
    assert (found.songs, found.pairs) == (before.songs, before.pairs)
    assert store.votes_per_song() == before.per_song
    assert store.latest(9, 1e15) == [kept]
    assert store.choices(9) == [(NAMED[0].id, NAMED[1].id, "a")]
    assert len(store.ballots(9)) == 1
    assert store.decided() == 1

    assert store.restore(["other"]) == 1
    assert_counted(store)
    assert store.counts().songs == whole.songs
    assert [vote.suspicion for vote in store.latest(9, 1e15)] == ["", ""]
    assert (votes_counted(store), store.changes(), store.version()) == (2, 2, 4)
    assert store.counts().version == 4


def test_what_is_read_together_is_of_one_moment(store: VoteStore) -> None:
    cast(store, judged("1"))
    with store.transaction() as connection:
        before = read_counts(connection)
        store.set_aside(["1"], "a robot")
        assert read_counts(connection) == before
    assert store.counts() != before


def test_setting_aside_or_restoring_twice_changes_nothing(store: VoteStore) -> None:
    cast(store, judged("1"))
    for change, changed in ((lambda: store.restore(["1"]), 0), (lambda: store.set_aside(["1"], "a robot"), 1)):
        assert change() == changed
        assert change() == 0
    assert store.set_aside(["1"], "another reason") == 0
    assert reasons(store) == {"1": "a robot"}
    assert store.changes() == 1
    assert_counted(store)


def test_a_vote_that_never_counted_keeps_its_reason_and_can_be_restored(store: VoteStore) -> None:
    cast(store, judged("1", suspicion="too many"))
    assert store.set_aside(["1"], "a robot") == 0
    assert reasons(store) == {"1": "too many"}
    assert store.restore(["1"]) == 1
    assert reasons(store) == {"1": ""}
    assert store.votes_per_song() == {NAMED[0].id: 1, NAMED[1].id: 1}
    assert_counted(store)


@pytest.mark.parametrize("reason", ["", "nul \0"])
def test_a_vote_is_not_set_aside_without_a_reason_that_can_be_stored(reason: str, store: VoteStore) -> None:
    cast(store, judged("1"))
    with pytest.raises(StoreError):
        store.set_aside(["1"], reason)
    assert reasons(store) == {"1": ""}
    assert_counted(store)


@pytest.mark.slow
def test_the_counts_stay_those_of_all_votes_however_they_change(url: str) -> None:
    ids = st.sets(st.sampled_from([str(number) for number in range(12)]))

    @given(st.lists(st.tuples(ids, st.sampled_from(["", "a robot", "withdrawn"])), max_size=6))
    @settings(max_examples=15)
    def holds(steps: list[tuple[set[str], str]]) -> None:
        for chosen, reason in steps:
            if reason:
                store.set_aside(chosen, reason)
            else:
                store.restore(chosen)
            assert_counted(store)

    with closing(VoteStore(url)) as store:
        for number in range(12):
            winner = ("a", "b", "tie")[number % 3]
            source = "uploaded" if number > 9 else "pool"
            made = judged(str(number), number % 4, (number + 1) % 4, number / 11, winner=winner, at=90_000.0 * number)
            cast(store, replace(made, battle=replace(made.battle, source=source), suspicion="" if number % 5 else "no"))
        holds()


def test_votes_set_aside_and_restored_by_many_at_once_are_counted_once(store: VoteStore) -> None:
    for number in range(20):
        cast(store, judged(str(number), number % 4, (number + 1) % 4))
    for number in range(20, 30):
        store.add_battle(judged(str(number)).battle)
    chosen = [str(number) for number in range(0, 20, 2)]
    work: list[Callable[[], object]] = [partial(store.set_aside, chosen, f"reason {number}") for number in range(4)]
    work += [partial(store.restore, chosen[number:]) for number in range(4)]
    work += [partial(store.add_vote, judged(str(number))) for number in range(20, 30)]
    work += [store.counts] * 4
    with ThreadPoolExecutor(8) as threads:
        done = [threads.submit(each) for each in work]
    assert [each.exception() for each in done] == [None] * len(work)
    assert votes_counted(store) == 30
    assert_counted(store)


def test_votes_of_an_old_database_can_be_set_aside(url: str) -> None:
    with closing(VoteStore(url)) as here:
        store_uncounted(here, judged("1"), judged("2"))
        assert here.set_aside(["1"], "a robot") == 1
        assert_counted(here)


def test_a_changed_vote_is_put_into_a_later_shard_as_well(store: VoteStore) -> None:
    cast(store, judged("1"))
    cast(store, judged("2"))
    store.set_aside(["2"], "before it was copied")
    assert store.claim("one") == 3
    store.mark_sent(["one"])
    assert store.claim("none") == 0
    store.set_aside(["1"], "a robot")
    assert store.claim("two") == 1
    assert store.unsent() == ["two"]
    assert [(vote.battle.id, vote.suspicion) for vote in store.in_shard("two")] == [("1", "a robot")]
    assert [vote.battle.id for vote in store.in_shard("one")] == ["1", "2"]
    store.restore(["1"])
    assert store.claim("three") == 1
    assert [(vote.battle.id, vote.suspicion) for vote in store.in_shard("three")] == [("1", "")]


def test_a_song_keeps_each_kind_it_was_first_seen_with(store: VoteStore) -> None:
    for number, kinds in enumerate(({}, {"genre": "rock"}, {"genre": "jazz", "vocals": "no"})):
        issued = battle(str(number))
        store.add_battle(replace(issued, a=replace(issued.a, kinds=kinds)))
    found = store.battle("0")
    assert found is not None
    assert (found.a.kinds, found.b.kinds) == ({"genre": "rock", "vocals": "no"}, {})


def test_a_vote_that_got_tags_after_it_was_copied_is_put_into_a_later_shard_as_well(store: VoteStore) -> None:
    for id in "12":
        cast(store, judged(id))
    store.add_tags("2", ["mix"])
    store.claim("one")
    assert store.claim("none") == 0
    store.add_tags("1", ["voice", "melody"])
    assert store.claim("two") == 1
    assert [(vote.battle.id, vote.tags) for vote in store.in_shard("two")] == [("1", ("melody", "voice"))]
    assert [vote.battle.id for vote in store.in_shard("one")] == ["1", "2"]
    assert store.claim("none") == 0


def test_of_models_the_one_after_the_most_changes_is_the_newest(store: VoteStore) -> None:
    old = StoredModel("pocket", "r", 100, "x", "of all votes")
    new = StoredModel("pocket", "r", 60, "y", "without those set aside", 1)
    for model in (new, old):
        store.add_model(model, 1.0)
    assert store.newest_model("pocket", "r") == new
    store.add_model(replace(old, changes=2), 2.0)
    assert store.newest_model("pocket", "r") == replace(old, changes=2)
    store.add_model(old, 3.0)
    assert store.newest_model("pocket", "r") == replace(old, changes=2)
    assert store.models() == [(replace(old, changes=2, model=""), 1.0), (replace(new, model=""), 1.0)]


# ---- one counted vote of a voter on a pair -------------------------------------------------------------------------


def test_a_voters_second_vote_on_the_same_two_songs_does_not_count(store: VoteStore) -> None:
    def voted(id: str, a: int, b: int, voter: str, **options: Any) -> str:
        each = vote(battle(id, NAMED[a], NAMED[b]), voter=voter, at=float(id), **options)
        store.add_battle(each.battle)
        stored = store.add_vote(each)
        assert replace(stored, suspicion="") == replace(each, suspicion="")
        return stored.suspicion

    assert voted("1", 0, 1, "x", suspicion="too many") == "too many"
    assert voted("2", 0, 1, "x") == ""
    assert voted("3", 1, 0, "x") == AGAIN
    assert voted("4", 0, 1, "x", suspicion="too many") == "too many"
    assert voted("5", 0, 2, "x") == voted("6", 0, 1, "y") == ""
    assert voted("7", 0, 1, "") == voted("8", 0, 1, "") == ""
    store.set_aside(["2"], WITHDRAWN)
    assert voted("9", 1, 0, "x") == ""
    assert_counted(store)
    assert store.pairs_of("x", 2) == [(NAMED[1].id, NAMED[0].id), (NAMED[0].id, NAMED[2].id)]
    assert len(store.pairs_of("x", 99)) == 6
    assert store.pairs_of("nobody", 99) == []


def test_of_a_voters_votes_on_a_pair_at_many_replicas_at_once_one_counts(url: str) -> None:
    stores = [VoteStore(url) for _ in range(4)]
    barrier = threading.Barrier(8)

    def cast_at(number: int) -> None:
        barrier.wait()
        cast(stores[number % 4], vote(battle(str(number), *NAMED[:2][:: 1 if number % 3 else -1]), voter="x"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(cast_at, range(8)))
    assert sorted(vote.suspicion for vote in stores[0].votes()) == ["", *[AGAIN] * 7]
    assert_counted(stores[0])
    for each in stores:
        each.close()


def test_an_old_salt_is_no_longer_in_the_database(url: str) -> None:
    with closing(VoteStore(url, migrations=MIGRATIONS[:4])) as old, old.transaction(writing=True) as connection:
        connection.execute(text("INSERT INTO secrets (name, value) VALUES ('salt', 'a salt of long ago')"))
    VoteStore(url).close()
    assert "secrets" not in tables(url)
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        assert not any(b"a salt of long ago" in file.read_bytes() for file in folder.iterdir())


def test_others_hear_of_each_vote_that_was_kept(store: VoteStore) -> None:
    counts: list[int] = []
    store.after_vote = lambda: counts.append(votes_counted(store))
    first = cast(store, vote(battle("1")))
    with pytest.raises(AlreadyVoted):
        store.add_vote(first)
    cast(store, vote(battle("2")))
    assert counts == [1, 2]


def test_a_vote_is_put_into_one_shard(store: VoteStore) -> None:
    first, second = cast(store, vote(battle("1"))), cast(store, vote(battle("2")))
    assert store.claim("one") == 2
    assert store.claim("none") == 0
    third = cast(store, vote(battle("3")))
    assert store.claim("two") == 1
    assert store.unsent() == ["one", "two"]
    assert [store.in_shard(name) for name in ("one", "two", "none")] == [[first, second], [third], []]
    store.mark_sent(["one"])
    store.mark_sent(["one"])
    assert store.unsent() == ["two"]


def test_shards_that_are_claimed_at_once_share_no_vote(store: VoteStore) -> None:
    for number in range(50):
        cast(store, vote(battle(str(number))))
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(store.claim, "abcd")) == 50
    assert sum(len(store.in_shard(name)) for name in "abcd") == 50


@pytest.mark.parametrize("verb", ["UPDATE votes SET winner = 'b'", "DELETE FROM votes", "DELETE FROM battles"])
def test_the_database_itself_changes_and_deletes_nothing(verb: str, url: str, store: VoteStore) -> None:
    given = cast(store, vote(battle()))
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(verb))
    engine.dispose()
    assert store.votes() == [given]


def tables(url: str) -> set[str]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names())
    engine.dispose()
    return names


COUNTS = {"vote_totals", "song_votes", "pair_votes", "predicted_votes", "vote_reasons"}


def test_every_table_but_links_fetches_friends_and_counts_is_append_only(url: str, store: VoteStore) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    catalogue = {"sqlite": "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'"}
    query = catalogue.get(engine.dialect.name, "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
    with engine.connect() as connection:
        guarded = list(connection.scalars(text(query)))
    engine.dispose()
    append_only = tables(url) - {"links", "fetches", "friend_battles", "friend_parts", "friend_votes"} - COUNTS
    assert set(guarded) == append_only
    assert len(guarded) == len(append_only) * (2 if "sqlite" in url else 1)


NOW = MIGRATIONS[-1].version
MORE = Migration(NOW + 1, ("ALTER TABLE songs ADD COLUMN year INTEGER", "CREATE TABLE tags (name TEXT)"))


def test_an_old_database_is_brought_up_to_date_and_keeps_its_votes(url: str) -> None:
    with closing(VoteStore(url)) as old:
        given = cast(old, vote(battle()))
    for _ in range(2):
        with closing(VoteStore(url, migrations=[*MIGRATIONS, MORE])) as new:
            assert new.votes() == [given]
    assert "tags" in tables(url)


def test_the_words_of_an_old_database_are_replaced_and_its_votes_stay_as_they_are(url: str) -> None:
    given = vote(battle("1", source="own"), winner="bad"), vote(battle("2"), at=130.0)
    with closing(VoteStore(url, migrations=MIGRATIONS[:2])) as old:
        store_uncounted(old, *given)
    new = replace(given[0], winner="both_bad", battle=replace(given[0].battle, source="uploaded"))
    for _ in range(2):
        with closing(VoteStore(url)) as store:
            assert store.votes() == [new, given[1]]
            with pytest.raises(StoreError), store.transaction(writing=True) as connection:
                connection.execute(text("UPDATE votes SET winner = 'a'"))


def test_the_pairs_of_an_old_database_are_counted_again_as_they_were_played(url: str) -> None:
    with closing(VoteStore(url, migrations=MIGRATIONS[:9])) as old:
        given = [vote(battle(str(number)), winner=winner) for number, winner in enumerate(get_args(Winner))]
        store_uncounted(old, *given)
        with old.transaction(writing=True) as connection:  # as the code of then counted them
            connection.execute(text("INSERT INTO vote_totals VALUES ('pool', 4, 1, 1, 0)"))
            connection.execute(text("INSERT INTO pair_votes VALUES ('first', 'second', 1, 2, 1)"))
    with closing(VoteStore(url)) as store:
        assert_counted(store)
        (pair,) = store.counts().pairs
        assert tuple(pair) == (given[0].battle.a.id, given[0].battle.b.id, 1, 1, 1, 1)


def test_a_migration_that_fails_leaves_nothing_behind(url: str) -> None:
    with closing(VoteStore(url)) as old:
        given = cast(old, vote(battle()))
    with pytest.raises(StoreError, match="nonsense"):
        VoteStore(
            url, migrations=[*MIGRATIONS, MORE, Migration(NOW + 2, ("CREATE TABLE last (name TEXT)", "nonsense"))]
        )
    assert tables(url).isdisjoint({"tags", "last"})
    with closing(VoteStore(url)) as same:
        assert same.votes() == [given]


def test_a_database_of_newer_code_is_refused(url: str) -> None:
    VoteStore(url, migrations=[*MIGRATIONS, MORE]).close()
    with pytest.raises(StoreError, match=f"version {NOW + 1} and this code knows {NOW}"):
        VoteStore(url)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(store: VoteStore) -> None:
    cast(store, vote(battle("parent")))

    def child() -> None:
        cast(store, vote(battle("child")))
        store.close()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == 0
    cast(store, vote(battle("after")))
    assert {vote.battle.id for vote in store.votes()} == {"parent", "child", "after"}


UNSTORABLE: list[Callable[[], Battle]] = [
    lambda: battle(a=Song("s", "nul \0")),
    lambda: battle(a=Song("s", prompt="half a pair \ud800")),
    lambda: battle(issued=float("nan")),
    lambda: battle(predictions=(Prediction("j", "h", "r", float("inf"), 0, 1),)),
]


@pytest.mark.parametrize("make", UNSTORABLE)
def test_what_one_database_refuses_both_do(make: Callable[[], Battle], store: VoteStore) -> None:
    with pytest.raises(StoreError, match="cannot be stored"):
        store.add_battle(make())
    assert store.battle("battle") is None


def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    with closing(VoteStore(f"sqlite:///{tmp_path / 'votes'}")) as store, store.transaction() as connection:
        names = "journal_mode", "synchronous", "foreign_keys", "journal_size_limit"
        found = [connection.scalar(text(f"PRAGMA {name}")) for name in names]
    assert found == ["wal", 3, 1, JOURNAL_BYTES]


def test_without_a_url_it_is_a_file_in_the_data_folder_that_only_its_owner_reads(tmp_path: Path) -> None:
    open_store(Settings(data=tmp_path / "new?#%20 folder")).close()
    file = tmp_path / "new?#%20 folder" / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


PASSWORD = "hunter2%2Fsecret"
NO_DATABASE = [
    f"postgresql://me:{PASSWORD}@127.0.0.1:9/votes",
    f"postgresql://me:{PASSWORD}@no.invalid/votes",
    f"postgresql://me:{PASSWORD}@127.0.0.1:{PASSWORD}/votes",
    f"postgresql://me:{PASSWORD}@127.0.0.1",
    f"mysql://me:{PASSWORD}@127.0.0.1/votes",
    f"{PASSWORD}",
    "sqlite://",
]


@pytest.mark.parametrize("url", NO_DATABASE)
def test_a_url_without_a_database_is_refused_without_telling_the_password(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused_silently(url, caplog)


def refused_silently(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreError, match="APEX_DATABASE_URL") as refusal:
        open_store(Settings(database_url=url))
    told = "".join(traceback.format_exception(refusal.value)) + caplog.text
    assert "hunter2" not in told


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("a diary, longer than the header of a database. " * 30)
    with pytest.raises(StoreError, match="not a database"):
        open_store(Settings(data=tmp_path))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/arena\.sqlite3"):
        open_store(Settings(data=tmp_path / "file"))


def test_a_full_disk_is_an_error_of_the_store_and_nothing_is_kept(tmp_path: Path) -> None:
    with closing(VoteStore(f"sqlite:///{tmp_path / 'votes'}")) as store:
        with store.transaction() as connection:
            pages = connection.scalar(text("PRAGMA page_count"))
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(StoreError, match="Try again"):
            store.add_battle(battle(a=Song("s", prompt="x" * 1_000_000)))
        assert store.battle("battle") is None


def open_and_vote(url: str, number: int, journal: str = "wal") -> None:
    with closing(VoteStore(url, journal)) as store:
        cast(store, vote(battle(str(number))))


def test_nothing_is_left_open(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    open_and_vote(f"sqlite:///{tmp_path / 'votes'}", 1)
    assert set(os.listdir("/proc/self/fd")) == before
