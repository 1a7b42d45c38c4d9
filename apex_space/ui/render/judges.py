"""Renders what a visitor needs to know of the judges to choose one, as HTML."""

from collections.abc import Mapping
from html import escape

from ...core.i18n import format_duration, tr, translate
from ...judges.manager import SONG_SECONDS, Outlook
from ...judges.registry import REGISTRY
from .html import folded, labelled

LATER = "Another judge answers meanwhile. Ask again then; the song need not be sent again for some minutes."
BEST = "Best that is ready"
BEST_MEANS = "It needs no waiting. Now this is {judge}."
PANEL = "The panel: all of them"
PANEL_MEANS = "Every judge that can be had here, one after the other. It takes as long as all of them together."


def states(outlook: Mapping[str, Outlook]) -> str:
    """Return which of the judges that the server loads at its start are not ready.

    Why they are absent is folded away: it is for whoever runs the server.
    """
    started = {name: each for name, each in outlook.items() if REGISTRY[name].at_start and each.why}
    absent = [name for name, each in started.items() if each.state == "absent"]
    loading = "".join(
        f"<p>{escape(_waits(name, each))}{tr('. ')}{tr(LATER)}</p>"
        for name, each in started.items()
        if each.state == "loading"
    )
    missing = "".join(folded(_absence(name), f"<p>{escape(_waits(name, started[name]))}</p>") for name in absent)
    return f'<div class="states" role="status">{loading}{missing}</div>' if loading or missing else ""


def judges(outlook: Mapping[str, Outlook], best: str, panel: bool = True, shown: bool = False) -> str:
    """Return a line on each choice of a judge: what it does, how long it takes, and what is downloaded first.

    `best` is the name of the best judge that is ready. `panel`: the panel can be chosen, too. The lines are folded away
    unless they are `shown`. accessible.js disables the choice of absent judges.
    """
    lines = [_line(tr(BEST), tr(BEST_MEANS, judge=REGISTRY[best].title))]
    lines += [_line(REGISTRY[name].title, _about(name, each)) for name, each in outlook.items()]
    lines += [_line(tr("The panel"), f"{tr(PANEL_MEANS)}{_downloads(outlook)}")] if panel else []
    absent = [name for name, each in outlook.items() if each.state == "absent"]
    why = "".join(f"<p>{escape(_waits(n, outlook[n]))}</p>" for n in absent if not REGISTRY[n].at_start)
    lines += [folded(tr("Why judges are not available here"), why)] if why else []
    title = tr("What each judge does, how long it takes, and what is downloaded")
    return f'<div class="judges" data-absent="{" ".join(absent)}">{folded(title, "".join(lines), shown)}</div>'


def _downloads(outlook: Mapping[str, Outlook]) -> str:
    """Return how much all judges that can be had still download, as a sentence with a space before it."""
    had = [name for name, each in outlook.items() if each.state != "absent" and each.download != 0]
    megabytes = sum((outlook[n].download or 1e6 * REGISTRY[n].megabytes) / 1e6 for n in had)
    return tr(" The server first downloads about {size}.", size=_size(megabytes)) if megabytes else ""


def _size(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def _line(name: str, text: str) -> str:
    return f"<p><b>{escape(labelled(name, ''))}</b>{escape(text)}</p>"


def _waits(name: str, outlook: Outlook) -> str:
    return f"{REGISTRY[name].title} {translate(outlook.why)}"


def _absence(name: str) -> str:
    return tr("{judge} is not available here. Another judge answers.", judge=REGISTRY[name].title)


def _about(name: str, outlook: Outlook) -> str:
    """Return what a judge does, and what happens when it is chosen."""
    entry = REGISTRY[name]
    parts = [translate(entry.plain or f"{entry.summary}.")]
    if outlook.state == "absent":
        return " ".join((*parts, tr("It is not available here.")))
    if outlook.seconds:
        minutes = f"{SONG_SECONDS / 60:g}"
        parts.append(tr("A song of {n} minutes takes {time}.", n=minutes, time=format_duration(outlook.seconds)))
    return " ".join((*parts, _readiness(outlook, entry.megabytes)))


def _readiness(outlook: Outlook, published: int) -> str:
    """Return what stands before a judge's first score. Its `published` files have so many megabytes."""
    megabytes = published if outlook.download is None else outlook.download / 1e6
    if outlook.state == "ready":
        return tr("It is ready.")
    if outlook.state == "loading":
        return tr("It is loading now.")
    if not megabytes:
        return tr("It is loaded first, which takes some seconds.")
    size = _size(megabytes)
    if outlook.download is None:
        return tr("The server first downloads about {size}, if it has not done so before.", size=size)
    return tr("The server first downloads {size}, once. That can take minutes.", size=size)
