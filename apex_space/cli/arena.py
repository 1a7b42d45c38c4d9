"""The commands of `arena`. Those that measure predictions are in foresight.py."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..core.text import sanitize
from .common import Format, exiting, messages, show
from .foresight import foresight, simulate

if TYPE_CHECKING:
    from ..arena.agreement import Agreement, AgreementReport
    from ..arena.leaderboard import LeaderboardSnapshot
    from ..arena.not_counted import NotCounted
    from ..arena.ratings import By, Rating
    from ..arena.sensitivity import Otherwise, Way

arena = typer.Typer(help="Show the leaderboard and how often the judges predict votes.", no_args_is_help=True)
arena.command()(foresight)
arena.command()(simulate)
NO_VOTES = "There are no votes yet. They come from the page's arena, or from a file: python -m apex_space votes import."
WAYS: "dict[Way, str]" = {
    "half": "a tie is half a win",
    "davidson": "Davidson's model",
    "without_both_bad": "without “both bad”",
}
SONGS = {"pool": "songs of the pool", "uploaded": "visitors' own songs"}


@arena.callback()
def group() -> None:
    """Show what people's votes say about the songs and the judges."""  # without this, `arena` alone would run `report`


@arena.command()
def report(
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.table,
    board: Annotated[
        str, typer.Option(metavar="NAME", help="Only count votes on two songs of one kind, such as “genre: rock”.")
    ] = "",
) -> None:
    """Rate songs and generators by all votes, and judges by how well they predicted the votes, with 95% intervals.

    Exit status: 0 also where there are no votes yet, 2 there is no such board, or the votes' database cannot be used.
    """
    with exiting(2):
        standing = _standing(board)
    if not standing.votes:
        messages.print(NO_VOTES)
    if standing.jump:
        messages.print(sanitize(f"Warning: {standing.jump}"))
    if standing.kinds:
        names = ", ".join(f"“{sanitize(kind.name)}”" for kind in standing.kinds)
        messages.print(f"Board: {sanitize(standing.board)}. The others, for --board: {names}.")
    if format is Format.json:
        every = {"not_counted": standing.not_counted.as_dict(), "warning": str(standing.jump or "")}
        found = standing.as_dict() | ({} if standing.kind else every)
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False))
    elif format is Format.csv:
        from ..arena.leaderboard_csv import to_csv

        typer.echo(to_csv(standing), nl=False)
    else:
        for table in _tables(standing):
            show(table)


@arena.command()
def snapshot(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder in which to write the snapshot's folder.")] = Path(),
    repo: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Also upload the snapshot to this dataset on the Hub.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the votes, as the Hub names licences.")] = "cc-by-4.0",
) -> None:
    """Write the votes of the days that are over, ratings and a dataset card to a folder such as arena-2026-11-30.

    Exit status: 0 written, 2 there are no votes yet, the folder is there, or it cannot be written or uploaded.
    """
    from ..arena.ratings import RatingModel
    from ..arena.snapshots import write_snapshot
    from ..core.settings import settings
    from ..storage.vote_store import open_store

    with exiting(2), closing(open_store(settings())) as store:
        folder = write_snapshot(store, out, time.time(), licence, repo, RatingModel(ties=settings().ties))
    messages.print(f"{folder}: written" if repo is None else f"{folder}: written, and uploaded to {repo}")


def _standing(board: str) -> "LeaderboardSnapshot":
    from ..arena.leaderboard import LeaderboardService
    from ..arena.ratings import RatingModel
    from ..core.settings import settings
    from ..storage.vote_store import open_store

    store = open_store(settings())
    try:
        service = LeaderboardService(store, model=RatingModel(ties=settings().ties))
        latest = service.refit()
        return service.board(board) or latest
    finally:
        store.close()


