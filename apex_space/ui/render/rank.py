"""Renders a Ranking as HTML, and prepares the data of the table of songs."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from ...core.axes import AXES, Axis
from ...core.i18n import format_duration, tr, translate
from ...judges.registry import REGISTRY
from ...plots import ranking_text
from ...ranking.batch import Batch
from ...ranking.distributions import distributions
from ...ranking.export import to_csv, to_json
from ...ranking.order import RankedSong, Ranking, Rules
from ...ranking.rank import RankingProgress
from .html import Cells, clock, download_links, note, percent, progress
from .html import table as plain_table
from .report import cell, number

Cell = tuple[str, float | str | None]
"""Text that a cell shows, and the value by which it is sorted. None comes last."""
FEW = 5
"""Minimum number of songs for quartiles. Of fewer songs, quartiles say nothing."""


def so_far(step: RankingProgress) -> str:
    """Return a bar: the finished songs, the judge's progress with the next one, and the time left for the others."""
    current, left = (
        step.current,
        tr(", {whose}{time} left", whose="", time=format_duration(step.left)) if step.left else "",
    )
    share, now = 0.0, ""
    if current and current.ahead:
        now = tr("; {n} songs of other visitors are before the next song", n=current.ahead)
    elif current:
        share, scored = current.share, percent(current.share)
        now = tr("; {judge} has scored {share} of the next song", judge=REGISTRY[current.judge].title, share=scored)
    done = tr("{done} of {total} songs", done=step.done, total=step.total)
    return progress(f"{done}{left}{now}", step.done + share, step.total)


def verdict(ranking: Ranking, batch: Batch) -> str:
    """Return whether the kept songs can be told from the others, and how far to trust this."""
    notes = "".join(note(text) for text in (*ranking_text.notes(ranking), *ranking_text.left_out(batch)))
    return f'<h2 class="verdict">{escape(ranking_text.verdict(ranking))}</h2>{notes}'


def downloads(ranking: Ranking) -> str:
    """Return links that download the ranking as CSV and as JSON."""
    forms = (
        (tr("Ranking as CSV"), "csv", "text/csv", to_csv(ranking)),
        (tr("Ranking as JSON"), "json", "application/json", to_json(ranking)),
    )
    return download_links("ranking", forms)


def songs(ranking: Ranking, address: Callable[[Path], str], kept: Path | None = None) -> dict[str, Any]:
    """Return the data of rank.js's table: columns, rows of cells, and the address of each song.

    rank.js shows texts as plain text. `address` returns where a file is served. `kept` is the zip of the kept songs.
    """
    shown = _columns(ranking)
    return {
        "caption": tr("Songs by {score}", score=ranking_text.label(ranking.rules).lower()),
        "columns": [label for label, _ in shown],
        "rows": [
            {
                "name": row.song.name,
                "kept": row.kept,
                "source": address(row.song.path) if row.report else "",
                "cells": [make(row) for _, make in shown],
            }
            for row in ranking.rows
        ],
        "kept": address(kept) if kept else "",
    }


def _columns(ranking: Ranking) -> list[tuple[str, Callable[[RankedSong], Cell]]]:
    rules, rows = ranking.rules, [row for row in ranking.rows if row.report]
    columns: list[tuple[str, Callable[[RankedSong], Cell]]] = [(tr("Rank"), _rank), (tr("Song"), _name)]
    columns.append((_heading(rules), lambda row: (ranking_text.figure(row, rules), row.value)))
    given = {axis for axis in AXES for row in rows if row.report and row.report.scores[axis.key] is not None}
    columns += [(_label(axis, rows), partial(_score, axis)) for axis in AXES if axis in given and axis.key != rules.by]
    columns.append((tr("Length"), _length))
    if any(row.song.group for row in ranking.rows):
        columns.append((tr("Group"), lambda row: (row.song.group, row.song.group or None)))
    return [*columns, (tr("Note"), _note)]


def _heading(rules: Rules) -> str:
    score = ranking_text.label(rules)
    return tr("{score} (95% interval)", score=score) if rules.head else tr("{score} (80% interval)", score=score)


def _label(axis: Axis, rows: Iterable[RankedSong]) -> str:
    """Return the label of an axis with the judge's error, which is the same for all songs."""
    spread = next((row.report.spread[axis.key] for row in rows if row.report and axis.key in row.report.spread), None)
    return translate(axis.label) if spread is None else f"{translate(axis.label)} ± {number(axis, spread)}"


def _rank(row: RankedSong) -> Cell:
    return ("–" if row.rank is None else str(row.rank), row.rank)


def _name(row: RankedSong) -> Cell:
    return row.song.name, row.song.name.casefold()


def _score(axis: Axis, row: RankedSong) -> Cell:
    score = row.report.scores[axis.key] if row.report else None
    return cell(axis, score), score


def _length(row: RankedSong) -> Cell:
    return (clock(row.report.duration), row.report.duration) if row.report else ("–", None)


def _note(row: RankedSong) -> Cell:
    return ranking_text.note(row), ranking_text.note(row) or None


def spread(ranking: Ranking) -> str:
    """Return a table of how each score spreads in each group."""
    songs = tr("Score"), tr("Group"), tr("Songs"), tr("Kept")
    head = *songs, tr("Lowest"), tr("Lower quarter"), tr("Median"), tr("Upper quarter"), tr("Highest")
    rows = list(_spread(ranking))
    return plain_table(tr("How the scores spread"), head, rows, "wide tall") if rows else ""


def _spread(ranking: Ranking) -> Iterator[Cells]:
    for each in distributions(ranking):
        form = "{:.0%}" if each.high == 1 else "{:.0f}" if each.high == 100 else "{:.2f}"
        quartiles = [form.format(value) for value in each.quartiles]
        if len(each.values) < FEW:
            quartiles[1::2] = ["–", "–"]
        yield ranking_text.score_label(each.axis), each.group or "–", str(len(each.values)), str(each.kept), *quartiles
