"""The endpoints as MCP tools. Gradio makes them; where its way does not suit, it is replaced here."""

import asyncio
import json
from typing import Any

import httpx
from gradio.mcp import GradioMCPServer

from .doors import UPLOAD, UPLOADED, uploaded

HOW = f"{UPLOAD[:-1]} by POST to /gradio_api/upload, and give its address: this server's, and {UPLOADED}PATH."


def adapt_tools() -> None:
    """For all servers of this process."""
    server: Any = GradioMCPServer
    server.convert_strings_to_filedata = _with_files
    server.postprocess_output_data = _as_json
    server._execute_tool_without_progress = _result


def _with_files(self: GradioMCPServer, arguments: dict[str, Any], positions: list[list[str | int]]) -> dict[str, Any]:
    """A tool's arguments, with files for the addresses of uploads. Raises ValueError.

    Gradio's own knows no lists of files, and keeps what is sent within an argument where nobody would delete it.
    """
    named = {position[0] for position in positions}
    return {name: _files(value) if name in named else value for name, value in arguments.items()}


def _files(value: Any) -> Any:
    if value is None or isinstance(value, list):
        return value and [_files(each) for each in value]
    if not value.startswith(("http://", "https://")) or uploaded(value) is None:
        raise ValueError(HOW)
    return {"path": value, "meta": {"_type": "gradio.FileData"}}


def _as_json(self: GradioMCPServer, data: list[Any], root_url: str) -> list[Any]:
    """An answer as a text that programs can read. Gradio's own is Python's."""
    return [self.types.TextContent(type="text", text=json.dumps(each, ensure_ascii=False)) for each in data]


async def _result(self: GradioMCPServer, job: Any) -> list[Any]:
    """Gradio's own keeps a thread of the server waiting, of which there are few, and hides why a call was refused."""
    try:
        return [await asyncio.wrap_future(job.future)]
    except httpx.HTTPStatusError as refused:
        raise RuntimeError(refused.response.json()["detail"]) from refused
