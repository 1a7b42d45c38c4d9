"""What a judge is at, and for how long still -> HTML."""

from ...judges import REGISTRY, Progress
from ...pace import spoken
from ...roster import Loading
from .html import clock, percent, progress


def under_way(at_work: Loading | Progress, song: str = "", rest: tuple[str, float | None] = ("", None)) -> str:
    """A bar with who does what, to which `song` if there are several; `rest` names what else there is to wait for, and
    its seconds."""
    title = f"{song}: " if song else ""
    title += REGISTRY[at_work.judge].title
    if isinstance(at_work, Loading):
        return progress(f"{title} {at_work}{_left(*rest)}", at_work.received, at_work.expected)
    if at_work.ahead:
        before = f"{at_work.ahead} song{'s' if at_work.ahead > 1 else ''} before yours"
        return progress(f"{title}: {before}{_left('', at_work.left)}{_left(*rest)}", 0, 0)
    own, all_of_it = _left("", at_work.left), _left(*rest)
    more = "" if at_work.left and rest[1] and spoken(rest[1]) == spoken(at_work.left) else all_of_it
    return progress(
        f"{title} has heard {percent(at_work.share)} of {clock(at_work.duration)}{own}{more}", at_work.share, 1
    )


def _left(whose: str, seconds: float | None) -> str:
    return "" if not seconds else f", {whose}{spoken(seconds)} left"
