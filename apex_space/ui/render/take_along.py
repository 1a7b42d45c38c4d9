"""Renders reports to take along: a page to print, which needs no script and loads nothing, and links to the files."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

from markupsafe import Markup

from ... import plots
from ...audio.streaming import turned_down
from ...core.axes import Axis
from ...core.i18n import language, tr, translate
from ...core.text import clock
from ...judges.passages import Passage
from ...judges.reference_songs import SHIPPED_SONGS, Percentile, ReferenceSongs, reference_songs
from ...judges.registry import REGISTRY
from ...judges.report import Report, Segment
from ...judges.verified import caution, describe
from ...plots.card import SITE
from ...plots.ranking_text import SPREAD
from ...preference.passages import preferred
from ..previews import FONTS
from ..static_files import TEMPLATES, read_static
from .among import AMONG, HOW, NONE, SHIPPED_NOTE
from .html import Cells, Form, download_links, labelled, percent, span, table
from .report import PASSAGES_NOTE, by, cell, measured, number, origin, standing_out

PAGE = TEMPLATES.get_template("printed.html")
STYLE = Markup(read_static("printed.css"))
MAX_ROWS = 12
"""Maximum number of rows of the table of segments. Of a longer song, a row is of several segments."""
PREDICTION = (
    "A score is a prediction of how listeners would rate the song, if they are like those whose ratings the judge "
    "learned from. The judge knows only the sound. It is wrong about many songs."
)
NO_SPREAD = "It is not known how exact {judge}’s scores are."


def take_along(reports: Sequence[Report], address: str) -> str:
    """Return links to a page to print of each report, and to a picture of all of them; nothing without a report.

    `address` is that of the server.
    """
    if not reports:
        return ""
    name = reports[0].file.rsplit(".", 1)[0]
    forms: list[Form] = [
        (label, f"{report.judge}.html", "text/html", printed(report, address)) for label, report in labels(reports)
    ]
    forms.append((tr("Scores as a picture"), "png", "image/png", plots.card(name, reports, FONTS)))
    return download_links(name, forms)


def labels(reports: Sequence[Report]) -> Iterator[tuple[str, Report]]:
    """Yield each report with the label of a link to its page to print."""
    title = tr("Printable report")
    for report in reports:
        yield title if len(reports) == 1 else labelled(title, REGISTRY[report.judge].title), report


def printed(report: Report, address: str = "") -> str:
    """Return a report as an HTML file that is one page on A4 and on US letter, in the current language.

    `address` is where the report was made or is kept; it is at the foot of the page.
    """
    judge, among = REGISTRY[report.judge], reference_songs(report)
    return PAGE.render(
        lang=language(),
        tr=tr,
        site=SITE,
        style=STYLE,
        song=report.file,
        judge=judge,
        by=by(report),
        made=_time(report.made),
        caution=translate(caution([report]) or ""),
        found=list(standing_out(report)),
        scores=Markup(_scores(report, among)),
        segments=Markup(_segments(report)),
        measured=Markup(table(tr("Measured, not predicted"), (tr("What"), tr("Value")), _measured(report))),
        notes=list(_notes(report, among)),
        origin=[*list(origin(report))[1:], (tr("Verified"), translate(describe(report.judge, report.weights)))],
        version=report.version,
        address=address,
    )


def _time(made: str) -> str:
    """Return a time of ISO 8601 in UTC as people read it, to the minute."""
    return f"{made[:16].replace('T', ' ')} UTC" if made else ""


def _scores(report: Report, among: ReferenceSongs | None) -> str:
    """Return a table of all scores. It has columns for what is known of this judge and song."""
    columns: list[tuple[str, Callable[[Axis], str]]] = [
        (tr("Axis"), partial(_axis, report)),
        (tr("Score"), partial(_score, report)),
        (tr("Over time"), lambda axis: Markup(plots.sparkline(report, axis))),
    ]
    if report.passages:
        columns += [(tr("Best 30 s"), partial(_passage, report, "best"))]
        columns += [(tr("Weakest 30 s"), partial(_passage, report, "weakest"))]
    if among:
        places = among.percentiles(report)
        columns += [(tr("Score lower"), lambda axis: _place(places.get(axis.key)))]
        columns += [(tr("At the ends of its 80% interval"), lambda axis: _ends(places.get(axis.key)))]
    rows = [[show(axis) for _, show in columns] for axis in report.axes]
    return table(tr("Scores"), [head for head, _ in columns], rows)


def _with_note(content: str, note: str) -> str:
    """Return a cell with a note in small letters below its content."""
    return Markup("<span>{}</span> <small>{}</small>").format(content, note)


def _axis(report: Report, axis: Axis) -> str:
    """Return an axis with its meaning, or why it has no score."""
    return _with_note(translate(axis.label), translate(report.missing.get(axis.key, axis.meaning)))


def _score(report: Report, axis: Axis) -> str:
    value, spread = report.scores[axis.key], report.spread.get(axis.key)
    known = value is not None
    shown = Markup("<big>{}</big>{}").format(cell(axis, value), f" / {axis.high:g}" if known and axis.bounded else "")
    return _with_note(shown, f"± {number(axis, spread)}" if known and spread is not None else "")


def _passage(report: Report, which: str, axis: Axis) -> str:
    if axis.key not in report.passages:
        return "–"
    passage = getattr(report.passages[axis.key], which)
    return _with_note(labelled(_span(passage), number(axis, passage.score)), _differs(passage))


def _span(part: Segment | Passage) -> str:
    return f"{clock(part.start)}–{clock(part.end)}"


def _differs(passage: Passage) -> str:
    """Return whether a passage differs from the rest of the song by more than noise, if that is known."""
    if passage.differs is None:
        return ""
    return tr("stands out") if passage.differs else tr("perhaps by chance")


def _place(place: Percentile | None) -> str:
    if place is None:
        return "–"
    value, low, high = (percent(share / 100) for share in (place.value, place.low, place.high))
    return _with_note(value, span(low, high))


def _ends(place: Percentile | None) -> str:
    if place is None or place.least is None or place.most is None:
        return "–"
    return span(percent(place.least / 100), percent(place.most / 100))


def _segments(report: Report) -> str:
    """Return a table of the scores over time, in which a row is the mean of as many segments as the page needs."""
    axes = [axis for axis in report.axes if report.scores[axis.key] is not None]
    each = -(-len(report.segments) // MAX_ROWS)
    parts = [report.segments[at : at + each] for at in range(0, len(report.segments), each)]
    rows = [
        (f"{clock(part[0].start)}–{clock(part[-1].end)}", *(cell(axis, _mean(part, axis)) for axis in axes))
        for part in parts
    ]
    title = tr("By segment") if each == 1 else tr("Means of {n} segments each", n=each)
    return table(title, (tr("Time"), *(translate(axis.label) for axis in axes)), rows)


def _mean(part: Sequence[Segment], axis: Axis) -> float | None:
    """Return the mean score of segments, each of which counts by its length."""
    known = [(score, each.end - each.start) for each in part if (score := each.scores[axis.key]) is not None]
    return sum(score * seconds for score, seconds in known) / sum(s for _, s in known) if known else None


def _measured(report: Report) -> list[Cells]:
    """Return the measurements, and by how much streaming services play the song quieter."""
    alike = groupby(turned_down(report.features.played_loudness).items(), lambda service: f"{service[1]:.1f}")
    said = [f"{tr(', ').join(name for name, _ in group)} {tr('{n} dB', n=n)}" for n, group in alike]
    return [*measured(report), *([(tr("Quieter when streamed"), tr("; ").join(said))] if said else [])]


def _notes(report: Report, among: ReferenceSongs | None) -> Iterator[str]:
    """Yield what the figures mean, and how far they can be trusted."""
    judge = REGISTRY[report.judge]
    yield labelled(judge.title, translate(judge.plain))
    yield tr(PREDICTION)
    yield tr(SPREAD if report.spread else NO_SPREAD, judge=judge.title)
    if found := preferred(report):
        best, weakest = (tr(", ").join(filter(None, (_span(s), _differs(s)))) for s in (found.best, found.weakest))
        text = "By what people would prefer, the best 30 s are {best}; the weakest are {weakest}."
        yield tr(text, best=best, weakest=weakest)
    if report.passages:
        yield tr(PASSAGES_NOTE)
    if among is None:
        yield tr(NONE, judge=judge.title)
        return
    yield tr(AMONG, songs=translate(among.source))
    if among.source == SHIPPED_SONGS:
        yield tr(SHIPPED_NOTE)
    yield tr(HOW)
