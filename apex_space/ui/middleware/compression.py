"""Middleware that compresses pages and what they show, which are four to six times as large otherwise."""

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

RUN = "/gradio_api/run/"


class CompressPages:
    """Middleware that compresses what a browser opens as a page, and the answers of events without a queue.

    Sounds, parts of files and streams are left alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._compressing = app, GZipMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        is_page = "text/html" in headers.get("accept", "") and "range" not in headers
        is_answer = scope["type"] == "http" and RUN in scope["path"]
        await (self._compressing if is_page or is_answer else self._app)(scope, receive, send)
