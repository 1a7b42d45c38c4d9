"""What a judge is at, and for how long still -> HTML."""

from ...core.i18n import plural, said, tr
from ...judges.eta import spoken
from ...judges.judge import ScoringProgress
from ...judges.manager import LoadProgress
from ...judges.registry import REGISTRY
from .html import clock, labelled, percent, progress


def under_way(
    current: LoadProgress | ScoringProgress, song: str = "", rest: tuple[str, float | None] = ("", None)
) -> str:
    """A bar with who does what, to which `song` if there are several; `rest` names what else there is to wait for, and
    its seconds."""
    title = REGISTRY[current.judge].title
    title = labelled(song, title) if song else title
    if isinstance(current, LoadProgress):
        return progress(f"{title} {said(str(current))}{_left(*rest)}", current.received, current.expected)
    if current.ahead:
        before = plural(current.ahead, "{n} song before yours", "{n} songs before yours")
        return progress(f"{labelled(title, before)}{_left('', current.left)}{_left(*rest)}", 0, 0)
    own, all_of_it = _left("", current.left), _left(*rest)
    more = "" if current.left and rest[1] and spoken(rest[1]) == spoken(current.left) else all_of_it
    share, duration = percent(current.share), clock(current.duration)
    heard = tr("{judge} has heard {share} of {duration}", judge=title, share=share, duration=duration)
    return progress(f"{heard}{own}{more}", current.share, 1)


def _left(whose: str, seconds: float | None) -> str:
    return tr(", {whose}{time} left", whose=whose, time=spoken(seconds)) if seconds else ""
