"""The commands that export and import votes, list listeners, and set votes aside and restore them."""

import csv
import json
import math
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..core.errors import ArenaError
from ..core.text import escape_formula, printable, sanitize
from .common import Format, exiting, messages, show

if TYPE_CHECKING:
    from ..arena.voters import Listener
    from ..storage.records import Vote
    from ..storage.vote_store import VoteStore

votes = typer.Typer(help="Export and import the arena's votes, and set votes aside.", no_args_is_help=True)
SHOWN = 12
"""Number of characters of a listener's hash in a table. They are enough to name the listener in another command."""
FROM_THE_LAST = (
    "This is a copy from the Hub. Import such files from the last name to the first: otherwise votes that were set "
    "aside later count again."
)
BY_HAND = "set aside by the operator"
ListenerHash = Annotated[
    str, typer.Option("--listener", metavar="HASH", help="Votes of this listener: the beginning of a hash is enough.")
]
From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="Votes from this day or time (UTC) on, such as 2026-11-30T18:00.")
]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="Votes before this time (UTC), or until this day's end.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this option, only say what would be done.")]
VotesFile = Annotated[Path, typer.Argument(metavar="FILE", help="File whose name ends in .parquet, .csv or .jsonl.")]


@votes.command("export")
def export_(file: VotesFile) -> None:
    """Write every vote to FILE, one per row, without the voters' hashes. Exit status: 0 written, 2 it cannot be."""
    from ..storage.vote_io import export_votes

    with exiting(2), _store() as store:
        messages.print(f"{file}: {_counted(export_votes(store, file))} written")


@votes.command("import")
def import_(file: VotesFile) -> None:
    """Import the votes in FILE. Votes that are here already stay as they are.

    Exit status: 0 taken in, 1 some row is no vote and so none was taken in, 2 the file or the database cannot be used.
    """
    from rich.progress import MofNCompleteColumn, Progress

    from ..storage.hub_sync import OLD_SHARDS
    from ..storage.vote_io import import_votes

    if fnmatch(file.name, OLD_SHARDS):
        messages.print(FROM_THE_LAST)
    bar = Progress(MofNCompleteColumn(), console=messages, transient=True, disable=not messages.is_terminal)
    with exiting(2), _store() as store, bar:
        task = bar.add_task("votes", total=None)
        found = import_votes(store, file, lambda done: bar.update(task, completed=done))
    for row in found.bad:
        messages.print(f"{file}, line {row.line}: {printable(row.reason)}")
    if found.bad:
        messages.print(f"{file}: nothing was taken in. Correct or remove these lines and start again.")
        raise typer.Exit(1)
    messages.print(f"{file}: {_counted(found.new)} taken in, {found.known} were here already")


@votes.command("listeners")
def listeners_(
    most: Annotated[int, typer.Option(min=1, help="Number of listeners to show, those with the most votes.")] = 20,
    start: From = "",
    end: To = "",
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.table,
) -> None:
    """List listeners by their votes, and how one-sided these are. A listener is one address on one day.

    Exit status: 0 also where there are no votes, 2 the database cannot be used.
    """
    from ..arena.voters import choose, listeners

    with exiting(2), _store() as store:
        found = listeners(choose(store.votes(), "", *_span(start, end)))[:most]
    if format is Format.json:
        typer.echo(json.dumps([each.as_dict() for each in found], indent=1, ensure_ascii=False))
    elif format is Format.csv:
        from ..arena.voters import Listener

        writer = csv.DictWriter(sys.stdout, [*Listener.__dataclass_fields__])
        writer.writeheader()
        writer.writerows(each.as_dict() | {"generator": escape_formula(each.generator)} for each in found)
    else:
        show(_listeners(found))


@votes.command("set-aside")
def set_aside(
    listener: ListenerHash = "",
    start: From = "",
    end: To = "",
    reason: Annotated[str, typer.Option(help="Why. The Leaderboard shows this to everybody.")] = BY_HAND,
    yes: Yes = False,
) -> None:
    """Let votes of a listener or a time no longer count. They are kept and can be restored.

    Exit status: 0 done (or it would be, with --yes), 1 no such vote counts, 2 the database or an option cannot be used.
    """
    from ..storage.vote_counts import MAX_REASON

    with exiting(2), _store() as store:
        if not reason.strip() or len(reason) > MAX_REASON:
            raise ArenaError("Give a reason of at most {n} characters.", n=MAX_REASON)
        _change(store, (listener, start, end), lambda vote: not vote.suspicion, reason.strip(), yes)


