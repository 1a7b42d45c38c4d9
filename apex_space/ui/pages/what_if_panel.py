"""Tries changes on the song that was scored, folded away below its scores."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ...audio.changes import CHANGES, HARMLESS
from ...core.i18n import format_duration, tr
from ...judges.what_if import estimate_what_if
from .. import render
from ..requests import Requests
from ..translation import fill
from . import inputs
from .share_panel import SILENT, Finished

WHAT = (
    "Would it score better if it were louder, brighter or cleaner? This makes {changes} honest changes to the song and "
    "{harmless} that nobody should mind, and scores each. So you see what the judge hears and what it ignores."
)
AT_ONCE = 2
"""Maximum number of these trials at once. Each keeps up to 92 MB of a song in memory, also while it waits."""
ON, OFF = gr.Button(interactive=True), gr.Button(interactive=False)


class WhatIfPanel:
    """Components and events. The package judges does the work."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        with gr.Accordion("What if …", open=False, visible=False, elem_id="what-if") as self._box:
            gr.Markdown(fill(WHAT, changes=len(CHANGES), harmless=len(HARMLESS)), elem_classes="promise")
            self._time = gr.HTML()
            with gr.Row():
                self._start = gr.Button("Try the changes", min_width=120)
                self._cancel = gr.Button("Cancel", min_width=120, interactive=False)
            self._progress = gr.HTML(elem_id="what-if-progress")
            self._result = gr.HTML(elem_id="what-if-result")

    def watch(self, finished: gr.State, song: gr.Audio) -> None:
        """Offer the trials whenever `song` was scored by one judge: the state `finished` has its report then."""
        running = self._start.click(
            self._show,
            [song, finished],
            [self._result, self._progress, self._start, self._cancel],
            validator=self._check,
            concurrency_id="what-if",
            concurrency_limit=AT_ONCE,
            show_progress="minimal",
            show_progress_on=self._progress,
            api_visibility="private",
        )
        inputs.cancelling(self._cancel, running, _cancelled, None, [self._progress, self._start, self._cancel])
        shown = [self._box, self._time, self._result, self._progress, self._start, self._cancel]
        finished.change(None, cancels=running, api_visibility="private")
        finished.change(_offer, finished, shown, **SILENT)

    def _check(self, song: str | None, finished: Finished) -> list[Any]:
        """Check the song before the queue, and claim it."""
        checked, _ = self._requests.check_what_if(song, _judge(finished))
        return [checked, gr.validate(True, "")]

    def _show(self, song: str, finished: Finished) -> Iterator[tuple[Any, ...]]:
        yield "", render.progress(tr("Decoding and measuring"), 0, 0), OFF, ON
        try:
            for step in self._requests.what_if(song, _judge(finished)):
                if step.result is None:
                    yield gr.skip(), render.what_if_progress(step), gr.skip(), gr.skip()
                else:
                    yield render.what_if(step.result), render.note(tr("Done.")), ON, OFF
        except gr.Error as error:
            yield gr.skip(), render.failed(error), ON, OFF
            raise


def _judge(finished: Finished) -> str:
    """Return the judge that scored the song: of a panel, the first."""
    return finished.reports[0].judge


def _offer(finished: Finished) -> tuple[Any, ...]:
    """Show the panel and how long the trials take, without a result."""
    time = ""
    if len(finished.reports) == 1:
        report = finished.reports[0]
        seconds = estimate_what_if(report.judge, report.duration)
        time = render.note(tr("It takes {time} on this server.", time=format_duration(seconds))) if seconds else ""
    return gr.Accordion(visible=len(finished.reports) == 1), time, "", "", ON, OFF


def _cancelled() -> tuple[str, gr.Button, gr.Button]:
    return render.note(tr("Cancelled.")), ON, OFF
