"""Renders records as HTML. Every text from outside is escaped here."""

from .comparison import answer, comparison_links, details, sentence
from .html import NOTE, clock, failed, links, note, percent, progress, table
from .judge_progress import judge_progress
from .panel import panel, panel_links, panel_tables
from .panel_comparison import duel, duel_links, duel_tables
from .report import cards, downloads, measured, number, states, tables

__all__ = [
    "NOTE",
    "answer",
    "cards",
    "clock",
    "comparison_links",
    "details",
    "downloads",
    "duel",
    "duel_links",
    "duel_tables",
    "failed",
    "judge_progress",
    "links",
    "measured",
    "note",
    "number",
    "panel",
    "panel_links",
    "panel_tables",
    "percent",
    "progress",
    "sentence",
    "states",
    "table",
    "tables",
]
