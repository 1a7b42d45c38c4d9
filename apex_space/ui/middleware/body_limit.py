"""Middleware that refuses bodies of requests that are too large or too slow, before anything is parsed."""

import asyncio
from collections.abc import Callable

from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...core.i18n import tr
from ...core.settings import settings

UPLOAD = "/gradio_api/upload"
CALL = "/gradio_api/call/v2/"
MAX_JSON_BYTES = 1_000_000
"""A request of a page has at most a few hundred thousand bytes: a list of 200 uploads, or a report of ten minutes."""
PATIENCE_SECONDS = 30.0
"""Largest time between two parts of a body."""


class BodyLimit:
    """Middleware that refuses a body of more than MAX_JSON_BYTES, or of more than APEX_UPLOAD_MEGABYTES for uploads.

    Files are taken by uploads alone, while `room` returns a number of bytes above 0. The answer is 413 (too large), 415
    (files elsewhere), 408 (too slow) or 507 (no room).
    """

    def __init__(self, app: ASGIApp, room: Callable[[], int]) -> None:
        self._app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = scope["path"].rstrip("/").endswith(UPLOAD)
        kind = dict(scope["headers"]).get(b"content-type", b"").strip().lower()
        if kind.startswith(b"multipart/") and not upload:
            await _refusal(415, tr("Files are taken by {path} alone.", path=UPLOAD))(scope, receive, send)
            return
        most = await self._most_uploaded() if upload else MAX_JSON_BYTES
        if most <= 0:
            text = tr("The server has no room for more songs now. Try again in some minutes.")
            await _refusal(507, text)(scope, receive, send)
            return
        body = _Body(receive)
        try:
            await RequestBodyLimitMiddleware(self._app, most)(scope, body.receive, send)
        except ClientDisconnect:
            if body.too_slow:
                text = tr("The request stopped in the middle. Send it again.")
                await _refusal(408, text)(scope, receive, send)

    async def _most_uploaded(self) -> int:
        return min(int(settings().upload_megabytes * 1_000_000), await run_in_threadpool(self._room))


class _Body:
    """A request's body. If its next part is too slow, the application is told that the visitor has left."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._complete = receive, False
        self.too_slow = False

    async def receive(self) -> Message:
        """Return the next part of the body. After the last part, wait until the visitor leaves."""
        if self._complete:
            return await self._receive()
        message: Message = {"type": "http.disconnect"}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            self.too_slow = True
        self._complete = not message.get("more_body", False)
        return message


async def invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a request whose body does not fit. FastAPI's own answer would contain the body.

    For calls by name (`/call/v2/`), Gradio 6.31 raises KeyError for the name of no function, and TypeError for its
    arguments.
    """
    if not isinstance(error, RequestValidationError) and CALL not in request.url.path:
        raise error
    return _refusal(422, tr("The request's body does not fit. See /gradio_api/info."))


def _refusal(status: int, text: str) -> JSONResponse:
    return JSONResponse({"detail": text}, status, {"connection": "close"})
