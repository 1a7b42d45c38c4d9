"""Writes the leaderboard as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from ..core.intervals import ConfidenceInterval
from ..core.text import escape_formula
from .agreement import Agreement
from .leaderboard import LeaderboardSnapshot

COLUMNS = (
    *("part", "source", "judge", "name", "title", "generator", "predicted"),
    *("value", "low", "high", "votes", "wins", "ties", "best rank", "worst rank", "board"),
)


def to_csv(standing: LeaderboardSnapshot) -> str:
    """Return a row for each figure.

    `part` says what the figure is about. `value` is the figure, with its 95% interval. `votes` is how many votes it is
    based on. `board` is the same in all rows: all songs, or the kind of songs between which the votes are. Texts that a
    spreadsheet would run as a formula get an apostrophe in front; JSON has them as they are.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    board = {"board": escape_formula(standing.board)}
    writer.writerows(row | board for row in _rows(standing))
    return text.getvalue()


def _rows(standing: LeaderboardSnapshot) -> Iterator[dict[str, Any]]:
    for part, rated in (("song", standing.songs), ("generator", standing.generators)):
        for row in rated:
            texts = {
                "name": escape_formula(row.key),
                "title": escape_formula(row.title),
                "generator": escape_formula(row.generator),
            }
            figure = {"value": row.rating, "low": row.low, "high": row.high}
            counts = {"votes": row.votes, "wins": row.wins, "ties": row.ties}
            ranks = {"best rank": row.best, "worst rank": row.worst}
            yield {"part": part, "source": "pool"} | texts | figure | counts | ranks
    for met in standing.meetings:
        shares = {**vars(met.share), "votes": met.votes, "wins": met.wins, "ties": met.ties}
        name = escape_formula(f"{met.first} / {met.second}")
        yield {"part": "between generators", "source": "pool", "name": name} | shares
    for panel in standing.agreement.values():
        if share := panel.side or panel.a:
            yield {"part": "side A", "source": panel.source, "votes": panel.decided} | vars(share)
        for judge in panel.judges:
            about = {"source": panel.source, "judge": escape_formula(judge.judge)}
            yield from (about | row for row in _figures(judge))


def _figures(judge: Agreement) -> Iterator[dict[str, Any]]:
    same = {"votes": judge.decided, "ties": judge.ties}
    for part, estimate in _overall(judge).items():
        yield {"part": part} | same | vars(estimate)
    for bin in judge.calibration:
        votes = round(bin.share * judge.decided)
        yield {"part": "calibration", "predicted": bin.predicted, "votes": votes} | vars(bin.won)
    for pair in judge.generators:
        names = escape_formula(" / ".join(pair.generators))
        yield {"part": "generators", "name": names, "votes": pair.decided} | vars(pair.agreed)


def _overall(judge: Agreement) -> dict[str, ConfidenceInterval]:
    return {"agreement": judge.agreed, "always A": judge.always_a, "gain": judge.gain, "brier": judge.brier}
