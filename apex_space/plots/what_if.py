"""Draws what changes do to one score as SVG, which needs no script and can be folded away."""

import re
from collections.abc import Iterator
from html import escape

from ..core.axes import Axis
from ..core.i18n import tr, translate
from ..core.text import clock, minus
from ..judges.what_if import Effect, WhatIf
from .style import ACCENT, GREY

WIDTH, LEFT, RIGHT, TOP, BOTTOM, ROW = 400, 160, 14, 22, 22, 18
SIDE, HEIGHT = 46, 90
"""Room for the scores beside a curve, and the height of the curve."""
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


def parts(result: WhatIf, axis: Axis) -> str:
    """Draw by how much each part of the song lifts a score, over time. The band is the noise floor."""
    floor, lifts = result.floor(axis), [(*part, -effect.differences[axis.key]) for part, effect in result.parts]
    reach, scale = 1.1 * max([floor, *(abs(lift) for *_, lift in lifts)]), (WIDTH - SIDE - RIGHT) / result.seconds
    middle, half = TOP + HEIGHT / 2, HEIGHT / 2 / reach
    line = " ".join(f"{SIDE + at * scale:.1f},{middle - lift * half:.1f}" for *span, lift in lifts for at in span)
    name = escape(translate(axis.label))
    label = tr(
        "By how much each part of the song lifts the score {axis}. The table below has the numbers.",
        axis=translate(axis.label),
    )
    values = "".join(
        f'<text x="{SIDE - 6}" y="{middle - value * half + 4:.1f}" text-anchor="end">{signed(axis, value)}</text>'
        for value in (reach, 0.0, -reach)
    )
    times = "".join(
        f'<text x="{SIDE + at * scale:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="{anchor}">{clock(at)}</text>'
        for at, anchor in ((0.0, "start"), (result.seconds / 2, "middle"), (result.seconds, "end"))
    )
    return (
        f'<svg class="loudness" viewBox="0 0 {WIDTH} {TOP + HEIGHT + BOTTOM}" font-size="11" fill="{GREY}" role="img" '
        f'aria-label="{escape(label)}"><text x="{SIDE}" y="12" font-weight="bold">{name}</text>'
        f'<rect x="{SIDE}" y="{middle - floor * half:.1f}" width="{WIDTH - SIDE - RIGHT}" '
        f'height="{2 * floor * half:.1f}" fill-opacity="0.25"/>{values}{times}'
        f'<polyline points="{line}" fill="none" stroke="{ACCENT[5]}" stroke-width="2"/></svg>'
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
