"""Published rules by which a judge's scores foresee what people prefer. They stand in until votes have taught more.

SongEval's rule says which song wins, but not by which chance. So its slope is a guess, and its deviation is wide.
TuneJury's own slope is 1. On 799 battles of newer generators that is worse than a coin (a log-loss of 0.7315), and 0.25
fits best.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .learned import LearnedModel, Outcomes, Prior, learn

COIN = 0.6931
"""Log-loss of a chance of one half."""


@dataclass(frozen=True)
class PublishedRule:
    """The rule "the higher score wins", on the mean of a judge's scores.

    `slope` is the log-odds that a point is worth before any vote, and `deviation` its deviation. With the scores of the
    judge `measured`, the rule named the winner of a share `accuracy` of `battles`, says `source`. `log_loss` is that of
    the published chances on these battles, whose slope is 1, if there are any. A coin has COIN.
    """

    slope: float
    deviation: float
    measured: str
    accuracy: float
    battles: int
    source: str
    log_loss: float | None = None

    def prior(self, axes: Sequence[str]) -> Prior:
        """Return what the rule says of scores on these axes before any vote."""
        return Prior.of_slope(axes, self.slope, self.deviation)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures of the rule, for JSON."""
        return asdict(self) | {"log_loss_of_a_coin": COIN}

    def model(self, judge: str, revision: str, axes: Sequence[str]) -> LearnedModel:
        """Return the model of a judge before any vote."""
        return learn(judge, revision, self.prior(axes), Outcomes.none(len(axes)))


_TUNEJURY = PublishedRule(
    slope=0.25,
    deviation=0.25,
    measured="tunejury",
    accuracy=0.5369,
    battles=799,
    source="arXiv 2606.17006, newer generators, the head for all inputs",
    log_loss=0.7315,
)
_SONGEVAL = PublishedRule(1.5, 1.5, "songeval", 0.7388, 1340, "CMI-RewardBench, Music Arena")
RULES = {
    "songeval": _SONGEVAL,
    "hear-1": _SONGEVAL,  # HEAR was trained to predict the same ratings, and has no figure of its own
    "hear-2": _SONGEVAL,
    "tunejury": _TUNEJURY,
    "tunejury-whole": _TUNEJURY,  # the same head; it has no figure of its own
}
"""The rules of judges that have no preference head, by judge."""
