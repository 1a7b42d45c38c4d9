"""Renders what a visitor's own votes say, and the pictures of it to share, which are in English."""

import base64
from collections.abc import Sequence
from html import escape
from itertools import islice

from ... import plots
from ...arena.ratings import Rating
from ...arena.taste import Agreed, Taste
from ...core.axes import BY_KEY
from ...core.i18n import tr, translate
from ...core.intervals import ConfidenceInterval
from ...plots.arena import judge_title, label
from ...plots.card import Bar
from ..previews import FONTS
from .html import figure, folded, percent, table

MORE, LESS = "You weigh {score} more than others do.", "You weigh {score} less than others do."
NO_SCORE = "It is too early to say which scores you weigh more or less than others do."
CROWD = {
    1: "You mostly prefer what other listeners prefer: the same song in {right} of {n} votes.",
    -1: "You mostly prefer what other listeners do not: the same song in only {right} of {n} votes.",
    0: "It is too early to say whether you agree with other listeners: it was the same song in {right} of {n} votes.",
}
JUDGE = {
    1: "{judge} knows your taste: it foresaw {right} of {n} votes.",
    -1: "{judge} mistakes your taste: it foresaw only {right} of {n} votes.",
    0: "It is too early to say whether {judge} knows your taste: it foresaw {right} of {n} votes.",
}
AMONG = {1: "above average", -1: "below average", 0: "too early to say"}
"""What is said if the interval of the share lies above a half, below it, or on both sides."""
RANKING = (
    "Your own ranking, by your votes alone. A rating is the chance that you prefer the song to an average one of those "
    "you heard"
)
MOST, BEST = 4, 3
"""Numbers of those one agrees with, and of songs, in the picture."""


def taste(found: Taste) -> str:
    """Return what the votes say in plain words, the visitor's ranking, figures folded away, and a picture's link."""
    agreed = [*filter(None, [found.crowd]), *found.judges]
    said = [*_weighed(found), *map(_agreed, agreed)]
    lines = "".join(f"<p>{escape(line)}</p>" for line in said)
    link = _link(_picture(found, agreed), "my-taste.png")
    figures = folded(tr("The figures"), _figures(found, agreed))
    return f'<div class="told">{lines}</div>{_ranking(found.songs)}{figures}{link}'


def card(judges: Sequence[Agreed], votes: int) -> str:
    """Return a link to a picture of how many of a number of votes each judge foresaw; nothing without a judge."""
    said = tr("{n} votes: you against the judges.", n=votes)
    bars = [Bar(f"{judge_title(each.name)} foresaw", each.share, _of(each)) for each in judges]
    picture = plots.votes_card("Me against the judges", f"{votes} votes on songs that I heard blind", bars, FONTS)
    return f"<p>{escape(said)}</p>{_link(picture, 'me-against-the-judges.png')}" if bars else ""


def _weighed(found: Taste) -> list[str]:
    clear = [each for each in found.weighings if _side(each.more, 0.0)]
    return [tr(MORE if each.more.value > 0 else LESS, score=translate(BY_KEY[each.axis].label)) for each in clear] or [
        tr(NO_SCORE)
    ]


def _agreed(each: Agreed) -> str:
    text = (JUDGE if each.name else CROWD)[_side(each.share, 0.5)]
    return tr(text, judge=judge_title(each.name), right=_number(each.right), n=each.votes)


def _side(found: ConfidenceInterval, middle: float) -> int:
    """Return 1 if an interval lies above the middle, -1 if it lies below, and 0 if it covers both sides."""
    return (found.low > middle) - (found.high < middle)


def _of(each: Agreed) -> str:
    return f"{_number(each.right)} of {each.votes}"


def _number(right: float) -> str:
    return f"{right:.1f}".removesuffix(".0")


def _ranking(songs: Sequence[Rating]) -> str:
    head = tr("Title"), tr("Your rating"), tr("95% interval"), tr("Votes"), tr("Among the songs you heard")
    rows = [(label(row), *figure(_rating(row)), str(row.votes), tr(AMONG[_side(_rating(row), 0.5)])) for row in songs]
    return table(tr(RANKING), head, rows, "wide tall")


def _rating(row: Rating) -> ConfidenceInterval:
    return ConfidenceInterval(row.rating, row.low, row.high)


def _figures(found: Taste, agreed: Sequence[Agreed]) -> str:
    interval, votes = tr("95% interval"), tr("Votes")
    weighed = [(translate(BY_KEY[each.axis].label), *figure(each.more, "{:+z.2f}")) for each in found.weighings]
    people = [
        (judge_title(each.name) or tr("Other listeners"), *figure(each.share), str(each.votes)) for each in agreed
    ]
    title = tr("How much more than others you weigh the scores by {judge}", judge=judge_title(found.judge))
    by_score = table(title, (tr("Score"), tr("Log-odds of a usual difference"), interval), weighed, "wide")
    same = tr("Votes in which the same song was preferred")
    by_people = table(same, (tr("Who"), tr("Agreed"), interval, votes), people, "wide")
    return (by_score if weighed else "") + (by_people if people else "")


def _picture(found: Taste, agreed: Sequence[Agreed]) -> bytes:
    """Return a picture in English, of the figures that are told in words and of the best songs."""
    clear = [
        f"{BY_KEY[each.axis].label.lower()} {'more' if each.more.value > 0 else 'less'}"
        for each in found.weighings
        if _side(each.more, 0.0)
    ]
    unknown = "it is too early to say which scores I weigh otherwise than others"
    said = f"I weigh {', '.join(clear)} than others" if clear else unknown
    named = ((row, row.title or row.key[:8]) for row in found.songs)
    best = islice(((row, name) for row, name in named if FONTS.can_write(name)), BEST)
    bars = [
        *(Bar(f"Agreed with {judge_title(each.name) or 'others'}", each.share, _of(each)) for each in agreed[:MOST]),
        *(Bar(name, _rating(row), f"rated {percent(row.rating)}") for row, name in best),
    ]
    return plots.votes_card("My taste in music", f"After {found.votes} votes: {said}", bars, FONTS)


def _link(picture: bytes, name: str) -> str:
    data = base64.b64encode(picture).decode()
    text = escape(tr("Picture to share"))
    return f'<a class="download" data-picture download="{name}" href="data:image/png;base64,{data}">{text}</a>'
