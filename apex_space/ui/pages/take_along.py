"""Offers what was found of a song as a page to print and as a picture to share."""

import asyncio

import gradio as gr
from starlette.concurrency import run_in_threadpool

from .. import render
from ..routes.shared_result import root_address
from ..static_files import read_static
from .share_panel import SILENT, Finished

DRAWN_AT_ONCE = 2
"""Maximum number of visitors whose pictures are drawn at once. Each takes a core for a tenth of a second."""
_drawing = asyncio.Semaphore(DRAWN_AT_ONCE)


class TakeAlong:
    """Links that hold the files themselves. They are made once the result is shown, which need not wait for them."""

    def __init__(self) -> None:
        self._links = gr.HTML(js_on_load=read_static("take_along.js"), apply_default_css=False, elem_id="take-along")

    def watch(self, finished: gr.State) -> None:
        """Offer the reports that are `finished`."""
        finished.change(_links, finished, self._links, **SILENT)


async def _links(request: gr.Request, finished: Finished) -> str:
    assert request.request is not None  # the event came over HTTP
    async with _drawing:
        return await run_in_threadpool(render.take_along, finished.reports, root_address(request.request))
