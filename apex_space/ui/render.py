"""Report -> HTML. Every text from outside is escaped here."""

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape

from ..axes import AXES, Axis
from ..judges import REGISTRY
from ..report import Report, to_csv

Row = Sequence[str]


def cards(report: Report) -> str:
    """The song's name and its scores as large numbers."""
    cells = "".join(_card(report, axis) for axis in AXES)
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
        [f"{clock(s.start)}–{clock(s.end)}", *(_cell(a, s.scores[a.key]) for a in AXES)] for s in report.segments
    ]
    return "".join(
        (
            _table(
                "Scores", ("Axis", "Score", "4 of 5 within", "Range", "SongEval’s songs", "Meaning"), _scores(report)
            ),
            _table("By segment", ("Time", *(a.label for a in AXES)), timeline),
            _table("Measured, not predicted", ("What", "Value"), measured(report)),
            _table("Who said it", ("What", "Value"), _origin(report)),
        )
    )


def _scores(report: Report) -> Iterable[Row]:
    for axis in AXES:
        value, spread = report.scores[axis.key], report.spread.get(axis.key)
        interval = "" if value is None or spread is None else f"± {number(axis, spread)}"
        reference = f"{axis.reference[0]:.2f} ± {axis.reference[1]:.2f}" if axis.reference else ""
        meaning = report.missing.get(axis.key, axis.meaning)
        yield axis.label, _cell(axis, value), interval, f"{axis.low:g}–{axis.high:g}", reference, meaning


def _cell(axis: Axis, value: float | None) -> str:
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
    yield "Precision", f"{report.precision}: {report.precision_reason}"
    yield "Computed in", f"{report.seconds:.1f} s"
    yield "Song’s hash", f"sha256 {report.sha256[:16]}"


def _table(caption: str, head: Row, rows: Iterable[Row]) -> str:
    columns = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    title = escape(caption)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table><caption>{title}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def downloads(report: Report) -> str:
    """Links that hold the report itself, so that no file of it stays on the server."""
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in report.file.rsplit(".", 1)[0])[:60] or "song"
    forms = (
        ("JSON", "application/json", json.dumps(report.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)),
        ("CSV", "text/csv", to_csv([report])),
    )
    links = (
        f'<a class="download" download="{name}.{report.judge}.{form.lower()}" '
        f'href="data:{kind};base64,{base64.b64encode(text.encode()).decode()}">Report as {form}</a>'
        for form, kind, text in forms
    )
    return f'<p class="downloads">{"".join(links)}</p>'


def progress(text: str, done: float, total: float) -> str:
    """A bar with its text; `total` 0 means that the end is not known."""
    value = f'value="{done:.1f}" max="{total:.1f}"' if total else ""
    return f'<div class="progress" role="status"><label>{escape(text)}<progress {value}></progress></label></div>'


def note(text: str, kind: str = "note") -> str:
    """A line of plain text."""
    return f'<p class="{kind}" role="status">{escape(text)}</p>'


def states(waiting: dict[str, str]) -> str:
    """What keeps the judges that are not ready yet."""
    lines = "".join(f"<p>{escape(REGISTRY[name].title)} {escape(text)}</p>" for name, text in waiting.items())
    return f'<div class="states" role="status">{lines}</div>' if lines else ""


def clock(seconds: float) -> str:
    """61.5 -> 1:01."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
