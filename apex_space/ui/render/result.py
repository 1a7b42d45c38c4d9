"""Renders a SharedResult as HTML, and as a text for sites where its link is posted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from ...core.i18n import tr, translate
from ...judges.panel import Panel
from ...judges.registry import REGISTRY
from ...judges.report import Report
from ...storage.shared_results import SharedResult
from .among import among
from .html import labelled
from .panel import panel, panel_tables
from .report import cards, number, tables

UNTITLED = "A song"


def result(result: SharedResult) -> tuple[str, str]:
    """Return the song's title with its scores, and tables of all details."""
    reports = titled(result)
    if len(reports) == 1:
        return cards(reports[0]), among(reports[0]) + tables(reports[0])
    return panel(Panel(reports, {})), panel_tables(Panel(reports, {}))


def titled(result: SharedResult) -> tuple[Report, ...]:
    """Return the reports, with the song's title in place of a file name."""
    return tuple(replace(report, file=result.title or tr(UNTITLED)) for report in result.reports)


def summary(result: SharedResult) -> str:
    """Return all scores in words, for people who do not see the picture of the result."""
    return "".join(
        f"{labelled(REGISTRY[report.judge].title, tr(', ').join(_said(report)))}{tr('. ')}" for report in result.reports
    ).rstrip()


def _said(report: Report) -> Iterator[str]:
    for axis in report.axes:
        score = report.scores[axis.key]
        scale = f"{tr(' of ')}{axis.high:g}" if axis.bounded else ""
        value = tr("not predicted") if score is None else f"{number(axis, score)}{scale}"
        yield f"{translate(axis.label)} {value}"


def day(result: SharedResult) -> str:
    """Return the UTC date since which the result is kept, such as 2026-03-31."""
    return f"{datetime.fromtimestamp(result.at, UTC):%Y-%m-%d}"
