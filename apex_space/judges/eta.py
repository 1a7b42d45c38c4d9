"""How long a judge will take for a song on this machine: from the songs it heard before, or else from a short probe."""

from dataclasses import dataclass

from ..core.i18n import tr
from ..core.settings import settings
from ..models import precision


@dataclass(frozen=True)
class ComputeCost:
    """Billions of multiplications and additions that a judge's networks take: for a second of a song, and for the
    square of its seconds, which is attention to all of it at once."""

    linear: float
    square: float = 0.0

    def of(self, seconds: float) -> float:
        """Those for a song that long."""
        return self.linear * seconds + self.square * seconds**2


class ThroughputEstimator:
    """What each judge got done in which time. Every song halves the weight of those before it."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[float, float]] = {}

    def record(self, judge: str, cost: ComputeCost | None, seconds: float, took: float) -> None:
        """A song of `seconds` took that long. Where the `cost` is not counted it is taken to grow with the song."""
        amount, time = self._done.get(judge, (0.0, 0.0))
        self._done[judge] = amount / 2 + _amount(cost, seconds), time / 2 + took

    def estimate_seconds(self, judge: str, cost: ComputeCost | None, seconds: float) -> float | None:
        """Seconds that a song of `seconds` will take; None where nothing tells: no song yet, and no work counted."""
        if judge in self._done:
            amount, time = self._done[judge]
            return _amount(cost, seconds) * time / amount
        rate = precision.flops_per_second(settings().precision) if cost else None
        return _amount(cost, seconds) / rate if rate else None


def _amount(cost: ComputeCost | None, seconds: float) -> float:
    return cost.of(seconds) if cost else seconds


def spoken(seconds: float) -> str:
    """12.3 -> "about 12 s", 250 -> "about 4 min"."""
    if seconds < 90:
        return tr("about {n} s", n=max(1, round(seconds)))
    return tr("about {n} min", n=round(seconds / 60))


ESTIMATOR = ThroughputEstimator()
"""That of this process."""
