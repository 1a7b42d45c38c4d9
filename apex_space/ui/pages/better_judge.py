"""Offers to score a song again by a more trusted judge, which was still loading when the song was scored."""

from pathlib import Path
from typing import Any

import gradio as gr

from ...core.i18n import tr, translate
from ...judges.manager import JudgeManager
from ...judges.registry import REGISTRY
from .. import render
from . import inputs
from .share_panel import Finished

COMING = (
    "{judge} is still loading. It is more trusted than {other}. When it is ready, a button here scores this song "
    "again. The song need not be sent again for {time}."
)
READY = "{judge} is ready now."
TOO_LATE = "{judge} is ready now. Choose the song again to score it: it is no longer here."


class BetterJudge:
    """Components and events. The page scores the song when `again` is pressed."""

    def __init__(self, manager: JudgeManager) -> None:
        self._manager = manager
        self._note = gr.HTML(elem_id="better-judge")
        self.again = gr.Button("Score again", visible=False)
        self._timer = gr.Timer(inputs.POLL_SECONDS, active=False)

    def watch(self, finished: gr.State, song: gr.Audio) -> None:
        """Wait for a better judge whenever `song` was scored: the state `finished` has its report then."""
        options: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        options |= {"inputs": [finished, song], "outputs": [self._note, self.again, self._timer]}
        finished.change(self._expect, **options)
        self._timer.tick(self._offer, **options)

    def _expect(self, finished: Finished, song: str | None) -> tuple[Any, ...]:
        """Begin to wait, if a more trusted judge is loading."""
        if len(finished.reports) == 1 and self._manager.coming(finished.reports[0].judge):
            return self._offer(finished, song)
        return _shown()

    def _offer(self, finished: Finished, song: str | None) -> tuple[Any, ...]:
        if not finished.reports:
            return _shown()
        judge = finished.reports[0].judge
        if coming := self._manager.coming(judge):
            names = {"judge": REGISTRY[coming].title, "other": REGISTRY[judge].title}
            return _shown(tr(COMING, **names, time=translate(inputs.kept_for())), wait=True)
        better = self._manager.better(judge)
        if better is None:  # it could not be loaded
            return _shown()
        title = REGISTRY[better].title
        if song is None or not Path(song).is_file():
            return _shown(tr(TOO_LATE, judge=title))
        return _shown(tr(READY, judge=title), tr("Score again with {judge}", judge=title))


def _shown(text: str = "", label: str = "", wait: bool = False) -> tuple[Any, ...]:
    """Show a text, a button if it has a label, and whether to look again."""
    button = gr.Button(label, visible=True) if label else gr.Button(visible=False)
    return render.note(text) if text else "", button, gr.Timer(active=wait)
