"""Records -> figures. No page and no models."""

from .arena import calibration, ratings
from .comparison import contributions, probability
from .panel import panel
from .report import scores, timeline

__all__ = ["calibration", "contributions", "panel", "probability", "ratings", "scores", "timeline"]
