"""Reads a request's sender and host. Only what trusted proxies add is believed: `APEX_PROXIES` is their number."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import gradio as gr
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.i18n import tr
from ..core.settings import settings
from ..storage.identity import networks

OWN_FETCH = ("same-origin", "none")
"""What browsers send as Sec-Fetch-Site with a request of the site's own pages or of the address bar."""


def address(request: gr.Request | Request) -> str:
    """Return the address that a request comes from.

    It is the address of the socket's peer or, behind n trusted proxies, the address that the outermost of them saw.
    """
    seen, proxies = _entries(request, "for"), settings().proxies
    if 0 < proxies <= len(seen):
        return seen[-proxies]
    return request.client.host if request.client else ""


def network(request: gr.Request | Request) -> str:
    """Return the widest network of the request's sender that one visitor may own: what takes room from others."""
    narrow, wide = networks(address(request))
    return wide or narrow


def forwarded(request: gr.Request | Request, what: str) -> str:
    """Return the value of X-Forwarded-`what` from the outermost trusted proxy, or an empty text."""
    said, proxies = _entries(request, what), settings().proxies
    return said[-proxies:][0] if proxies and said else ""


def is_from_elsewhere(request: gr.Request | Request) -> bool:
    """Return whether a browser sent the request for a page of another site. Programs that are no browser do not tell.

    Browsers send Sec-Fetch-Site only to sites with https, and to this machine.
    """
    headers = request.headers
    if site := headers.get("sec-fetch-site"):
        return site not in OWN_FETCH
    host = forwarded(request, "host") or headers.get("host", "")
    return "origin" in headers and _netloc(headers["origin"]) != host.lower()


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _entries(request: gr.Request | Request, what: str) -> list[str]:
    """Return the values of X-Forwarded-`what`.

    Every proxy appends one. Values before the last n of n trusted proxies are only the sender's claim.
    """
    lines = request.headers.getlist(f"x-forwarded-{what}")
    return [entry.strip() for line in lines for entry in line.split(",")]


class TrustedHost:
    """Middleware that believes no host if no proxy is trusted.

    It drops X-Forwarded-Host, which Gradio would put into the page's addresses. It answers 421 if a program on this
    machine asks under a foreign name. A foreign site can let its name point to this machine, and then its pages and
    this server are one site for the browser ("DNS rebinding").
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and settings().proxies == 0:
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"x-forwarded-host"]
            host = Headers(scope=scope).get("host", "")
            if _is_this_machine(str((scope.get("server") or ("",))[0])) and not _is_safe(host):
                text = tr("This server does not answer to this name. If a proxy is before it, set APEX_PROXIES=1.")
                await PlainTextResponse(text, 421)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_this_machine(server: str) -> bool:
    try:
        return ip_address(server).is_loopback
    except ValueError:  # a name or the path of a socket
        return False


def _is_safe(host: str) -> bool:
    """Return whether nobody else can own a host: an address, or `localhost`, which browsers resolve themselves."""
    name = ""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return bool(ip_address(name))
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