@votes.command("restore")
def restore(
    listener: ListenerHash = "",
    start: From = "",
    end: To = "",
    reason: Annotated[
        str, typer.Option(help="Restore votes that do not count for this reason, instead of those set aside by hand.")
    ] = "",
    yes: Yes = False,
) -> None:
    """Let votes count that were set aside by hand, or with --reason those that do not count for any other reason.

    Exit status: 0 done (or it would be, with --yes), 1 there is no such vote, 2 the database or an option cannot be
    used.
    """
    from ..arena.voters import set_aside_by_hand

    reason = reason.strip()

    def fits(vote: "Vote") -> bool:
        return vote.suspicion == reason if reason else set_aside_by_hand(vote)

    with exiting(2), _store() as store:
        _change(store, (listener, start, end), fits, "", yes)


def _change(
    store: "VoteStore", which: tuple[str, str, str], fits: Callable[["Vote"], bool], reason: str, yes: bool
) -> None:
    """Set the chosen votes that fit aside for a reason, or restore them if it is empty. Without `yes`, only say so."""
    from ..arena.voters import choose

    listener, start, end = which
    if not any(which) and reason:
        raise ArenaError("Choose votes with --listener, --from or --to.")
    chosen = [vote for vote in choose(store.votes(), listener, *_span(start, end)) if fits(vote)]
    if not chosen:
        messages.print("No such vote. Nothing is changed.")
        raise typer.Exit(1)
    messages.print(_described(chosen, reason))
    if not yes:
        messages.print(f"{_counted(len(chosen))} would be {'set aside' if reason else 'restored'}. Add --yes to do it.")
        return
    ids = [vote.battle.id for vote in chosen]
    changed = store.set_aside(ids, reason) if reason else store.restore(ids)
    messages.print(f"{_counted(changed)} {'set aside' if reason else 'restored'}.")


def _described(chosen: "list[Vote]", reason: str) -> str:
    """Return how many votes of how many listeners and of which time these are, and why they do or did not count."""
    times = [_clock(vote.at) for vote in chosen]
    listeners = len({vote.voter for vote in chosen if vote.voter})
    reasons = {reason} if reason else {vote.suspicion for vote in chosen}
    return sanitize(
        f"{_counted(len(chosen))} from {times[0]} to {times[-1]} (UTC), listeners: {listeners or 'not known'}. "
        f"Reason: {'; '.join(sorted(reasons))}.",
        longest=1000,
    )


def _listeners(found: "tuple[Listener, ...]") -> Table:
    table = Table(title="Listeners by votes")
    for name in ("listener", "from (UTC)", "to (UTC)"):
        table.add_column(name)
    for name in ("votes", "count", "for A, %", "for B, %"):
        table.add_column(name, justify="right")
    table.add_column("favours", overflow="fold")
    for each in found:
        shares = (f"{100 * side / each.votes:.0f}" for side in (each.a, each.b))
        favoured = f"{sanitize(each.generator)}: won {each.generator_wins} of {each.generator_votes}"
        table.add_row(
            sanitize(each.voter[:SHOWN]),
            *(_clock(each.first), _clock(each.last), str(each.votes), str(each.counted), *shares),
            favoured if each.generator_votes else "",
        )
    return table


def _span(start: str, end: str) -> tuple[float, float]:
    """Return the times in seconds since 1970 from which and before which votes are meant. Raises ArenaError."""
    return _time(start) if start else -math.inf, _time(end, days=1) if end else math.inf


def _time(given: str, days: int = 0) -> float:
    """Return a time in seconds since 1970 (UTC). A day alone means its start, or that of so many days later."""
    try:
        if len(given) == len("2026-11-30"):
            return datetime.combine(date.fromisoformat(given) + timedelta(days), time.min, UTC).timestamp()
        found = datetime.fromisoformat(given)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise ArenaError("{time} is no day or time. Write it as 2026-11-30 or 2026-11-30T18:00.", time=given) from error


def _clock(at: float) -> str:
    """Format a time in seconds since 1970. Old imports may have left one that no calendar has; it stays a number."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return f"{at:.0f}"


def _store() -> "closing[VoteStore]":
    from ..core.settings import settings
    from ..storage.vote_store import open_store

    return closing(open_store(settings()))


def _counted(number: int) -> str:
    return f"{number} vote" if number == 1 else f"{number} votes"
