"""Records -> figures. No page and no models."""

from .arena import calibration, ratings
from .card import card
from .comparison import contributions, probability
from .panel import panel, preferences
from .ranking import spread, standings
from .report import scores, timeline

__all__ = [
    "calibration",
    "card",
    "contributions",
    "panel",
    "preferences",
    "probability",
    "ratings",
    "scores",
    "spread",
    "standings",
    "timeline",
]
