"""Inputs that several pages use: a song, an example, a judge."""

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

import gradio as gr

from ...arena.pool import Pool
from ...arena.pool_sources import EXAMPLES, OFFERED
from ...audio.containers import KINDS, SUFFIXES
from ...core.axes import AXES, KEYS
from ...core.errors import ApexSpaceError
from ...core.i18n import tr, translate
from ...core.settings import settings
from ...core.text import Message, message
from ...judges.manager import BEST, JudgeManager
from ...judges.registry import REGISTRY
from ...judges.score import PANEL
from ...plots.arena import song_text
from ...ranking.order import PREFERENCE
from .. import render
from ..static_files import read_static
from ..translation import fill

POLL_SECONDS = 2.0
KEEP_SECONDS = 3600.0
"""Seconds for which the server knows what a page shows. Gradio keeps the state of a closed page that long anyway."""
ON, OFF = gr.Button(interactive=True), gr.Button(interactive=False)
PROGRESS = "progress"
SCROLL = f"""() => {{
  const shown = document.getElementById("{PROGRESS}"), {{ top }} = shown.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) shown.scrollIntoView({{ block: "start" }});
  const alone = document.documentElement.classList.contains("alone");
  if (alone && parent !== self) parent.postMessage({{ apexSpaceShow: shown.getBoundingClientRect().top }}, "*");
}}"""
"""Script that scrolls to the progress. A frame as high as its content tells the page around it where that is."""
FILE_TEXTS = {
    "several": "Choose one song here. The Rank page takes many at once.",
    "large": "{name} has {size} MB. At most {limit} MB are taken.",
    "other": "{name} is not a sound file. Use one of these: {kinds}.",
    "kinds": KINDS,
    "tap": "Tap to choose a song",
}
"""What the script file_checks.js says of a file."""
LAST_RESULT = "This is your last result on this page. Only this tab keeps it."
AT_ONCE = 32
"""Maximum number of events with judges at once. Most of them wait in a song queue.

When the queue of the heavy judges is full, some events are left for judges that do not wait for it.
"""


def song(label: str, elem_id: str) -> gr.Audio:
    """Return a component for a song from an upload or the microphone. Its value is the path of the file."""
    return gr.Audio(
        label=label,
        sources=["upload", "microphone"],
        type="filepath",
        editable=False,
        buttons=[],
        elem_id=elem_id,
        elem_classes="song-input",
    )


def file_checks() -> None:
    """Add the script that checks files when they are chosen. One is enough for all inputs of a page."""
    gr.HTML(
        js_on_load=read_static("file_checks.js"),
        elem_classes="script",
        megabytes=settings().max_megabytes,
        endings=sorted(SUFFIXES),
        texts=FILE_TEXTS,
    )


def kept_for() -> Message:
    """Return how long a song stays on the server after it was scored."""
    seconds = settings().upload_grace_seconds
    if seconds < 120:
        return message("{seconds} s", seconds=f"{seconds:g}")
    return message("{minutes} minutes", minutes=f"{seconds / 60:g}")


def examples() -> list[tuple[gr.Button, str]]:
    """Return a button for each example song that is offered, and the path of the song."""
    listing = EXAMPLES / "examples.json"
    rows = json.loads(listing.read_text(encoding="utf-8")) if listing.is_file() else []
    with gr.Row(elem_classes="examples"):
        return [(_button(row["style"], row["damage"]), str(EXAMPLES / row["file"])) for row in rows[:OFFERED]]


def cancelling(button: gr.Button, running: Any, told: Callable[..., Any], given: Any, outputs: Any) -> None:
    """Make `button` cancel the events `running` and then show the result of `told(given)` in `outputs`.

    This takes two events. In a single event, Gradio would call `told` before it cancels, and the running event would
    overwrite the outputs.
    """
    button.click(None, cancels=running, api_visibility="private")
    button.click(told, given, outputs, api_visibility="private")


def progress(text: str) -> gr.HTML:
    """Return the component that shows `text`, and later how far the page's work is."""
    return gr.HTML(fill(render.NOTE, text=text), elem_id=PROGRESS)


