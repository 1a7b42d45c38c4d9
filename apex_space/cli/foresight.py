"""The commands `arena foresight` and `arena simulate`: how well the model that learns from votes foresees them."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..core.text import sanitize
from .common import exiting, messages, show

if TYPE_CHECKING:
    from ..evaluation.foresight import Foreseen


def foresight(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="Table (csv, jsonl, parquet) of battles: winner, generator_a, generator_b, and scores such as "
            "musicality_a and musicality_b.",
        ),
    ],
    weight: Annotated[
        float, typer.Option(help="What a point of each score is worth before any vote, as log-odds.")
    ] = 0.0,
    orders: Annotated[int, typer.Option(min=1, help="Number of random orders of the battles.")] = 10,
    every: Annotated[int, typer.Option(min=1, help="Number of votes between two fits.")] = 20,
) -> None:
    """Replay a table of battles vote by vote, and show how well the model foresees each from those before it.

    Exit status: 0 measured, 1 the table cannot be used, 130 interrupted.
    """
    with exiting(1):
        from ..evaluation.foresight import FROM, always_b, foresee, read

        table = read(source)
        messages.print(f"{len(table.outcomes)} battles with a winner; scores: {', '.join(map(sanitize, table.axes))}")
        found = foresee(table, table.prior(weight), orders, every)
    shown = _table(
        f"Foreseen from vote {FROM} on, {orders} random orders, a fit every {every} votes",
        "",
        ("votes foreseen, %", "log-loss", "% against generators alone", "log-loss against generators alone"),
    )
    shown.add_row("a coin", "50", "0.693", "", "")
    shown.add_row("always B", f"{100 * always_b(table):.1f}", "", "", "")
    for row in _rows(found):
        shown.add_row(*row)
    show(shown)


def simulate(
    runs: Annotated[int, typer.Option(min=1, help="Number of simulated arenas for each figure.")] = 100,
) -> None:
    """Simulate listeners whose likings are known, and show what the model makes of their votes. It takes minutes.

    Exit status: 0 simulated, 130 interrupted.
    """
    with exiting(1):
        from ..evaluation.simulated_listeners import listener_table
        from ..evaluation.simulated_votes import simulate as tables

        for found in chain(tables(runs), [listener_table(runs)]):
            shown = _table(found.title, found.columns[0], found.columns[1:])
            for row in found.rows:
                shown.add_row(*row)
            show(shown)


def _rows(found: "tuple[Foreseen, ...]") -> Iterator[tuple[str, ...]]:
    from ..evaluation.foresight import ALONE

    alone = next(each for each in found if each.name == ALONE)
    for each in found:
        accuracy = f"{100 * each.accuracy:.1f} ± {100 * each.accuracy_deviation:.1f}"
        loss = f"{each.loss:.3f} ± {each.loss_deviation:.3f}"
        points, losses = each.gain(alone)
        span = f"{100 * points.value:+.1f} ({100 * points.low:+.1f} to {100 * points.high:+.1f})"
        against = ("", "") if each is alone else (span, str(losses))
        yield each.name, accuracy, loss, *against


def _table(title: str, first: str, others: tuple[str, ...]) -> Table:
    table = Table(title=title)
    table.add_column(first)
    for column in others:
        table.add_column(column, justify="right")
    return table
