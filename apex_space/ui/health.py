"""Whether the server is alive, for what watches over it: `/healthz`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .. import __version__
from ..roster import Roster
from ..turns import NETWORKS, QUICK

STOPPED = "The queue is stopped: no event is taken or answered any more. Restart the server."


def health_route(roster: Roster) -> Route:
    """`/healthz`, to be handed to `launch(app_kwargs={"routes": [...]})`.

    It needs no thread, so that it answers while all of them are at work. The status is 503, with a `reason`, where
    only a restart helps.
    """

    async def health(request: Request) -> JSONResponse:
        queue: Any = request.app.get_blocks()._queue
        in_line = sum(max(0, len(line) - 1) for line in (NETWORKS, QUICK))
        answer = {
            "alive": not queue.stopped,
            "judges": roster.states(),
            "queue": {"waiting": len(queue) + in_line, "running": queue.get_active_worker_count() - in_line},
            "version": __version__,
        }
        if queue.stopped:
            answer["reason"] = STOPPED
        return JSONResponse(answer, 503 if queue.stopped else 200, {"cache-control": "no-store"})

    return Route("/healthz", health)
