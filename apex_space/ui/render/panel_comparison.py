"""Renders a PanelComparison as HTML."""

import json
from collections import Counter
from collections.abc import Iterable
from html import escape

from ...core.i18n import tr, translate
from ...judges.registry import REGISTRY
from ...plots.taught import taught
from ...preference.comparison import Comparison
from ...preference.head import Preference
from ...preference.panel_comparison import PanelComparison
from .comparison import SAME, of_100, sentence, signed, songs
from .html import Cells, download_links, figure, labelled, note, span, table
from .panel import absences, panel_tables


def panel_comparison_summary(comparison: PanelComparison) -> str:
    """Return which song the judges expect people to prefer, the songs' names, and which judges could not be asked."""
    a, b = comparison.a.reports[0], comparison.b.reports[0]
    verdict = tr(SAME) if a.sha256 == b.sha256 else _verdict(comparison.comparisons)
    return f'<h2 class="verdict">{verdict}</h2>{songs(a, b)}{_without(comparison)}{absences(comparison.absent)}'


def _without(comparison: PanelComparison) -> str:
    """Return why some judges predict no preference. Judges with the same reason share a line."""
    reasons = dict.fromkeys(comparison.without.values())
    judges = {why: [REGISTRY[j].title for j, own in comparison.without.items() if own == why] for why in reasons}
    return "".join(note(labelled(tr(", ").join(titles), translate(why))) for why, titles in judges.items())


def _verdict(comparisons: tuple[Comparison, ...]) -> str:
    if len(comparisons) < 2:
        alone = [labelled(REGISTRY[each.judge].title, sentence(each.answer)) for each in comparisons]
        return alone[0] if alone else tr("None of these judges has a preference head of its own")
    counts = Counter[str](each.answer.verdict for each in comparisons)
    return tr(
        "{n} judges: {a} for A, {b} for B, {close} too close to call",
        n=len(comparisons),
        a=counts["a"],
        b=counts["b"],
        close=counts["close"],
    )


def panel_comparison_tables(comparison: PanelComparison) -> str:
    """Return tables of the judges' answers, the differences of all scores, and each song by each judge."""
    judges = list(comparison.judges)
    own = "".join(
        f"<details><summary>{escape(labelled(song, panel.reports[0].file))}</summary>{panel_tables(panel)}</details>"
        for song, panel in (
            (tr("Song {side} by each judge", side="A"), comparison.a),
            (tr("Song {side} by each judge", side="B"), comparison.b),
        )
    )
    titles = [REGISTRY[judge].title for judge in judges]
    head = tr("Judge"), tr("Preferred song"), tr("Of 100 listeners"), tr("95% interval"), tr("How far to trust it")
    return "".join(
        (
            table(
                tr("Which song the judges expect people to prefer"),
                head,
                map(_answer, comparison.comparisons),
                "compact",
            ),
            table(tr("Score of A less that of B"), (tr("Axis"), *titles), _differences(comparison, judges), "compact"),
            own,
        )
    )


def _answer(comparison: Comparison) -> Cells:
    answer = comparison.answer
    about, least, most = of_100(answer.chance)
    return (
        REGISTRY[comparison.judge].title,
        _preferred(answer),
        str(about),
        span(str(least), str(most)),
        _trust(comparison),
    )


def _trust(comparison: Comparison) -> str:
    if comparison.head is None or comparison.spoke != "head":
        return taught(comparison.judge, comparison.model)
    accuracy, interval = figure(comparison.head.metrics.accuracy)
    trust = tr(
        "Its head predicted the winner of {accuracy} of battles between songs new to it ({interval})",
        accuracy=accuracy,
        interval=interval,
    )
    if comparison.outdated:
        trust += tr("; it was fitted on other weights than those that scored these songs")
    return trust


def _preferred(answer: Preference) -> str:
    side = answer.favourite.upper()
    return tr("{side}, too close to call", side=side) if answer.verdict == "close" else side


def _differences(comparison: PanelComparison, judges: Iterable[str]) -> Iterable[Cells]:
    for axis in comparison.a.axes:
        by_judge = comparison.differences(axis)
        yield translate(axis.label), *(signed(axis, by_judge[j]) if j in by_judge else "–" for j in judges)


def panel_comparison_downloads(comparison: PanelComparison) -> str:
    """Return a link that downloads the comparison, with all reports."""
    text = json.dumps(comparison.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    stem = "_against_".join(panel.reports[0].file.rsplit(".", 1)[0][:25] for panel in (comparison.a, comparison.b))
    return download_links(stem, [(tr("Comparison as JSON"), "panel.json", "application/json", text)])
