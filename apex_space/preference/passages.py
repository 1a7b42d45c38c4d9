"""The 30 seconds of a song that people would prefer most and least, by the preference head of its judge."""

from contextlib import suppress
from typing import Any

import numpy as np

from ..core.errors import PreferenceError
from ..judges.passages import Passages, passages
from ..judges.report import Report
from . import head_files
from .head import PreferenceHead, revision_of
from .learned import LearnedModel


def preferred(report: Report) -> Passages | None:
    """Return the passages by the log-odds that they are preferred to the whole song.

    Return None if the judge does not score every 30 s, or no preference head was fitted for it and its weights.
    """
    with suppress(PreferenceError):  # a broken head is reported where songs are compared
        head = head_files.load(report.judge)
        if (head.judge, head.revision) == (report.judge, revision_of(report)):
            return preferred_by(head, report)
    return None


def preferred_by(predictor: PreferenceHead | LearnedModel, report: Report) -> Passages | None:
    """Return the passages by the log-odds that they are preferred to the whole song, as `predictor` has it.

    Return None if not every 30 s and the song have all the scores that it weighs.
    """
    windows, axes = report.windows, predictor.axes
    song = [score for axis in axes if (score := report.scores[axis]) is not None]
    if windows is None or len(song) < len(axes) or not windows.scores.keys() >= set(axes):
        return None
    differences = np.array([windows.scores[axis] for axis in axes]).T - song
    return passages(windows, (differences / predictor.scale @ predictor.coefficients).tolist())


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report's plain values for JSON, with the passages by preference among the others."""
    plain, found = report.as_dict(), preferred(report)
    return plain | {"passages": plain["passages"] | ({"preference": found.as_dict()} if found else {})}
