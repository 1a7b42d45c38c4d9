"""Draws how a score changes during a song as a small SVG for a table's cell, which needs no script and no style."""

from html import escape

from ..core.axes import Axis
from ..core.i18n import tr
from ..core.text import minus
from ..judges.report import Report
from .report import COLOURS, _digits
from .style import GREY

WIDTH, HEIGHT, EDGE = 120, 24, 2
"""Pixels of the picture, and of its margin above and below."""


def sparkline(report: Report, axis: Axis) -> str:
    """Draw the score of each segment that counts on the axis' whole scale, or return "" if none has a score."""
    counting = (part for part in report.segments if part.counts)
    parts = [(part, score) for part in counting if (score := part.scores[axis.key]) is not None]
    if not parts:
        return ""
    path = " ".join(
        f"{_x(part.start, report)},{_y(score, axis)} {_x(part.end, report)},{_y(score, axis)}" for part, score in parts
    )
    low, high = (minus(f"{pick(score for _, score in parts):.{_digits(axis)}f}") for pick in (min, max))
    grid = "".join(f'<path d="M0 {y}H{WIDTH}" stroke="{GREY}" stroke-width="0.5"/>' for y in (EDGE, HEIGHT - EDGE))
    return (
        f'<svg class="sparkline" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(tr("from {low} to {high}", low=low, high=high))}">{grid}'
        f'<polyline points="{path}" fill="none" stroke="{COLOURS[axis.key]}" stroke-width="2"/></svg>'
    )


def _x(second: float, report: Report) -> str:
    return f"{WIDTH * second / report.duration:.1f}"


def _y(score: float, axis: Axis) -> str:
    share = min(max((score - axis.low) / (axis.high - axis.low), 0), 1)
    return f"{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share:.1f}"
