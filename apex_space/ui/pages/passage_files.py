"""Hands over a passage of the song that was scored as a file, when its button in the page's tables is pressed."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from ...judges.passages import Passage
from ...preference.passages import preferred
from .. import render
from ..requests import Requests
from ..static_files import read_static
from .share_panel import Finished

AT_ONCE = 2
"""Maximum number of passages that are cut at once. Each takes a core for about a second."""


class PassageFiles:
    """A component without any looks, and its event. The package audio does the work, and no file stays here."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._asked = gr.HTML(js_on_load=read_static("cut.js"), apply_default_css=False, elem_id="cut")

    def watch(self, finished: gr.State, song: gr.Audio) -> None:
        """Cut `song`, which was scored: the state `finished` has its reports, and so the passages that it has."""
        made = self._asked.submit(
            self._cut,
            [song, finished, self._asked],
            self._asked,
            validator=self._check,
            concurrency_id="passages",
            concurrency_limit=AT_ONCE,
            show_progress="minimal",
            api_visibility="private",
        )
        made.failure(None, outputs=self._asked, js="() => null", api_visibility="private")

    def _check(self, song: str | None, finished: Finished, asked: Any) -> list[Any]:
        """Check the song and the passage before the queue, and claim the song."""
        if refusal := finished.refusal(song):
            return [gr.validate(False, refusal), gr.validate(True, ""), gr.validate(True, "")]
        known = isinstance(asked, str) and asked in _passages(finished)
        return [self._requests.check_passage(song, known), gr.validate(True, ""), gr.validate(True, "")]

    def _cut(self, song: str, finished: Finished, asked: str) -> dict[str, str]:
        passage, name = _passages(finished)[asked], Path(finished.reports[0].file).stem
        mp3 = self._requests.cut(song, passage.start, passage.end)
        return {"name": f"{name}-{passage.start:.0f}-{passage.end:.0f}s.mp3", "mp3": b64encode(mp3).decode()}


def _passages(finished: Finished) -> Mapping[str, Passage]:
    """Return the passages that reports name, by what their buttons say."""
    found = [each for report in finished.reports for each in (*report.passages.values(), preferred(report)) if each]
    return {render.passage_key(passage): passage for each in found for passage in (each.best, each.weakest)}
