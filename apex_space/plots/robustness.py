"""Draws how a judge's scores answer to damage, as SVG: a panel for each kind of damage."""

from collections.abc import Iterator, Sequence
from html import escape

from ..audio.damage import KINDS, Kind
from ..core.axes import BY_KEY
from ..core.i18n import tr, translate
from ..core.text import minus
from ..evaluation.profile import Profile, Response
from ..judges.registry import REGISTRY
from .report import COLOURS
from .style import GREY

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 190, 128, 8, 24, 12
"""Size of a panel, and its margins, in pixels."""
COLUMNS, HEAD = 5, 76
"""Number of panels in a row of a picture, and height of what is above them."""
STEP = 10
"""Percent of a score's scale between two lines of the grid."""
LABELS = {
    "shuffle": "Sections shuffled",
    "cut": "Pieces cut out",
    "splice": "Foreign passages",
    "jump": "Key and tempo jump",
    "stutter": "Skipping disc",
    "reverse": "Passages reversed",
    "medley": "Sound keeps changing",
    "noise": "Noise",
    "hum": "Mains hum",
    "crackle": "Crackle",
    "clip": "Clipping",
    "saturate": "Overdrive",
    "pump": "Pumping compressor",
    "dull": "Treble missing",
    "thin": "Bass missing",
    "shrill": "Shrill treble",
    "boxy": "Resonances",
    "mud": "Muddy bass",
    "echo": "Too much room",
    "codec": "MP3 at few kbit/s",
    "holes": "Holes in the spectrum",
    "blur": "Smeared phases",
    "vocoder": "Vocoder",
    "stretch": "Stretched and squeezed",
    "grains": "Grains out of place",
    "crush": "Few bits",
    "hold": "Low sample rate",
    "comb": "Metallic resonance",
    "ring": "Ring modulation",
    "warble": "Wavering pitch",
    "robot": "Robot buzz",
}
"""What people call each kind of damage, in one or two words."""
LEGEND = (
    "To the right: how severe the damage is. Down: how far the score falls; each line is 10% of its scale.",
    "Filled: half of the songs or more are noticed. Thin lines: 95% intervals.",
)


DOT = "a3 3 0 1 0 0-.1z"
"""The path of a circle from its left end: an arc that almost comes back, closed. A picture has hundreds of them."""


def robustness(profile: Profile) -> str:
    """Draw all panels with all scores as one picture."""
    kinds = list(dict.fromkeys(row.kind for row in profile.responses))
    rows = -(-len(kinds) // COLUMNS)
    width, height = COLUMNS * WIDTH, HEAD + rows * HEIGHT
    title = f"{REGISTRY[profile.judge].title}, {len(profile.songs)} songs"
    parts = [_text(LEFT, 18, title), *(_text(LEFT, 38 + 16 * i, tr(line)) for i, line in enumerate(LEGEND))]
    x = LEFT + 8 * len(title) + 20
    for axis in profile.floors:
        label = translate(BY_KEY[axis].label)
        parts.append(_text(x, 18, label, COLOURS[axis]))
        x += 8 * len(label) + 20
    ends = _range(profile.responses)
    for place, kind in enumerate(kinds):
        left, top = place % COLUMNS * WIDTH, HEAD + place // COLUMNS * HEIGHT
        shown = [row for row in profile.responses if row.kind == kind]
        panel = "".join(_panel(shown, profile.severities, ends))
        parts.append(f'<g transform="translate({left} {top})">{panel}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" fill="{GREY}" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>{"".join(parts)}</svg>\n'
    )


def damage(profile: Profile, kind: Kind) -> str:
    """Draw the panel of one kind of damage and the score that it hurts, for a page. All such panels have one scale."""
    hurt = {each.name: each.axis for each in KINDS}
    rows = [row for row in profile.responses if hurt[row.kind] == row.axis]
    (row,) = (row for row in rows if row.kind == kind.name)
    label = tr(
        "{damage}: at worst, {score} changes by {change}. {half}",
        damage=translate(LABELS[kind.name]),
        score=translate(BY_KEY[kind.axis].label),
        change=minus(f"{row.change[-1].value:+.2f}"),
        half=half(row),
    )
    return (
        f'<svg class="damage" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="13" fill="{GREY}" role="img" '
        f'aria-label="{escape(label)}">{"".join(_panel([row], profile.severities, _range(rows)))}</svg>'
    )


def half(row: Response) -> str:
    """Say at which severity half of the songs are noticed."""
    if row.half.value is None:
        return tr("Half of the songs are never noticed.")
    return tr("Half of the songs are noticed at severity {severity}.", severity=f"{row.half.value:.2f}")


def _panel(rows: Sequence[Response], severities: Sequence[float], ends: tuple[int, int]) -> Iterator[str]:
    """Draw the curves of one kind of damage, between the `ends` in percent of the scores' scales."""
    low, high = ends
    yield _text(LEFT, 15, translate(LABELS[rows[0].kind]))
    lines = {level: f"M{LEFT} {_y(level, low, high):.0f}H{WIDTH - LEFT}" for level in range(low, high + 1, STEP)}
    yield f'<path d="{lines.pop(0)}" stroke="{GREY}"/>'
    yield f'<path d="{"".join(lines.values())}" stroke="{GREY}" stroke-opacity=".25"/>'
    for row in rows:
        yield from _curve(row, severities, low, high)


def _curve(row: Response, severities: Sequence[float], low: int, high: int) -> Iterator[str]:
    colour, scale = COLOURS[row.axis], _scale(row.axis)
    places = [(_x(at), _y(value.value * scale, low, high)) for at, value in zip(severities, row.change, strict=True)]
    line = " ".join(f"{x:.0f},{y:.1f}" for x, y in [(_x(0), _y(0, low, high)), *places])
    bars, dots = "", {True: "", False: ""}
    for (x, y), change, noticed in zip(places, row.change, row.noticed, strict=True):
        bottom, top = (_y(value * scale, low, high) for value in (change.low, change.high))
        bars += f"M{x:.0f} {top:.1f}V{bottom:.1f}"
        dots[noticed.value >= 0.5] += f"M{x - 3:.0f} {y:.1f}{DOT}"
    yield f'<g fill="none" stroke="{colour}"><polyline points="{line}" stroke-width="1.5"/>'
    drawn = "".join(f'<path d="{dots[full]}" fill="{colour if full else "none"}"/>' for full in dots if dots[full])
    yield f'<path d="{bars}" stroke-opacity=".6"/>{drawn}</g>'


def _range(rows: Sequence[Response]) -> tuple[int, int]:
    """Return the lowest and the highest line that all changes need, in percent of the scores' scales."""
    ends = [end * _scale(row.axis) for row in rows for change in row.change for end in (change.low, change.high)]
    return min(0, STEP * int(min(ends) // STEP)), max(0, STEP * int(-(-max(ends) // STEP)))


def _scale(axis: str) -> float:
    """Return by what to multiply a score's change to get percent of its scale."""
    return 100 / (BY_KEY[axis].high - BY_KEY[axis].low)


def _x(severity: float) -> float:
    return LEFT + 4 + (WIDTH - 2 * LEFT - 8) * severity


def _y(percent: float, low: int, high: int) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (high - percent) / ((high - low) or 1)


def _text(x: float, y: float, text: str, colour: str = GREY) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{escape(text)}</text>'
