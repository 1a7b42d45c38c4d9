"""What several pages ask for: a song, an example, a judge."""

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from ...arena.pool import Pool
from ...arena.pool_sources import EXAMPLES
from ...core.axes import AXES
from ...core.errors import ApexSpaceError
from ...core.i18n import said, tr
from ...judges.manager import BEST, JudgeManager
from ...judges.registry import REGISTRY
from ...judges.score import PANEL
from ...ranking.order import PREFERENCE
from .. import render

POLL_SECONDS = 2.0
AT_ONCE = 32
"""Events that judges work for, most of them waiting in their lines: with the networks' line full, some are left for
judges that do not wait for it."""


def song(label: str, elem_id: str) -> gr.Audio:
    """A song by upload or microphone, as the path of its file."""
    return gr.Audio(
        label=label, sources=["upload", "microphone"], type="filepath", editable=False, buttons=[], elem_id=elem_id
    )


def examples() -> list[tuple[gr.Button, str]]:
    """A button for each example song, and the path that it stands for."""
    listing = EXAMPLES / "examples.json"
    rows = json.loads(listing.read_text(encoding="utf-8")) if listing.is_file() else []
    with gr.Row(elem_classes="examples"):
        return [(_button(row["style"], row["damage"]), str(EXAMPLES / row["file"])) for row in rows]


def cancelling(button: gr.Button, running: Any, told: Callable[..., Any], given: Any, outputs: Any) -> None:
    """`button` cancels the events `running`, and then `outputs` show what `told` makes of `given`.

    In one event Gradio would tell first and cancel after that, and what is still running would write over it.
    """
    button.click(None, cancels=running, api_visibility="private")
    button.click(told, given, outputs, api_visibility="private")


def pool_song(pool: Pool, song: gr.Audio) -> None:
    """A list of the arena's songs; the one that is picked goes into `song`."""
    listing = gr.Dropdown([], value=None, label=f"{song.label} from the arena", elem_id=f"{song.elem_id}-pool")
    options: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def choices() -> gr.Dropdown:
        named = [(" · ".join(filter(None, (each.title, each.generator))), each.id) for each in pool.songs()]
        return gr.Dropdown(sorted(named))

    def pick(id: str | None) -> Any:
        if id is None:  # the list was left without a choice
            return gr.skip()
        try:
            return str(pool.file(id))
        except ApexSpaceError as error:
            raise gr.Error(said(str(error)), title=tr("Error"), print_exception=False) from error

    listing.focus(choices, outputs=listing, **options)
    listing.input(pick, listing, song, **options)


def _button(style: str, damage: str | None) -> gr.Button:
    label = f"{style}, damaged to cost {damage}" if damage else style
    return gr.Button(label, size="sm", elem_classes="example")


def judge_choices(panel: bool = True) -> list[tuple[str, str]]:
    """Return label and name of each choice of a judge; with the panel of all judges where it can be asked."""
    named = [("Best that is ready", BEST), *((entry.title, name) for name, entry in REGISTRY.items())]
    return [*named, ("The panel: all of them", PANEL)] if panel else named


def rank_choices() -> list[tuple[str, str]]:
    """Return label and name of each choice of what songs are ranked by."""
    return [("Preference: what people would pick", PREFERENCE), *((axis.label, axis.key) for axis in AXES)]


def judge_radio(manager: JudgeManager, panel: bool = True) -> gr.Radio:
    """Return a radio of the judges; below it stands why some are not ready."""
    radio = gr.Radio(judge_choices(panel), value=BEST, label="Judge", elem_id="judge")
    states, timer = gr.HTML(), gr.Timer(POLL_SECONDS)

    def poll() -> tuple[str, gr.Timer]:
        waiting = manager.waiting()
        return render.states(waiting), gr.Timer(active=bool(waiting))

    for when in (None, timer.tick):  # None: when the page opens
        gr.on(when, poll, outputs=[states, timer], show_progress="hidden", queue=False, api_visibility="private")
    return radio
