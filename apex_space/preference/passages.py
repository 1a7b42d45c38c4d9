"""The 30 seconds of a song that people would prefer most and least, by the preference head of its judge."""

from contextlib import suppress
from math import fsum
from typing import Any

from ..core.errors import PreferenceError
from ..judges.passages import Passages, passages
from ..judges.report import Report
from . import head_files
from .head import revision_of


def preferred(report: Report) -> Passages | None:
    """Return the passages by the log-odds that they are preferred to the whole song.

    Return None if the judge does not score every 30 s, or no preference head was fitted for it and its weights.
    """
    if (windows := report.windows) is None:
        return None
    with suppress(PreferenceError):  # a broken head is reported where songs are compared
        head = head_files.load(report.judge)
        if (head.judge, head.revision) == (report.judge, revision_of(report)):
            columns = zip(*windows.scores.values(), strict=True)
            rows = (dict(zip(windows.scores, column, strict=True)) for column in columns)
            return passages(windows, [fsum(head.of_scores(row, report.scores).contributions.values()) for row in rows])
    return None


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report's plain values for JSON, with the passages by preference among the others."""
    plain, found = report.as_dict(), preferred(report)
    return plain | {"passages": plain["passages"] | ({"preference": found.as_dict()} if found else {})}
