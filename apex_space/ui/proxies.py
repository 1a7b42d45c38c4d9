"""Reads a request's sender and host. Only what trusted proxies add is believed: `APEX_PROXIES` is their number."""

import gradio as gr
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.settings import settings


def address(request: gr.Request | Request) -> str:
    """Return the address that a request comes from.

    It is the address of the socket's peer or, behind n trusted proxies, the address that the outermost of them saw.
    """
    seen, proxies = _entries(request, "for"), settings().proxies
    if 0 < proxies <= len(seen):
        return seen[-proxies]
    return request.client.host if request.client else ""


def forwarded(request: Request, what: str) -> str:
    """Return the value of X-Forwarded-`what` from the outermost trusted proxy, or an empty text."""
    said, proxies = _entries(request, what), settings().proxies
    return said[-proxies:][0] if proxies and said else ""


def _entries(request: gr.Request | Request, what: str) -> list[str]:
    """Return the values of X-Forwarded-`what`.

    Every proxy appends one. Values before the last n of n trusted proxies are only the sender's claim.
    """
    lines = request.headers.getlist(f"x-forwarded-{what}")
    return [entry.strip() for line in lines for entry in line.split(",")]


class TrustedHost:
    """Middleware that drops X-Forwarded-Host if no proxy is trusted. Gradio would put it into the page's addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and settings().proxies == 0:
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"x-forwarded-host"]
        await self._app(scope, receive, send)
