"""Renders records as HTML. Every text from outside is escaped here."""

from .among import among
from .comparison import answer, comparison_links, details, levelled, sentence
from .html import NOTE, download_links, failed, note, percent, progress, table
from .judge_progress import judge_progress
from .judges import BEST, PANEL, judges, states
from .panel import panel, panel_links, panel_tables
from .panel_comparison import panel_comparison_downloads, panel_comparison_summary, panel_comparison_tables
from .report import cards, downloads, example, measured, number, passage_key, tables
from .take_along import take_along
from .what_if import what_if, what_if_progress

__all__ = [
    "BEST",
    "NOTE",
    "PANEL",
    "among",
    "answer",
    "cards",
    "comparison_links",
    "details",
    "download_links",
    "downloads",
    "example",
    "failed",
    "judge_progress",
    "judges",
    "levelled",
    "measured",
    "note",
    "number",
    "panel",
    "panel_comparison_downloads",
    "panel_comparison_summary",
    "panel_comparison_tables",
    "panel_links",
    "panel_tables",
    "passage_key",
    "percent",
    "progress",
    "sentence",
    "states",
    "table",
    "tables",
    "take_along",
    "what_if",
    "what_if_progress",
]
