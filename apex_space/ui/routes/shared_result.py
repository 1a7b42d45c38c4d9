"""Serves shared results: the page `/r/{id}`, its picture, its reports to print and its deletion.

They work without scripts and cookies.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Template
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ... import __version__, plots
from ...core.errors import ApexSpaceError, StoreError, UnknownLink, WrongKey
from ...core.i18n import best_of, language, tr, translate
from ...plots.card import HEIGHT, SITE, WIDTH
from ...storage.shared_results import SharedResults
from ..previews import FONTS
from ..proxies import forwarded
from ..render.result import UNTITLED, day, result, summary, titled
from ..render.take_along import STYLE as PRINTED_STYLE
from ..render.take_along import labels, printed
from ..static_files import TEMPLATES, read_static

PAGE = TEMPLATES.get_template("result.html")
STYLE = "\n".join(read_static(name) for name in ("result.css", "style.css"))
SCRIPT = read_static("result.js")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def headers(style: str, script: str, more: str = "") -> dict[str, str]:
    """Return the headers of a page with one style sheet and one script. `more` is what else the page may load."""
    return {
        "cache-control": "private, no-cache",
        # Other sites may show the page in a frame: no click on it that a stranger provokes has an effect.
        "content-security-policy": f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        f"img-src 'self'; {more}form-action 'self'; base-uri 'none'",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex",
    }


HEADERS = headers(STYLE, SCRIPT)
PRINTED_HEADERS = headers(PRINTED_STYLE, "")
FOR_EVER = "public, max-age=31536000, immutable"
DRAWN_AT_ONCE, MAX_PICTURES = 2, 32
"""Maximum of pictures drawn at once, and the same with waiting ones. Further requests are told to try again."""
MAX_BYTES = 1000
"""Maximum size in bytes of a body: a form with a key, or a vote."""
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
            Route("/r/{id}/{judge}.html", self._printed),
            Route("/r/{id}/delete", self._delete, methods=["POST"]),
        ]

    def _page(self, request: Request) -> Response:
        id = request.path_params["id"]
        try:
            found = self._links.get(id)
        except ApexSpaceError as error:
            return notice(request, tr("No result"), error)
        scores, details = map(Markup, result(found))
        return answer(
            request,
            200,
            title=found.title or tr(UNTITLED),
            id=id,
            url=link(request, id),
            scores=scores,
            details=details,
            printable=labels(found.reports),
            summary=summary(found),
            day=day(found),
            size=(WIDTH, HEIGHT),
        )

    def _printed(self, request: Request) -> Response:
        """Answer with the page to print of one of the result's judges, which is the one of the Score page."""
        id = request.path_params["id"]
        try:
            found = self._links.get(id)
            reports = {report.judge: report for report in titled(found)}
            if (judge := request.path_params["judge"]) not in reports:
                raise UnknownLink("This result has no report by this judge.")
        except ApexSpaceError as error:
            return notice(request, tr("No result"), error, "../../")
        return HTMLResponse(printed(reports[judge], link(request, id)), headers=PRINTED_HEADERS)

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
            return PlainTextResponse(translate(str(error)), status_of(error), HEADERS)
        stamps = {"etag": f'"{id}-{__version__}-{language()}"', "cache-control": FOR_EVER}
        if request.headers.get("if-none-match") == stamps["etag"]:
            return Response(None, 304, HEADERS | stamps)
        return Response(plots.card(found.title, found.reports, FONTS), 200, HEADERS | stamps, "image/png")

    async def _delete(self, request: Request) -> Response:
        return await deletion(request, self._links.delete, tr(DELETED))


async def deletion(request: Request, delete: Callable[[str, str], None], deleted: str) -> Response:
    """Answer the form that deletes what is at the path's id, by the key in the form. Say `deleted` afterwards."""
    form = await read_body(request)
    (key, *_) = parse_qs((form or b"").decode("ascii", "replace")).get("key", [""])
    try:
        if form is None:
            raise WrongKey("This is not a key: it is too long.")
        await run_in_threadpool(delete, request.path_params["id"], key.strip())
    except ApexSpaceError as error:
        return notice(request, tr("Not deleted"), error, "../../")
    return answer(request, 200, title=tr("Deleted"), message=deleted, home="../../")


async def read_body(request: Request) -> bytes | None:
    """Return the body of a request, or None as soon as it has more than MAX_BYTES."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            return None
    return body


def link(request: Request, id: str, kind: str = "r") -> str:
    """Return the absolute address of a result's page, or only its path if the request names no valid host.

    `kind` is the folder of the page: b for a battle.
    """
    return f"{root_address(request)}/{kind}/{id}"


def root_address(request: Request) -> str:
    """Return the absolute address of the site without a slash, or only its path if the request names no valid host.

    The scheme and the host come from the server's `root_path` if it has them, or else from the request. Behind trusted
    proxies, they come from the request that the outermost trusted proxy got.
    """
    root = str(request.scope.get("root_path", "")).rstrip("/")
    scheme = forwarded(request, "proto") or request.scope["scheme"]
    host = forwarded(request, "host") or request.headers.get("host", "")
    if not re.match("https?://", root) and scheme in ("http", "https") and HOST.fullmatch(host):
        root = f"{scheme}://{host}{root}"
    return root


def notice(request: Request, title: str, error: ApexSpaceError, home: str = "../") -> Response:
    """Return a page that shows an error."""
    return answer(request, status_of(error), home, title=title, message=translate(str(error)))


def answer(request: Request, status: int, home: str = "../", **shown: Any) -> Response:
    """Return a page of a result or a message, with the `shown` values. `home` is its link to the first page."""
    shown |= {"style": Markup(STYLE), "script": Markup(SCRIPT)}
    return HTMLResponse(render(request, PAGE, home, **shown), status, HEADERS)


def render(request: Request, page: Template, home: str, **shown: Any) -> str:
    """Return a page's HTML.

    The link names the language if the browser itself asks for another one.
    """
    tag = language()
    if tag != best_of(request.headers.get("accept-language", "")):
        home += f"?lang={tag}"
    return page.render({"site": SITE, "home": home, "lang": tag, "tr": tr} | shown)


def status_of(error: ApexSpaceError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, StoreError):
        return 503
    return 403 if isinstance(error, WrongKey) else 404
