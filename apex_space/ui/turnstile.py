"""What those are told who come while the queue is full: when to try again."""

from collections.abc import Iterable
from math import ceil
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..language import tr
from ..pace import spoken
from ..turns import FIRST_GUESS
from .inputs import AT_ONCE

JOINS = ("/gradio_api/queue/join", "/gradio_api/call/")


class Turnstile:
    """Middleware before Gradio's queue, which would only say that it is full.

    The status is 429: Gradio's page shows the reason that comes with it, and for 503 one of its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and any(part in scope["path"] for part in JOINS):
            queue = scope["app"].get_blocks()._queue
            if len(queue) >= queue.max_size:
                await _busy(len(queue), _seconds(queue))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _seconds(queue: Any) -> float:
    """Until those who wait have had their turn, by how long their kinds of event took so far."""
    waiting: Iterable[Any] = (event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue)
    took = (queue.process_time_per_fn[event.fn].avg_time or FIRST_GUESS for event in waiting)
    return max(1.0, sum(took) / AT_ONCE)


def _busy(waiting: int, seconds: float) -> JSONResponse:
    text = tr("Busy: {n} requests wait. Try again in {time}.", n=waiting, time=spoken(seconds))
    return JSONResponse({"detail": text}, 429, {"retry-after": str(ceil(seconds))})
