"""Renders a Comparison as HTML and JSON."""

import json
from collections.abc import Iterable
from html import escape
from typing import Any

from ...core.axes import AXES, BY_KEY, Axis
from ...core.i18n import tr, translate
from ...core.intervals import ConfidenceInterval
from ...judges.registry import REGISTRY
from ...judges.report import Report
from ...plots.comparison import favoured_song
from ...plots.taught import taught
from ...preference.comparison import Comparison
from ...preference.head import Preference, PreferenceHead
from .html import Cells, download_links, figure, labelled, note, table
from .report import cell, measured, number, tables, unverified

QUIETER = (
    "Song {side} is played {decibels} dB quieter, so that both are equally loud. The scores are of the files as they "
    "are."
)
SAME = "The same song: 50 of 100 listeners"
ONE_MAKER = (
    "This holds if both songs are by the same generator or artist, as the box above says. If they are not, untick it: "
    "the estimate is then less sure."
)
OTHER_MAKERS = (
    "The songs may be by different generators or artists. How good these are matters to listeners, and it is not known "
    "here. So the estimate is less sure."
)


def sentence(answer: Preference) -> str:
    """Return the verdict in words."""
    about, least, most = of_100(answer.chance)
    listeners = tr("about {about} of 100 listeners ({least} to {most})", about=about, least=least, most=most)
    side = answer.favourite.upper()
    if answer.verdict != "close":
        return tr("{side} is preferred by {listeners}", side=side, listeners=listeners)
    if about == 50:
        return tr("Too close to call: each song is preferred by {listeners}", listeners=listeners)
    return tr("Too close to call. Perhaps {side} is preferred, by {listeners}", side=side, listeners=listeners)


def of_100(share: ConfidenceInterval) -> tuple[int, int, int]:
    """Return a share and its interval as numbers of 100 listeners, from 1 to 99: no answer is ever certain."""
    about, least, most = (min(max(round(100 * x), 1), 99) for x in (share.value, share.low, share.high))
    return about, least, most


def answer(comparison: Comparison) -> str:
    """Return the verdict, the songs' names and how far to trust the verdict."""
    notes = "".join(note(text) for text in _notes(comparison))
    verdict = tr(SAME) if comparison.same else sentence(comparison.answer)
    warning = unverified([comparison.a, comparison.b, *comparison.weighed])
    return f'<h2 class="verdict">{verdict}</h2>{warning}{songs(comparison.a, comparison.b)}{notes}'


def levelled(a: Report, b: Report) -> dict[str, Any] | None:
    """Return the loudness of both songs, and a text on which one equal.js plays quieter.

    Return None if both are equally loud, or if the loudness of one is not known.
    """
    loudness = x, y = a.features.played_loudness, b.features.played_loudness
    if x is None or y is None or float(decibels := f"{abs(x - y):.1f}") == 0:
        return None
    side = "A" if x > y else "B"
    return {"loudness": loudness, "text": tr(QUIETER, side=side, decibels=decibels)}


def songs(a: Report, b: Report) -> str:
    """Return the songs' names."""
    names = "".join(
        f'<li><b class="side {side}">{side.upper()}</b> {escape(report.file)}</li>'
        for side, report in (("a", a), ("b", b))
    )
    return f'<ul class="songs">{names}</ul>'


def _notes(comparison: Comparison) -> Iterable[str]:
    if comparison.spoke != "head":
        yield taught(comparison.judge, comparison.model)
    elif comparison.head is not None:
        yield from _by_head(comparison, comparison.head)
    if comparison.model is not None and not comparison.same:
        yield tr(ONE_MAKER if comparison.one_maker else OTHER_MAKERS)


def _by_head(comparison: Comparison, head: PreferenceHead) -> Iterable[str]:
    asked, through = REGISTRY[comparison.judge].title, REGISTRY[head.judge].title
    accuracy, interval = figure(head.metrics.accuracy, "{:.0%}")
    yield tr(
        "How reliable it is: between songs it was not fitted on, this preference head predicted the winner of "
        "{accuracy} of the battles ({interval}). A coin predicts 50%. The head was fitted on {battles} battles "
        "between {songs} songs.",
        accuracy=accuracy,
        interval=interval,
        battles=f"{head.battles:,}",
        songs=f"{head.songs:,}",
    )
    if comparison.model is None and not comparison.one_maker:
        yield tr("This answer does not use who made the songs, so the box changes nothing.")
    if head.source:
        yield tr("This head is shared on the Hub: {source}.", source=head.source)
    if comparison.fallback:
        yield tr(
            "{asked} has no preference head. {through} scored both songs, too, and its head answers.",
            asked=asked,
            through=through,
        )
    if comparison.outdated:
        yield tr(
            "The head was fitted on other weights of {through} than those that scored these songs.", through=through
        )


