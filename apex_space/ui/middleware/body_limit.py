"""Middleware that refuses bodies of requests that are too large or too slow, before anything is parsed."""

import asyncio

from fastapi.exceptions import RequestValidationError
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...core.i18n import tr

UPLOAD = "/gradio_api/upload"
CALL = "/gradio_api/call/v2/"
MAX_JSON_BYTES = 1_000_000
"""A request of a page has at most a few hundred thousand bytes: a list of 200 uploads, or a report of ten minutes."""
PATIENCE_SECONDS = 30.0
"""Largest time between two parts of a body."""


class BodyLimit:
    """Middleware that refuses a body of more than MAX_JSON_BYTES, or of more than `upload_bytes` for uploads.

    Files are taken by uploads alone. The answer is 413 (too large), 415 (files elsewhere) or 408 (too slow).
    """

    def __init__(self, app: ASGIApp, upload_bytes: int) -> None:
        self._uploads = RequestBodyLimitMiddleware(app, upload_bytes)
        self._others = RequestBodyLimitMiddleware(app, MAX_JSON_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._others(scope, receive, send)
            return
        upload = scope["path"].rstrip("/").endswith(UPLOAD)
        kind = dict(scope["headers"]).get(b"content-type", b"").strip().lower()
        if kind.startswith(b"multipart/") and not upload:
            await _refusal(415, tr("Files are taken by {path} alone.", path=UPLOAD))(scope, receive, send)
            return
        body = _Body(receive)
        try:
            await (self._uploads if upload else self._others)(scope, body.receive, send)
        except ClientDisconnect:
            if body.too_slow:
                text = tr("The request stopped in the middle. Send it again.")
                await _refusal(408, text)(scope, receive, send)


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
