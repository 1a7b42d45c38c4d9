"""Draws the loudness of a song over time as SVG, which can be folded away and needs no script.

Shared results allow no styles but those of style.css.
"""

from collections.abc import Iterator
from html import escape

from ..core.i18n import tr
from ..core.text import minus
from ..judges.report import Report
from .style import ACCENT, GREY

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 400, 170, 34, 8, 10, 22
STEP = 6
"""LU between two lines of the grid."""
MAX_RANGE = 36
"""LU from the top of the picture to its bottom. What is quieter is drawn at the bottom."""


def loudness(report: Report) -> str:
    """Draw the loudness of every 3 s, and the song's loudness as a dashed line. Return "" if it is not known."""
    values = report.features.short_term
    if not values:
        return ""
    high = STEP * -(-max(values) // STEP)
    low = max(STEP * (min(values) // STEP), high - MAX_RANGE)
    points = " ".join(
        f"{_x(second + 1.5, report.duration):.1f},{_y(value, low, high):.1f}" for second, value in enumerate(values)
    )
    title = tr(
        "Loudness over time: the quietest 3 s have {low} LUFS, the loudest have {high} LUFS.",
        low=minus(f"{min(values):.1f}"),
        high=minus(f"{max(values):.1f}"),
    )
    return (
        f'<svg class="loudness" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="11" fill="{GREY}" role="img" '
        f'aria-label="{escape(title)}">'
        f"{''.join(_grid(report, int(low), int(high)))}"
        f'<polyline points="{points}" fill="none" stroke="{ACCENT[5]}" stroke-width="2" stroke-linejoin="round"/></svg>'
    )


def _grid(report: Report, low: int, high: int) -> Iterator[str]:
    for level in range(low, high + 1, STEP):
        y = _y(level, low, high)
        yield _line(y, 'stroke-opacity="0.3"')
        yield f'<text x="{LEFT - 4}" y="{y + 4:.1f}" text-anchor="end">{minus(str(level))}</text>'
    step = 30 * max(1, round(report.duration / 180))
    for second in range(0, int(report.duration) + 1, step):
        x, text = _x(second, report.duration), f"{second // 60}:{second % 60:02}"
        anchor = "end" if x > WIDTH - 2 * RIGHT else "middle"
        yield f'<text x="{min(x, WIDTH - 1):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{text}</text>'
    if (whole := report.features.loudness) is not None and low <= whole <= high:
        yield _line(_y(whole, low, high), 'stroke-dasharray="4 3"')


def _line(y: float, style: str) -> str:
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GREY}" {style}/>'


def _x(second: float, duration: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / duration


def _y(level: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (high - max(level, low)) / max(STEP, high - low)
