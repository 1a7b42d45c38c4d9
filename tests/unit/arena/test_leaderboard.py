"""The standing follows the votes of a real store, in the background and on demand."""

import itertools
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from apex_space.arena.agreement import measure_agreement
from apex_space.arena.leaderboard import LeaderboardService, LeaderboardSnapshot, WinTags
from apex_space.arena.listeners import Ballot
from apex_space.arena.not_counted import Jump, NotCounted
from apex_space.arena.ratings import MIN_VOTES, side_effect
from apex_space.core.errors import StoreError
from apex_space.storage.identity import DAY
from apex_space.storage.records import Vote
from apex_space.storage.vote_counts import VoteCounts, tally
from apex_space.storage.vote_store import VoteStore
from helpers.votes import predicted, rate, song, stored, swapped, vote, votes_counted
from helpers.wait import until

VOTES = stored(
    [
        vote(0, 1, "a", predicted(0.7)),
        vote(1, 2, "tie", predicted(0.4)),
        vote(2, 0, "b", predicted(0.4), suspicion="too many"),
        vote(4, 5, "b", predicted(0.9), source="uploaded"),
    ]
)


@pytest.fixture
def leaderboard(store: VoteStore) -> Iterator[LeaderboardService]:
    watching = LeaderboardService(store, every_s=0.01)
    yield watching
    watching.stop()


def cast(store: VoteStore, *votes: Vote) -> None:
    for each in votes:
        store.add_battle(each.battle)
        store.add_vote(each)


def test_before_the_first_fit_there_is_an_empty_standing(store: VoteStore, leaderboard: LeaderboardService) -> None:
    cast(store, *VOTES)
    empty = leaderboard.latest()
    assert empty == LeaderboardSnapshot()
    assert (empty.version, empty.votes, empty.songs, empty.generators, empty.uncertainty) == (0, 0, (), (), {})
    assert empty.agreement["pool"].judge("pocket") is None
    json.dumps(empty.as_dict(), allow_nan=False)


def test_a_fit_holds_all_that_the_votes_say(store: VoteStore, leaderboard: LeaderboardService) -> None:
    cast(store, *VOTES)
    before = time.time()
    standing = leaderboard.refit()
    assert leaderboard.latest() is standing
    assert standing.songs == rate(VOTES)
    assert standing.generators == rate(VOTES, "generator")
    assert standing.agreement == measure_agreement(tally(VOTES), side_effect(tally(VOTES)))
    assert standing.version == votes_counted(store) == 4
    assert standing.votes == 3
    assert before <= standing.at <= time.time()
    assert standing.uncertainty == {rating.key: rating.high - rating.low for rating in standing.songs}
    assert set(standing.uncertainty) == {song(0).id, song(1).id, song(2).id}
    plain = json.loads(json.dumps(standing.as_dict(), allow_nan=False))
    assert plain["songs"][0]["rating"] == standing.songs[0].rating
    assert plain["agreement"]["pool"]["judges"][0]["agreed"]["value"] == 1.0


def test_reasons_are_of_the_generator_that_won(store: VoteStore, leaderboard: LeaderboardService) -> None:
    cast(store, *stored([vote(0, 1), vote(0, 1), vote(1, 0)]))
    for number in range(3):
        store.add_tags(f"battle{number}", ["mix", "voice"] if number else ["mix"])
    found = leaderboard.refit().tags
    assert found == (WinTags("maker0", 2, {"mix": 2, "voice": 1}), WinTags("maker1", 1, {"mix": 1, "voice": 1}))


def test_votes_appear_in_the_background(store: VoteStore, leaderboard: LeaderboardService) -> None:
    cast(store, VOTES[0])
    leaderboard.start()
    until(lambda: leaderboard.latest().version == 1)
    first = leaderboard.latest()
    cast(store, *VOTES[1:])
    until(lambda: leaderboard.latest().version == 4)
    assert leaderboard.latest().songs != first.songs


def test_without_new_votes_nothing_is_fitted_again(store: VoteStore, leaderboard: LeaderboardService) -> None:
    cast(store, *VOTES)
    leaderboard.start()
    until(lambda: leaderboard.latest().state == (4, 4))
    fitted = leaderboard.latest()
    time.sleep(0.3)
    assert leaderboard.latest() is fitted


