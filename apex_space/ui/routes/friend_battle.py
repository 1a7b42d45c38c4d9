"""Serves blind battles for friends: the page `/b/{id}`, its clips, its votes and its deletion.

Nothing that the page gets before the vote tells which song is which. No cookie is set: a friend's browser remembers a
random text, and votes once with it.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ...arena.friends import FriendBattles
from ...core.errors import AlreadyVoted, ApexSpaceError, LinkError, TooFast, VoteRefused
from ...core.i18n import tr, translate
from ...core.settings import settings
from ...plots.card import HEIGHT, WIDTH
from ...storage.friend_battles import PART_BYTES, FriendBattle, FriendClip
from ..pages.arena import ELSEWHERE, SIDES, TEXTS, VOTES
from ..previews import FRIENDS
from ..proxies import address, is_from_elsewhere
from ..render import friends as render_friends
from ..static_files import TEMPLATES, read_static
from .battle_audio import NOT_KEPT
from .shared_result import deletion, headers, link, notice, read_body, render, status_of

PAGE = TEMPLATES.get_template("friends.html")
LOOKS = [read_static(name) for name in ("result.css", "style.css", "battle.css", "friends.css")]
STYLE = "{}\n{}\n#battle {{ {} }}\n{}".format(*LOOKS)
SCRIPTS = ("battle_players.js", "battle_status.js", "friends.js")
BEGINNING = """(() => {
const element = document.querySelector("#battle");
const props = JSON.parse(element.dataset.props);"""
"""What Gradio gives to the scripts on the Arena page."""
SCRIPT = "\n".join((BEGINNING, *map(read_static, SCRIPTS), "})();", read_static("result.js")))
HEADERS = headers(STYLE, SCRIPT, "media-src 'self'; connect-src 'self'; ")
CHOICES = (*VOTES[:2], ("tie", "T", "Cannot decide"))
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")
DELETED = "The battle was deleted here, with both songs and all votes."


class FriendBattleRoutes:
    """Serves battles for friends. `routes` is for `launch(app_kwargs={"routes": [...]})`."""

    def __init__(self, friends: FriendBattles) -> None:
        self._friends = friends
        self.routes = [
            Route("/b/{id}", self._page),
            Route("/b/{id}/{clip}.mp3", self._clip),
            Route("/b/{id}/vote", self._vote, methods=["POST"]),
            Route("/b/{id}/votes", self._votes, methods=["POST"]),
            Route("/b/{id}/delete", self._delete, methods=["POST"]),
        ]

    def _page(self, request: Request) -> Response:
        id = request.path_params["id"]
        try:
            battle = self._friends.store.get(id)
        except ApexSpaceError as error:
            return notice(request, tr("No battle"), error)
        texts = {name: translate(text) for name, text in TEXTS.items()}
        props = {
            "clips": sorted(clip.id for clip in battle.clips),
            "listen": settings().listening_seconds,
            "texts": texts,
        }
        page = render(
            request,
            PAGE,
            "../",
            style=Markup(STYLE),
            script=Markup(SCRIPT),
            title=tr(FRIENDS.title),
            sentence=tr(FRIENDS.sentence),
            id=id,
            url=link(request, id, "b"),
            picture=link(request, "b.png", "preview"),
            size=(WIDTH, HEIGHT),
            props=json.dumps(props, ensure_ascii=False),
            texts=texts,
            sides=[{name: translate(text) for name, text in side.items()} for side in SIDES],
            votes=[(winner, key, translate(label)) for winner, key, label in CHOICES],
            seconds=f"{props['listen']:g}",
            until=f"{datetime.fromtimestamp(battle.until, UTC):%Y-%m-%d %H:%M}",
        )
        return HTMLResponse(page, 200, HEADERS)

    def _clip(self, request: Request) -> Response:
        """Serve a clip or a range of it. Its address is as random as everything else about it."""
        if is_from_elsewhere(request):
            return PlainTextResponse(tr("Listen to this song on its own page."), 403, NOT_KEPT)
        try:
            battle = self._friends.store.get(request.path_params["id"])
        except ApexSpaceError as error:
            return PlainTextResponse(translate(str(error)), status_of(error), NOT_KEPT)
        clip = next((clip for clip in battle.clips if clip.id == request.path_params["clip"]), None)
        if clip is None:
            return PlainTextResponse(tr("There is nothing here."), 404, NOT_KEPT)
        asked = RANGE.fullmatch(request.headers.get("range", ""))
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]) + 1 if asked and asked[2] else clip.bytes, clip.bytes)
        if start >= end:
            return Response(None, 416, NOT_KEPT | {"content-range": f"bytes */{clip.bytes}"})
        stamps = NOT_KEPT | {"accept-ranges": "bytes", "content-length": str(end - start)}
        if asked:
            stamps["content-range"] = f"bytes {start}-{end - 1}/{clip.bytes}"
        sound = self._sound(battle, clip, start, end)
        return StreamingResponse(sound, 206 if asked else 200, stamps, media_type="audio/mpeg")

    def _sound(self, battle: FriendBattle, clip: FriendClip, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes of a clip. What was deleted meanwhile is silence: its length was promised."""
        while start < end:
            place, offset = divmod(start, PART_BYTES)
            length = min(end - start, PART_BYTES - offset)
            part = self._friends.store.part(battle.id, clip.id, place)
            yield part[offset : offset + length].ljust(length, b"\0")
            start += length

    async def _vote(self, request: Request) -> Response:
        return await self._answered(request, self._take)

    async def _votes(self, request: Request) -> Response:
        return await self._answered(request, lambda request, sent: {})

    async def _delete(self, request: Request) -> Response:
        return await deletion(request, self._friends.store.delete, tr(DELETED))

    def _take(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """Take a vote. A second one of the same browser, as from another tab, is answered with the first one."""
        voter, key, choice = (_text(sent.get(name)) for name in ("voter", "key", "choice"))
        heard: Any = sent.get("heard")
        try:
            self._friends.vote(request.path_params["id"], voter, key, choice, heard, address(request))
        except AlreadyVoted as error:
            return {"said": translate(str(error))}
        return {}

    async def _answered(
        self, request: Request, work: Callable[[Request, dict[str, Any]], dict[str, Any]]
    ) -> JSONResponse:
        """Do the `work`, and answer with the votes so far for those who may see them, or why it is refused."""
        if is_from_elsewhere(request):
            return JSONResponse({"refused": tr(ELSEWHERE)}, 403, NOT_KEPT)
        sent = _parsed(await read_body(request))

        def answer() -> dict[str, Any]:
            more = work(request, sent)
            return self._reveal(request, sent) | more

        try:
            return JSONResponse(await run_in_threadpool(answer), 200, NOT_KEPT)
        except ApexSpaceError as error:
            gone = isinstance(error, LinkError)
            status = 429 if isinstance(error, TooFast) else 403 if isinstance(error, VoteRefused) else status_of(error)
            return JSONResponse({"refused": translate(str(error)), "gone": gone}, status, NOT_KEPT)

    def _reveal(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        found = self._friends.reveal(request.path_params["id"], _text(sent.get("voter")), _text(sent.get("key")))
        if found is None:
            return {}
        named = zip(found.battle.clips, render_friends.titles(found.battle), strict=True)
        return {
            "said": render_friends.said(found),
            "shown": render_friends.votes(found),
            "titles": {clip.id: title for clip, title in named},
            "owner": found.choice is None,
        }


def _parsed(body: bytes | None) -> dict[str, Any]:
    """Return the object that the page's script sent, or an empty one."""
    try:
        sent = json.loads(body or b"")
    except (ValueError, RecursionError):
        return {}
    return sent if isinstance(sent, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
