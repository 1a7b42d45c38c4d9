"""Ratings and agreement -> HTML."""

from collections.abc import Sequence

from ...arena.agreement import Agreement, Panel
from ...arena.ratings import FEW_VOTES, Rating
from ...arena.records import Source
from ...arena.standings import Standing
from ...plots.arena import judge_title, label
from .html import Row, figure, note, percent, table

SONGS: dict[Source, str] = {"pool": "the pool’s", "own": "visitors’ own"}
AGAINST_CHANCE = {"better": "better than chance", "worse": "worse than chance", "unclear": "not told from chance"}
RATING = ("Rating", "95% interval", "Votes")
JUDGES = "Agreement with people, with 95% intervals; a coin agrees with 50% and has a Brier score of 0.25"
NOBODY = "No vote has been counted yet. The leaderboard begins with the first one."
VOTE = '<p class="downloads"><a href="arena">Listen to two songs and vote</a></p>'


def standing(now: Standing) -> str:
    """How many votes there are, and where to add one."""
    votes = (
        f"{now.votes:,} vote{'s' if now.votes > 1 else ''} so far. Ratings by fewer than {FEW_VOTES} are preliminary."
    )
    return note(votes if now.votes else NOBODY) + VOTE


def songs(ranked: Sequence[Rating]) -> str:
    """Every rated song, best lower bound first, in a box of its own height."""
    rows = ((str(place), label(row), *_rating(row), row.generator) for place, row in enumerate(ranked, 1))
    return table("Songs", ("Rank", "Title", *RATING, "Generator"), rows, "wide tall") if ranked else ""


def generators(ranked: Sequence[Rating]) -> str:
    """Every rated generator, best lower bound first."""
    rows = ((str(place), label(row), *_rating(row)) for place, row in enumerate(ranked, 1))
    return table("Generators", ("Rank", "Generator", *RATING), rows, "wide tall") if ranked else ""


def _rating(row: Rating) -> Row:
    votes = f"{row.votes} ({row.wins} won, {row.ties} tied)" + ", preliminary" * row.preliminary
    return percent(row.rating), f"{percent(row.low)} to {percent(row.high)}", votes


def agreement(now: Standing) -> str:
    """What people chose against what each judge had foreseen, on the pool's songs and on visitors' own."""
    panels = [panel for panel in now.agreement.values() if panel.votes]
    head = ("Judge", "Songs", "Votes", "Agreed", "“Always A”", "Beyond “Always A”", "Brier score", "Ties, both bad", "")
    rows = [_agreement(panel, judge) for panel in panels for judge in panel.judges]
    return "".join(_sides(panel) for panel in panels) + (table(JUDGES, head, rows, "wide") if rows else "")


def _sides(panel: Panel) -> str:
    undecided = panel.votes - panel.decided
    ties = f"{undecided} of {panel.votes} votes were ties or “both bad”."
    return note(f"On {SONGS[panel.source]} songs: {panel.sides} {ties}")


def _agreement(panel: Panel, judge: Agreement) -> Row:
    figures = (judge.agreed, "{:.0%}"), (judge.always_a, "{:.0%}"), (judge.gain, "{:+z.0%}"), (judge.brier, "{:.3f}")
    return (
        *(judge_title(judge.judge), SONGS[panel.source], str(judge.decided)),
        *("{} ({})".format(*figure(estimate, form)) for estimate, form in figures),
        *(str(judge.ties), AGAINST_CHANCE[judge.against_chance] + ", preliminary" * judge.preliminary),
    )


def calibration(judges: Sequence[Agreement]) -> str:
    """How often the favoured song won, by how likely the judge had called it."""
    head = ("Judge", "Foreseen", "On average", "Won", "95% interval", "Votes")
    rows = [
        (
            *(judge_title(judge.judge), f"{percent(row.low)} to {percent(row.high)}", percent(row.foreseen)),
            *(*figure(row.won), f"{row.share * judge.decided:.0f}"),
        )
        for judge in judges
        for row in judge.calibration
    ]
    return table("Calibration: wins of the song that the judge favoured", head, rows, "wide") if rows else ""


def between(judges: Sequence[Agreement]) -> str:
    """Agreement by the generators of the two songs."""
    head = ("Judge", "Between", "Votes", "Agreed", "95% interval")
    rows = [
        (judge_title(judge.judge), " and ".join(pair.generators), str(pair.decided), *figure(pair.agreed))
        for judge in judges
        for pair in judge.generators
    ]
    return table("Agreement by generators", head, rows, "wide tall") if rows else ""