def last_result(what: str = LAST_RESULT) -> None:
    """Add the place where this page's last result is shown again, below the words `what`. The browser keeps it."""
    gr.HTML(
        html_template='<p class="note">{{texts.what}} <button type="button">{{texts.forget}}</button></p><div></div>',
        js_on_load=read_static("last_result.js"),
        apply_default_css=False,
        elem_id="last-result",
        texts={"what": what, "forget": "Remove it"},
    )


def share_button() -> None:
    """Add a button that hands the result's words to the device's own way to share, or else copies them."""
    gr.HTML(
        html_template='<p><button type="button">{{texts.share}}</button> <span role="status"></span></p>',
        js_on_load=read_static("share.js"),
        apply_default_css=False,
        elem_classes="share",
        texts={"share": "Share these words", "copied": "Copied.", "failed": "This browser does not let pages copy."},
    )


def play_parts() -> None:
    """Let a page play the parts of its song that its tables and its timeline show."""
    gr.HTML(
        html_template='<p role="status"></p>',
        js_on_load=f"{read_static('player.js')}\n{read_static('play_parts.js')}",
        apply_default_css=False,
        elem_id="play-parts",
        texts={"gone": "The song is no longer on this page, so it cannot be played."},
    )


def show_progress(triggers: Sequence[Any]) -> None:
    """Scroll to the progress when one of the events happens, unless it and what is below are in view, as on a desk."""
    gr.on(triggers, None, js=SCROLL, api_visibility="private")


def pool_song(pool: Pool, song: gr.Audio) -> gr.Dropdown:
    """Add a list of the arena's songs, and return it. The chosen song goes into `song`."""
    listing = gr.Dropdown([], value=None, label=f"{song.label} from the arena", elem_id=f"{song.elem_id}-pool")
    options: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def choices() -> gr.Dropdown:
        named = [(" · ".join(map(song_text, filter(None, (s.title, s.generator)))), s.id) for s in pool.songs()]
        return gr.Dropdown(sorted(named))

    def pick(id: str | None) -> Any:
        if id is None:  # the list was left without a choice
            return gr.skip()
        try:
            return str(pool.file(id))
        except ApexSpaceError as error:
            raise gr.Error(translate(str(error)), title=tr("Error"), print_exception=False) from error

    listing.focus(choices, outputs=listing, **options)
    listing.input(pick, listing, song, **options)
    return listing


def _button(style: str, damage: str | None) -> gr.Button:
    label = fill("{style}, damaged to cost {damage}", style=style, damage=damage) if damage else style
    return gr.Button(label, size="sm", elem_classes="example")


def judge_choices(panel: bool = True) -> list[tuple[str, str]]:
    """Return label and name of each choice of a judge. `panel` adds the panel of all judges."""
    named = [(render.BEST, BEST), *((entry.title, name) for name, entry in REGISTRY.items())]
    return [*named, (render.PANEL, PANEL)] if panel else named


def rank_choices(axes: Collection[str] = KEYS) -> list[tuple[str, str]]:
    """Return label and name of each score by which songs can be ranked, if a judge predicts `axes`."""
    known = ((axis.label, axis.key) for axis in AXES if axis.key in axes)
    return [("Preference: what people would pick", PREFERENCE), *known]


def judge_radio(manager: JudgeManager, panel: bool = True, shown: bool = False) -> gr.Radio:
    """Return a radio of the judges. Below it, the page shows which ones are not ready, and a line on each one.

    The lines are folded away unless they are `shown`.
    """
    radio = gr.Radio(judge_choices(panel), value=BEST, label="Judge", elem_id="judge")
    news, about, timer = gr.HTML(), gr.HTML(), gr.Timer(POLL_SECONDS)

    def poll() -> tuple[str, str, gr.Timer]:
        outlook = manager.outlook()
        lines = render.judges(outlook, manager.best().name, panel, shown)
        return render.states(outlook), lines, gr.Timer(active=not manager.settled)

    for when in (None, timer.tick):  # None: when the page opens
        gr.on(when, poll, outputs=[news, about, timer], show_progress="hidden", queue=False, api_visibility="private")
    return radio
