"""What a visitor's own votes say: found where they are enough, and never more than they show."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from apex_space.arena import ratings, taste
from apex_space.arena.ratings import MIN_VOTES
from apex_space.arena.taste import Agreed, Taste, against_judges, measure_taste
from apex_space.core.axes import KEYS
from apex_space.preference.learned import LearnedModel, Prior
from apex_space.storage.records import Song, SongScores, Vote
from helpers.votes import predicted, rate, sigmoid, vote

AXES = ("musicality", "clarity")
OTHERS = Prior.without_head(AXES, (1.0, 1.0), (1.0, 0.0))
SCORES = np.random.default_rng(0).normal(size=(40, 2))
SONGS = [Song(f"song{number:02}", f"Title {number}", f"maker{number % 3}") for number in range(len(SCORES))]
SCORED = [
    SongScores(song.id, "pocket", "1", dict.fromkeys(KEYS) | dict(zip(AXES, map(float, row), strict=True)))
    for song, row in zip(SONGS, SCORES, strict=True)
]


def listener(weights: tuple[float, float], count: int, seed: int = 0) -> list[Vote]:
    """Votes of somebody with these weights."""
    rng = np.random.default_rng(seed)
    votes = []
    for _ in range(count):
        a, b = rng.choice(len(SONGS), 2, replace=False)
        odds = float((SCORES[a] - SCORES[b]) @ np.array(weights))
        votes.append(vote(SONGS[a], SONGS[b], "a" if rng.random() < sigmoid(odds) else "b"))
    return votes


def measured(votes: list[Vote], **options: Any) -> Taste:
    given: dict[str, Any] = {"scored": SCORED, "others": lambda judge, revision: OTHERS, "crowd": {}, "at": 1e9}
    return measure_taste(votes, **given | options)


def test_who_weighs_a_score_more_than_others_is_told_so_after_many_votes() -> None:
    musicality, clarity = measured(listener((1.0, 1.5), 200)).weighings
    assert (musicality.axis, clarity.axis) == AXES
    assert musicality.more.low < 0 < musicality.more.high
    assert 0 < clarity.more.low < clarity.more.value < clarity.more.high
    less, _ = measured(listener((-0.5, 0.0), 200)).weighings
    assert less.more.high < 0


def test_few_votes_and_an_average_listener_say_nothing() -> None:
    few = measured(listener((1.0, 1.5), 8)).weighings
    assert all(each.more.low < 0 < each.more.high for each in few)
    average = [each for seed in range(40) for each in measured(listener((1.0, 0.0), 60, seed)).weighings]
    assert sum(each.more.low > 0 or each.more.high < 0 for each in average) <= 6, "95% of 80 intervals hold the truth"


def test_it_is_fitted_for_one_visitor_at_a_time_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    learn, limited, seen = taste.learn_from_choices, [], []

    class Blas:
        @contextmanager
        def limit(self, limits: int, user_api: str) -> Iterator[None]:
            limited.append((limits, user_api))
            yield
            limited.pop()

    def watched(*given: Any, **options: Any) -> LearnedModel:
        seen.append((*limited, threading.current_thread()))
        return learn(*given, **options)

    monkeypatch.setattr(taste, "_blas", Blas)
    monkeypatch.setattr(taste, "learn_from_choices", watched)
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(measured, [listener((1.0, 1.5), 20)] * 4)]
    assert found == [found[0]] * 4
    assert len(seen) == 4
    assert {*seen} == {((1, "blas"), seen[0][-1])}


@pytest.mark.parametrize("others", [lambda judge, revision: None, lambda judge, revision: OTHERS])
def test_without_scores_or_what_others_weigh_there_are_no_weighings(others: Callable[..., Any]) -> None:
    found = measured(listener((1.0, 0.0), 9), others=others, scored=SCORED if others("", "") is None else [])
    assert (found.judge, found.weighings, found.votes) == ("", (), 9)


def test_own_votes_rank_the_songs_and_uploads_do_not_count() -> None:
    votes = listener((1.0, 0.0), 9)
    own = replace(votes[0], battle=replace(votes[0].battle, source="uploaded"))
    found = measured([*votes, own])
    assert (found.votes, found.songs) == (9, rate(votes))


def test_a_vote_that_is_suspicious_or_taken_back_is_like_any_other() -> None:
    votes = listener((1.0, 0.0), 9)
    assert measured([replace(each, suspicion="a robot") for each in votes]) == measured(votes)


def test_judges_are_held_against_the_votes_for_a_song() -> None:
    votes = [
        vote(0, 1, "a", predicted(0.7), predicted(0.5, "apex")),
        vote(0, 1, "b", predicted(0.7)),
        vote(0, 1, "tie", predicted(0.7)),
    ]
    assert against_judges(votes) == (Agreed("apex", 0.5, 1), Agreed("pocket", 1.0, 2))
    assert against_judges([]) == ()


def test_the_crowd_is_what_others_voted_without_ones_own_votes() -> None:
    own = [vote(0, 1, "b")] * 3 + [vote(0, 1, "a"), vote(0, 1, "tie"), vote(2, 3, "a")]
    of_others = [vote(0, 1, "a")] * MIN_VOTES
    crowd = {row.key: row for row in rate([*of_others, *own])}
    assert measured(own, crowd=crowd).crowd == Agreed("", 1, 4)
    before = {row.key: row for row in rate(of_others)}
    assert measured(own, crowd=before, at=own[0].at - 1).crowd == Agreed("", 1, 4), "own votes came later"
    set_aside = [replace(each, suspicion="a robot") for each in own]
    assert measured(set_aside, crowd=before).crowd == Agreed("", 1, 4)


def test_the_crowd_is_counted_without_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [vote(0, 1, "a"), vote(0, 1, "tie")]
    crowd = {row.key: row for row in rate([*[vote(0, 1, "a")] * MIN_VOTES, *own])}
    monkeypatch.setattr(ratings, "strengths_of", lambda *_: pytest.fail("fitted"))
    assert taste._with_crowd(own, crowd, 1e9) == Agreed("", 1, 1)


def test_too_few_votes_of_others_are_no_crowd() -> None:
    own = [vote(0, 1, "b")] * 3
    crowd = {row.key: row for row in rate([*[vote(0, 1, "a")] * (MIN_VOTES - 1), *own])}
    assert measured(own, crowd=crowd).crowd is None