def _tables(standing: "LeaderboardSnapshot") -> Iterator[Table]:
    parts: tuple[tuple[str, Sequence[Rating], By], ...] = (
        ("Songs", standing.songs, "song"),
        ("Generators", standing.generators, "generator"),
    )
    for title, rated, by in parts:
        if rated:
            yield _leaderboard(title, rated, standing.listeners.get(by))
        if standing.otherwise[by]:
            yield _otherwise(title, rated, standing.otherwise[by])
    for panel in standing.agreement.values():
        if panel.votes:
            yield _judges(panel)
        for judge in panel.judges:
            yield _calibration(judge, panel)
            if judge.generators:
                yield _pairs(judge, panel)
    if standing.not_counted.total:
        yield _reasons(standing.not_counted)


def _reasons(found: "NotCounted") -> Table:
    """Return why votes do not count."""
    table = _table(f"{found.total} of {found.votes} votes do not count", ("reason",), ("votes",))
    for reason, votes in found.reasons.items():
        table.add_row(sanitize(reason), str(votes))
    return table


def _leaderboard(title: str, rated: "Sequence[Rating]", listeners: int | None) -> Table:
    from ..arena.listeners import verdict
    from ..plots.arena import ranks

    table = _table(title, ("ranks", "name", "generator"), ("beats an average one, %", "votes", "won", "tied", ""))
    table.caption = verdict(listeners)
    for row in rated:
        names = map(sanitize, (row.title or row.key[:12], row.generator))
        chance = f"{100 * row.rating:.0f} ({100 * row.low:.0f}–{100 * row.high:.0f})"
        counts = map(str, (row.votes, row.wins, row.ties))
        table.add_row(ranks(row), *names, chance, *counts, "preliminary" if row.preliminary else "")
    return table


def _otherwise(title: str, rated: "Sequence[Rating]", otherwise: "Otherwise") -> Table:
    from ..arena.sensitivity import verdict
    from ..plots.arena import rank_and_rating

    table = _table(
        f"{title}, if ties were counted in another way", ("name",), ("as it is", *(WAYS[way] for way in otherwise))
    )
    table.caption = verdict(rated, otherwise)
    others = [{row.key: row for row in rows} for rows in otherwise.values()]
    for row in rated:
        if not row.unrated:
            cells = (rank_and_rating(each) for each in (row, *(rows.get(row.key) for rows in others)))
            table.add_row(sanitize(row.title or row.key[:12]), *cells)
    return table


def _judges(panel: "AgreementReport") -> Table:
    figures = (
        "agrees with people, %",
        "always A, %",
        "gain, points",
        "Brier score",
        "decided",
        "ties",
        "against chance",
    )
    table = _table(f"Judges on {SONGS[panel.source]}", ("judge",), (*figures, ""))
    table.caption = panel.sides
    for judge in panel.judges:
        gain = " to ".join(f"{100 * value:+.0f}" for value in (judge.gain.low, judge.gain.high))
        shares = (judge.agreed.percent, judge.always_a.percent, gain, str(judge.brier))
        note = "preliminary" if judge.preliminary else ""
        counts = (str(judge.decided), str(judge.ties))
        table.add_row(sanitize(judge.judge), *shares, *counts, judge.against_chance, note)
    return table


def _calibration(judge: "Agreement", panel: "AgreementReport") -> Table:
    title = f"Calibration of {sanitize(judge.judge)} on {SONGS[panel.source]}"
    table = _table(title, (), ("favourite predicted, %", "favourite won, %", "votes"))
    for bin in judge.calibration:
        table.add_row(f"{100 * bin.predicted:.0f}", bin.won.percent, str(round(bin.share * judge.decided)))
    return table


def _pairs(judge: "Agreement", panel: "AgreementReport") -> Table:
    title = f"{sanitize(judge.judge)} between generators, on {SONGS[panel.source]}"
    table = _table(title, ("generators",), ("agrees with people, %", "votes"))
    for pair in judge.generators:
        table.add_row(sanitize(" / ".join(pair.generators)), pair.agreed.percent, str(pair.decided))
    return table


def _table(title: str, texts: Sequence[str], figures: Sequence[str]) -> Table:
    table = Table(title=title)
    for text in texts:
        table.add_column(text, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right")
    return table
