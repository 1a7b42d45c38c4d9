"""Draws training curves, a comparison of conditions, and predictions, as SVG in mid-grey and two colours."""

from collections.abc import Mapping, Sequence
from html import escape

from .style import GREY, SIDES

TRAIN, VAL = SIDES["b"], SIDES["a"]
WIDTH, HEIGHT, GAP, COLUMNS = 230, 120, 70, 4
"""Width and height of a panel, the gap between panels, and the number of panels in a row, in pixels."""
ROW, NAMES, SCALE = 24, 430, 400
"""Height of a condition's row, width of the conditions' names, and width of the scale from 0 to 1."""

Curve = Sequence[float]


def training_curves(title: str, panels: Mapping[str, tuple[Curve, Curve]], best: int) -> str:
    """Draw a panel for each name: its values in training and validation, epoch by epoch.

    A vertical line marks the `best` epoch, numbered from 1. What is not measured in one of them has no values there.
    """
    parts = [_text(8, 20, title), _text(8, 40, "training", TRAIN), _text(80, 40, "validation", VAL)]
    parts.append(_text(170, 40, f"dashed: the best epoch, {best}"))
    for place, (name, curves) in enumerate(panels.items()):
        parts += _panel(*_place(place), name, curves, best)
    return _svg(*_size(len(panels)), title, parts)


def _place(number: int) -> tuple[int, int]:
    """Return the left and upper edge of a panel."""
    return 70 + number % COLUMNS * (WIDTH + GAP), 80 + number // COLUMNS * (HEIGHT + GAP)


def _size(panels: int) -> tuple[int, int]:
    """Return width and height of a picture with so many panels."""
    return 70 + COLUMNS * (WIDTH + GAP), 80 + (panels + COLUMNS - 1) // COLUMNS * (HEIGHT + GAP)


def _panel(left: float, top: float, name: str, curves: tuple[Curve, Curve], best: int) -> list[str]:
    values = [value for curve in curves for value in curve]
    low, high = min(values), max(values)
    epochs = max(map(len, curves))
    step, span = WIDTH / max(epochs - 1, 1), (high - low) or 1.0
    parts = [f'<path d="M{left} {top}v{HEIGHT}h{WIDTH}" fill="none" stroke="{GREY}"/>', _text(left, top - 8, name)]
    parts += [_text(left - 6, y, f"{value:.4g}", anchor="end") for y, value in ((top + 10, high), (top + HEIGHT, low))]
    parts.append(_text(left + WIDTH, top + HEIGHT + 18, f"epoch {epochs}", anchor="end"))
    x = left + step * (best - 1)
    parts.append(f'<path d="M{x:.1f} {top}v{HEIGHT}" stroke="{GREY}" stroke-dasharray="4"/>')
    for curve, colour in ((curve, colour) for curve, colour in zip(curves, (TRAIN, VAL), strict=True) if curve):
        points = [(left + step * i, top + HEIGHT * (high - value) / span) for i, value in enumerate(curve)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2.5" fill="{colour}"/>')
    return parts


def predictions(title: str, panels: Mapping[str, tuple[Curve, Curve]]) -> str:
    """Draw a panel for each name: a dot for each song, its truth to the right and its prediction upwards."""
    parts = [_text(8, 20, title), _text(8, 40, "Right: truth. Up: prediction. The line is where both are equal.")]
    for place, (name, (truth, predicted)) in enumerate(panels.items()):
        left, top = _place(place)
        low, high = min(*truth, *predicted), max(*truth, *predicted)
        span = (high - low) or 1.0
        parts.append(f'<path d="M{left} {top}v{HEIGHT}h{WIDTH}" fill="none" stroke="{GREY}"/>')
        parts.append(f'<path d="M{left} {top + HEIGHT}L{left + WIDTH} {top}" stroke="{GREY}" stroke-dasharray="4"/>')
        parts += [_text(left, top - 8, name), _text(left - 6, top + 10, f"{high:.4g}", anchor="end")]
        parts.append(_text(left - 6, top + HEIGHT, f"{low:.4g}", anchor="end"))
        for x, y in zip(truth, predicted, strict=True):
            right, down = left + WIDTH * (x - low) / span, top + HEIGHT * (high - y) / span
            parts.append(f'<circle cx="{right:.1f}" cy="{down:.1f}" r="2" fill="{VAL}" fill-opacity=".5"/>')
    return _svg(*_size(len(panels)), title, parts)


def training_conditions(rows: Sequence[tuple[str, float, float]], ridge: tuple[float, float]) -> str:
    """Draw the skill of each condition, by name, on validation and test songs, beside that of the ridge."""
    title = "Skill at popularity: 0 is the mean of the training songs, 1 is perfect"
    parts = [_text(8, 20, title), _text(8, 40, "validation", VAL), _text(80, 40, "test", TRAIN)]
    parts.append(_text(130, 40, "dashed: the ridge on the same songs"))
    bottom = 64 + ROW * len(rows)
    for value, colour in zip(ridge, (VAL, TRAIN), strict=True):
        parts.append(f'<path d="M{_x(value):.1f} 52V{bottom}" stroke="{colour}" stroke-dasharray="4"/>')
    for place, (name, val, test) in enumerate(rows):
        y = 68 + ROW * place
        parts += [_text(8, y + 4, name), f'<path d="M{NAMES} {y}h{SCALE}" stroke="{GREY}" stroke-opacity=".3"/>']
        for value, colour in ((val, VAL), (test, TRAIN)):
            parts.append(
                f'<circle cx="{_x(value):.1f}" cy="{y}" r="4" fill="{colour}"><title>{value:.3f}</title></circle>'
            )
    parts += [_text(_x(value), bottom + 16, f"{value:g}", anchor="middle") for value in (0, 0.5, 1)]
    return _svg(NAMES + SCALE + 40, bottom + 30, title, parts)


def _x(skill: float) -> float:
    """Return where a skill is drawn; one below 0 is drawn at the edge."""
    return NAMES + SCALE * max(skill, 0)


def _text(x: float, y: float, text: str, colour: str = GREY, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>{"".join(parts)}</svg>\n'
    )
