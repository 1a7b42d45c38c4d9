"""Tells monitoring tools whether the server is alive: `/healthz`."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ... import __version__
from ...arena.leaderboard import LeaderboardSnapshot
from ...judges.manager import JudgeManager
from ...judges.queueing import HEAVY, LIGHT
from ..gradio_patches import queue_state

WARNING = "Suddenly many more votes do not count than before. The log and `arena report` say which, and why."
"""The details would tell visitors of today's votes, and so perhaps whether their own count."""
STOPPED = "The queue is stopped: no event is taken or answered any more. Restart the server."


def health_route(manager: JudgeManager, standing: Callable[[], LeaderboardSnapshot]) -> Route:
    """Return the route `/healthz` for `launch(app_kwargs={"routes": [...]})`.

    It needs no thread, so it answers even while all threads are busy. The status is 503, with a `reason`, if only a
    restart helps. Everybody can read it, so it counts the votes of the days that are over, as the Leaderboard does.
    """

    async def health(request: Request) -> JSONResponse:
        queue = queue_state(request.app)
        in_line = sum(max(0, len(line) - 1) for line in (HEAVY, LIGHT))  # also songs of the pool, of no event
        answer = {
            "alive": not queue.stopped,
            "judges": manager.states(),
            "queue": {"waiting": queue.waiting + in_line, "running": max(0, queue.running - in_line)},
            "votes": _votes(standing()),
            "version": __version__,
        }
        if queue.stopped:
            answer["reason"] = STOPPED
        return JSONResponse(answer, 503 if queue.stopped else 200, {"cache-control": "no-store"})

    return Route("/healthz", health)


def _votes(now: LeaderboardSnapshot) -> dict[str, Any]:
    """Return how many votes do not count, and a warning if that is suddenly many more than before."""
    return now.not_counted_before.as_dict() | {"warning": WARNING if now.jump else ""}
