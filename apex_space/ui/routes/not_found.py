"""Answers for addresses that do not exist: a page for people, JSON for programs."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...core.i18n import tr
from .shared_result import answer

API = "/gradio_api/"


async def not_found(request: Request, error: Any) -> Response:
    """Answer a request whose address does not exist, or for which a route raised HTTPException(404)."""
    for_people = "text/html" in request.headers.get("accept", "") and API not in request.url.path
    if request.method not in ("GET", "HEAD") or not for_people:
        detail = error.detail if isinstance(error, HTTPException) else "Not Found"
        return JSONResponse({"detail": detail}, 404)
    home = request.scope.get("root_path", "").rstrip("/") + "/"
    text = tr("There is no page at this address. Check the address, or go to the first page.")
    return answer(request, 404, home, title=tr("No such page"), message=text)