def test_a_vote_set_aside_leaves_the_leaderboard_in_the_background(
    store: VoteStore, leaderboard: LeaderboardService
) -> None:
    cast(store, *VOTES)
    leaderboard.start()
    until(lambda: leaderboard.latest().version == 4)
    store.set_aside([VOTES[0].battle.id], "a robot")
    until(lambda: leaderboard.latest().version == 5)
    assert leaderboard.latest().songs == rate([replace(VOTES[0], suspicion="a robot"), *VOTES[1:]])


def test_todays_reasons_are_for_the_operator_alone(
    store: VoteStore, leaderboard: LeaderboardService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 20_001 * DAY + 60)
    old, new = (
        replace(VOTES[2], at=day * DAY + 5, battle=replace(VOTES[2].battle, id=str(day))) for day in (20_000, 20_001)
    )
    cast(store, VOTES[0], old, replace(new, suspicion="too fast"))
    standing = leaderboard.refit()
    assert standing.not_counted == NotCounted(3, {"too fast": 1, "too many": 1})
    assert standing.not_counted_before == NotCounted(2, {"too many": 1}, "2024-10-05")
    assert "too fast" not in str(standing.as_dict())


@pytest.mark.slow
def test_a_check_that_leaves_out_everybodys_votes_is_warned_of_once(
    store: VoteStore, leaderboard: LeaderboardService, caplog: pytest.LogCaptureFixture
) -> None:
    good = stored([vote(0, 1)] * 300)
    store.add_all([(each, ()) for each in good])
    leaderboard.start()
    until(lambda: leaderboard.latest().version == 300)
    assert leaderboard.latest().jump is None
    for first in (300, 340):
        dropped = stored([vote(0, 1, suspicion="too steady", voter=f"voter {first}")] * 40, first)
        store.add_all([(each, ()) for each in dropped])
        until(lambda first=first: leaderboard.latest().version == first + 40)  # type: ignore[misc]
    jump = leaderboard.latest().jump
    assert jump == Jump(100, 80, 0.0, "too steady", 80, 2)
    leaderboard.stop()
    assert [record.getMessage() for record in caplog.records if "do not count" in record.getMessage()] == [
        caplog.records[0].getMessage()
    ]
    assert "40 of the newest 100" in caplog.text
    store.set_aside([each.battle.id for each in good], "by hand")
    store.restore([f"battle{number}" for number in range(300, 380)])
    assert leaderboard.refit().jump is None


class Waiting:
    """A store that gives the votes for the curves only when it is let."""

    def __init__(self, store: VoteStore) -> None:
        self.version, self.counts, self._store = store.version, store.counts, store
        self.newest_reasons, self.tags_of_wins = store.newest_reasons, store.tags_of_wins
        self.asked, self.let = threading.Event(), threading.Event()

    def ballots(self, most: int) -> list[Ballot]:
        return self._store.ballots(most)

    def latest(self, most: int, before: float) -> list[Vote]:
        self.asked.set()
        assert self.let.wait(30)
        return self._store.latest(most, before)


def test_the_standing_does_not_wait_for_the_curves_and_the_page_gets_both(store: VoteStore) -> None:
    cast(store, *stored([vote(0, 1)] * MIN_VOTES))
    waiting = Waiting(store)
    leaderboard = LeaderboardService(waiting, every_s=0.01)  # type: ignore[arg-type]
    leaderboard.start()
    assert waiting.asked.wait(30)
    first = leaderboard.latest()
    assert (first.version, first.songs, first.curves) == (MIN_VOTES, rate([vote(0, 1)] * MIN_VOTES), ())
    waiting.let.set()
    until(lambda: leaderboard.latest().curves)
    leaderboard.stop()
    last = leaderboard.latest()
    assert (last.version, last.songs) == (first.version, first.songs)
    assert last.state != first.state


def test_the_old_curves_stay_while_new_ones_are_drawn(store: VoteStore) -> None:
    cast(store, *stored([vote(0, 1)] * MIN_VOTES))
    waiting = Waiting(store)
    waiting.let.set()
    leaderboard = LeaderboardService(waiting, every_s=0.01)  # type: ignore[arg-type]
    curves = leaderboard.refit().curves
    waiting.let.clear()
    waiting.asked.clear()
    cast(store, *stored([vote(0, 1)] * MIN_VOTES, MIN_VOTES))
    leaderboard.start()
    assert waiting.asked.wait(30)
    between = leaderboard.latest()
    assert (between.version, between.curves) == (2 * MIN_VOTES, curves)
    waiting.let.set()
    leaderboard.stop()
    assert leaderboard.latest().curves[0].points[-1].votes == 2 * MIN_VOTES


