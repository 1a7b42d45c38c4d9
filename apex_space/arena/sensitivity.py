"""What other ways to count ties and "both bad" votes would do to ratings and ranks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from ..core.text import message
from ..storage.vote_counts import VoteCounts
from .ratings import NOBODY, By, Excess, Rating, RatingModel, Ties, rate, results_of

Way = Literal["half", "davidson", "without_both_bad"]
"""A tie as half a win for both, ties by Davidson's model, or as they are counted but without "both bad" votes."""
Otherwise = Mapping[Way, Sequence[Rating]]


def rate_otherwise(
    counts: VoteCounts, by: By, model: RatingModel, excess: Excess = NOBODY
) -> dict[Way, tuple[Rating, ...]]:
    """Return the ratings by each way that is not the model's and would change the counts."""
    results = results_of(counts, by, model)
    ways: dict[Way, RatingModel] = {}
    if results.tied.any() or results.both_bad.any():
        way: Ties = "half" if model.ties == "davidson" else "davidson"
        ways[way] = replace(model, ties=way)
    if results.both_bad.any():
        ways["without_both_bad"] = replace(model, both_bad=False)
    return {way: rate(counts, by, other, excess) for way, other in ways.items()}


def changed_ranks(ranked: Sequence[Rating], otherwise: Otherwise) -> int:
    """Return how many of the rows that have ranks would have other ranks, or none, by one of the other ways."""
    others = [{row.key: (row.best, row.worst) for row in rows} for rows in otherwise.values()]
    placed = [row for row in ranked if row.best is not None]
    return sum(any(ranks.get(row.key) != (row.best, row.worst) for ranks in others) for row in placed)


def verdict(ranked: Sequence[Rating], otherwise: Otherwise) -> str:
    """Return a sentence that says whether the way to count ties matters for the ranks."""
    changed = changed_ranks(ranked, otherwise)
    if not changed:
        return "If ties and “both bad” votes were counted in another way, no rank would change."
    template = "If ties and “both bad” votes were counted in another way, {n} of {all} ranks could change."
    return message(template, n=changed, all=sum(row.best is not None for row in ranked))
