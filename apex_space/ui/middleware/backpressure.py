"""Middleware that answers 429 with Retry-After when the queue is full."""

from math import ceil

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ...core.i18n import format_duration, tr
from ..gradio_patches import queue_seconds, queue_state
from ..pages.inputs import AT_ONCE

JOINS = ("/gradio_api/queue/join", "/gradio_api/call/")


class Backpressure:
    """Middleware in front of Gradio's queue. The queue itself would only say that it is full.

    The status is 429, because Gradio's page shows the reason that comes with it. For 503 it shows a text of its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and any(part in scope["path"] for part in JOINS):
            queue = queue_state(scope["app"])
            if queue.full:
                seconds = max(1.0, queue_seconds(scope["app"], AT_ONCE))
                await _busy(queue.waiting, seconds)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _busy(waiting: int, seconds: float) -> JSONResponse:
    text = tr("Busy: {n} requests wait. Try again in {time}.", n=waiting, time=format_duration(seconds))
    return JSONResponse({"detail": text}, 429, {"retry-after": str(ceil(seconds))})