def test_intervals_are_by_listeners_once_there_are_enough_and_known(store: VoteStore) -> None:
    """Each listener prefers one of two songs, always, so that there are fewer opinions than votes."""
    likes = [vote(0, 1, "a" if voter < 14 else "b", voter=f"voter {voter}") for voter in range(24)]
    votes = stored([*likes, *map(swapped, likes)] * 5)
    store.add_all([(each, ()) for each in votes])
    leaderboard = LeaderboardService(store, every_s=0.01)
    leaderboard._fit()
    assert (leaderboard.latest().listeners, leaderboard.latest().songs) == ({}, rate(votes))
    found = leaderboard.refit()
    assert found.listeners == {"song": 24, "generator": 24}
    assert found.as_dict()["listeners"] == {"songs": 24, "generators": 24}
    for wide, narrow in zip(found.songs, rate(votes), strict=True):
        assert (wide.key, wide.rating) == (narrow.key, narrow.rating)
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert [(row.best, row.worst) for row in rate(votes)] == [(1, 1), (2, 2)]
    assert [(row.best, row.worst) for row in found.songs] == [(1, 2), (1, 2)]
    assert found.song_lead.first == found.songs
    before = found.songs[0].low
    store.add_all([(each, ()) for each in stored([vote(0, 1)], 240)])
    leaderboard._fit()
    assert leaderboard.latest().version == 241
    assert leaderboard.latest().songs[0].low == pytest.approx(before, abs=0.01)


def test_the_time_of_a_standing_is_before_its_votes_were_read(
    store: VoteStore, leaderboard: LeaderboardService, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, read = itertools.count(1000.0), store.counts
    monkeypatch.setattr(time, "time", lambda: next(clock))
    monkeypatch.setattr(store, "counts", lambda: (times.append(time.time()), read())[1])
    times: list[float] = []
    cast(store, *VOTES)
    for fit in (leaderboard._fit, leaderboard._draw):
        fit()
        assert leaderboard.latest().at < times[-1]
    assert len(times) == 2


class Failing:
    """A store whose votes cannot be read until it is mended."""

    def __init__(self, store: VoteStore, error: Exception) -> None:
        self._store, self._error = store, error
        self.tried, self.mended = threading.Event(), threading.Event()
        self.tags_of_wins = store.tags_of_wins

    def version(self) -> int:
        return self._store.version()

    def newest_reasons(self, most: int) -> list[tuple[str, str]]:
        return self._store.newest_reasons(most)

    def counts(self) -> VoteCounts:
        self.tried.set()
        if not self.mended.is_set():
            raise self._error
        return self._store.counts()

    def ballots(self, most: int) -> list[Ballot]:
        return self._store.ballots(most)

    def latest(self, most: int, before: float) -> list[Vote]:
        return self._store.latest(most, before)


@pytest.mark.parametrize("error", [StoreError("it does not answer"), RuntimeError("a library's own")])
def test_the_watch_outlives_a_failing_store_and_says_so(
    error: Exception, store: VoteStore, caplog: pytest.LogCaptureFixture
) -> None:
    cast(store, *VOTES)
    failing = Failing(store, error)
    leaderboard = LeaderboardService(failing, every_s=0.01)  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR):
        leaderboard.start()
        assert failing.tried.wait(30)
        until(lambda: str(error) in caplog.text)
    assert leaderboard.latest() == LeaderboardSnapshot()
    failing.mended.set()
    until(lambda: leaderboard.latest().version == 4)
    leaderboard.stop()


def test_a_fit_on_demand_passes_the_stores_error_on_and_keeps_the_last_standing(store: VoteStore) -> None:
    cast(store, *VOTES)
    failing = Failing(store, StoreError("it does not answer"))
    leaderboard = LeaderboardService(failing)  # type: ignore[arg-type]
    failing.mended.set()
    fitted = leaderboard.refit()
    failing.mended.clear()
    with pytest.raises(StoreError, match="does not answer"):
        leaderboard.refit()
    assert leaderboard.latest() is fitted


def watches() -> int:
    return sum(thread.name == "leaderboard" for thread in threading.enumerate())


def test_start_and_stop_are_idempotent_and_leave_no_thread(store: VoteStore) -> None:
    leaderboard = LeaderboardService(store, every_s=100)
    for _ in range(2):
        leaderboard.stop()
        leaderboard.start()
        leaderboard.start()
        assert watches() == 1
        leaderboard.stop()
        leaderboard.stop()
        assert watches() == 0
