"""Renders the progress of a judge, and the time left, as HTML."""

from ...core.i18n import format_duration, plural, tr, translate
from ...core.text import clock
from ...judges.judge import ScoringProgress
from ...judges.manager import LoadProgress
from ...judges.registry import REGISTRY
from .html import labelled, percent, progress


def judge_progress(
    current: LoadProgress | ScoringProgress, song: str = "", rest: tuple[str, float | None] = ("", None)
) -> str:
    """Return a progress bar that says what a judge does, and for which `song` if there are several.

    `rest` is the name of the other work to wait for, and its seconds.
    """
    title = REGISTRY[current.judge].title
    title = labelled(song, title) if song else title
    if isinstance(current, LoadProgress):
        return progress(f"{title} {translate(str(current))}{_left(*rest)}", current.received, current.expected)
    if current.ahead:
        before = plural(current.ahead, "{n} song before yours", "{n} songs before yours")
        return progress(f"{labelled(title, before)}{_left('', current.left)}{_left(*rest)}", 0, 0)
    if current.loading:
        return progress(f"{title} {translate(str(LoadProgress(current.judge)))}{_left(*rest)}", 0, 0)
    own, all_of_it = _left("", current.left), _left(*rest)
    more = "" if current.left and rest[1] and format_duration(rest[1]) == format_duration(current.left) else all_of_it
    share, duration = percent(current.share), clock(current.duration)
    heard = tr("{judge} has scored {share} of {duration}", judge=title, share=share, duration=duration)
    return progress(f"{heard}{own}{more}", current.share, 1)


def _left(whose: str, seconds: float | None) -> str:
    return tr(", {whose}{time} left", whose=whose, time=format_duration(seconds)) if seconds else ""
