"""Report -> HTML."""

import json
from collections.abc import Iterable
from html import escape

from ...axes import Axis
from ...judges import REGISTRY
from ...report import Report, to_csv
from .html import Row, clock, links, table


def cards(report: Report) -> str:
    """The song's name and its scores as large numbers."""
    cells = "".join(_card(report, axis) for axis in report.axes)
    judge = REGISTRY[report.judge]
    return (
        f'<h2 class="song">{escape(report.file)}</h2>'
        f'<p class="by">{escape(judge.title)}: {escape(judge.summary)}</p><div class="cards">{cells}</div>'
    )


def _card(report: Report, axis: Axis) -> str:
    value = report.scores[axis.key]
    if value is None:
        shown = f'<span class="none" title="{escape(report.missing[axis.key])}">–</span>'
        note = escape(report.missing[axis.key])
    else:
        shown = f"<b>{number(axis, value)}</b><small> / {axis.high:g}</small>"
        note = (
            f"± {number(axis, report.spread[axis.key])} for 4 of 5 songs" if axis.key in report.spread else axis.meaning
        )
    return f'<div class="card {axis.group}"><span>{axis.label}</span><div>{shown}</div><small>{note}</small></div>'


def number(axis: Axis, value: float) -> str:
    """A score as people read it: whole percentiles, two decimals from 1 to 5."""
    return f"{value:.0f}" if axis.high == 100 else f"{value:.2f}"


def tables(report: Report) -> str:
    """Scores, timeline, measurements and origin as tables."""
    timeline = [
        [f"{clock(s.start)}–{clock(s.end)}", *(cell(a, s.scores[a.key]) for a in report.axes)] for s in report.segments
    ]
    return "".join(
        (
            table(
                "Scores", ("Axis", "Score", "4 of 5 within", "Range", "SongEval’s songs", "Meaning"), _scores(report)
            ),
            table("By segment", ("Time", *(a.label for a in report.axes)), timeline),
            table("Measured, not predicted", ("What", "Value"), measured(report)),
            table("Who said it", ("What", "Value"), _origin(report)),
        )
    )


def _scores(report: Report) -> Iterable[Row]:
    for axis in report.axes:
        value, spread = report.scores[axis.key], report.spread.get(axis.key)
        interval = "" if value is None or spread is None else f"± {number(axis, spread)}"
        reference = f"{axis.reference[0]:.2f} ± about {axis.reference[1]:.2f}" if axis.reference else ""
        meaning = report.missing.get(axis.key, axis.meaning)
        yield axis.label, cell(axis, value), interval, f"{axis.low:g}–{axis.high:g}", reference, meaning


def cell(axis: Axis, value: float | None) -> str:
    """A score in a table; a dash where there is none."""
    return "–" if value is None else number(axis, value)


def measured(report: Report) -> list[Row]:
    """What was measured, as name and value."""
    m = report.measured
    return [
        ("Duration", clock(report.duration)),
        ("Tempo", f"{m.tempo:.0f} beats per minute" if m.tempo else "no steady beat found"),
        ("Key", m.key or "no clear key found"),
        ("Loudness", f"{m.loudness:.1f} LUFS" if m.loudness is not None else "too quiet or short to say"),
        ("Peak", f"{m.peak:.1f} dBFS"),
        ("Clipping", f"{100 * m.clipped:.3f}% of the samples" if m.clipped else "none"),
        ("Bandwidth", f"{m.bandwidth / 1000:.1f} kHz"),
        ("File", f"{m.rate / 1000:g} kHz, {m.channels} channel{'s' if m.channels > 1 else ''}"),
    ]


def _origin(report: Report) -> Iterable[Row]:
    yield "Judge", f"{REGISTRY[report.judge].title}, {REGISTRY[report.judge].summary}"
    for weights in report.weights:
        yield "Weights", f"{weights.repository}, {weights.revision}"
    yield "Their licence", REGISTRY[report.judge].licence
    yield "Precision", f"{report.precision}: {report.precision_reason}"
    yield "Computed in", f"{report.seconds:.1f} s"
    if report.sha256:
        yield "Song’s hash", f"sha256 {report.sha256[:16]}"


def downloads(report: Report) -> str:
    """The report's two written forms to download."""
    text = json.dumps(report.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    forms = (
        ("Report as JSON", f"{report.judge}.json", "application/json", text),
        ("Report as CSV", f"{report.judge}.csv", "text/csv", to_csv([report])),
    )
    return links(report.file.rsplit(".", 1)[0], forms)


def states(waiting: dict[str, str]) -> str:
    """What keeps the judges that are not ready yet."""
    lines = "".join(f"<p>{escape(REGISTRY[name].title)} {escape(text)}</p>" for name, text in waiting.items())
    return f'<div class="states" role="status">{lines}</div>' if lines else ""
