"""The Score page: shows what a judge predicts for a song."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ... import plots
from ...arena.pool_sources import from_examples
from ...audio.containers import KINDS
from ...core.i18n import tr
from ...core.settings import settings
from ...judges.judge import ScoringProgress
from ...judges.manager import BEST, LoadProgress
from ...judges.panel import PanelProgress
from ...judges.report import Report
from ...judges.takes import Takes
from ...plots.arena import song_text
from ...storage.shared_results import SharedResults
from .. import render
from ..requests import Requests
from ..translation import fill
from . import inputs
from .better_judge import BetterJudge
from .inputs import OFF, ON
from .passage_files import PassageFiles
from .share_panel import Finished, SharePanel
from .take_along import TakeAlong
from .what_if_panel import WhatIfPanel

PROMISE = (
    "Up to {minutes:g} minutes and {megabytes:g} MB: {kinds}. Your song stays on the server for {grace} after it was "
    "scored, so that you can ask another judge. Then it is deleted. Its embeddings (numbers, under a hash, without its "
    "name) stay in a cache for a while, so that the same song is scored at once."
)
BESIDE = (
    "A song that you know well, or want to come near: its scores by the same judge stand beside yours. It is deleted "
    "like your song. Its scores stay with this page while it is open."
)
FINISHED = "Done. The scores are below."
KEEP_TAKE = "Keep comparing with the earlier take"
FORGET_TAKE = "Forget the earlier take"
LAST_RESULT = (
    "This is your last result on this page. Only this tab keeps it, without the song: to play passages, to save them "
    "as mp3 or to try changes, choose the song again."
)
EMPTY = "Drop a song, record one, or try an example: its scores appear here."


FOCUS_RESULT = """() => {
  const result = document.querySelector("#outcome .result");
  result.tabIndex = -1;
  result.focus({ preventScroll: true });
}"""
"""Script that moves the focus from a button that is gone to the result."""


@dataclass(frozen=True, eq=False)
class ReferenceSong:
    """The path of the song beside the visitor's, and its report. The upload may be deleted by now."""

    song: str = ""
    report: Report | None = None

    def judge(self, song: str | None) -> str:
        """Return the judge whose report on the song at this path is known, or an empty text."""
        return self.report.judge if self.report and self.song == song else ""


