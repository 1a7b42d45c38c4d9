"""Who leads, and how sure that is."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apex_space.arena import ratings
from apex_space.arena.lead import MOST, Lead, find_lead, meetings
from apex_space.arena.ratings import MIN_VOTES
from apex_space.storage.records import Song, Vote
from helpers.votes import MAKERS, rate, simulate, song, tally, vote


def lead(votes: list[Vote], by: str = "song") -> Lead:
    return find_lead(tally(votes), by, rate(votes, by))  # type: ignore[arg-type]


def test_nobody_leads_without_votes_or_with_too_few() -> None:
    assert lead([]) == Lead()
    assert lead([vote(0, 1)] * (MIN_VOTES - 1)) == Lead()
    assert lead([vote(0, rival, "b") for rival in range(1, 1 + MIN_VOTES)]) == Lead()  # it lost every vote


def test_what_cannot_be_told_apart_shares_its_ranks() -> None:
    votes = [vote(0, 1, winner) for winner in ("a", "b") for _ in range(20)]
    first, second = rate(votes)
    assert (first.best, first.worst) == (second.best, second.worst) == (1, 2)
    assert {row.key for row in lead(votes).first} == {song(0).id, song(1).id}


def test_a_clear_winner_is_first_alone() -> None:
    votes = [vote(0, rival) for rival in (1, 2, 3) for _ in range(30)]
    first, *others = rate(votes)
    assert (first.key, first.best, first.worst) == (song(0).id, 1, 1)
    assert {(row.best, row.worst) for row in others} == {(2, 4)}
    assert lead(votes).first == (first,)


def test_a_row_with_too_few_votes_takes_no_rank_and_nobodys_rank() -> None:
    votes = [vote(0, 1)] * 40 + [vote(2, 1)] * (MIN_VOTES - 1)
    ranks = {row.key: (row.best, row.worst) for row in rate(votes)}
    assert ranks == {song(0).id: (1, 1), song(1).id: (2, 2), song(2).id: (None, None)}


@pytest.mark.parametrize("wins", [8, 40])
def test_so_many_votes_and_no_fewer_change_who_is_on_top(wins: int) -> None:
    votes = [vote(0, rival) for rival in (1, 2) for _ in range(wins)]
    leader, second, _ = rate(votes)
    needed = lead(votes).votes
    assert needed is not None

    def first(more: int) -> str:
        counts, half = tally(votes), more / 2
        against = (second.key, leader.key, half, 0, 0, 0), (leader.key, second.key, 0, half, 0, 0)
        return ratings.rate(replace(counts, pairs=[*counts.pairs, *against]))[0].key  # type: ignore[list-item]

    assert first(needed) != leader.key
    assert first(needed - 1) == leader.key


def test_more_votes_than_anybody_casts_are_not_looked_for() -> None:
    assert lead([vote(0, 1)] * 10 * MOST).votes is None


@pytest.mark.parametrize("each", [10, 40])
def test_the_true_rank_is_among_the_ranks_that_the_votes_allow(each: int) -> None:
    held = []
    for seed in range(10):
        truth = np.random.default_rng(1000 + seed).normal(0, 0.8, 20)
        rows = [row for row in rate(simulate(truth, 20 * each // 2, seed)) if row.best is not None]
        strengths = np.array([truth[int(row.key.removeprefix("song"))] for row in rows])
        ranks = 1 + (-strengths).argsort().argsort()
        held += [row.best <= rank <= row.worst for row, rank in zip(rows, ranks.tolist(), strict=True)]
    assert np.mean(held) >= 0.9


def test_votes_between_generators_are_counted_for_each_pair_once() -> None:
    votes = [vote(0, 1), vote(1, 0), vote(MAKERS, 1), vote(1, 0, "tie"), vote(2, 3, "b"), vote(0, MAKERS)]
    one, other = meetings(tally(votes))
    assert (one.first, one.second, one.wins, one.losses, one.ties) == ("maker0", "maker1", 2, 1, 1)
    assert one.share.value == 2.5 / 4
    assert one.share.low < 2.5 / 4 < one.share.high
    assert (other.first, other.second, other.share.value) == ("maker2", "maker3", 0)


def test_the_figures_of_the_documentation(shared: Path) -> None:
    """On 799 votes of Music Arena, four generators could be first, and two votes would change which one is on top.
    The left one of two equally good songs is preferred in 45% of votes."""
    with (shared / "data" / "music_arena_postcut" / "battles.csv").open(encoding="utf-8") as file:
        systems = [(row["system_a"], row["system_b"], row["preference"]) for row in csv.DictReader(file)]
    votes = [
        vote(Song(f"{n} a", generator=a), Song(f"{n} b", generator=b), "a" if preference == "A" else "b")
        for n, (a, b, preference) in enumerate(systems)
    ]
    found = lead(votes, "generator")
    assert len(votes) == 799
    assert len({row.key for row in rate(votes, "generator")}) == 11
    assert (len(found.first), found.votes) == (4, 2)
    side = ratings.side_effect(tally(votes))
    assert side is not None
    assert side.percent == "45 (41–48)"
