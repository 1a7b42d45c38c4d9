"""Writes reports as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from ..core.axes import KEYS, Axis
from ..core.text import escape_formula
from .report import Failure, Report, rounded

FEATURES = {
    "tempo": "tempo_bpm",
    "key": "key",
    "loudness": "loudness_lufs",
    "peak": "peak_dbfs",
    "clipped": "clipped_share",
    "bandwidth": "bandwidth_hz",
    "rate": "rate_hz",
    "channels": "channels",
    "other_tempo": "other_tempo_bpm",
    "key_fit": "key_fit",
    "other_key": "other_key",
    "true_peak": "true_peak_dbtp",
    "loudness_range": "loudness_range_lu",
    "correlation": "correlation",
    "width": "width_share",
}
"""Measurements, and their columns, which name the units."""
DETAILS = (
    *(f"{key}_{end}" for key in KEYS for end in ("low", "high")),
    "scales",
    *FEATURES.values(),
    *("weights", "precision", "sha256", "version", "made", "prompt"),
)
"""Columns of what explains the scores of a song."""
COLUMNS = ("file", "judge", "part", "start", "end", *KEYS, "error", *DETAILS)


def to_csv(reports: Iterable[Report | Failure]) -> str:
    """Return one row for each song, followed by one row for each of its segments. A failed file has only its error.

    Texts that a spreadsheet would run as a formula get an apostrophe in front; JSON has them as they are.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for report in reports:
        writer.writerows(map(rounded, _rows(report)))
    return text.getvalue()


def details(report: Report) -> dict[str, Any]:
    """Return what explains the scores of a song, by the columns of DETAILS.

    `likes_low` to `likes_high` is the interval of the score `likes`. `scales` are the ranges of the axes.
    """
    intervals = {
        f"{key}_{end}": bound
        for key, interval in report.intervals.items()
        for end, bound in zip(("low", "high"), interval, strict=True)
    }
    return {
        **intervals,
        "scales": "; ".join(map(_scale, report.axes)),
        **{column: getattr(report.features, name) for name, column in FEATURES.items()},
        "weights": weights(report),
        "precision": report.precision,
        "sha256": escape_formula(report.sha256),
        "version": report.version,
        "made": report.made,
        "prompt": escape_formula(report.prompt),
    }


def weights(report: Report) -> str:
    """Return the repositories and revisions of a report's weights, as the tables name them."""
    return escape_formula("; ".join(f"{each.repository} {each.revision}" for each in report.weights))


def _scale(axis: Axis) -> str:
    bounds = f"{axis.low:g} to {axis.high:g}" if axis.bounded else "without bounds"
    return f"{axis.key} {bounds} ({axis.unit})"


def _rows(report: Report | Failure) -> Iterator[dict[str, Any]]:
    if isinstance(report, Failure):
        yield {"file": escape_formula(report.file), "error": escape_formula(report.error)}
        return
    same = {"file": escape_formula(report.file), "judge": report.judge}
    yield same | {"part": "song", "start": 0.0, "end": report.duration} | dict(report.scores) | details(report)
    for segment in report.segments:
        yield same | {"part": "segment", "start": segment.start, "end": segment.end} | dict(segment.scores)
