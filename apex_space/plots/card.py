"""Draws the picture of a result, to be shared and to be shown where its link is posted: a PNG, without a browser."""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.axes import AXES, Axis
from ..core.i18n import ENGLISH, language, tr, translate, use_language
from ..core.intervals import ConfidenceInterval
from ..core.text import minus, shows
from ..judges.registry import REGISTRY
from ..judges.report import Report
from ..judges.verified import are_unknown
from .panel import COLOURS as JUDGE_COLOURS
from .report import COLOURS, _digits
from .style import ACCENT, NEUTRAL

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

WIDTH, HEIGHT = 1200, 630
"""Size in pixels that programs with OpenGraph previews show whole."""
SCALE = 2
"""Factor by which the picture is drawn larger and then reduced. This smooths it: Pillow itself draws hard edges."""
PAPER, INK, SOFT, TRACK, BRAND = "#ffffff", NEUTRAL[9], NEUTRAL[6], NEUTRAL[2], ACCENT[6]
SITE = "APEX Space"
UNTITLED = "What a judge makes of a song"
UNVERIFIED = "Scores by {judges}, from weights that nobody has verified"
LEGEND = "4 of 5 songs that this judge had not heard before lay within the line"
LEFT, RIGHT = 64, 1136
START, END = 280, 870
"""Left and right end of the bars, in pixels."""
SHARES, SHARES_END = 460, 980
"""Left and right end of bars with longer labels."""
TOP, BOTTOM = 226, 566
ROW, BAR = 84, 24
"""Maximum height of a row, and height of its bar, in pixels."""
TITLE_SIZES = (60, 52, 44)
SIDES = (0, 4, 4, 3, 6, 5, 3)
"""Number of corners of each judge's mark; 0 is a circle."""


@dataclass(frozen=True)
class Fonts:
    """Font files. If one cannot be used, Pillow's own font replaces it, which has English letters only.

    `others` are names of fonts of the system. They write the letters that the font file lacks.
    """

    regular: Path | None = None
    bold: Path | None = None
    others: tuple[str, ...] = ()

    def can_write(self, text: str) -> bool:
        """Return whether the text shows anything, and one of the fonts has a glyph for each character."""
        fonts = self.sized(TITLE_SIZES[0], bold=True)
        return shows(text) and all(any(_has(font, character) for font in fonts) for character in text)

    def sized(self, size: int, bold: bool) -> "list[FreeTypeFont]":
        """Return the fonts of a size, first our own."""
        system = [_system_font(name, SCALE * size) for name in self.others]
        return [_font(self.bold if bold else self.regular, SCALE * size), *(font for font in system if font)]


def card(title: str, reports: Sequence[Report], fonts: Fonts = Fonts()) -> bytes:
    """Draw a PNG, 1200 x 630: `title`, then a row for each axis that one of the judges knows.

    The scores of a single judge are bars with its spread as whiskers; the scores of several judges are marks. If the
    font cannot write the title, UNTITLED replaces it; the text around the picture gives the title. The words are in
    the current language, or in English if no font can write it.
    """
    with use_language(language() if fonts.can_write(tr(LEGEND)) else ENGLISH):
        return _card(title, reports, fonts)


def _card(title: str, reports: Sequence[Report], fonts: Fonts) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    pen = _Pen(ImageDraw.Draw(image), fonts)
    pen.box(0, 0, 16, HEIGHT, BRAND)
    pen.text(LEFT, 58, SITE, 30, BRAND, bold=True)
    pen.title(title if fonts.can_write(title) else tr(UNTITLED))
    said = UNVERIFIED if any(are_unknown(each.judge, each.weights) for each in reports) else "Scores by {judges}"
    pen.text(LEFT, 184, pen.cut(tr(said, judges=_names(reports)), 28, RIGHT - LEFT), 28, SOFT)
    axes = [axis for axis in AXES if any(axis in report.axes for report in reports)]
    step = min(ROW, (BOTTOM - TOP) / max(1, len(axes)))
    top = (TOP + BOTTOM - step * len(axes)) / 2
    for place, axis in enumerate(axes):
        _row(pen, top + step * (place + 0.5), axis, reports)
    _legend(pen, reports)
    return _png(image)


@dataclass(frozen=True)
class Bar:
    """A row of a picture: a share from 0 to 1 as a bar, with its interval as whiskers and a text at its end."""

    label: str
    share: ConfidenceInterval
    text: str


