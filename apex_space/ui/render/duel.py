"""Duel -> HTML."""

import json
from collections import Counter
from collections.abc import Iterable
from html import escape

from ...judges import REGISTRY
from ...panel import Duel
from ...preference import Comparison
from .comparison import SAME, same, sentence, signed, songs
from .html import Row, figure, links, note, table
from .panel import absences, panel_tables


def duel(duel: Duel) -> str:
    """Whom the judges expect people to prefer, the songs' names, and who could not be asked."""
    a, b = duel.a.reports[0], duel.b.reports[0]
    verdict = SAME if same(a, b) else _verdict(duel.comparisons)
    return f'<h2 class="verdict">{verdict}</h2>{songs(a, b)}{_without(duel)}{absences(duel.absent)}'


def _without(duel: Duel) -> str:
    """Why judges say nothing of 100 listeners, those of the same reason in one line."""
    reasons = dict.fromkeys(duel.without.values())
    judges = {why: [REGISTRY[j].title for j, own in duel.without.items() if own == why] for why in reasons}
    return "".join(note(f"{', '.join(titles)}: {why}") for why, titles in judges.items())


def _verdict(comparisons: tuple[Comparison, ...]) -> str:
    if len(comparisons) < 2:
        said = [f"{REGISTRY[each.judge].title}: {sentence(each.answer)}" for each in comparisons]
        return said[0] if said else "None of these judges has a preference head of its own"
    counts = Counter[str](each.answer.verdict for each in comparisons)
    kinds = {"a": "for A", "b": "for B", "close": "too close to call"}
    return f"{len(comparisons)} judges: " + ", ".join(f"{counts[kind]} {name}" for kind, name in kinds.items())


def duel_tables(duel: Duel) -> str:
    """The judges' answers, the differences of all scores, and each song by each judge."""
    judges = list(duel.judges)
    own = "".join(
        f"<details><summary>Song {side} by each judge: {escape(panel.reports[0].file)}</summary>{panel_tables(panel)}"
        "</details>"
        for side, panel in (("A", duel.a), ("B", duel.b))
    )
    titles = [REGISTRY[judge].title for judge in judges]
    return "".join(
        (
            table("Whom judges expect people to prefer", HEAD, map(_answer, duel.comparisons), "compact"),
            table("Score of A less that of B", ("Axis", *titles), _differences(duel, judges), "wide"),
            own,
        )
    )


HEAD = ("Judge", "Prefer A", "95% interval", "How far to trust it")


def _answer(comparison: Comparison) -> Row:
    answer = comparison.answer
    accuracy, interval = figure(comparison.head.metrics.accuracy)
    trust = f"Its head named the winner of {accuracy} of battles between songs new to it ({interval})"
    if comparison.outdated:
        trust += "; it was fitted on other weights than those that heard these songs"
    return (
        REGISTRY[comparison.judge].title,
        f"{answer.probability:.0%}",
        f"{answer.low:.0%} to {answer.high:.0%}",
        trust,
    )


def _differences(duel: Duel, judges: Iterable[str]) -> Iterable[Row]:
    for axis in duel.a.axes:
        by_judge = duel.differences(axis)
        yield axis.label, *(signed(axis, by_judge[j]) if j in by_judge else "–" for j in judges)


def duel_links(duel: Duel) -> str:
    """The duel to download, with all reports."""
    text = json.dumps(duel.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    stem = "_against_".join(panel.reports[0].file.rsplit(".", 1)[0][:25] for panel in (duel.a, duel.b))
    return links(stem, [("Comparison as JSON", "panel.json", "application/json", text)])
