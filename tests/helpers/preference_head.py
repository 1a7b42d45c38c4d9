"""A preference head whose answers are known beforehand."""

from functools import cache

from apex_space.core.intervals import ConfidenceInterval
from apex_space.judges.loading import load_judge
from apex_space.judges.report import Report
from apex_space.preference.calibration import CalibrationBin
from apex_space.preference.head import Metrics, PreferenceHead, revision_of
from helpers.songs import short

GOOD, BAD = "synthwave.ogg", "synthwave_damaged.ogg"
"""Examples: one piece, and the same cut up and shuffled, which pocket finds far less coherent."""


@cache
def reports() -> tuple[Report, Report]:
    """Pocket's of both."""
    judge = load_judge("pocket")
    return judge(short(GOOD)), judge(short(BAD))


def coherence_head() -> PreferenceHead:
    """It weighs coherence alone, and much."""
    figure = ConfidenceInterval(0.6, 0.5, 0.7)
    bins = (CalibrationBin(0.5, 1.0, 1.0, 0.6, figure),)
    rules = {"coherence": figure}
    metrics = Metrics(figure, figure, figure, figure, bins, rules, "coherence", figure, figure, "songs")
    weights = revision_of(reports()[0])
    return PreferenceHead("pocket", weights, ("coherence",), (1.0,), (2.0,), ((0.01,),), "simulated", 1234, 56, metrics)
