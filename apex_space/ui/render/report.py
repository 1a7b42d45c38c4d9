"""Renders a Report as HTML."""

import json
from collections.abc import Iterable
from html import escape

from ...core.axes import Axis
from ...core.i18n import plural, tr, translate
from ...judges.registry import REGISTRY
from ...judges.report import Report
from ...judges.report_csv import to_csv
from .html import Cells, clock, download_links, labelled, table

MAYBE_HALF = range(80, 101)
"""Measured beats per minute that may be half of the true tempo, 160 to 200."""


def cards(report: Report) -> str:
    """Return the song's name and its scores as large numbers."""
    cells = "".join(_card(report, axis) for axis in report.axes)
    judge = REGISTRY[report.judge]
    return (
        f'<h2 class="song">{escape(report.file)}</h2>'
        f'<p class="by">{escape(labelled(judge.title, translate(judge.summary)))}</p><div class="cards">{cells}</div>'
    )


def _card(report: Report, axis: Axis) -> str:
    value = report.scores[axis.key]
    if value is None:
        note = escape(translate(report.missing[axis.key]))
        shown = f'<span class="none" title="{note}">–</span>'
    else:
        shown = f"<b>{number(axis, value)}</b><small> / {axis.high:g}</small>"
        spread = report.spread.get(axis.key)
        note = (
            translate(axis.meaning)
            if spread is None
            else tr("± {spread} for 4 of 5 songs", spread=number(axis, spread))
        )
    label = f"<span>{translate(axis.label)}</span>"
    return f'<div class="card {axis.group}">{label}<div>{shown}</div><small>{note}</small></div>'


def number(axis: Axis, value: float) -> str:
    """Return a score as people read it: whole percentiles, or two decimals on a scale from 1 to 5."""
    return f"{value:.0f}" if axis.high == 100 else f"{value:.2f}"


def tables(report: Report) -> str:
    """Return the scores, timeline, measurements and origin as tables."""
    timeline = [
        [f"{clock(s.start)}–{clock(s.end)}", *(cell(a, s.scores[a.key]) for a in report.axes)] for s in report.segments
    ]
    return "".join(
        (
            table(
                tr("Scores"),
                (tr("Axis"), tr("Score"), tr("80% interval"), tr("Range"), tr("SongEval’s songs"), tr("Meaning")),
                _scores(report),
            ),
            table(tr("By segment"), (tr("Time"), *(translate(a.label) for a in report.axes)), timeline),
            table(tr("Measured, not predicted"), (tr("What"), tr("Value")), measured(report)),
            table(tr("Provenance"), (tr("What"), tr("Value")), _origin(report)),
        )
    )


def _scores(report: Report) -> Iterable[Cells]:
    about = tr("about ")
    for axis in report.axes:
        value, spread = report.scores[axis.key], report.spread.get(axis.key)
        interval = "" if value is None or spread is None else f"± {number(axis, spread)}"
        reference = f"{axis.reference[0]:.2f} ± {about}{axis.reference[1]:.2f}" if axis.reference else ""
        meaning = translate(report.missing.get(axis.key, axis.meaning))
        yield translate(axis.label), cell(axis, value), interval, f"{axis.low:g}–{axis.high:g}", reference, meaning


def cell(axis: Axis, value: float | None) -> str:
    """Return a score for a table, or a dash if there is none."""
    return "–" if value is None else number(axis, value)


def measured(report: Report) -> list[Cells]:
    """Return the measurements as rows of name and value."""
    m = report.features
    return [
        (tr("Duration"), clock(report.duration)),
        (tr("Tempo"), _tempo(m.tempo)),
        (tr("Key"), " ".join(map(translate, m.key.split())) if m.key else tr("no clear key found")),
        (tr("Loudness"), f"{m.loudness:.1f} LUFS" if m.loudness is not None else tr("too quiet or short to say")),
        (tr("Peak"), f"{m.peak:.1f} dBFS"),
        (tr("Clipping"), tr("{share}% of the samples", share=f"{100 * m.clipped:.3f}") if m.clipped else tr("none")),
        (tr("Bandwidth"), f"{m.bandwidth / 1000:.1f} kHz"),
        (tr("File"), f"{m.rate / 1000:g} kHz{tr(', ')}{plural(m.channels, '{n} channel', '{n} channels')}"),
    ]


def _tempo(tempo: float | None) -> str:
    """Format a tempo. A fast one is often measured as its half, so both are named where both are usual."""
    if tempo is None:
        return tr("no steady beat found")
    if round(tempo) in MAYBE_HALF:
        return tr("{n} or {double} beats per minute", n=f"{tempo:.0f}", double=f"{2 * tempo:.0f}")
    return tr("{n} beats per minute", n=f"{tempo:.0f}")


def _origin(report: Report) -> Iterable[Cells]:
    judge = REGISTRY[report.judge]
    yield tr("Judge"), f"{judge.title}{tr(', ')}{translate(judge.summary)}"
    for weights in report.weights:
        yield tr("Weights"), f"{weights.repository}, {weights.revision}"
    yield tr("Their licence"), translate(judge.licence)
    yield tr("Precision"), labelled(report.precision, translate(report.precision_reason))
    yield tr("Computed in"), f"{report.seconds:.1f}{tr(' s')}"
    if report.sha256:
        yield tr("Song’s hash"), f"sha256 {report.sha256[:16]}"


def downloads(report: Report) -> str:
    """Return links that download the report as JSON and as CSV."""
    text = json.dumps(report.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    forms = (
        (tr("Report as JSON"), f"{report.judge}.json", "application/json", text),
        (tr("Report as CSV"), f"{report.judge}.csv", "text/csv", to_csv([report])),
    )
    return download_links(report.file.rsplit(".", 1)[0], forms)


def states(waiting: dict[str, str]) -> str:
    """Return why some judges are not ready yet."""
    lines = "".join(
        f"<p>{escape(REGISTRY[name].title)} {escape(translate(text))}</p>" for name, text in waiting.items()
    )
    return f'<div class="states" role="status">{lines}</div>' if lines else ""
