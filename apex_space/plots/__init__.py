"""Draws figures from records. Needs no page and no model."""

from .among import among
from .arena import calibration, learning_curves, learning_losses
from .card import card, preview, votes_card
from .comparison import contributions, probability
from .loudness import loudness
from .panel import panel, preferences
from .ranking import ranking_intervals, spread
from .report import scores, timeline
from .sparkline import sparkline
from .what_if import parts, what_if

__all__ = [
    "among",
    "calibration",
    "card",
    "contributions",
    "learning_curves",
    "learning_losses",
    "loudness",
    "panel",
    "parts",
    "preferences",
    "preview",
    "probability",
    "ranking_intervals",
    "scores",
    "sparkline",
    "spread",
    "timeline",
    "votes_card",
    "what_if",
]
