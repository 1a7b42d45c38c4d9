"""Blocks routes of Gradio that this server does not offer: its editor, proxy and monitoring."""

from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ...core.i18n import tr

CLOSED = (
    *("/login", "/logout", "/monitoring", "/svelte/"),
    *("/gradio_api/user", "/gradio_api/token", "/gradio_api/login_check", "/gradio_api/deep_link", "/gradio_api/dev/"),
    *("/gradio_api/vibe", "/gradio_api/undo-vibe", "/gradio_api/profiling", "/gradio_api/queue/status"),
    *("/gradio_api/runs", "/gradio_api/run-history", "/gradio_api/custom_component", "/gradio_api/process_recording"),
    *("/gradio_api/proxy=", "/gradio_api/file=http", "/gradio_api/file/", "/gradio_api/stream/"),
    "/pwa_icon/",  # the favicon, made as large as the visitor says
    *("/gradio_api/mcp/sse", "/gradio_api/mcp/messages"),  # an older transport of MCP
)
"""Beginnings of the blocked paths. Nothing on these pages requests such a path."""


class _Closed:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(tr("There is nothing here."), 404)(scope, receive, send)


def closed_routes() -> list[Route]:
    """Return routes for `launch(app_kwargs={"routes": [...]})`. They come before Gradio's own routes and hide them."""
    return [Route(beginning + "{rest:path}", _Closed()) for beginning in CLOSED]
