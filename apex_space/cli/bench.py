"""`bench`."""

from pathlib import Path
from typing import Annotated

import typer

from .common import messages


def bench(
    rounds: Annotated[int, typer.Option(min=1, help="Counted runs of each contender, after one to warm up.")] = 5,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write bench.json and bench.svg there.")] = None,
) -> None:
    """Measure this machine: the encoder against the plain one, all other stages, memory. Takes some minutes."""
    from .. import bench as measuring

    found = measuring.run(rounds, messages.print)
    typer.echo(measuring.as_markdown(found), nl=False)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "bench.json").write_text(measuring.as_json(found), encoding="utf-8")
        (out / "bench.svg").write_text(measuring.as_svg(found), encoding="utf-8")
