"""Serves shared results: the page `/r/{id}`, its picture and its deletion. They work without scripts and cookies."""

import asyncio
import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ... import __version__, plots
from ...core.errors import ApexSpaceError, StoreError, WrongKey
from ...core.i18n import best_of, language, tr, translate
from ...plots.card import HEIGHT, SITE, WIDTH
from ...storage.shared_results import SharedResults
from ..previews import FONTS
from ..proxies import forwarded
from ..render.result import UNTITLED, day, result, summary
from ..static_files import STATIC, read_static

FILES = FileSystemLoader(STATIC)
PAGE = Environment(loader=FILES, autoescape=True, trim_blocks=True).get_template("result.html")
STYLE = "\n".join(read_static(name) for name in ("result.css", "style.css"))
SCRIPT = read_static("result.js")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS = {
    "cache-control": "private, no-cache",
    # Other sites may show the page in a frame: no click on it that a stranger provokes has an effect.
    "content-security-policy": f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; "
    "img-src 'self'; form-action 'self'; base-uri 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
FOR_EVER = "public, max-age=31536000, immutable"
DRAWN_AT_ONCE, MAX_PICTURES = 2, 32
"""Maximum of pictures drawn at once, and the same with waiting ones. Further requests are told to try again."""
MAX_BYTES = 1000
"""Maximum size in bytes of the form with the key."""
DELETED = "The result was deleted here. Other sites may still have copies of its picture."
HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,10})(:\d{1,5})?")


class SharedResultRoutes:
    """Serves shared results. `routes` is for `launch(app_kwargs={"routes": [...]})`."""

    def __init__(self, links: SharedResults) -> None:
        self._links = links
        self._drawing, self._asked = asyncio.Semaphore(DRAWN_AT_ONCE), 0
        self.routes = [
            Route("/r/{id}.png", self._picture),
            Route("/r/{id}", self._page),
            Route("/r/{id}/delete", self._delete, methods=["POST"]),
        ]

    def _page(self, request: Request) -> Response:
        id = request.path_params["id"]
        try:
            found = self._links.get(id)
        except ApexSpaceError as error:
            return _notice(request, tr("No result"), error)
        scores, details = map(Markup, result(found))
        return answer(
            request,
            200,
            title=found.title or tr(UNTITLED),
            id=id,
            url=link(request, id),
            scores=scores,
            details=details,
            summary=summary(found),
            day=day(found),
            size=(WIDTH, HEIGHT),
        )

    async def _picture(self, request: Request) -> Response:
        if self._asked >= MAX_PICTURES:
            return PlainTextResponse("Many pictures are being drawn. Try again in a second.", 503, {"retry-after": "1"})
        self._asked += 1
        try:
            async with self._drawing:
                return await run_in_threadpool(self._drawn, request)
        finally:
            self._asked -= 1

    def _drawn(self, request: Request) -> Response:
        id = request.path_params["id"]
        try:
            found = self._links.get(id)
        except ApexSpaceError as error:
            return PlainTextResponse(translate(str(error)), _status(error), HEADERS)
        stamps = {"etag": f'"{id}-{__version__}"', "cache-control": FOR_EVER}
        if request.headers.get("if-none-match") == stamps["etag"]:
            return Response(None, 304, HEADERS | stamps)
        return Response(plots.card(found.title, found.reports, FONTS), 200, HEADERS | stamps, "image/png")

    async def _delete(self, request: Request) -> Response:
        form = b""
        async for chunk in request.stream():
            form += chunk
            if len(form) > MAX_BYTES:
                return _notice(request, tr("Not deleted"), WrongKey("This is not a key: it is too long."), "../../")
        (key, *_) = parse_qs(form.decode("ascii", "replace")).get("key", [""])
        try:
            await run_in_threadpool(self._links.delete, request.path_params["id"], key.strip())
        except ApexSpaceError as error:
            return _notice(request, tr("Not deleted"), error, "../../")
        return answer(request, 200, title=tr("Deleted"), message=tr(DELETED), home="../../")


def link(request: Request, id: str) -> str:
    """Return the absolute address of a result's page, or only its path if the request names no valid host.

    The scheme and the host come from the server's `root_path` if it has them, or else from the request. Behind trusted
    proxies, they come from the request that the outermost trusted proxy got.
    """
    root = str(request.scope.get("root_path", "")).rstrip("/")
    scheme = forwarded(request, "proto") or request.scope["scheme"]
    host = forwarded(request, "host") or request.headers.get("host", "")
    if not re.match("https?://", root) and scheme in ("http", "https") and HOST.fullmatch(host):
        root = f"{scheme}://{host}{root}"
    return f"{root}/r/{id}"


def _notice(request: Request, title: str, error: ApexSpaceError, home: str = "../") -> Response:
    return answer(request, _status(error), home, title=title, message=translate(str(error)))


def answer(request: Request, status: int, home: str = "../", **shown: Any) -> Response:
    """Return a page with the `shown` values. `home` is its link to the first page.

    The link names the language if the browser itself asks for another one.
    """
    tag = language()
    if tag != best_of(request.headers.get("accept-language", "")):
        home += f"?lang={tag}"
    texts = {"site": SITE, "style": Markup(STYLE), "script": Markup(SCRIPT), "home": home, "lang": tag, "tr": tr}
    return HTMLResponse(PAGE.render(texts | shown), status, HEADERS)


def _status(error: ApexSpaceError) -> int:
    if isinstance(error, StoreError):
        return 503
    return 403 if isinstance(error, WrongKey) else 404
