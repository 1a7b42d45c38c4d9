"""Shows pages on foreign pages: `?view=arena` shows one page alone.

The panel in pages/embed_panel.py writes the snippet that embeds it.
"""

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
"""View and name of the page at the root. This page needs them because its path is empty."""


def embedding() -> dict[str, Any]:
    """Return the `routes` and the `middleware` that embedding needs, for `launch(app_kwargs=...)`."""
    return {
        "routes": [Route("/gradio.js", _loader), Route("/embed/{view}/config", _config)],
        "middleware": [Middleware(_OpenView)],
    }


class _OpenView:
    """Middleware that redirects `/?view=arena` to the page `/arena?view=arena`."""

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
    """Return view -> path of each page of the requested application."""
    return {path or MAIN: path for path, *_ in scope["app"].get_blocks().pages}


def _loader(request: Request) -> Response:
    """Serve Gradio's script for `<gradio-app>`, of the version that runs here, under a name that never changes."""
    return FileResponse(FRONTEND / "gradio.js", media_type="text/javascript", headers={"cache-control": "no-cache"})


async def _config(request: Request) -> Response:
    """Serve the configuration that `<gradio-app src=".../embed/arena">` requests.

    It has only one page, because `<gradio-app>` supports only one.
    """
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
