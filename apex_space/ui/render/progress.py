"""What a judge is at, and for how long still -> HTML."""

from ...core.i18n import plural, said, tr
from ...judges.eta import spoken
from ...judges.judge import Progress
from ...judges.manager import Loading
from ...judges.registry import REGISTRY
from .html import clock, labelled, percent, progress


def under_way(at_work: Loading | Progress, song: str = "", rest: tuple[str, float | None] = ("", None)) -> str:
    """A bar with who does what, to which `song` if there are several; `rest` names what else there is to wait for, and
    its seconds."""
    title = REGISTRY[at_work.judge].title
    title = labelled(song, title) if song else title
    if isinstance(at_work, Loading):
        return progress(f"{title} {said(str(at_work))}{_left(*rest)}", at_work.received, at_work.expected)
    if at_work.ahead:
        before = plural(at_work.ahead, "{n} song before yours", "{n} songs before yours")
        return progress(f"{labelled(title, before)}{_left('', at_work.left)}{_left(*rest)}", 0, 0)
    own, all_of_it = _left("", at_work.left), _left(*rest)
    more = "" if at_work.left and rest[1] and spoken(rest[1]) == spoken(at_work.left) else all_of_it
    share, duration = percent(at_work.share), clock(at_work.duration)
    heard = tr("{judge} has heard {share} of {duration}", judge=title, share=share, duration=duration)
    return progress(f"{heard}{own}{more}", at_work.share, 1)


def _left(whose: str, seconds: float | None) -> str:
    return tr(", {whose}{time} left", whose=whose, time=spoken(seconds)) if seconds else ""
