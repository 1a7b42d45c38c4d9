"""Renders what popularity and aesthetics share as HTML."""

from collections.abc import Iterable, Iterator
from html import escape

from ...core.axes import BY_KEY
from ...core.i18n import tr, translate
from ...judges.reference_songs import ReferenceSongs
from ...judges.registry import REGISTRY
from ...judges.report import Report
from ...judges.together import Together, together
from .html import figure, folded, listed, span, table
from .report import number

TITLE = "What popularity and aesthetics share"
HOW = (
    "How {judge}’s scores of these {n} songs go together: 1 if they rise together without exception, 0 if they have "
    "nothing in common. This is about the judge. It says neither why, nor what listeners do."
)
HIGHER = "{axis} is {size} higher than usual for this {aesthetic}: 95% of songs with such scores have {range}."
LOWER = "{axis} is {size} lower than usual for this {aesthetic}: 95% of songs with such scores have {range}."
ALL_HIGH = "{axes} stand out together: each is higher than in 97.5% of these songs."
ALL_LOW = "{axes} stand out together: each is lower than in 97.5% of these songs."


def shared(report: Report, reference: ReferenceSongs) -> str:
    """Return how the two groups of scores go together, and what is unusual about the song's, folded away.

    Return an empty text if there is too little to tell.
    """
    found = together(report, reference)
    if found is None:
        return ""
    how = tr(HOW, judge=REGISTRY[report.judge].title, n=found.songs)
    rows = (
        (tr("{one} and {other}", one=_label(one), other=_label(other)), *figure(each, "{:.2f}"))
        for (one, other), each in found.correlations.items()
    )
    head = tr("Scores"), tr("Correlation"), tr("95% interval")
    texts = "".join(f"<p>{escape(text)}</p>" for text in (*_unusual(found), how))
    return folded(tr(TITLE), texts + table(tr(TITLE), head, rows, "compact"))


def _unusual(found: Together) -> Iterator[str]:
    """Yield sentences on what is further out than by chance among the reference songs."""
    if found.high:
        yield tr(ALL_HIGH, axes=_labels(found.high))
    if found.low:
        yield tr(ALL_LOW, axes=_labels(found.low))
    aesthetic = _labels(key for key in found.deviations if BY_KEY[key].group == "aesthetics")
    for key, each in found.expected.items():
        if each.stands_out:
            axis, text = BY_KEY[key], HIGHER if each.score > each.value else LOWER
            size = number(axis, abs(each.score - each.value))
            ends = span(number(axis, each.low), number(axis, each.high))
            yield tr(text, axis=_label(key), size=size, aesthetic=aesthetic, range=ends)


def _labels(keys: Iterable[str]) -> str:
    return listed([_label(key) for key in keys])


def _label(key: str) -> str:
    return translate(BY_KEY[key].label)
