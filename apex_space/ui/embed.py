"""Pages on foreign pages: `?view=arena` is a page alone, and a panel writes the snippet that embeds it."""

import json
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

from ..language import language, languages, tr
from ..plots.card import SITE

HERE = Path(__file__).parent
FRONTEND = Path(gr.__file__).parent / "templates" / "frontend"
MAIN, MAIN_NAME = "score", "Score"
"""View and name of the page at the root, which has no path of its own to be called by."""
HEAD = f"""<script>
if (window.__gradio_mode__ === "app") {{
  const view = new URLSearchParams(location.search).get("view");
  if (view && gradio_config.pages.some(([path]) => (path || {json.dumps(MAIN)}) === view)) {{
    document.documentElement.classList.add("alone");
    document.querySelector("base").target = "_blank";
  }}
}}
</script>"""
"""A page that was asked for as a view says so to the style sheet, which hides what surrounds it; its links open outside
the frame."""
TEXTS = {
    "what": "Show one of these pages on a page of yours. It needs no cookie and no storage of its visitors' browsers.",
    "page": "Page",
    "theme": "Theme",
    "system": "Auto: as the visitor's system",
    "light": "Light",
    "dark": "Dark",
    "language": "Language",
    "browser": "Auto: as the visitor's browser",
    "height": "Height in pixels",
    "form": "Form",
    "frame": "iframe: works everywhere",
    "element": "gradio-app: part of your page",
    "snippet": "Snippet",
    "copy": "Copy",
    "copied": "Copied.",
    "selected": "Selected: press Ctrl+C or ⌘C.",
    "preview": "Preview",
    "previewed": "Preview of the snippet",
}


def embed_panel() -> None:
    """At the foot of a page: what to paste into another site to show this page, or any other one, there."""
    with gr.Accordion("Embed", open=False, elem_id="embed"):
        gr.HTML(
            html_template=_text("embed.html"),
            css_template=_text("embed.css"),
            js_on_load=_text("embed.js"),
            apply_default_css=False,
            site=SITE,
            main=MAIN,
            mainName=MAIN_NAME,
            texts=TEXTS,
            languages=[{"tag": tag, "name": name} for tag, name in languages().items()],
        )


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


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
