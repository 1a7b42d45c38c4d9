"""The command `verify`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from ..core.text import printable
from .common import WeightsFolder, check_results, exiting, messages, show, write_results

if TYPE_CHECKING:
    from ..evaluation.verify import Options
    from ..judges.verified import Posted, Verification

NOTHING = 3
"""Exit status if nothing was checked."""
WIDTH = 44
"""Width of the columns of text."""
LIBRARIES = ("torch", "numpy", "transformers", "soundfile", "librosa")


def verify(
    judges: Annotated[
        list[str] | None, typer.Argument(metavar="[JUDGE]...", help="Names from `judges`; default: all judges.")
    ] = None,
    weights: WeightsFolder = None,
    songeval: Annotated[
        bool, typer.Option("--songeval", help="Also score SongEval's 200 validation songs: 0.9 GB, hours on a CPU.")
    ] = False,
    fma: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of FMA's clips, such as 000002.mp3, to compare with TuneJury's."),
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder in which to also write verify.json, to be posted.")
    ] = None,
) -> None:
    """Check judges with their real weights: load them, score examples, compute published figures again.

    Weights that are not on this machine are downloaded.
    Exit status: 0 what was checked held, 1 something differs, 2 there is no such judge, 3 nothing was checked, such as
    without a network, 130 interrupted.
    """
    from ..judges.registry import REGISTRY, find
    from ..judges.verified import Posted, as_dict, to_json

    with exiting(1):
        names = [name for name in dict.fromkeys(judges or REGISTRY) if find(name)]
        if out is not None:
            check_results(out, "verify", Posted, (".json",))
        trouble = _trouble(names, weights)
        from ..evaluation.verify import Options

        found = _verify_all(names, Options(weights, songeval, fma, trouble))
        text = to_json(as_dict(_posted(found)))
        if format == "json":
            typer.echo(text, nl=False)
        else:
            show(_table(found))
        if out is not None:
            write_results(out, "verify", {".json": text})
    raise typer.Exit(_status(found))


def _trouble(names: list[str], weights: Path | None) -> str | None:
    """Return why the Hub cannot be reached, or None. Ends the program if the judges' weights are not here either."""
    from ..core.errors import WeightsError
    from ..core.settings import settings
    from ..models.hub import unreachable

    trouble = unreachable()
    if trouble is not None and weights is None and settings().weights is None:
        messages.print(f"No network: {trouble}. Looking for weights on this machine.")  # which takes seconds to import
        from ..judges.loading import fetch_weights

        try:
            for name in names:
                fetch_weights(name, cached=True)
        except WeightsError as error:
            messages.print(
                f"Nothing was verified: the weights of {name} are not on this machine. Connect it, or copy the weights "
                "to a folder and pass it as --weights. `verify pocket` needs no network."
            )
            raise typer.Exit(NOTHING) from error
    return trouble


def _verify_all(names: list[str], options: "Options") -> "dict[str, Verification]":
    """Verify one judge after another. What is found of a judge is kept at once."""
    from ..evaluation.verify import REPRODUCE, verify
    from ..judges import verified
    from ..training.banger.verify import published_figures

    found = {}
    for name in names:
        found[name] = verify(name, options, {**REPRODUCE, "banger": published_figures}, messages.print)
        if found[name].compared:
            try:
                verified.keep({name: found[name]})
            except OSError as error:
                messages.print(f"What was found is not kept for the About page and `judges`: {error.strerror}.")
    return found


def _status(found: "Mapping[str, Verification]") -> int:
    if not any(each.compared for each in found.values()):
        return NOTHING
    return int(any(each.count("differs") for each in found.values()))


def _posted(found: "Mapping[str, Verification]") -> "Posted":
    """Return what is posted: what was found, on what hardware, by which software."""
    import platform
    from datetime import UTC, datetime
    from importlib.metadata import version

    from .. import __version__
    from ..judges.verified import Posted
    from ..models import precision

    cpu, instructions = precision.processor()
    machine = {
        "processor": cpu,
        "instructions": instructions,
        "gpu": precision.gpu() or "",
        "system": platform.system(),
    }
    software = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    return Posted(datetime.now(UTC).date().isoformat(), __version__, machine | software, found)


def _table(found: "Mapping[str, Verification]") -> Table:
    table = Table(show_lines=True, caption=_caption(found))
    table.add_column("judge")
    table.add_column("what", overflow="fold", max_width=WIDTH)
    for column in ("published", "ours", "tolerance"):
        table.add_column(column, justify="right")
    table.add_column("outcome")
    table.add_column("", overflow="fold", max_width=WIDTH)
    for name, each in found.items():
        for check in each.checks:
            figures = (_cell(check.published), _cell(check.ours), _cell(check.tolerance))
            table.add_row(name, check.what, *figures, check.outcome, printable(check.why))
    return table


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _caption(found: "Mapping[str, Verification]") -> str:
    """Return the number of each outcome, and the weights of each judge."""
    sums = (f"{sum(each.count(o) for each in found.values())} {o}" for o in ("held", "differs", "not checked"))
    sources = (f"{name}: {', '.join(map(str, each.weights))}" for name, each in found.items() if each.weights)
    return "\n".join((", ".join(sums), *sources))
