"""Lets friends vote blind between two songs that were compared. No song is kept before the button is pressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ...arena.friends import FriendBattles
from ...core.i18n import tr
from ...core.settings import settings
from ...core.text import sanitize
from ...preference.compare import SIDE_NAMES
from ...storage.shared_results import TITLE_LENGTH, DeletionKey
from ..requests import Requests, lacks
from ..translation import fill
from .share_panel import LinkPanel

WHAT = (
    "Would your friends agree? They get a link, hear both songs without names, and vote. After that they see the "
    "titles that you give. For this, both songs are kept for {hours:g} hours, cut to the length of the shorter one. "
    "Anyone who has the link can hear them. You can delete them earlier. The votes never count on the leaderboard."
)
MADE = (
    "Send the link to friends. Open it yourself to see their votes or to delete everything at once. This needs the "
    "key, which this browser remembers if it may. Keep the key for other browsers. It is not shown again."
)


@dataclass(frozen=True)
class Compared:
    """The files of song A and song B that were compared; none until then."""

    a: str = ""
    b: str = ""


class FriendsPanel(LinkPanel):
    """Makes a blind battle of the songs that were compared. The page sets the state `finished`."""

    folder, link_id = "b", "friends-link"

    def __init__(self, friends: FriendBattles, requests: Requests) -> None:
        self._friends, self._requests = friends, requests
        super().__init__(Compared(), "friends", "Let friends vote blind")

    def _ask(self) -> list[gr.Textbox]:
        gr.Markdown(fill(WHAT, hours=settings().friend_hours), elem_classes="promise")
        with gr.Row():
            return [
                gr.Textbox(label=fill("Title of {side}", side=side), max_length=TITLE_LENGTH, max_lines=1)
                for side in SIDE_NAMES.values()
            ]

    def _suggest(self, finished: Compared) -> Sequence[str] | None:
        if not (finished.a and self._friends.most):
            return None
        return [sanitize(Path(song).stem, TITLE_LENGTH) for song in (finished.a, finished.b)]

    def _making(self) -> dict[str, Any]:
        return {"validator": self._claim, "show_progress_on": self._note, "api_visibility": "private"}

    def _claim(self, finished: Compared, *titles: str) -> list[dict[str, Any]]:
        """Check and claim the songs before the queue, so that nothing deletes a song while it waits."""
        songs = finished.a, finished.b
        lacking = [lacks(side, song, known=False) for side, song in zip(SIDE_NAMES.values(), songs, strict=True)]
        refused = " ".join(filter(None, lacking))
        if not refused:
            self._requests.claim(*songs)
        return [gr.validate(not refused, refused), *(gr.validate(True, "") for _ in titles)]

    def _keep(self, finished: Compared, titles: Sequence[str], sender: str) -> DeletionKey:
        return self._friends.make(Path(finished.a), Path(finished.b), titles, sender)

    def _drop(self, receipt: DeletionKey) -> None:
        self._friends.store.delete(receipt.id, receipt.key)

    def _made(self) -> str:
        return tr(MADE)
