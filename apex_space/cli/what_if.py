"""The command `what-if`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..core.text import printable
from .common import JudgeName, WeightsFolder, exiting, messages, show

if TYPE_CHECKING:
    from ..judges.what_if import Effect, WhatIf


def what_if(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="Song: wav, flac, mp3, ogg, opus, m4a ...")],
    judge: JudgeName = "pocket",
    json: Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")] = False,
    weights: WeightsFolder = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="Leave out each part of the song instead, for judges that hear it whole.")
    ] = False,
) -> None:
    """Try a dozen changes on a song, and show how far each moves the scores, against harmless changes.

    Exit status: 0 tried, 1 the song cannot be scored, 2 the judge is not available, 130 interrupted.
    """
    from ..judges.report import to_json

    with exiting(1):
        result = _try(song, judge, weights, parts)
    if json:
        typer.echo(to_json(result.as_dict()))
    else:
        show(_table(result))


def _try(song: Path, judge: str, weights: Path | None, parts: bool) -> "WhatIf":
    from rich.markup import escape
    from rich.progress import Progress

    from ..core.i18n import format_duration
    from ..judges.loading import load_judge
    from ..judges.what_if import WhatIfRequest, what_if

    loaded, told = load_judge(judge, weights), False
    request = WhatIfRequest(song, judge, printable(str(song)), parts)
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        for step in what_if(request, lambda _: iter([loaded])):
            if (step.title if parts else step.share) and step.left and not told:
                messages.print(f"{request.name}: the changes take {judge} {format_duration(step.left)}")
                told = True
            bar.update(task, description=escape(step.title), completed=step.share)
    assert step.result is not None
    return step.result


def _table(result: "WhatIf") -> Table:
    from ..plots.what_if import signed

    table = Table(caption=_caption(result), caption_justify="left")
    table.add_column("change", overflow="fold")
    for axis in result.axes:
        table.add_column(f"{axis.label}\n{axis.span}", justify="right")
    table.add_row("as it is", *(f"{result.report.scores[axis.key]:.2f}" for axis in result.axes))
    floors = (signed(axis, result.floor(axis)).lstrip("+") for axis in result.axes)
    table.add_row("noise floor", *(f"± {floor}" for floor in floors), end_section=True)

    def add(effect: "Effect") -> None:
        heard = result.heard(effect)
        cells = (
            f"{signed(axis, effect.differences[axis.key])}{' *' if axis in heard else '  '}" for axis in result.axes
        )
        table.add_row(f"{effect.title} ({effect.note})" if effect.note else effect.title, *cells)

    for effect in result.effects:
        add(effect)
    table.add_section()
    for effect in result.harmless:
        add(effect)
    return table


def _caption(result: "WhatIf") -> str:
    lines = ["* further than any of the harmless changes (the last rows) move this score"]
    if result.seconds < result.duration:
        lines.append(f"only the first {result.seconds:.0f} s of the song were tried")
    return "\n".join([*lines, *(f"left out: {each.title}. {each.reason}" for each in result.left_out)])
