"""Middleware that refuses bodies of requests that are too large or too slow, before anything is parsed."""

import asyncio
import errno
import json

from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...core.i18n import tr
from ...core.settings import settings
from ..proxies import network
from ..uploads import Uploads

UPLOAD = "/gradio_api/upload"
CALL = "/gradio_api/call/v2/"
MAX_JSON_BYTES = 1_000_000
"""A request of a page has at most a few hundred thousand bytes: a list of 200 uploads, or a report of ten minutes."""
FULL = (errno.ENOSPC, errno.EDQUOT)
LEFT: Message = {"type": "http.disconnect"}
COUNTED_BYTES = 1_000_000
"""Bytes of an upload after which its room is looked up again."""
PATIENCE_SECONDS = 30.0
"""Largest time between two parts of a body."""


class BodyLimit:
    """Middleware that refuses a body of more than MAX_JSON_BYTES, or of more than APEX_UPLOAD_MEGABYTES for uploads.

    Files are taken by uploads alone, while `uploads` have room for their sender. The answer is 413 (too large), 415
    (files elsewhere), 408 (too slow) or 507 (no room).
    """

    def __init__(self, app: ASGIApp, uploads: Uploads) -> None:
        self._app, self._uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        upload = scope["path"].rstrip("/").endswith(UPLOAD)
        if headers.get("content-type", "").strip().lower().startswith("multipart/") and not upload:
            await _refusal(415, tr("Files are taken by {path} alone.", path=UPLOAD))(scope, receive, send)
        elif upload:
            await self._take_upload(scope, receive, send, headers.get("content-length", ""))
        else:
            await self._take(scope, _Body(receive), send, MAX_JSON_BYTES)

    async def _take(self, scope: Scope, body: "_Body", send: Send, most: int) -> None:
        try:
            await RequestBodyLimitMiddleware(self._app, most)(scope, body.receive, send)
        except ClientDisconnect:
            if body.refusal is not None:
                await body.refusal(scope, body.receive, send)

    async def _take_upload(self, scope: Scope, receive: Receive, send: Send, length: str) -> None:
        most = int(settings().upload_megabytes * 1_000_000)
        declared = int(length[:20]) if length.isdecimal() else 0
        if declared > most:
            text = tr("One upload has at most {limit:g} MB.", limit=settings().upload_megabytes)
            await _refusal(413, text)(scope, receive, send)
            return
        answer = _Answer(send)
        upload = _Upload(receive, self._uploads, network(Request(scope)))
        try:
            if await upload.room() < max(1, declared):
                await _no_room()(scope, receive, send)
            else:
                await self._take(scope, upload, answer.send, most)
        except OSError as error:
            if error.errno not in FULL:
                raise
            await _refusal(507, tr("The server's disk is full. Try again later."))(scope, receive, send)
        finally:
            self._uploads.arrived(upload, *answer.paths())


class _Answer:
    """The answer to an upload: the paths of its files as JSON."""

    def __init__(self, send: Send) -> None:
        self._send, self._taken, self._body = send, False, b""

    async def send(self, message: Message) -> None:
        """Send a part of the answer, and keep it."""
        if message["type"] == "http.response.start":
            self._taken = message["status"] == 200
        elif self._taken:
            self._body += message.get("body", b"")
        await self._send(message)

    def paths(self) -> list[str]:
        """Return the files that were taken."""
        return [str(path) for path in json.loads(self._body)] if self._body else []


class _Body:
    """A request's body. If it is refused midway, the application is told that the visitor has left."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._complete = receive, False
        self.refusal: JSONResponse | None = None

    async def receive(self) -> Message:
        """Return the next part of the body. After the last part, wait until the visitor leaves."""
        if self._complete:
            return await self._receive()
        message = LEFT
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            self.refusal = _refusal(408, tr("The request stopped in the middle. Send it again."))
        self._complete = not message.get("more_body", False)
        return message


class _Upload(_Body):
    """The body of an upload of `sender`, which is refused as soon as `uploads` have no room for it."""

    def __init__(self, receive: Receive, uploads: Uploads, sender: str) -> None:
        super().__init__(receive)
        self._uploads, self._sender = uploads, sender
        self._received = self._counted = 0

    async def receive(self) -> Message:
        """Return the next part of the body, and count it."""
        message = await super().receive()
        self._received += len(message.get("body", b""))
        if self._received - self._counted >= COUNTED_BYTES and await self.room() <= 0:
            self.refusal = _no_room()
            return LEFT
        return message

    async def room(self) -> int:
        """Return how many more bytes there is room for."""
        self._counted = self._received
        return await run_in_threadpool(self._uploads.coming, self, self._sender, self._received)


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


def _no_room() -> JSONResponse:
    return _refusal(507, tr("The server has no room for more songs of yours now. Try again in some minutes."))