def details(comparison: Comparison) -> str:
    """Return both reports side by side, how good the preference head is, and each report in full."""
    a, b = comparison.a, comparison.b
    sounds = [(name, x, y) for (name, x), (_, y) in zip(measured(a), measured(b), strict=True)]
    full = "".join(
        f"<details><summary>{escape(labelled(song, report.file))}</summary>{tables(report)}</details>"
        for song, report in ((tr("Song {side} in full", side="A"), a), (tr("Song {side} in full", side="B"), b))
    )
    quality = tr("How good this preference head is")
    heading = tr("What"), tr("Figure"), tr("95% interval")
    spoke = comparison.head if comparison.spoke == "head" else None
    metrics = table(quality, heading, _metrics(spoke), "compact") if spoke else ""
    return "".join(
        (
            table(
                tr("Scores side by side"),
                (tr("Axis"), *_songs_heading(comparison), tr("Favours")),
                _scores(comparison),
                "compact",
            ),
            *(note(text) for text in _against(comparison)),
            table(tr("Measured, not predicted"), (tr("What"), "A", "B"), sounds, "compact"),
            f"<details><summary>{escape(quality)}</summary>{metrics}</details>" if metrics else "",
            full,
        )
    )


def _songs_heading(comparison: Comparison) -> Cells:
    """Return the headings of the asked judge's scores and of the differences, which are of the scores weighed."""
    if comparison.head is None or not comparison.fallback:
        return "A", "B", "A − B"
    asked, weighed = REGISTRY[comparison.judge].title, REGISTRY[comparison.head.judge].title
    return labelled(asked, "A"), labelled(asked, "B"), tr("Weighed: {judge}’s scores, A − B", judge=weighed)


def _scores(comparison: Comparison) -> Iterable[Cells]:
    a, b, weights = comparison.a, comparison.b, comparison.answer.contributions
    for axis in (axis for axis in AXES if axis in a.axes or axis.key in weights):
        spoke = favoured_song(weights[axis.key]) if axis.key in weights else tr("not weighed")
        values = cell(axis, a.scores[axis.key]), cell(axis, b.scores[axis.key])
        yield translate(axis.label), *values, _difference(axis, *comparison.weighed), spoke


def _difference(axis: Axis, a: Report, b: Report) -> str:
    x, y = a.scores[axis.key], b.scores[axis.key]
    return "–" if x is None or y is None else signed(axis, x - y)


def _against(comparison: Comparison) -> Iterable[str]:
    """Yield a sentence on the scores that count against a song, because others of its scores count for it."""
    against = [BY_KEY[key] for key, weight in comparison.weights.items() if weight < 0]
    if against:
        yield tr(
            "“Favours” says how much each score counted. A higher score counts for a song, except in {axes}: there it "
            "counts against the song.",
            axes=tr(", ").join(translate(axis.label) for axis in against),
        )


def signed(axis: Axis, value: float) -> str:
    """Return a difference of scores with its sign, in as many digits as the scores themselves."""
    size = number(axis, abs(value))
    return size if float(size) == 0 else f"{'+' if value > 0 else '−'}{size}"


def _metrics(head: PreferenceHead) -> Iterable[Cells]:
    metrics = head.metrics
    best = translate(BY_KEY[metrics.against].label) if metrics.against in BY_KEY else metrics.against
    yield tr("Accuracy (a coin: 50%)"), *figure(metrics.accuracy, "{:.0%}")
    yield tr("Accuracy minus that of “the higher {best} wins”", best=best), *figure(metrics.gain, "{:+z.0%}")
    yield tr("Area under the ROC curve (a coin: 0.50)"), *figure(metrics.auc, "{:.2f}")
    yield tr("Brier score, lower is better (a coin: 0.250)"), *figure(metrics.brier, "{:.3f}")
    yield tr("Calibration slope (calibrated: 1, overconfident: lower)"), *figure(metrics.slope, "{:.2f}")
    for row in metrics.calibration:
        low, high = f"{row.low:.0%}", f"{row.high:.0%}"
        yield tr("Won where {low} to {high} was predicted", low=low, high=high), *figure(row.won, "{:.0%}")
    yield tr("Fitted on"), translate(head.data), ""
    yield tr("Intervals are from"), translate(metrics.resampled), ""
    yield tr("Head"), tr("{judge}’s, {revision}", judge=REGISTRY[head.judge].title, revision=head.revision_id), ""


def comparison_links(comparison: Comparison) -> str:
    """Return a link that downloads the comparison, with both reports."""
    text = json.dumps(comparison.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    stem = "_against_".join(report.file.rsplit(".", 1)[0][:25] for report in (comparison.a, comparison.b))
    return download_links(stem, [(tr("Comparison as JSON"), f"{comparison.judge}.json", "application/json", text)])
