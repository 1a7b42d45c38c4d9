"""A preference head whose answers are known beforehand."""

from functools import cache

from apex_space.estimates import Estimate
from apex_space.judges import load_judge
from apex_space.preference import Bin, Head, Metrics, revision_of
from apex_space.report import Report
from helpers.songs import short

GOOD, BAD = short("synthwave.ogg"), short("synthwave_damaged.ogg")
"""One piece, and the same cut up and shuffled, which pocket finds far less coherent."""


@cache
def reports() -> tuple[Report, Report]:
    """Pocket's of both."""
    judge = load_judge("pocket")
    return judge(GOOD), judge(BAD)


def coherence_head() -> Head:
    """It weighs coherence alone, and much."""
    figure = Estimate(0.6, 0.5, 0.7)
    bins = (Bin(0.5, 1.0, 1.0, 0.6, figure),)
    rules = {"coherence": figure}
    metrics = Metrics(figure, figure, figure, figure, bins, rules, "coherence", figure, figure, "songs")
    weights = revision_of(reports()[0])
    return Head("pocket", weights, ("coherence",), (1.0,), (2.0,), ((0.01,),), "simulated", 1234, 56, metrics)
