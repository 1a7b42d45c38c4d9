"""What is said about other ways to count ties."""

from apex_space.arena.ratings import MIN_VOTES, RatingModel
from apex_space.arena.sensitivity import changed_ranks, rate_otherwise, verdict
from helpers.votes import rate, song, tally, vote

DECIDED = [vote(0, 1)] * 40 + [vote(1, 0)] * 10


def test_without_ties_there_is_no_other_way() -> None:
    assert rate_otherwise(tally(DECIDED), "song", RatingModel()) == {}
    assert "no rank would change" in verdict(rate(DECIDED), {})


def test_the_other_ways_are_those_that_the_model_is_not() -> None:
    tied = [*DECIDED, vote(0, 1, "tie")]
    bad = [*tied, vote(0, 1, "both_bad")]
    assert list(rate_otherwise(tally(tied), "song", RatingModel())) == ["davidson"]
    found = rate_otherwise(tally(bad), "song", RatingModel(ties="davidson"))
    assert found == {
        "half": rate(bad, ties="half"),
        "without_both_bad": rate(bad, ties="davidson", both_bad=False),
    }
    assert found["without_both_bad"] == rate(tied, ties="davidson")


def test_a_rank_that_hangs_on_both_bad_votes_is_counted() -> None:
    votes = [*DECIDED, *[vote(0, 1, "both_bad"), vote(1, 0, "both_bad")] * 300]
    otherwise = rate_otherwise(tally(votes), "song", RatingModel())
    ranks = {way: [(row.best, row.worst) for row in rows] for way, rows in otherwise.items()}
    assert ranks["without_both_bad"] == [(1, 1), (2, 2)]
    assert [(row.best, row.worst) for row in rate(votes)] == [(1, 2), (1, 2)]
    assert changed_ranks(rate(votes), otherwise) == 2
    assert verdict(rate(votes), otherwise).endswith("2 of 2 ranks could change.")


def test_a_row_that_has_a_rank_by_both_bad_votes_alone_would_lose_it() -> None:
    votes = [*DECIDED, *[vote(2, 3, "both_bad")] * 6]
    otherwise = rate_otherwise(tally(votes), "song", RatingModel())
    assert {row.key for row in otherwise["without_both_bad"]} == {song(0).id, song(1).id}
    assert changed_ranks(rate(votes), otherwise) >= 2


def test_a_row_whose_votes_are_few_without_both_bad_ones_keeps_its_place_among_the_ranks() -> None:
    votes = [*DECIDED, *[vote(2, 0)] * 2, *[vote(0, 2)] * 2, vote(2, 0, "both_bad")]
    otherwise = rate_otherwise(tally(votes), "song", RatingModel())
    assert {row.key: row.votes for row in otherwise["without_both_bad"]}[song(2).id] == MIN_VOTES - 1
    assert all(row.worst for rows in otherwise.values() for row in rows)
    assert changed_ranks(rate(votes), otherwise) == 0
