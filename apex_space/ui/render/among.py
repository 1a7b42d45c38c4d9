"""Renders where a song's scores are among those of reference songs as HTML, folded away."""

from collections.abc import Iterator
from html import escape

from ... import plots
from ...core.axes import BY_KEY, Axis
from ...core.i18n import plural, tr, translate
from ...judges.reference_songs import ALL, SHIPPED_SONGS, Percentile, ReferenceSongs, reference_songs
from ...judges.registry import REGISTRY
from ...judges.report import Report
from .html import Cells, folded, labelled, listed, percent, span, table
from .report import number
from .together import shared

TITLE = "Among other songs"
NONE = (
    "There is no reference for {judge} with these weights, so its scores cannot be compared with those of other songs. "
    "Whoever runs this server can name a table of scores with APEX_REFERENCE."
)
AMONG = "Compared with {songs}."
SHIPPED_NOTE = (
    "They are excerpts of 30 s: classical, rock, electronic and pop music of before 2010, and pieces that a computer "
    "played from notes. None is a song of today."
)
LACKING = "There are no reference scores of {axes}."
HOW = (
    "The share of these songs that score lower has a 95% interval, which is the narrower the more songs there are. A "
    "judge errs, too: the last column has the shares at both ends of the score’s own 80% interval. Where they are far "
    "apart, the place says little."
)
GENRES = {
    "classical": "Classical",
    "electronic": "Electronic",
    "midi": "From notes",
    "pop": "Pop",
    "rock": "Rock",
}
"""What people call the genres of the shipped songs."""


def among(report: Report) -> str:
    """Return the song's place among all reference songs and among those of each genre, or why there is none."""
    found = reference_songs(report)
    if found is None:
        return folded(tr(TITLE), _paragraph(tr(NONE, judge=REGISTRY[report.judge].title)))
    shipped = found.source == SHIPPED_SONGS
    shown = _paragraph(tr(AMONG, songs=translate(found.source))) + (_paragraph(tr(SHIPPED_NOTE)) if shipped else "")
    shown += _paragraph(tr(HOW)) + "".join(_genre(report, found, genre) for genre in found.scores)
    lacking = [
        axis for axis in report.axes if report.scores[axis.key] is not None and axis.key not in found.scores[ALL]
    ]
    if lacking:
        shown += _paragraph(tr(LACKING, axes=listed([translate(axis.label) for axis in lacking])))
    return folded(tr(TITLE), shown + shared(report, found))


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _genre(report: Report, found: ReferenceSongs, genre: str) -> str:
    """Return the places among the songs of one genre. One genre is open at a time, at first all of them."""
    percentiles, songs = found.percentiles(report, genre), found.songs[genre]
    if not percentiles:
        return ""
    count = plural(songs, "{n} song", "{n} songs")
    title = labelled(translate(GENRES.get(genre, genre)), count) if genre != ALL else labelled(tr("All"), count)
    pictures = "".join(_picture(report, found, genre, BY_KEY[key], each) for key, each in percentiles.items())
    head = (tr("Axis"), tr("Score"), tr("Score lower"), tr("95% interval"), tr("At the ends of its 80% interval"))
    rows = table(title, head, _rows(report, percentiles), "compact")
    return (
        f'<details name="among-{report.judge}"{" open" if genre == ALL else ""}><summary>{escape(title)}</summary>'
        f'<div class="among-all">{pictures}</div>{rows}</details>'
    )


def _picture(report: Report, found: ReferenceSongs, genre: str, axis: Axis, place: Percentile) -> str:
    said = labelled(translate(axis.label), tr("{share}% of {n} are lower", share=f"{place.value:.0f}", n=place.songs))
    score = report.scores[axis.key]
    assert score is not None
    drawn = plots.among(axis, found.scores[genre][axis.key], score, report.intervals.get(axis.key), said)
    return f"<figure><figcaption>{escape(said)}</figcaption>{drawn}</figure>"


def _rows(report: Report, percentiles: dict[str, Percentile]) -> Iterator[Cells]:
    for key, each in percentiles.items():
        axis, score = BY_KEY[key], report.scores[key]
        ends = "–" if each.least is None or each.most is None else _range(each.least, each.most)
        assert score is not None
        yield translate(axis.label), number(axis, score), percent(each.value / 100), _range(each.low, each.high), ends


def _range(low: float, high: float) -> str:
    return span(percent(low / 100), percent(high / 100))
