"""Renders a Panel as HTML."""

from collections.abc import Iterable, Mapping
from html import escape

from ...core.axes import Axis
from ...core.i18n import tr, translate
from ...judges.panel import Panel
from ...judges.registry import REGISTRY
from ...judges.report import to_json
from ...judges.report_csv import to_csv
from .among import among
from .html import Cells, download_links, folded, labelled, note, percent, span, table
from .report import by, number, tables, unverified


def panel(panel: Panel) -> str:
    """Return the song's name, where the judges differ most, and which judges could not be asked."""
    if not panel.reports:
        return absences(panel.absent)
    name = escape(panel.reports[0].file)
    warning = unverified(panel.reports)
    return f'<h2 class="song">{name}</h2>{warning}<p>{escape(dispute(panel))}</p>{absences(panel.absent)}'


def absences(absent: Mapping[str, str]) -> str:
    """Return which judges could not be asked. Why is folded away: it is for whoever runs the server."""
    if not absent:
        return ""
    asked = note(tr("Not available here: {judges}.", judges=tr(", ").join(REGISTRY[judge].title for judge in absent)))
    reasons = (f"<p>{escape(_named(REGISTRY[judge].title, why))}</p>" for judge, why in absent.items())
    return asked + folded(tr("For whoever runs this server"), "".join(reasons))


def _named(title: str, why: str) -> str:
    return translate(why) if why.startswith(title) else labelled(title, translate(why))


def dispute(panel: Panel) -> str:
    """Return a sentence about where the judges differ most."""
    axis = panel.disputed
    if axis is None:
        return tr("No two of these judges predict the same score.")
    scores = panel.scores(axis)
    low, high = min(scores, key=lambda j: scores[j]), max(scores, key=lambda j: scores[j])
    return tr(
        "The judges differ most on {axis}: from {lowest} by {low} to {highest} by {high}, {share} of the scale.",
        axis=translate(axis.label).lower(),
        lowest=number(axis, scores[low]),
        low=REGISTRY[low].title,
        highest=number(axis, scores[high]),
        high=REGISTRY[high].title,
        share=percent(panel.range(axis) or 0),
    )


def panel_tables(panel: Panel, play: bool = False) -> str:
    """Return a table of each axis by each judge, then every judge's own tables, in which the page can `play` parts."""
    if not panel.reports:
        return ""
    judges = [report.judge for report in panel.reports]
    head = (tr("Axis"), *(REGISTRY[judge].title for judge in judges), tr("Lowest to highest"))
    own = "".join(
        f"<details><summary>{escape(by(r))}</summary>{among(r)}{tables(r, play)}</details>" for r in panel.reports
    )
    return table(tr("The same song by each judge"), head, _rows(panel, judges), "compact") + own


def _rows(panel: Panel, judges: Iterable[str]) -> Iterable[Cells]:
    for axis in panel.axes:
        scores, judged = panel.scores(axis), panel.range(axis)
        yield _label(axis), *(_cell(axis, scores.get(j)) for j in judges), "" if judged is None else percent(judged)


def _label(axis: Axis) -> str:
    scale = f"{tr(', ')}{span(f'{axis.low:g}', f'{axis.high:g}')}" if axis.bounded else ""
    return translate(axis.label) + scale


def _cell(axis: Axis, score: float | None) -> str:
    return "–" if score is None else number(axis, score)


def panel_links(panel: Panel) -> str:
    """Return links that download all reports."""
    text = to_json(panel.as_dict())
    forms = (
        (tr("All reports as JSON"), "panel.json", "application/json", text),
        (tr("All reports as CSV"), "panel.csv", "text/csv", to_csv(panel.reports)),
    )
    return download_links(panel.reports[0].file.rsplit(".", 1)[0], forms) if panel.reports else ""