class ScorePage:
    """Components and events. The packages judges, plots and render do the work."""

    def __init__(self, requests: Requests, shared_results: SharedResults) -> None:
        self._requests = requests
        with gr.Row(elem_id="score-page"):
            with gr.Column():
                self._song()
            with gr.Column(elem_id="choices"):
                self._choices()
            with gr.Column(elem_id="outcome"):
                self._outputs(shared_results)
        self._events()

    def _song(self) -> None:
        inputs.file_checks()
        self.song = inputs.song("Your song", "song")
        with gr.Row():
            self.start = gr.Button("Score", variant="primary", min_width=120)
            self.cancel = gr.Button("Cancel", min_width=120, interactive=False)
        with gr.Accordion("A reference song beside yours", open=False, elem_id="beside"):
            self.reference = inputs.song("Reference song", "reference-song")
            gr.Markdown(BESIDE, elem_classes="promise")

    def _choices(self) -> None:
        gr.Markdown("## Examples")
        self.examples = inputs.examples()
        self.judge = inputs.judge_radio(self._requests.manager, shown=True)
        limits = {"minutes": settings().max_minutes, "megabytes": settings().max_megabytes, "kinds": KINDS}
        gr.Markdown(fill(PROMISE, **limits, grace=inputs.kept_for()), elem_classes="promise")

    def _outputs(self, shared_results: SharedResults) -> None:
        self.progress = inputs.progress(EMPTY)
        self.better = BetterJudge(self._requests.manager)
        self.example = gr.HTML(elem_id="example")
        inputs.last_result(LAST_RESULT)
        self.cards = gr.HTML(elem_classes="result")
        with gr.Row(visible=False, elem_id="take") as self.take:
            self.keep = gr.Checkbox(False, label=KEEP_TAKE, container=False, min_width=240)
            self.forget = gr.Button(FORGET_TAKE, size="sm", min_width=180)
        self.timeline = gr.Plot(label="Over time", visible=False, elem_id="timeline-plot")
        self.picture = gr.Plot(label="Scores", visible=False, elem_id="scores-plot")
        self.takes = gr.State(Takes(), time_to_live=inputs.KEEP_SECONDS)
        self.beside = gr.State(ReferenceSong(), time_to_live=inputs.KEEP_SECONDS)
        inputs.share_button()
        self.take_along = TakeAlong()
        self.link = SharePanel(shared_results)
        self.what_if = WhatIfPanel(self._requests)
        inputs.play_parts()
        self.passages = PassageFiles(self._requests)
        self.tables = gr.HTML(elem_classes="result")

    def _events(self) -> None:
        outputs = [self.cards, self.progress, self.picture, self.timeline, self.tables, self.cancel]
        outputs += [self.link.finished, self.takes, self.take, self.beside]
        options: dict[str, Any] = {
            "inputs": [self.song, self.judge, self.reference, self.beside, self.takes, self.keep],
            "validator": self._check,
            "concurrency_id": "score",
            "concurrency_limit": inputs.AT_ONCE,
            "show_progress": "minimal",
            "show_progress_on": self.progress,
        }
        shown = options | {"fn": self._show, "outputs": outputs, "api_visibility": "private"}
        anew = shown | {"trigger_mode": "multiple"}  # the run before, which is cancelled, may not have ended yet
        sent = [self.song.upload, self.song.stop_recording]
        running = [gr.on(sent, **anew)]
        for button, path in self.examples:
            picked = button.click(lambda path=path: path, outputs=self.song, api_visibility="private")
            running.append(picked.then(**anew))
        picked = self.better.again.click(lambda: BEST, outputs=self.judge, api_visibility="private")
        running.append(picked.then(**anew))
        self.start.click(None, cancels=running, api_visibility="private")
        running.append(self.start.click(**shown))
        buttons = [self.better.again, *(button for button, _ in self.examples)]
        for replaces in (self.song.clear, *(button.click for button in buttons)):  # else the page would show one song
            replaces(None, cancels=running, api_visibility="private")  # with the scores of another
        self.song.clear(_removed, None, [self.progress, self.cancel], queue=False, api_visibility="private")
        inputs.show_progress([*sent, self.start.click, *(button.click for button in buttons)])
        inputs.cancelling(self.cancel, running, _cancelled, None, [self.progress, self.cancel])
        opened: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        timer = gr.Timer(inputs.POLL_SECONDS)  # on a fresh installation, the example takes its judge 15 s
        for when in (None, timer.tick):  # None: when the page opens
            gr.on(when, self._example, outputs=[self.example, timer], **opened)
        forgotten = [self.cards, self.takes, self.take, self.keep]
        gone = self.forget.click(self._forget, [self.link.finished, self.takes], forgotten, **opened)
        gone.then(None, js=FOCUS_RESULT, api_visibility="private")
        self.better.watch(self.link.finished, self.song)
        self.what_if.watch(self.link.finished, self.song)
        self.take_along.watch(self.link.finished)
        self.passages.watch(self.link.finished, self.song)

    def _example(self) -> tuple[str, gr.Timer]:
        """Show the example report. Ask again until it is there."""
        report = self._requests.manager.example
        return render.example(report, song_text(from_examples()[0].title)), gr.Timer(active=report is None)

    def _check(
        self, song: str | None, judge: str, reference: str | None, beside: ReferenceSong, *others: Any
    ) -> list[Any]:
        """Check the songs and the judge before the queue. The other inputs need no check."""
        checks = self._requests.check_beside(song, judge, reference, beside.judge(reference))
        return [*checks, *(gr.validate(True, "") for _ in (beside, *others))]

    def _forget(self, finished: Finished, takes: Takes) -> tuple[Any, ...]:
        """Show the report without a comparison. The next song is compared with this one."""
        shown = "".join(map(render.cards, finished.reports)) or gr.skip()
        return shown, takes.forgotten(), gr.Row(visible=False), False

    def _show(
        self, song: str, judge: str, reference: str | None, beside: ReferenceSong, takes: Takes, keep: bool
    ) -> Iterator[tuple[Any, ...]]:
        hidden, start = gr.Plot(visible=False), render.progress(tr("Decoding and measuring"), 0, 0)
        yield "", start, hidden, hidden, "", ON, Finished(), gr.skip(), gr.Row(visible=False), gr.skip()
        shown: Any = None
        try:
            beside = yield from self._score_reference(reference, judge, beside)
            for step in self._requests.score(song, beside.report.judge if beside.report else judge):
                if isinstance(step, PanelProgress):
                    yield *_panel_shown(song, step, step.panels is not shown, takes, keep), beside
                    shown = step.panels
                else:
                    yield *_shown(song, step, takes, keep, beside.report), beside
        except gr.Error as error:
            yield gr.skip(), render.failed(error), *[gr.skip()] * 3, OFF, *[gr.skip()] * 4
            raise

    def _score_reference(
        self, song: str | None, judge: str, known: ReferenceSong
    ) -> Generator[tuple[Any, ...], None, ReferenceSong]:
        """Score the reference song, if there is one that is not `known`, and yield the progress."""
        if not song:
            return ReferenceSong()
        if self._requests.is_judge(judge, known.judge(song)):
            return known
        report = None
        for step in self._requests.score(song, judge, tr("The reference song was not scored")):
            assert not isinstance(step, PanelProgress)  # the check before the queue refuses the panel
            yield gr.skip(), render.judge_progress(step, tr("Reference song")), *[gr.skip()] * 8
            report = step.report if isinstance(step, ScoringProgress) else report
        return ReferenceSong(song, report)


