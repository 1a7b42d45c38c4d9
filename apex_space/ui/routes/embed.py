"""Pages on foreign pages: `?view=arena` is a page alone, and a panel writes the snippet that embeds it."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
import httpx
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ...core.i18n import language, tr

FRONTEND = Path(gr.__file__).parent / "templates" / "frontend"
MAIN, MAIN_NAME = "score", "Score"
"""View and name of the page at the root, which has no path of its own to be called by."""


def embedding() -> dict[str, Any]:
    """What `launch(app_kwargs=...)` needs for it: `routes` and `middleware`."""
    return {
        "routes": [Route("/gradio.js", _loader), Route("/embed/{view}/config", _config)],
        "middleware": [Middleware(_OpenView)],
    }


class _OpenView:
    """`/?view=arena` leads to the page `/arena?view=arena`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _path(scope):
            query = scope["query_string"].decode("latin-1")
            (view, *_) = parse_qs(query).get("view", [""])
            if view in _pages(scope) and _pages(scope)[view]:
                await RedirectResponse(f"{view}?{query}")(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _path(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(scope.get("root_path", "")).strip("/")


def _pages(scope: Scope) -> dict[str, str]:
    """View -> path of each page of the application that was asked."""
    return {path or MAIN: path for path, *_ in scope["app"].get_blocks().pages}


def _loader(request: Request) -> Response:
    """Gradio's own script for `<gradio-app>`: under a name that stays, of the version that runs here."""
    return FileResponse(FRONTEND / "gradio.js", media_type="text/javascript", headers={"cache-control": "no-cache"})


async def _config(request: Request) -> Response:
    """What `<gradio-app src=".../embed/arena">` asks for: it knows of one page only, and so that is the only one."""
    pages, view = _pages(request.scope), request.path_params["view"]
    if view not in pages:
        return PlainTextResponse(tr("There is no such view. The views are: {views}.", views=", ".join(pages)), 404)
    site = request.scope["path"].rsplit("/embed/", 1)[0]
    transport = httpx.ASGITransport(request.app, root_path=request.scope.get("root_path", ""))
    headers = dict(request.headers) | {"accept-encoding": "identity"}
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=headers) as client:
        answer = await client.get(f"{site}/config", params={"page": pages[view], "lang": language()})
    config = answer.json()
    alone = {"page": {"": config["page"][pages[view]]}, "pages": config["pages"][:1], "current_page": ""}
    return JSONResponse(config | alone)
