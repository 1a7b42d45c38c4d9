"""What votes of the same listener have in common, by which intervals become wider.

Votes of one listener are not independent, because listeners have tastes of their own. The covariance of the strengths
is therefore also estimated by listeners (Liang and Zeger 1986): each listener's pulls at the strengths are summed, and
their squares take the place of those of single votes. This is what the Bayesian bootstrap over listeners (one
exponential weight for each, and a fit for each draw of weights) comes to for small changes, without drawing. The larger
of both deviations counts, so intervals never become narrower.

With 30 simulated listeners with tastes of their own (simulated_listeners.py; 40 votes each, 20 songs, 4 generators),
intervals as if votes were independent contained the true rating of 81 of 100 songs and 64 of 100 generators; by
listeners 91 and 87; percentiles of the bootstrap 87 and 85. With 100 listeners and 12 votes each, it was 90 and 83, 94
and 92, and 91 and 90. If listeners had no tastes of their own, intervals by listeners contained 96 and 96, and were
hardly wider. So the bootstrap is no better, and it takes longer: at 100,000 votes on 500 songs, this takes 0.4 s, and
one fit 0.1 s.

A listener is the hash of an address, whose key changes every day. So a listener who comes back on another day counts as
another one, and intervals are too narrow if many do. Votes without a hash, such as imported ones, count as independent.
"""

from collections.abc import Sequence
from typing import get_args

import numpy as np

from ..core.text import message
from ..storage.records import Winner
from ..storage.vote_counts import PairResults, VoteCounts
from .ratings import MODEL, By, ListenerExcess, RatingModel, results_of, strengths_of

Ballot = tuple[str, str, Winner, str]
"""Songs A and B, the winner, and the voter's hash or an empty text."""
MIN_LISTENERS = 10
"""Number of listeners below which votes count as independent. With 10 simulated listeners, intervals contained 92 of
100 songs and 87 of 100 generators, or 86 and 68 as if votes were independent. With 5 it was only 79 of 100 generators.
"""
MAX_BALLOTS = 100_000
"""Number of the newest votes that are looked at."""
WINNERS: tuple[Winner, ...] = ("a", "b", "tie", "both_bad")


def verdict(listeners: int | None) -> str:
    """Return a sentence that says which kind of intervals is shown: by this number of listeners, or None."""
    if listeners is None:
        return message(
            "The intervals are as if each vote came from another listener, until {n} listeners have voted. They are "
            "too narrow if a few listeners gave most votes.",
            n=MIN_LISTENERS,
        )
    return message(
        "The intervals allow for votes by the same listener, who may have a taste of their own ({n} listeners so far; "
        "those who come back on another day count as new ones).",
        n=f"{listeners:,}",
    )


def excess_by(ballots: Sequence[Ballot], counts: VoteCounts, model: RatingModel) -> dict[By, ListenerExcess]:
    """Return what votes of the same listener have in common, for songs and for generators, where it is known."""
    found: dict[By, ListenerExcess | None] = {by: excess_of(ballots, counts, by, model) for by in get_args(By)}
    return {by: excess for by, excess in found.items() if excess is not None}


def excess_of(
    ballots: Sequence[Ballot], counts: VoteCounts, by: By, model: RatingModel = MODEL, least: int = MIN_LISTENERS
) -> ListenerExcess | None:
    """Return what votes of the same listener have in common, or None if there are fewer than `least` listeners.

    `ballots` are votes on songs of the pool that are in the counts.
    """
    from scipy.sparse import csr_array

    results = results_of(counts, by, model)
    place = {key: number for number, key in enumerate(results.keys)}
    names = {id: id if by == "song" else song.generator for id, song in counts.songs.items()}
    sides = ((names.get(a, ""), names.get(b, ""), winner, voter) for a, b, winner, voter in ballots)
    kept = [
        (place[a], place[b], WINNERS.index(winner), voter)
        for a, b, winner, voter in sides
        if a != b and a in place and b in place and (model.both_bad or winner != "both_bad")
    ]
    known = [ballot for ballot in kept if ballot[3]]
    voters = {voter: number for number, voter in enumerate(dict.fromkeys(voter for *_, voter in known))}
    if len(voters) < least:
        return None
    a, b, won, voter = np.array([(a, b, winner, voters[voter]) for a, b, winner, voter in known]).T
    pulls = strengths_of(results, model).pulls(PairResults(results.keys, a, b, *(won == np.arange(4)[:, None])))
    vote, side = np.arange(len(known)), np.full(len(known), len(place))
    entries = np.concatenate([pulls, -pulls, pulls]), (np.tile(vote, 3), np.concatenate([a, b, side]))
    by_vote = csr_array(entries, (len(known), len(place) + 1))
    by_voter = csr_array((np.ones(len(known)), (voter, vote)), (len(voters), len(known))) @ by_vote
    covariance = (by_voter.T @ by_voter - by_vote.T @ by_vote).toarray()
    return ListenerExcess(results.keys, covariance, len(kept), len(voters))
