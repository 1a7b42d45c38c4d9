"""The command `bench`."""

from pathlib import Path
from typing import Annotated

import typer

from .common import check_results, messages, write_results


def bench(
    rounds: Annotated[int, typer.Option(min=1, help="Measured runs of each variant, after one warm-up run.")] = 5,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder in which to also write bench.json and bench.svg.")
    ] = None,
) -> None:
    """Benchmark this machine: encoders against the plain ones, every stage and judge, memory. Takes some minutes."""
    from ..bench.measure import Bench, run
    from ..bench.page import as_json, as_markdown, as_svg

    if out is not None:
        check_results(out, "bench", Bench)
    found = run(rounds, messages.print)
    typer.echo(as_markdown(found), nl=False)
    if out is not None:
        write_results(out, "bench", {".json": as_json(found), ".svg": as_svg(found)})
