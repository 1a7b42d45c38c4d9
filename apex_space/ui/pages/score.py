"""The Score page: a song in, what a judge makes of it out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from ... import plots
from ...audio.waveform import load_song
from ...core.errors import ApexSpaceError
from ...core.i18n import said, tr
from ...core.settings import settings
from ...judges import panel
from ...judges.judge import ScoringProgress
from ...judges.manager import JudgeManager, LoadProgress
from ...judges.panel import PanelProgress
from ...judges.registry import REGISTRY
from ...storage.shared_results import SharedResults
from .. import render
from ..uploads import Uploads
from . import inputs
from .inputs import PANEL
from .share_panel import Finished, SharePanel

PROMISE = (
    "Up to {minutes:g} minutes and {megabytes:g} MB: wav, flac, mp3, ogg, opus, m4a, webm, aiff. "
    "Your song is deleted from the server within seconds of being scored. What the judge heard in it (numbers, under a "
    "hash, without its name) is remembered for a while, so that the same song is answered at once."
)
EMPTY = "Drop a song, record one, or try an example: its scores appear here."


class ScorePage:
    """Components and events; the work is done by judges, plots and render."""

    def __init__(self, roster: JudgeManager, uploads: Uploads, links: SharedResults) -> None:
        self._uploads = uploads
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self._inputs(roster)
            with gr.Column(scale=3, min_width=320):
                self._outputs(links)
        self._events()

    def _inputs(self, roster: JudgeManager) -> None:
        config = settings()
        self.song = inputs.song("Your song", "song")
        gr.Markdown(PROMISE.format(minutes=config.max_minutes, megabytes=config.max_megabytes), elem_classes="promise")
        self.judge = inputs.JudgeChoice(roster)
        with gr.Row():
            self.start = gr.Button("Score", variant="primary", min_width=120)
            self.cancel = gr.Button("Cancel", min_width=120, interactive=False)
        gr.Markdown("### Examples")
        self.examples = inputs.examples()

    def _outputs(self, links: SharedResults) -> None:
        self.progress = gr.HTML(render.note(EMPTY))
        self.cards = gr.HTML()
        self.link = SharePanel(links)
        self.picture = gr.Plot(label="Scores", visible=False, elem_id="scores-plot")
        self.timeline = gr.Plot(label="Over time", visible=False, elem_id="timeline-plot")
        self.tables = gr.HTML()

    def _events(self) -> None:
        outputs = [self.cards, self.progress, self.picture, self.timeline, self.tables, self.cancel]
        outputs.append(self.link.finished)
        options: dict[str, Any] = {
            "inputs": [self.song, self.judge.radio],
            "validator": self.admit,
            "concurrency_id": "score",
            "concurrency_limit": inputs.AT_ONCE,
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
        inputs.cancelling(self.cancel, running, _cancelled, None, [self.progress, self.cancel])

    def admit(self, song: str | None, judge: str) -> list[dict[str, Any]]:
        """Runs before the queue: nothing waits that cannot be scored."""
        if song is None:
            return [gr.validate(False, tr("Choose a song first.")), gr.validate(True, "")]
        if not Path(song).is_file():
            deleted = tr("This song was deleted after scoring. Drop it again.")
            return [gr.validate(False, deleted), gr.validate(True, "")]
        try:
            self.judge.check(judge)
        except ApexSpaceError as error:
            return [gr.validate(True, ""), gr.validate(False, said(str(error)))]
        self._uploads.claim(song)
        return [gr.validate(True, ""), gr.validate(True, "")]

    def _show(self, song: str, judge: str) -> Iterator[tuple[Any, ...]]:
        hidden = gr.Plot(visible=False)
        yield "", render.progress(tr("Decoding and measuring"), 0, 0), hidden, hidden, "", ON, Finished()
        shown: Any = None
        try:
            for step in self._steps(song, judge):
                if isinstance(step, PanelProgress):
                    yield _panel_shown(step, new=step.panels is not shown)
                    shown = step.panels
                else:
                    yield _shown(step)
        except gr.Error as error:
            yield gr.skip(), render.failed(error), *[gr.skip()] * 3, OFF, gr.skip()
            raise

    def result(self, song: str, judge: str) -> dict[str, Any]:
        """The report, or the panel's, as the command line's JSON."""
        *_, last = self._steps(song, judge)
        if isinstance(last, PanelProgress):
            return last.panels[0].as_dict()
        assert isinstance(last, ScoringProgress)
        assert last.report is not None
        return last.report.as_dict()

    def _steps(self, song: str, judge: str) -> Iterator[LoadProgress | ScoringProgress | PanelProgress]:
        try:
            if judge == PANEL:
                yield from panel.score_songs(REGISTRY, self.judge.load, (load_song(song), Path(song).name))
            else:
                for step in self.judge.load(judge):
                    yield from [step] if isinstance(step, LoadProgress) else step.listen(song)
        except ApexSpaceError as error:
            raise gr.Error(said(str(error)), title=tr("This song was not scored"), print_exception=False) from error
        finally:
            self._uploads.release(song)


ON, OFF = gr.Button(interactive=True), gr.Button(interactive=False)


def _shown(step: LoadProgress | ScoringProgress) -> tuple[Any, ...]:
    """The report so far, and how far the judge is."""
    if isinstance(step, LoadProgress) or step.report is None:
        return gr.skip(), render.under_way(step), *[gr.skip()] * 5
    report, done = step.report, step.done
    progress = render.downloads(report) if done else render.under_way(step)
    pictures = gr.Plot(plots.scores(report), visible=True), gr.Plot(plots.timeline(report), visible=True)
    finished = (OFF, Finished((report,))) if done else (gr.skip(), gr.skip())
    return render.cards(report), progress, *pictures, render.tables(report), *finished


def _panel_shown(step: PanelProgress, new: bool) -> tuple[Any, ...]:
    """How far the judge at work is and, where that is `new`, what those that are done made of it."""
    (so_far,), current = step.panels, step.current
    if current is None:
        progress, finished = render.panel_links(so_far), (OFF, Finished(so_far.reports))
    else:
        progress = render.under_way(current, rest=(tr("the whole panel "), step.left))
        finished = gr.skip(), gr.skip()
    if not new:
        return gr.skip(), progress, *[gr.skip()] * 3, *finished
    picture = gr.Plot(plots.panel(so_far), visible=True) if so_far.reports else gr.Plot(visible=False)
    shown = render.panel(so_far), progress, picture, gr.Plot(visible=False), render.panel_tables(so_far)
    return *shown, *finished


def _cancelled() -> tuple[str, gr.Button]:
    return render.note(tr("Cancelled. What was heard until then stays below.")), OFF
