"""The Score page: a song in, what a judge makes of it out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from .. import panel, plots
from ..errors import ApexSpaceError
from ..judges import REGISTRY, load_audio
from ..panel import Panel
from ..report import Report
from ..roster import Roster
from ..settings import settings
from . import inputs, render
from .uploads import Uploads

PROMISE = (
    "Up to {minutes:g} minutes and {megabytes:g} MB: wav, flac, mp3, ogg, opus, m4a, webm, aiff. "
    "Your song is deleted from the server within seconds of being scored. What the judge heard in it (numbers, under a "
    "hash, without its name) is remembered for a while, so that the same song is answered at once."
)
PANEL = "panel"
EMPTY = "Drop a song, record one, or try an example: its scores appear here."


class ScorePage:
    """Components and events; the work is done by judges, plots and render."""

    def __init__(self, roster: Roster, uploads: Uploads) -> None:
        self._uploads = uploads
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self._inputs(roster)
            with gr.Column(scale=3, min_width=320):
                self._outputs()
        self._events()

    def _inputs(self, roster: Roster) -> None:
        config = settings()
        self.song = inputs.song("Your song", "song")
        gr.Markdown(PROMISE.format(minutes=config.max_minutes, megabytes=config.max_megabytes), elem_classes="promise")
        self.judge = inputs.JudgeChoice(roster, ("The panel: all of them", PANEL))
        with gr.Row():
            self.start = gr.Button("Score", variant="primary", min_width=120)
            self.cancel = gr.Button("Cancel", min_width=120, interactive=False)
        gr.Markdown("### Examples")
        self.examples = inputs.examples()

    def _outputs(self) -> None:
        self.progress = gr.HTML(render.note(EMPTY))
        self.cards = gr.HTML()
        self.picture = gr.Plot(label="Scores", visible=False, elem_id="scores-plot")
        self.timeline = gr.Plot(label="Over time", visible=False, elem_id="timeline-plot")
        self.tables = gr.HTML()
        self.report = gr.JSON(visible=False)

    def _events(self) -> None:
        outputs = [self.cards, self.progress, self.picture, self.timeline, self.tables, self.cancel]
        options: dict[str, Any] = {
            "inputs": [self.song, self.judge.radio],
            "validator": self._admit,
            "concurrency_id": "score",
            "show_progress": "minimal",
            "scroll_to_output": True,
            "show_progress_on": self.progress,
        }
        shown = options | {"fn": self._show, "outputs": outputs, "api_visibility": "private"}
        triggers = [self.song.upload, self.song.stop_recording, self.start.click]
        running = [gr.on(triggers, **shown)]
        for button, path in self.examples:
            picked = button.click(lambda path=path: path, outputs=self.song, api_visibility="private")
            running.append(picked.then(**shown))
        self.cancel.click(_cancelled, outputs=[self.progress, self.cancel], cancels=running, api_visibility="private")
        gr.Button(visible=False).click(self._answer, outputs=self.report, api_name="score", **options)

    def _admit(self, song: str | None, judge: str) -> list[dict[str, Any]]:
        """Runs before the queue: nothing waits that cannot be scored."""
        if song is None:
            return [gr.validate(False, "Choose a song first."), gr.validate(True, "")]
        if not Path(song).is_file():
            return [gr.validate(False, "This song was deleted after scoring. Drop it again."), gr.validate(True, "")]
        try:
            self.judge.check(judge if judge != PANEL else inputs.BEST)
        except ApexSpaceError as error:
            return [gr.validate(True, ""), gr.validate(False, str(error))]
        self._uploads.claim(song)
        return [gr.validate(True, ""), gr.validate(True, "")]

    def _show(self, song: str, judge: str) -> Iterator[tuple[Any, ...]]:
        hidden = gr.Plot(visible=False)
        yield "", render.progress("Decoding and measuring", 0, 0), hidden, hidden, "", ON
        try:
            for report in self._steps(song, judge):
                yield self._shown(report) if isinstance(report, Report) else _panel_shown(report)
        except gr.Error as error:
            yield gr.skip(), render.note(f"{error.title}. {error.message}", "error"), *[gr.skip()] * 3, OFF
            raise

    def _shown(self, report: Report) -> tuple[Any, ...]:
        heard = report.segments[-1].end
        done = heard >= report.duration
        text = f"Heard {render.clock(heard)} of {render.clock(report.duration)}"
        progress = render.downloads(report) if done else render.progress(text, heard, report.duration)
        pictures = gr.Plot(plots.scores(report), visible=True), gr.Plot(plots.timeline(report), visible=True)
        return render.cards(report), progress, *pictures, render.tables(report), OFF if done else gr.skip()

    def _answer(self, song: str, judge: str = inputs.BEST) -> dict[str, Any]:
        """Score a song: the report as the command line's JSON. `judge`: "best", a judge's name, or "panel"."""
        *_, report = self._steps(song, judge)
        return report.as_dict()

    def _steps(self, song: str, judge: str) -> Iterator[Report | Panel]:
        try:
            if judge == PANEL:
                yield from panel.steps(REGISTRY, self.judge.get, load_audio(song), Path(song).name)
            else:
                yield from self.judge.get(judge).steps(song)
        except ApexSpaceError as error:
            raise gr.Error(str(error), title="This song was not scored", print_exception=False) from error
        finally:
            self._uploads.release(song)


ON, OFF = gr.Button(interactive=True), gr.Button(interactive=False)


def _panel_shown(so_far: Panel) -> tuple[Any, ...]:
    """What the judges that are done made of it, and how far the one at work is."""
    picture = gr.Plot(plots.panel(so_far), visible=True) if so_far.reports else gr.Plot(visible=False)
    at_work = so_far.unfinished
    if at_work is None:
        progress = render.panel_links(so_far)
    else:
        heard = at_work.segments[-1].end
        text = f"{REGISTRY[at_work.judge].title} has heard {render.clock(heard)} of {render.clock(at_work.duration)}"
        progress = render.progress(text, heard, at_work.duration)
    shown = render.panel(so_far), progress, picture, gr.Plot(visible=False), render.panel_tables(so_far)
    return *shown, gr.skip() if at_work else OFF


def _cancelled() -> tuple[str, gr.Button]:
    return render.note("Cancelled. What was heard until then stays below."), OFF
