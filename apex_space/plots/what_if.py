"""Draws what changes do to one score as SVG, which needs no script and can be folded away."""

import re
from collections.abc import Iterator
from html import escape

from ..core.axes import Axis
from ..core.i18n import tr, translate
from ..core.text import minus
from ..judges.what_if import Effect, WhatIf
from .style import ACCENT, GREY

WIDTH, LEFT, RIGHT, TOP, BOTTOM, ROW = 400, 160, 14, 22, 22, 18
MAX_TITLE = 24
"""Most characters beside the dots of a title's part before a colon. The table has all of it."""


def signed(axis: Axis, value: float) -> str:
    """Return a difference of scores with its sign: one decimal of a percentile, two on other scales."""
    text = f"{value:+.1f}" if axis.high == 100 else f"{value:+.2f}"
    return minus(text if float(text) else text[1:])


def what_if(result: WhatIf, axis: Axis) -> str:
    """Draw a dot for each change, from lower on the left to higher on the right. The band is the noise floor.

    Dots of changes that the judge hears are full, all others are hollow.
    """
    effects, floor = result.effects, result.floor(axis)
    reach = 1.1 * max([floor, *(abs(each.differences[axis.key]) for each in effects)]) or 1.0
    height = TOP + ROW * len(effects) + BOTTOM
    label = tr(
        "How far each change moves the score {axis}. The table below has the numbers.", axis=translate(axis.label)
    )
    band = _x(floor, reach) - _x(-floor, reach)
    rows = "".join(_row(result, axis, effect, at, reach) for at, effect in enumerate(effects))
    return (
        f'<svg class="loudness" viewBox="0 0 {WIDTH} {height}" font-size="11" fill="{GREY}" role="img" '
        f'aria-label="{escape(label)}">'
        f'<text x="{LEFT}" y="12" font-weight="bold">{escape(translate(axis.label))}</text>'
        f'<rect x="{_x(-floor, reach):.1f}" y="{TOP}" width="{band:.1f}" height="{height - TOP - BOTTOM}" '
        f'fill-opacity="0.25"/>{"".join(_scale(axis, reach, height))}{rows}</svg>'
    )


def _scale(axis: Axis, reach: float, height: int) -> Iterator[str]:
    yield (
        f'<line x1="{_x(0, reach):.1f}" x2="{_x(0, reach):.1f}" y1="{TOP}" y2="{height - BOTTOM}" stroke="{GREY}" '
        'stroke-opacity="0.6"/>'
    )
    for value, anchor in ((-reach, "start"), (0.0, "middle"), (reach, "end")):
        text = signed(axis, value)
        yield f'<text x="{_x(value, reach):.1f}" y="{height - 6}" text-anchor="{anchor}">{text}</text>'


def _row(result: WhatIf, axis: Axis, effect: Effect, at: int, reach: float) -> str:
    y = TOP + ROW * (at + 0.5)
    title = re.split("[:：]", translate(effect.title))[0]
    short = title if len(title) <= MAX_TITLE else f"{title[: MAX_TITLE - 1].rstrip()}…"
    fill = ACCENT[5] if axis in result.heard(effect) else "none"
    return (
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(short)}</text>'
        f'<circle cx="{_x(effect.differences[axis.key], reach):.1f}" cy="{y:.1f}" r="4.5" fill="{fill}" '
        f'stroke="{ACCENT[5]}" stroke-width="1.5"/>'
    )


def _x(value: float, reach: float) -> float:
    middle, half = (LEFT + WIDTH - RIGHT) / 2, (WIDTH - RIGHT - LEFT) / 2
    return middle + half * value / reach
