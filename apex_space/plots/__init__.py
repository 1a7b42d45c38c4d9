"""Draws figures from records. Needs no page and no model."""

from .arena import calibration, meetings, ratings
from .card import card, preview
from .comparison import contributions, probability
from .panel import panel, preferences
from .ranking import ranking_intervals, spread
from .report import scores, timeline

__all__ = [
    "calibration",
    "card",
    "contributions",
    "meetings",
    "panel",
    "preferences",
    "preview",
    "probability",
    "ranking_intervals",
    "ratings",
    "scores",
    "spread",
    "timeline",
]
