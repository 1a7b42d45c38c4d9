"""Shares a result under a link, and deletes it again. Nothing is stored before the button is pressed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
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
from . import inputs

WHAT = "The scores and this title are kept, without audio or file name. Anyone who has the link can see them."
MADE = (
    "Keep the key if you may want to delete the result after this page is closed. The key is not shown again. If this "
    "browser may keep it, the page of the link fills it in."
)
REMEMBER = """(link, key) => {
  if (!key || self !== top || document.querySelector("gradio-app[src]")) return;
  try { localStorage.setItem(`key of ${link.split("/").at(-1)}`, key); } catch { /* nothing may be kept */ }
}"""
"""Script that keeps a key in the browser. The page of the link, with the script result.js, fills it in."""
DELETED = "Deleted. The link does not work any more."
SILENT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


class LinkPanel(ABC):
    """Components and events that put what the page has `finished` under a link, and delete it again.

    The page sets the state `finished`. Gradio sees by its hash whether it changed. Classes below this one say what is
    kept.
    """

    folder, link_id = "r", "link"
    """Folder of the page of a link, and id of the component that shows the link."""

    def __init__(self, nothing: Any, name: str, button: str) -> None:
        self.finished = gr.State(nothing, time_to_live=inputs.KEEP_SECONDS)
        copied: dict[str, Any] = {"interactive": False, "visible": False, "buttons": ["copy"]}
        with gr.Column(visible=False, elem_id=f"{name}-panel") as self._box:
            self._titles = self._ask()
            self._get = gr.Button(button)
            self._link = gr.Textbox(label="Link", elem_id=self.link_id, **copied)
            self._key = gr.Textbox(label="Key that deletes it", elem_id=f"{self.link_id}-key", **copied)
            self._note = gr.HTML()
            self._delete = gr.Button("Delete it", variant="stop", visible=False)
        self._events()

    @abstractmethod
    def _ask(self) -> list[gr.Textbox]:
        """Make the inputs for titles. The first one says what is kept."""

    @abstractmethod
    def _suggest(self, finished: Any) -> Sequence[str] | None:
        """Return the titles that are there at first, or None if nothing can be put under a link."""

    @abstractmethod
    def _keep(self, finished: Any, titles: Sequence[str], sender: str) -> DeletionKey:
        """Store what a visitor at the address `sender` asked for. Raises ApexSpaceError."""

    @abstractmethod
    def _drop(self, receipt: DeletionKey) -> None:
        """Delete it. Raises ApexSpaceError."""

    @abstractmethod
    def _made(self) -> str:
        """Return what to do with the link and the key."""

    def _making(self) -> dict[str, Any]:
        """Return the options of the event that makes the link."""
        return SILENT

    def _events(self) -> None:
        kept = [*self._titles, self._get, self._link, self._key, self._note, self._delete]
        self._offered = [self._box, *kept]
        self.finished.change(self._offer, self.finished, self._offered, **SILENT)
        made = self._get.click(self._make, [self.finished, *self._titles], kept, **self._making())
        made.then(None, [self._link, self._key], js=REMEMBER, api_visibility="private")
        # The page says which link, because the session may be gone, for instance if the server was started again.
        self._delete.click(self._remove, [self.finished, self._link, self._key], kept, **SILENT)

    def offer_after(self, event: Any) -> None:
        """Offer what is `finished` then. An event outside the queue needs this: its change of a state triggers none."""
        event.then(self._offer, self.finished, self._offered, **SILENT)

    def _offer(self, finished: Any) -> tuple[Any, ...]:
        return gr.Column(visible=self._suggest(finished) is not None), *self._none(finished, "")

    def _make(self, request: gr.Request, finished: Any, *titles: str) -> tuple[Any, ...]:
        assert request.request is not None  # the event came over HTTP
        try:
            receipt = self._keep(finished, titles, address(request))
        except ApexSpaceError as error:
            return self._refused(error)
        return (
            *(gr.Textbox(visible=False) for _ in self._titles),
            gr.Button(visible=False),
            gr.Textbox(link(request.request, receipt.id, self.folder), visible=True),
            gr.Textbox(receipt.key, visible=True),
            render.note(self._made()),
            gr.Button(visible=True),
        )

    def _remove(self, finished: Any, link: str | None, key: str | None) -> tuple[Any, ...]:
        try:
            self._drop(DeletionKey((link or "").rpartition("/")[2], key or ""))
        except ApexSpaceError as error:
            return self._refused(error)
        return self._none(finished, render.note(tr(DELETED)))

    def _refused(self, error: ApexSpaceError) -> tuple[Any, ...]:
        """Show the reason, and leave everything else as it is."""
        same = [gr.skip()] * (len(self._titles) + 3)
        return *same, render.note(translate(str(error)), "error"), gr.skip()

    def _none(self, finished: Any, note: str) -> tuple[Any, ...]:
        """Show the panel without a link: before one is made, or after it was deleted."""
        titles = self._suggest(finished) or [""] * len(self._titles)
        hidden = gr.Textbox("", visible=False)
        shown = [gr.Textbox(title, visible=True) for title in titles]
        return *shown, gr.Button(visible=True), hidden, hidden, note, gr.Button(visible=False)


@dataclass(frozen=True, eq=False)
class Finished:
    """Reports on the upload `song`, which was scored to its end; none until then. Reports themselves have no hash."""

    reports: tuple[Report, ...] = ()
    song: str = ""

    def refusal(self, song: str | None) -> str:
        """Return why nothing can be done with the song in the player by these reports, or an empty text."""
        if not self.reports:
            return tr("These scores are no longer on the server. Score the song again.")
        return tr("The scores on this page are of another song. Score this one first.") if song != self.song else ""


class SharePanel(LinkPanel):
    """Shares reports on a song, without the song."""

    def __init__(self, links: SharedResults) -> None:
        self._links = links
        super().__init__(Finished(), "share", "Get a link")

    def _ask(self) -> list[gr.Textbox]:
        return [gr.Textbox(label="Title, if you like", info=WHAT, max_length=TITLE_LENGTH, max_lines=1)]

    def _suggest(self, finished: Finished) -> Sequence[str] | None:
        return [""] if finished.reports and self._links.most else None

    def _keep(self, finished: Finished, titles: Sequence[str], sender: str) -> DeletionKey:
        return self._links.add(finished.reports, titles[0], sender)

    def _drop(self, receipt: DeletionKey) -> None:
        self._links.delete(receipt.id, receipt.key)

    def _made(self) -> str:
        return tr(MADE)