def votes_card(title: str, subtitle: str, bars: Sequence[Bar], fonts: Fonts = Fonts()) -> bytes:
    """Draw a PNG, 1200 x 630, of a visitor's own figures."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    pen = _Pen(ImageDraw.Draw(image), fonts)
    pen.box(0, 0, 16, HEIGHT, BRAND)
    pen.text(LEFT, 58, SITE, 30, BRAND, bold=True)
    pen.title(title)
    pen.text(LEFT, 184, pen.cut_words(subtitle, 28, RIGHT - LEFT), 28, SOFT)
    step = min(ROW, (BOTTOM - TOP) / max(1, len(bars)))
    top = (TOP + BOTTOM - step * len(bars)) / 2
    for place, bar in enumerate(bars):
        y = top + step * (place + 0.5)
        pen.text(LEFT, y, pen.cut(bar.label, 26, SHARES - LEFT - 20), 26)
        left, value, right = (SHARES + share * (SHARES_END - SHARES) for share in (0, bar.share.value, 1))
        pen.box(left, y - BAR / 2, right, y + BAR / 2, TRACK)
        pen.box(left, y - BAR / 2, value, y + BAR / 2, BRAND)
        pen.whiskers(y, *(SHARES + share * (SHARES_END - SHARES) for share in (bar.share.low, bar.share.high)))
        pen.text(RIGHT, y, bar.text, 28, anchor="rm")
    pen.box(LEFT, 598 - 1.5, LEFT + 40, 598 + 1.5, INK)
    pen.text(LEFT + 54, 598, "95% interval: with so few votes, the true share may lie anywhere in it", 22, SOFT)
    return _png(image)


def preview(title: str, sentence: str, fonts: Fonts = Fonts()) -> bytes:
    """Draw a PNG, 1200 x 630, of a page's title and of a sentence about the page, both in English."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    pen = _Pen(ImageDraw.Draw(image), fonts)
    pen.box(0, 0, 16, HEIGHT, BRAND)
    pen.text(LEFT, 58, SITE, 30, BRAND, bold=True)
    below = pen.paragraph(LEFT, 190, title, 76, INK, bold=True)
    pen.paragraph(LEFT, below + 20, sentence, 38, SOFT)
    step = (RIGHT - LEFT) / len(AXES)
    for place, axis in enumerate(AXES):
        left = LEFT + place * step
        pen.box(left, 548, left + step - 12, 556, COLOURS[axis.key])
        pen.text(left, 580, axis.label, 19, SOFT)
    return _png(image)


