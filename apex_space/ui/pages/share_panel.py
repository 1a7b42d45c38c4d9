"""Shares a result under a link, and deletes it again. Nothing is stored before the button is pressed."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ...core.errors import ApexSpaceError
from ...core.i18n import tr, translate
from ...judges.report import Report
from ...storage.shared_results import TITLE_LENGTH, DeletionKey, SharedResults
from .. import render
from ..proxies import address
from ..routes.shared_result import link

KEEP_SECONDS = 3600.0
"""Seconds for which the page can make or delete a link. Afterwards, the key still deletes the result."""
WHAT = "The scores and this title are kept, without audio or file name. Anyone who has the link can see them."
MADE = (
    "Keep the key if you may want to delete the result after this page is closed. The key is not shown again. If this "
    "browser may keep it, the page of the link fills it in."
)
REMEMBER = """(link, key) => {
  if (!key || self !== top || document.querySelector("gradio-app[src]")) return;
  try { localStorage.setItem(`key of ${link.split("/").at(-1)}`, key); } catch { /* nothing may be kept */ }
}"""
"""Script that keeps a result's key in the browser. The page of the result, result.html, fills it in."""
DELETED = "Deleted. The link does not work any more."


@dataclass(frozen=True, eq=False)
class Finished:
    """Reports on a song that was scored to its end; none until then.

    Gradio uses a state's hash to see whether the state changed, and reports themselves have no hash.
    """

    reports: tuple[Report, ...] = ()


class SharePanel:
    """Components and events. The page sets the state `finished`."""

    def __init__(self, links: SharedResults) -> None:
        self._links = links
        self.finished = gr.State(Finished(), time_to_live=KEEP_SECONDS)
        self._receipt = gr.State(None, time_to_live=KEEP_SECONDS)
        with gr.Column(visible=False, elem_id="share-panel") as self._box:
            self._title = gr.Textbox(label="Title, if you like", info=WHAT, max_length=TITLE_LENGTH, max_lines=1)
            self._get = gr.Button("Get a link")
            self._link = gr.Textbox(label="Link", interactive=False, visible=False, buttons=["copy"], elem_id="link")
            self._key = gr.Textbox(
                label="Key that deletes it", interactive=False, visible=False, buttons=["copy"], elem_id="link-key"
            )
            self._note = gr.HTML()
            self._delete = gr.Button("Delete it", variant="stop", visible=False)
        self._events()

    def _events(self) -> None:
        kept = [self._title, self._get, self._link, self._key, self._note, self._delete, self._receipt]
        options: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        self.finished.change(self._offer, self.finished, [self._box, *kept], **options)
        made = self._get.click(self._make, [self.finished, self._title], kept, **options)
        made.then(None, [self._link, self._key], js=REMEMBER, api_visibility="private")
        self._delete.click(self._remove, self._receipt, kept, **options)

    def _offer(self, finished: Finished) -> tuple[Any, ...]:
        return gr.Column(visible=bool(finished.reports and self._links.most)), *_none("")

    def _make(self, finished: Finished, title: str, request: gr.Request) -> tuple[Any, ...]:
        assert request.request is not None  # the event came over HTTP
        try:
            receipt = self._links.add(finished.reports, title, address(request))
        except ApexSpaceError as error:
            return _refused(error)
        return (
            gr.Textbox(visible=False),
            gr.Button(visible=False),
            gr.Textbox(link(request.request, receipt.id), visible=True),
            gr.Textbox(receipt.key, visible=True),
            render.note(tr(MADE)),
            gr.Button(visible=True),
            receipt,
        )

    def _remove(self, receipt: DeletionKey | None) -> tuple[Any, ...]:
        try:
            if receipt is not None:
                self._links.delete(receipt.id, receipt.key)
        except ApexSpaceError as error:
            return _refused(error)
        return _none(render.note(tr(DELETED)))


def _refused(error: ApexSpaceError) -> tuple[Any, ...]:
    """Show the reason, and leave everything else as it is."""
    return *[gr.skip()] * 4, render.note(translate(str(error)), "error"), gr.skip(), gr.skip()


def _none(note: str) -> tuple[Any, ...]:
    """Show the panel without a link: before one is made, or after it was deleted."""
    hidden = gr.Textbox("", visible=False)
    title, get = gr.Textbox("", visible=True), gr.Button(visible=True)
    return title, get, hidden, hidden, note, gr.Button(visible=False), None
