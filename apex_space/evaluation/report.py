"""Writes an evaluation as a comparison, as CSV, as JSON and as a picture."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from html import escape

from ..core.axes import BY_KEY
from ..core.intervals import ConfidenceInterval
from ..core.tables import BadRow
from ..core.text import escape_formula
from .metrics import MEAN, METRICS, SYSTEM, TRACKS, UTTERANCE, Evaluation, SetResult
from .published import PUBLISHED, VALIDATION, PublishedResult

COLUMNS = ("set", "level", "dimension", "metric", "value", "low", "high")


def label(dimension: str) -> str:
    """Return the name of a dimension for people."""
    return "Mean of the five" if dimension == MEAN else BY_KEY[dimension].label


def compared(evaluation: Evaluation) -> list[PublishedResult]:
    """Return the figures of `evaluation` and then the published ones, track by track."""
    return [
        entry
        for track in TRACKS
        for entry in (*_own(evaluation, track), *(other for other in PUBLISHED if other.track == track))
    ]


def _own(evaluation: Evaluation, track: str) -> Iterator[PublishedResult]:
    for one in evaluation.sets:
        if metrics := one.utterance.get(TRACKS[track]):
            songs = f"these {one.songs}" + (f" of set {one.name}" if one.name else "")
            yield PublishedResult(evaluation.who, track, songs, metrics, one.scores.get(track))
    if track == "track 1" and evaluation.total is not None:
        yield PublishedResult(evaluation.who, track, "these, sets 1 and 2", score=evaluation.total)


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, str, str, str, ConfidenceInterval]]:
    """Yield every figure, after its set, level, dimension and metric."""
    for one in evaluation.sets:
        for level, table in ((UTTERANCE, one.utterance), (SYSTEM, one.system)):
            for dimension, metrics in table.items():
                for metric, figure in metrics.items():
                    yield one.name, level, dimension, metric, figure
        for track, figure in one.scores.items():
            yield one.name, "score", track, "", figure
    if evaluation.total is not None:
        yield "1 and 2", "score", "track 1", "", evaluation.total


def to_csv(evaluation: Evaluation) -> str:
    """Return CSV with a row for each figure."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for name, *what, figure in _figures(evaluation):
        writer.writerow([escape_formula(name), *what, figure.value, figure.low, figure.high])
    return text.getvalue()


def to_json(evaluation: Evaluation, left_out: Sequence[BadRow]) -> str:
    """Return JSON with every figure, the songs left out and the reasons, and the published results."""
    plain = asdict(evaluation) | {
        "left_out": [asdict(song) for song in left_out],
        "published": [asdict(entry) for entry in PUBLISHED],
    }
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)


LEFT, PANEL, PLOT, ROW = 150, 165, 140, 34
OWN, OTHERS = "#0072b2", "#d55e00"
LEGEND = (
    "Filled: songs one by one. Open: systems. Lines: 95% intervals.",
    f"Orange: published; in the panels HEAR’s, on {VALIDATION}.",
)


def as_svg(evaluation: Evaluation) -> str:
    """Draw a panel for each metric, then each track's score. Figures below 0 are drawn at the panel's edge."""
    parts, y = [], 24
    for one in evaluation.sets:
        parts.append(_text(8, y, f"{evaluation.who}{f', set {one.name}' if one.name else ''}: {one.songs} songs"))
        y += ROW
        parts += [_text(LEFT + i * PANEL, y, f"{metric}, 0 to 1") for i, metric in enumerate(METRICS)]
        for dimension in one.utterance:
            y += ROW
            parts += _row(one, dimension, y)
        y += ROW + 16
    for track in TRACKS:
        own = [entry.score for entry in _own(evaluation, track) if isinstance(entry.score, ConfidenceInterval)]
        if own:
            parts += _scores(track, own[-1], y)
            y += ROW + 16
    parts += [_text(8, y + 18 * i, line) for i, line in enumerate(LEGEND)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + 4 * PANEL} {y + 36}" fill="#808080" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>Agreement with ratings</title>'
        f"{''.join(parts)}</svg>\n"
    )


def _row(one: SetResult, dimension: str, y: int) -> list[str]:
    parts = [_text(8, y + 4, label(dimension))]
    for i, metric in enumerate(METRICS):
        left = LEFT + i * PANEL
        parts.append(f'<path d="M{left} {y}h{PLOT}" stroke="#80808055"/>')
        parts.append(_dot(left, PLOT, y, one.utterance[dimension][metric], OWN))
        if metric in one.system.get(dimension, {}):
            parts.append(_dot(left, PLOT, y + 9, one.system[dimension][metric], "none"))
        parts += [
            _tick(left, PLOT, y, entry, value)
            for entry in PUBLISHED
            if TRACKS[entry.track] == dimension and isinstance(value := entry.metrics.get(metric), float)
        ]
    return parts


def _scores(track: str, own: ConfidenceInterval, y: int) -> list[str]:
    width = 3 * PANEL + PLOT
    others = [(e, e.score) for e in PUBLISHED if e.track == track and isinstance(e.score, float)]
    parts = [_text(8, y + 4, f"{track}, score"), f'<path d="M{LEFT} {y}h{width}" stroke="#80808055"/>']
    parts += [_tick(LEFT, width, y, entry, score) for entry, score in others]
    for (entry, score), anchor in ((others[0], "start"), (others[-1], "end")):
        parts.append(_text(LEFT + width * score, y + 22, entry.name, anchor))
    return [*parts, _dot(LEFT, width, y, own, OWN)]


def _dot(left: float, width: float, y: float, figure: ConfidenceInterval, fill: str) -> str:
    low, value, high = (left + width * max(x, 0) for x in (figure.low, figure.value, figure.high))
    return (
        f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="{OWN}" stroke-width="2"/>'
        f'<circle cx="{value:.1f}" cy="{y}" r="4" fill="{fill}" stroke="{OWN}"><title>{figure}</title></circle>'
    )


def _tick(left: float, width: float, y: float, entry: PublishedResult, value: float) -> str:
    mark = f'd="M{left + width * value:.1f} {y - 8}v16" stroke="{OTHERS}" stroke-width="2"'
    return f"<path {mark}><title>{escape(f'{entry.name}, {entry.songs}')}: {value:.3f}</title></path>"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
