"""Tries changes on the song that was scored, folded away below its scores."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ...audio.changes import CHANGES, HARMLESS
from ...core.i18n import format_duration, tr
from ...judges.report import Report
from ...judges.what_if import estimate_what_if, hears_whole
from .. import render
from ..requests import Requests
from ..translation import fill
from . import inputs
from .inputs import OFF, ON
from .share_panel import SILENT, Finished

WHAT = (
    "Would it score better if it were louder, brighter or cleaner? This makes {changes} honest changes to the song and "
    "{harmless} that nobody should mind, and scores each. So you see what the judge hears and what it ignores."
)
PARTS = (
    "This judge hears the song as a whole. To see how much each part carries, the song is scored without it, part by "
    "part: {time} on this server."
)
AT_ONCE = 2
"""Maximum number of these trials at once. Each keeps up to 92 MB of a song in memory, also while it waits."""


class WhatIfPanel:
    """Components and events. The package judges does the work."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        with gr.Accordion("What if …", open=False, visible=False, elem_id="what-if") as self._box:
            gr.Markdown(fill(WHAT, changes=len(CHANGES), harmless=len(HARMLESS)), elem_classes="promise")
            self._time = gr.HTML()
            with gr.Row():
                self._start = gr.Button("Try the changes", min_width=120)
                self._parts = gr.Button("Leave out each part", min_width=120, visible=False)
                self._cancel = gr.Button("Cancel", min_width=120, interactive=False)
            self._progress = gr.HTML(elem_id="what-if-progress")
            self._result = gr.HTML(elem_id="what-if-result")

    def watch(self, finished: gr.State, song: gr.Audio) -> None:
        """Offer the trials whenever `song` was scored by one judge: the state `finished` has its report then."""
        buttons = [self._start, self._parts, self._cancel]
        options: dict[str, Any] = {
            "inputs": [song, finished],
            "outputs": [self._result, self._progress, *buttons],
            "validator": self._check,
            "concurrency_id": "what-if",
            "concurrency_limit": AT_ONCE,
            "show_progress": "minimal",
            "show_progress_on": self._progress,
            "api_visibility": "private",
        }
        running: list[Any] = [self._start.click(self._show, **options), self._parts.click(self._show_parts, **options)]
        inputs.cancelling(self._cancel, running, _cancelled, None, [self._progress, *buttons])
        shown = [self._box, self._time, self._result, self._progress, *buttons]
        finished.change(None, cancels=running, api_visibility="private")
        finished.change(_offer, finished, shown, **SILENT)

    def _check(self, song: str | None, finished: Finished) -> list[Any]:
        """Check the song before the queue, and claim it."""
        if refusal := finished.refusal(song):
            return [gr.validate(False, refusal), gr.validate(True, "")]
        checked, _ = self._requests.check_what_if(song, _judge(finished))
        return [checked, gr.validate(True, "")]

    def _show_parts(self, song: str, finished: Finished) -> Iterator[tuple[Any, ...]]:
        yield from self._show(song, finished, parts=True)

    def _show(self, song: str, finished: Finished, parts: bool = False) -> Iterator[tuple[Any, ...]]:
        yield "", render.progress(tr("Decoding and measuring"), 0, 0), OFF, OFF, ON
        try:
            for step in self._requests.what_if(song, _judge(finished), parts):
                if step.result is None:
                    yield gr.skip(), render.what_if_progress(step), *[gr.skip()] * 3
                else:
                    yield render.what_if(step.result), render.note(tr("Done.")), ON, ON, OFF
        except gr.Error as error:
            yield gr.skip(), render.failed(error), ON, ON, OFF
            raise


def _judge(finished: Finished) -> str:
    """Return the judge that scored the song: of a panel, the first."""
    return finished.reports[0].judge


def _offer(finished: Finished) -> tuple[Any, ...]:
    """Show the panel and how long the trials take, without a result."""
    alone = len(finished.reports) == 1
    whole = alone and hears_whole(finished.reports[0])
    times = [_time(finished.reports[0], parts) for parts in (False, True)[: alone + whole]]
    parts = gr.Button(interactive=True, visible=whole)
    return gr.Accordion(visible=alone), "".join(times), "", "", ON, parts, OFF


def _time(report: Report, parts: bool) -> str:
    """Return how long the trials take, if that is known."""
    seconds = estimate_what_if(report.judge, report.duration, parts)
    text = PARTS if parts else "It takes {time} on this server."
    return render.note(tr(text, time=format_duration(seconds))) if seconds else ""


def _cancelled() -> tuple[str, gr.Button, gr.Button, gr.Button]:
    return render.note(tr("Cancelled.")), ON, ON, OFF