class _Pen:
    """Draws shapes and texts. All positions and sizes are in pixels of the final picture."""

    def __init__(self, draw: "ImageDraw", fonts: Fonts) -> None:
        self._draw, self._fonts = draw, fonts

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        left, top, right, bottom = (round(SCALE * edge) for edge in (left, top, right, bottom))
        if right > left:
            self._draw.rectangle([left, top, right - 1, bottom - 1], colour)

    def whiskers(self, y: float, low: float, high: float) -> None:
        self.box(low, y - 1.5, high, y + 1.5, INK)
        for end in (low, high):
            self.box(end - 1.5, y - 8, end + 1.5, y + 8, INK)

    def mark(self, x: float, y: float, judge: int) -> None:
        shape, colour = (judge + judge // len(SIDES)) % len(SIDES), JUDGE_COLOURS[judge % len(JUDGE_COLOURS)]
        sides = SIDES[shape]
        at, radius = (SCALE * x, SCALE * y), SCALE * (15 if sides else 12)
        if sides:
            turn = 45 if shape == 1 else 180 if shape == 6 else 0
            self._draw.regular_polygon((*at, radius), sides, turn, colour, PAPER, SCALE)
        else:
            self._draw.circle(at, radius, colour, PAPER, SCALE)

    def text(
        self, x: float, y: float, text: str, size: int, colour: str = INK, anchor: str = "lm", bold: bool = False
    ) -> None:
        """Write `text`; `y` is the middle of the line."""
        for font, part in self._parts(text, size, bold):
            self._draw.text((SCALE * x, SCALE * y), part, colour, font, anchor)
            x += font.getlength(part) / SCALE

    def paragraph(self, x: float, y: float, text: str, size: int, colour: str, bold: bool = False) -> float:
        """Write `text` in lines that fit; `y` is the middle of the first one. Return where the next one would be."""
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if self.width(longer, size, bold) <= RIGHT - x:
                lines[-1] = longer
            else:
                lines.append(word)
        for line in lines:
            self.text(x, y, line, size, colour, bold=bold)
            y += 1.3 * size
        return y

    def width(self, text: str, size: int, bold: bool = False) -> float:
        return sum(font.getlength(part) for font, part in self._parts(text, size, bold)) / SCALE

    def title(self, title: str) -> None:
        """Write the title as large as it fits into the line. Cut it off if it does not fit."""
        room = RIGHT - LEFT
        size = next((size for size in TITLE_SIZES if self.width(title, size, bold=True) <= room), TITLE_SIZES[-1])
        self.text(LEFT, 126, self.cut(title, size, room, bold=True), size, bold=True)

    def cut(self, text: str, size: int, room: float, bold: bool = False) -> str:
        """Return the text, or as much of its beginning as fits into the room."""
        while self.width(text, size, bold) > room:
            text = f"{text.rstrip('…')[:-1].rstrip()}…"
        return text

    def cut_words(self, text: str, size: int, room: float) -> str:
        """Return the text, or as many of its first words as fit into the room."""
        while self.width(text, size) > room and " " in text:
            text = f"{text.rpartition(' ')[0].rstrip(',')}…"
        return text

    def _parts(self, text: str, size: int, bold: bool) -> "Iterator[tuple[FreeTypeFont, str]]":
        """Yield the text in parts, each with the first font that can write it, or else with our own font."""
        fonts = self._fonts.sized(size, bold)[: 1 if text.isascii() else None]
        for font, part in groupby(text, lambda c: next((font for font in fonts if _has(font, c)), fonts[0])):
            yield font, "".join(part)


def _png(image: "Picture") -> bytes:
    file = io.BytesIO()
    image.reduce(SCALE).save(file, "PNG")
    return file.getvalue()


def _row(pen: _Pen, y: float, axis: Axis, reports: Sequence[Report]) -> None:
    pen.text(LEFT, y, translate(axis.label), 28)
    scores = {place: score for place, report in enumerate(reports) if (score := report.scores[axis.key]) is not None}
    if not scores:
        pen.text(START, y, tr("not predicted"), 24, SOFT)
        return
    pen.box(START, y - BAR / 2, END, y + BAR / 2, TRACK)
    if len(reports) == 1:
        _bar(pen, y, axis, scores[0], reports[0].spread.get(axis.key))
    for place in sorted(scores) if len(reports) > 1 else ():
        pen.mark(_x(axis, scores[place]), y, place)
    ends = dict.fromkeys(minus(f"{score:.{_digits(axis)}f}") for score in (min(scores.values()), max(scores.values())))
    pen.text(RIGHT, y, f"{tr(' to ').join(ends)}{f' / {axis.high:g}' if axis.bounded else ''}", 30, anchor="rm")


def _bar(pen: _Pen, y: float, axis: Axis, score: float, spread: float | None) -> None:
    pen.box(START, y - BAR / 2, _x(axis, score), y + BAR / 2, COLOURS[axis.key])
    if spread is not None:
        pen.whiskers(y, _x(axis, score - spread), _x(axis, score + spread))


def _legend(pen: _Pen, reports: Sequence[Report]) -> None:
    """Draw an explanation of the whiskers or of the marks."""
    y = 598.0
    if len(reports) == 1 and reports[0].spread:
        pen.box(LEFT, y - 1.5, LEFT + 40, y + 1.5, INK)
        pen.text(LEFT + 54, y, tr(LEGEND), 22, SOFT)
    x = float(LEFT)
    for place, report in enumerate(reports if len(reports) > 1 else ()):
        pen.mark(x + 13, y, place)
        name = REGISTRY[report.judge].title
        pen.text(x + 36, y, name, 22, SOFT)
        x += 66 + pen.width(name, 22)


def _x(axis: Axis, score: float) -> float:
    share = (score - axis.low) / (axis.high - axis.low)
    return START + min(max(share, 0), 1) * (END - START)


def _names(reports: Sequence[Report]) -> str:
    *most, last = (REGISTRY[report.judge].title for report in reports)
    return f"{tr(', ').join(most)}{tr(' and ')}{last}" if most else last


@cache
def _font(file: Path | None, size: int) -> "FreeTypeFont":
    from PIL import ImageFont

    with suppress(OSError):
        if file is not None:
            return ImageFont.truetype(file, size)
    return ImageFont.load_default(size)  # type: ignore[return-value]  # a bitmap font only where Pillow lacks FreeType


@cache
def _system_font(name: str, size: int) -> "FreeTypeFont | None":
    """Return a font that is installed on this system, or None."""
    from PIL import ImageFont

    with suppress(OSError):
        return ImageFont.truetype(name, size)
    return None


@lru_cache(10_000)
def _has(font: "FreeTypeFont", character: str) -> bool:
    """Return whether a font has a glyph for a character. It draws the same box for every missing one."""
    return character.isspace() or bytes(font.getmask(character)) != _box(font)


@cache
def _box(font: "FreeTypeFont") -> bytes:
    return bytes(font.getmask("\uffff"))
