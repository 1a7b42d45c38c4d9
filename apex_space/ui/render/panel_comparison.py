"""Renders a PanelComparison as HTML."""

import json
from collections import Counter
from collections.abc import Iterable
from html import escape

from ...core.i18n import tr, translate
from ...judges.registry import REGISTRY
from ...preference.comparison import Comparison
from ...preference.panel_comparison import PanelComparison
from .comparison import SAME, sentence, signed, songs
from .html import Row, figure, labelled, links, note, span, table
from .panel import absences, panel_tables


def duel(duel: PanelComparison) -> str:
    """Return which song the judges expect people to prefer, the songs' names, and which judges could not be asked."""
    a, b = duel.a.reports[0], duel.b.reports[0]
    verdict = tr(SAME) if a.sha256 == b.sha256 else _verdict(duel.comparisons)
    return f'<h2 class="verdict">{verdict}</h2>{songs(a, b)}{_without(duel)}{absences(duel.absent)}'


def _without(duel: PanelComparison) -> str:
    """Return why some judges predict no preference. Judges with the same reason share a line."""
    reasons = dict.fromkeys(duel.without.values())
    judges = {why: [REGISTRY[j].title for j, own in duel.without.items() if own == why] for why in reasons}
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


def duel_tables(duel: PanelComparison) -> str:
    """Return tables of the judges' answers, the differences of all scores, and each song by each judge."""
    judges = list(duel.judges)
    own = "".join(
        f"<details><summary>{escape(labelled(song, panel.reports[0].file))}</summary>{panel_tables(panel)}</details>"
        for song, panel in (
            (tr("Song {side} by each judge", side="A"), duel.a),
            (tr("Song {side} by each judge", side="B"), duel.b),
        )
    )
    titles = [REGISTRY[judge].title for judge in judges]
    head = tr("Judge"), tr("Prefer A"), tr("95% interval"), tr("How far to trust it")
    return "".join(
        (
            table(tr("Which song the judges expect people to prefer"), head, map(_answer, duel.comparisons), "compact"),
            table(tr("Score of A less that of B"), (tr("Axis"), *titles), _differences(duel, judges), "compact"),
            own,
        )
    )


def _answer(comparison: Comparison) -> Row:
    answer = comparison.answer
    accuracy, interval = figure(comparison.head.metrics.accuracy)
    trust = tr(
        "Its head predicted the winner of {accuracy} of battles between songs new to it ({interval})",
        accuracy=accuracy,
        interval=interval,
    )
    if comparison.outdated:
        trust += tr("; it was fitted on other weights than those that scored these songs")
    return (
        REGISTRY[comparison.judge].title,
        f"{answer.probability:.0%}",
        span(f"{answer.low:.0%}", f"{answer.high:.0%}"),
        trust,
    )


def _differences(duel: PanelComparison, judges: Iterable[str]) -> Iterable[Row]:
    for axis in duel.a.axes:
        by_judge = duel.differences(axis)
        yield translate(axis.label), *(signed(axis, by_judge[j]) if j in by_judge else "–" for j in judges)


def duel_links(duel: PanelComparison) -> str:
    """Return a link that downloads the comparison, with all reports."""
    text = json.dumps(duel.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    stem = "_against_".join(panel.reports[0].file.rsplit(".", 1)[0][:25] for panel in (duel.a, duel.b))
    return links(stem, [(tr("Comparison as JSON"), "panel.json", "application/json", text)])