def _shown(
    song: str, step: LoadProgress | ScoringProgress, takes: Takes, keep: bool, reference: Report | None = None
) -> tuple[Any, ...]:
    """Return the report so far on the upload `song`, and the judge's progress.

    The whole report is compared with the one on the reference song, or else with the last take.
    """
    if isinstance(step, LoadProgress) or step.report is None:
        return gr.skip(), render.judge_progress(step), *[gr.skip()] * 7
    report, done, before = step.report, step.done, None
    progress = render.note(tr(FINISHED)) if done else render.judge_progress(step)
    pictures = (gr.Plot(draw(report, reference), visible=True) for draw in (plots.scores, plots.timeline))
    tables, finished = render.tables(report, True, reference), (gr.skip(),) * 4
    if done:
        takes = takes.followed_by((report,), keep)
        before = None if reference else takes.before(report)
        offer = gr.Row(visible=before is not None)
        tables = render.downloads(report, reference) + render.among(report) + tables
        finished = OFF, Finished((report,), song), takes, offer
    against = "reference" if reference else "kept" if keep else "last"
    return render.cards(report, reference or before, against), progress, *pictures, tables, *finished


def _panel_shown(song: str, step: PanelProgress, new: bool, takes: Takes, keep: bool) -> tuple[Any, ...]:
    """Return the current judge's progress and, if there are `new` ones, the reports of the finished judges.

    The reports are not compared with the last take, but the next song that one of these judges scores is.
    """
    (so_far,), current = step.panels, step.current
    if current is None:
        takes = takes.followed_by(so_far.reports, keep)
        progress, finished = render.note(tr(FINISHED)), (OFF, Finished(so_far.reports, song), takes, gr.skip())
        links, new = render.panel_links(so_far), True
    else:
        progress = render.judge_progress(current, rest=(tr("the whole panel "), step.left))
        links, finished = "", (gr.skip(),) * 4
    if not new:
        return gr.skip(), progress, *[gr.skip()] * 3, *finished
    picture = gr.Plot(plots.panel(so_far), visible=True) if so_far.reports else gr.Plot(visible=False)
    shown = render.panel(so_far), progress, picture, gr.Plot(visible=False), links + render.panel_tables(so_far, True)
    return *shown, *finished


def _removed() -> tuple[str, gr.Button]:
    return render.note(tr(EMPTY)), OFF


def _cancelled() -> tuple[str, gr.Button]:
    return render.note(tr("Cancelled. The scores so far stay below.")), OFF
