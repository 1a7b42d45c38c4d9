"""What Gradio offers and this server does not: its editor, proxy and monitoring, and to fetch addresses."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
from gradio import processing_utils
from gradio.utils import get_upload_folder
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..language import tr

CLOSED = (
    *("/login", "/logout", "/monitoring", "/svelte/"),
    *("/gradio_api/user", "/gradio_api/token", "/gradio_api/login_check", "/gradio_api/deep_link", "/gradio_api/dev/"),
    *("/gradio_api/vibe", "/gradio_api/undo-vibe", "/gradio_api/profiling", "/gradio_api/queue/status"),
    *("/gradio_api/runs", "/gradio_api/run-history", "/gradio_api/custom_component", "/gradio_api/process_recording"),
    *("/gradio_api/proxy=", "/gradio_api/file=http", "/gradio_api/file/", "/gradio_api/stream/"),
    *("/gradio_api/mcp/sse", "/gradio_api/mcp/messages"),  # an older transport
)
"""How the paths begin that nothing on these pages asks for."""
UPLOADED = "/gradio_api/file="
UPLOAD = "Addresses are not fetched here. Upload the file itself."


class _Closed:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(tr("There is nothing here."), 404)(scope, receive, send)


def closed_routes() -> list[Route]:
    """To come before Gradio's own, which they hide: `launch(app_kwargs={"routes": [...]})`."""
    return [Route(beginning + "{rest:path}", _Closed()) for beginning in CLOSED]


def fetch_nothing() -> None:
    """Refuse files that are named by an address: Gradio would download them for the visitor, and has no such option."""
    processing_utils.async_ssrf_protected_get = _refuse
    processing_utils.async_ssrf_protected_download = _download


async def _refuse(url: str) -> Any:
    raise gr.Error(UPLOAD, print_exception=False)


async def _download(url: str, cache_dir: str = "") -> str:
    return uploaded(url) or await _refuse(url)


def uploaded(url: str) -> str | None:
    """The path of an upload that is named by its address on this server; None for any other address. The host in it is
    not asked."""
    _, here, path = url.partition(UPLOADED)
    file = Path(unquote(path)).resolve()
    inside = file.is_relative_to(Path(get_upload_folder()).resolve())
    return str(file) if here and inside and file.is_file() else None
