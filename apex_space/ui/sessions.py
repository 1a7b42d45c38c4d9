"""What the server keeps of each visitor's session, and of each call of a program, which is a session too."""

from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import mcp, route_utils, state_holder
from gradio.state_holder import SessionState


class Session(SessionState):
    """Gradio's own, without its copy of all that the visitor's pages are and show. That is for links to a page as it
    stands (`/deep_link`, closed here), and took 0.1 s of the event loop and 0.26 MB for each call of a program."""

    def __init__(self, blocks: gr.Blocks) -> None:
        shared: Any = SimpleNamespace(default_config=blocks.default_config, blocks=())
        super().__init__(shared)

    def _update_config(self, key: int) -> None: ...

    def _update_value_in_config(self, key: int, value: Any) -> None: ...


def adapt_sessions() -> None:
    """For all servers of this process."""
    for module in (state_holder, route_utils, mcp):
        module.SessionState = Session  # type: ignore[attr-defined]
