"""Renders a Ranking as HTML, and prepares the data of the table of songs."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...core.axes import AXES, Axis
from ...core.i18n import format_duration, tr, translate
from ...core.text import clock, minus
from ...judges.registry import REGISTRY
from ...plots import ranking_text
from ...ranking.batch import Batch
from ...ranking.distributions import distributions
from ...ranking.export import to_csv, to_json
from ...ranking.order import RankedSong, Ranking, Rules
from ...ranking.rank import RankingProgress
from .html import Cells, download_links, note, percent, progress
from .html import table as plain_table
from .report import cell, number

Cell = tuple[str, float | str | None] | tuple[str, float, tuple[float, float]]
"""Text that a cell shows, and the value by which it is sorted. None comes last.

If there is a third value, the cell is a button that plays the song from and to these seconds.
"""
ROWS = quote("file,group\nfirst song.mp3,prompt A\nsecond song.mp3,prompt A\nthird song.mp3,prompt B\n")
SAMPLE = f'<p class="downloads"><a class="download" download="groups.csv" href="data:text/csv,{ROWS}">{{label}}</a></p>'
"""The template of a link that downloads a sample of a table of groups."""
FEW = 5
"""Minimum number of songs for quartiles. Of fewer songs, quartiles say nothing."""
MAX_BLIND = 9
"""Maximum number of songs that are heard blind: about 19 comparisons."""


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
    """Return whether the kept songs can be told from the others, how far to trust this, and what was not ranked."""
    headline, names = ranking_text.undecided(ranking)
    first = f"{_heading_of(headline)}{note(names, 'undecided')}{note(ranking_text.verdict(ranking))}"
    notes = *ranking_text.notes(ranking), *ranking_text.left_out(batch)
    return (
        f"{first if headline else _heading_of(ranking_text.verdict(ranking))}"
        f"{''.join(note(text, 'caution') for text in ranking_text.cautions(ranking))}"
        f"{_ranked(ranking)}{''.join(map(note, notes))}"
    )


def _heading_of(text: str) -> str:
    return f'<h2 class="verdict">{escape(text)}</h2>'


def _ranked(ranking: Ranking) -> str:
    """Return how many songs were ranked, and a list of the others with the reasons. A long list is folded."""
    count, others = ranking_text.ranked(ranking)
    if not others:
        return note(count)
    items = "".join(f"<li><b>{escape(name)}</b>{tr(': ')}{escape(reason)}</li>" for name, reason in others)
    opened = " open" if len(others) <= FEW else ""
    return f'<details class="unranked"{opened}><summary>{escape(count)}</summary><ul>{items}</ul></details>'


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
        "columns": [{"key": key, "label": label} for key, label, _ in shown],
        "rows": [
            {
                "name": row.song.name,
                "kept": row.kept,
                "undecided": row.undecided,
                "source": address(row.song.path) if row.report else "",
                "cells": [make(row) for *_, make in shown],
            }
            for row in ranking.rows
        ],
        "kept": address(kept) if kept else "",
    }


def blind(ranking: Ranking, address: Callable[[Path], str]) -> list[dict[str, Any]]:
    """Return the songs that blind.js lets visitors compare: the first that are undecided, in the judge's order.

    There are none if only one song is undecided.
    """
    rows = [row for row in ranking.rows if row.undecided][:MAX_BLIND]
    songs = [
        {
            "name": row.song.name,
            "rank": row.rank,
            "source": address(row.song.path),
            "loudness": row.report.features.played_loudness if row.report else None,
        }
        for row in rows
    ]
    return songs if len(songs) > 1 else []


def _columns(ranking: Ranking) -> list[tuple[str, str, Callable[[RankedSong], Cell]]]:
    """Return key, label and content of each column. The key of a score is the same for all judges."""
    rules, rows = ranking.rules, [row for row in ranking.rows if row.report]
    given = {axis for axis in AXES for row in rows if row.report and row.report.scores[axis.key] is not None}
    shown = [axis for axis in AXES if axis in given and axis.key != rules.by]
    groups = any(row.song.group for row in ranking.rows)
    passages = any(row.passage for row in ranking.rows)
    return [
        ("rank", tr("Rank"), _rank),
        ("song", tr("Song"), _name),
        (rules.by, _heading(rules), lambda row: (ranking_text.figure(row, rules), row.value)),
        *((axis.key, _label(axis, rows), partial(_score, axis)) for axis in shown),
        *([("passage", tr("Best 30 s"), _passage)] if passages else []),
        ("length", tr("Length"), _length),
        *([("group", tr("Group"), _group)] if groups else []),
        ("note", tr("Note"), _note),
    ]


def _heading(rules: Rules) -> str:
    score = ranking_text.label(rules)
    return tr("{score} (95% interval)" if rules.by_preference else "{score} (80% interval)", score=score)


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


def _passage(row: RankedSong) -> Cell:
    if row.passage is None:
        return "–", None
    start, end = row.passage.start, row.passage.end
    return f"{clock(start)}–{clock(end)}", start, (start, end)


def _length(row: RankedSong) -> Cell:
    return (clock(row.report.duration), row.report.duration) if row.report else ("–", None)


def _group(row: RankedSong) -> Cell:
    return row.song.group, row.song.group or None


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
        quartiles = [minus(form.format(value)) for value in each.quartiles]
        if len(each.values) < FEW:
            quartiles[1::2] = ["–", "–"]
        yield ranking_text.score_label(each.axis), each.group or "–", str(len(each.values)), str(each.kept), *quartiles
