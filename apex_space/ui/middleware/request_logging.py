"""Logs a line for each request, and a line for each event that ran in the queue."""

import inspect
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from secrets import token_hex
from typing import Any

import gradio as gr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...core.i18n import ENGLISH, tr, translate, use_language
from ...core.json_logging import request_id
from ...core.text import message
from ..gradio_patches import event_request

HEADER = b"x-request-id"
ID = re.compile(rb"[A-Za-z0-9-]{8,64}")
"""Pattern of an id that may come with a request, such as from a proxy's own log. Any other id is replaced."""
logger = logging.getLogger(__name__)


class RequestLog:
    """Middleware that gives each request an id, returns it as `x-request-id`, and logs the outcome of the request.

    Only the route is logged, not the address: paths and queries can contain names and ids.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), None
        id = next((value for name, value in scope["headers"] if name == HEADER and ID.fullmatch(value)), None)
        id = id or token_hex(8).encode()
        request_id.set(scope.setdefault("state", {}).setdefault("request_id", id.decode()))

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, id)]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            _log("request", started, method=scope["method"], route=_route(scope), status=status)


def _route(scope: Scope) -> str:
    """Return the template of the route that answered, such as `/r/{id}`. FastAPI names only its own routes."""
    routes = (
        scope.get("route"),
        *(r for r in scope["app"].routes if getattr(r, "endpoint", r) is scope.get("endpoint")),
    )
    return next((route.path for route in routes if route is not None), "none") or scope["root_path"]  # mounted app


def log_events(blocks: gr.Blocks) -> None:
    """Log each run of the queue's events. A run that fails unexpectedly is answered with the id of its request."""
    for event in blocks.fns.values():
        if event.fn is not None and event.queue:
            event.fn = _logged(event.fn, str(event.api_name))


def _logged(work: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(work)
    def once(*given: Any, **named: Any) -> Any:
        with _run(name) as language, use_language(language):
            return work(*given, **named)

    @wraps(work)
    def steps(*given: Any, **named: Any) -> Iterator[Any]:
        with _run(name) as language, closing(work(*given, **named)) as running:
            while True:
                with use_language(language):  # each step runs in a context of its own
                    try:
                        step = next(running)
                    except StopIteration:
                        return
                yield step

    return steps if inspect.isgeneratorfunction(work) else once


@contextmanager
def _run(name: str) -> Iterator[str]:
    """Log one run of an event. Yield the language of the request that put the event into the queue."""
    state = getattr(event_request(), "state", None)
    id = getattr(state, "request_id", request_id.get())
    language = getattr(state, "language", ENGLISH)
    started, outcome = time.perf_counter(), "failed"
    try:
        yield language
        outcome = "done"
    except GeneratorExit:
        outcome = "cancelled"
        raise
    except gr.Error:
        outcome = "refused"
        raise
    except Exception as error:
        logger.exception("an event failed", extra={"fields": {"request": id}})
        with use_language(language):
            text = translate(
                message(
                    "Something went wrong on the server. If it happens again, report it with this number: {id}.", id=id
                )
            )
            raise gr.Error(text, title=tr("Error"), print_exception=False) from error
    finally:
        _log("event", started, name=name, outcome=outcome, request=id)


def _log(what: str, started: float, **fields: Any) -> None:
    fields["milliseconds"] = round(1000 * (time.perf_counter() - started))
    logger.info(what, extra={"fields": fields})
