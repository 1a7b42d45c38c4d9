"""Records -> figures. No page and no models."""

from .arena import calibration, ratings
from .comparison import contributions, probability
from .report import scores, timeline

__all__ = ["calibration", "contributions", "probability", "ratings", "scores", "timeline"]
