"""Estimates how long a judge takes for a song on this machine, from earlier songs or else from a short measurement."""

from dataclasses import dataclass

from ..core.settings import settings
from ..models import precision


@dataclass(frozen=True)
class ComputeCost:
    """Cost of a judge's networks, in billions of multiplications and additions.

    `linear` is the cost of each second of a song. `square` is multiplied by the square of the seconds: it is the cost
    of attention to the whole song at once.
    """

    linear: float
    square: float = 0.0

    def of(self, seconds: float) -> float:
        """Return the cost of a song of `seconds`."""
        return self.linear * seconds + self.square * seconds**2


class ThroughputEstimator:
    """Records how much work each judge did in how much time. Each song halves the weight of the earlier ones."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[float, float]] = {}

    def record(self, judge: str, cost: ComputeCost | None, seconds: float, took: float) -> None:
        """Record that a song of `seconds` took `took` seconds.

        Without a `cost`, the work is assumed to be proportional to the song's duration.
        """
        amount, time = self._done.get(judge, (0.0, 0.0))
        self._done[judge] = amount / 2 + _amount(cost, seconds), time / 2 + took

    def estimate_seconds(self, judge: str, cost: ComputeCost | None, seconds: float) -> float | None:
        """Return how many seconds a song of `seconds` will take.

        Return None if there is nothing to estimate from: no song was recorded, and there is no `cost` or no
        measurement.
        """
        if judge in self._done:
            amount, time = self._done[judge]
            return _amount(cost, seconds) * time / amount
        rate = precision.flops_per_second(settings().precision) if cost else None
        return _amount(cost, seconds) / rate if rate else None


def _amount(cost: ComputeCost | None, seconds: float) -> float:
    return cost.of(seconds) if cost else seconds


ESTIMATOR = ThroughputEstimator()
"""Process-wide estimator of how long judges take."""
