"""Draws where a song's score is among those of reference songs as SVG, which can be folded away and needs no script.

Shared results allow no styles but those of style.css.
"""

from collections.abc import Iterator, Sequence
from html import escape

from ..core.axes import Axis
from ..core.text import minus
from .report import COLOURS
from .style import GREY

WIDTH, TOP, FLOOR, HEIGHT, SIDE = 360, 8, 52, 78, 8
"""Pixels of the picture. The bars stand on FLOOR; the interval and the numbers are below."""
BINS = 24


def among(axis: Axis, scores: Sequence[float], score: float, interval: tuple[float, float] | None, label: str) -> str:
    """Draw the distribution of `scores`, one or more in rising order, with a mark at `score`.

    Bars below the mark have the axis' colour. The line under them is the score's interval, as far as it is within the
    picture. `label` says the same to those who cannot see it.
    """
    low, high = min(scores[0], score), max(scores[-1], score)
    ends = (low, high) if interval is None else (max(low, interval[0]), min(high, interval[1]))
    x, *bounds = (_x(value, low, high) for value in (score, *ends))
    line = f'<path d="M{bounds[0]:.1f} {FLOOR + 6}H{bounds[1]:.1f}" stroke="currentColor" stroke-width="3"/>'
    return (
        f'<svg class="among" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="11" fill="{GREY}" role="img" '
        f'aria-label="{escape(label)}">{"".join(_bars(axis, scores, score, low, high))}'
        f'<path d="M{SIDE} {FLOOR}H{WIDTH - SIDE}" stroke="{GREY}"/>'
        f'<path d="M{x:.1f} {TOP - 4}V{FLOOR + 10}" stroke="currentColor" stroke-width="2"/>'
        f"{line if interval else ''}{_text(axis, low, SIDE, 'start')}{_text(axis, high, WIDTH - SIDE, 'end')}</svg>"
    )


def _bars(axis: Axis, scores: Sequence[float], score: float, low: float, high: float) -> Iterator[str]:
    counts = [0] * BINS
    for value in scores:
        counts[min(BINS - 1, int(BINS * _share(value, low, high)))] += 1
    width = (WIDTH - 2 * SIDE) / BINS
    for place, count in enumerate(counts):
        height = (FLOOR - TOP) * count / max(counts)
        below = (place + 0.5) / BINS < _share(score, low, high)
        colour = f'fill="{COLOURS[axis.key]}"' if below else 'fill-opacity="0.45"'
        left, top = SIDE + place * width, FLOOR - height
        yield f'<rect x="{left + 0.5:.1f}" y="{top:.1f}" width="{width - 1:.1f}" height="{height:.1f}" {colour}/>'


def _text(axis: Axis, value: float, x: float, anchor: str) -> str:
    shown = minus(f"{value:.0f}" if axis.high == 100 else f"{value:.2f}")
    return f'<text x="{x}" y="{HEIGHT - 6}" text-anchor="{anchor}">{shown}</text>'


def _x(value: float, low: float, high: float) -> float:
    return SIDE + (WIDTH - 2 * SIDE) * _share(value, low, high)


def _share(value: float, low: float, high: float) -> float:
    """Return how far from `low` to `high` a value is, from 0 to 1."""
    return (value - low) / (high - low) if high > low else 0.5
