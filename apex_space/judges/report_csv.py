"""Writes reports as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from ..core.axes import KEYS
from ..core.text import escape_formula
from .report import Failure, Report


def to_csv(reports: Iterable[Report | Failure]) -> str:
    """Return one row for each song, followed by one row for each of its segments. A failed file has only its error.

    Texts that a spreadsheet would run as a formula get an apostrophe in front; JSON has them as they are.
    """
    text = io.StringIO()
    columns = ["file", "judge", "part", "start", "end", *KEYS, "error"]
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for report in reports:
        writer.writerows(_rows(report))
    return text.getvalue()


def _rows(report: Report | Failure) -> Iterator[dict[str, Any]]:
    if isinstance(report, Failure):
        yield {"file": escape_formula(report.file), "error": escape_formula(report.error)}
        return
    same = {"file": escape_formula(report.file), "judge": report.judge}
    yield same | {"part": "song", "start": 0.0, "end": report.duration} | dict(report.scores)
    for segment in report.segments:
        yield same | {"part": "segment", "start": segment.start, "end": segment.end} | dict(segment.scores)
