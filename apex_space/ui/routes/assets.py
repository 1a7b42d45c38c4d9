"""Serves Gradio's scripts and style sheets: compressed, and for browsers to keep, as other content has another name."""

import gzip
from functools import cache
from pathlib import Path

import gradio as gr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

ASSETS = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
TEXTS = {".js": "text/javascript", ".css": "text/css"}
HEADERS = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}


def asset_route() -> Route:
    """Return the route of everything in Gradio's folder `assets`. It takes the place of Gradio's own."""
    names = frozenset(file.name for file in ASSETS.iterdir())

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in names:
            raise HTTPException(404)
        kind = TEXTS.get(Path(name).suffix)
        if kind and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(_compressed(name), media_type=kind, headers=HEADERS | {"content-encoding": "gzip"})
        return FileResponse(ASSETS / name, headers=HEADERS)

    return Route("/assets/{name}", serve)


@cache
def _compressed(name: str) -> bytes:
    """Compress a file once. All of them take 6 MB."""
    return gzip.compress((ASSETS / name).read_bytes(), mtime=0)
