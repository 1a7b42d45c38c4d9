"""Everything that touches Gradio's private parts: one function a patch, each with the reason and Gradio's version."""

import asyncio
import json
import time
from asyncio import Queue as AsyncQueue
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
from gradio import mcp, processing_utils, queueing, route_utils, routes, state_holder
from gradio.context import LocalContext
from gradio.mcp import GradioMCPServer
from gradio.queueing import Event
from gradio.server_messages import EventMessage, ProcessCompletedMessage
from gradio.state_holder import SessionState
from gradio.utils import NamedString
from jinja2 import FileSystemLoader, FunctionLoader

from ..core.i18n import ENGLISH
from .uploads import UPLOADED, uploaded

MAX_SESSIONS = 2000
"""Of those that no event waits or runs for; Gradio's own number."""
MAX_MESSAGES = 500
"""Of one session that nobody has read: the oldest go."""
UNREAD_SECONDS = 600.0
"""Time after a session's last message from which on nobody is expected to read it."""
NOT_FETCHED = "Addresses are not fetched here. Upload the file itself."
HOW_TO_UPLOAD = (
    f"{NOT_FETCHED[:-1]} by POST to /gradio_api/upload, and give its address: this server's, and {UPLOADED}PATH."
)
TEMPLATES = FileSystemLoader(Path(gr.__file__).parent / "templates")
FIRST_GUESS_SECONDS = 10.0
"""Time that an event takes, before one of its kind ran."""


class PendingMessages(OrderedDict[str, "AsyncQueue[EventMessage]"]):
    """Messages that sessions of `queue` have not read, the session without a message for the longest first.

    Before a session is added, those go that nothing waits or runs for: beyond MAX_SESSIONS, and after UNREAD_SECONDS.
    """

    def __init__(self, queue: "PatientQueue") -> None:
        super().__init__()
        self._queue = queue
        self._last: dict[str, float] = {}

    def __setitem__(self, session: str, messages: "AsyncQueue[EventMessage]") -> None:
        if session not in self:
            self._make_room()
        super().__setitem__(session, messages)
        self.touch(session)

    def __delitem__(self, session: str) -> None:
        super().__delitem__(session)
        self._last.pop(session, None)

    def touch(self, session: str) -> None:
        """The session got a message."""
        self.move_to_end(session)
        self._last[session] = time.monotonic()

    def _make_room(self) -> None:
        oldest, now = list(self), time.monotonic()
        for session in oldest:
            if len(self) < MAX_SESSIONS and now - self._last[session] < UNREAD_SECONDS:
                break
            if not self._queue.is_needed(session):
                del self[session]
                self._queue.pending_event_ids_session.pop(session, None)


class PatientQueue(queueing.Queue):
    """Gradio's own, with other bounds on the messages that it holds, and no error where a session is gone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.pending_messages_per_session: Any = PendingMessages(self)

    def is_needed(self, session: str) -> bool:
        """Whether an event of the session waits or runs."""
        return not self.event_ids_to_events.keys().isdisjoint(self.pending_event_ids_session.get(session, ()))

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Put a message where the event's session reads it, if it still can."""
        session = event.session_hash
        messages = self.pending_messages_per_session.get(session)
        if messages is None:
            return
        super().send_message(event, event_message)
        self.pending_messages_per_session.touch(session)
        if messages.qsize() > MAX_MESSAGES and isinstance(lost := messages.get_nowait(), ProcessCompletedMessage):
            self.pending_event_ids_session.get(session, set()).discard(lost.event_id)


def keep_queue_going() -> None:
    """Let no number of sessions stop the queue; for all pages that are made in this process from now on.

    Gradio 6.31 keeps unread messages of 2000 sessions and drops those of the session that was opened first, even while
    its event waits. The next message to it raises KeyError in the task that starts events, which ends: from then on
    every event is answered with 503 "Queue is stopped." until a restart. Gradio also keeps the ids of events that were
    never read for ever, and any number of messages of one session.
    """
    queueing.Queue = PatientQueue  # type: ignore[misc]


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


def fetch_nothing() -> None:
    """Refuse files that are named by an address: Gradio would download them for the visitor, and has no such option."""
    processing_utils.async_ssrf_protected_get = _refuse
    processing_utils.async_ssrf_protected_download = _download


async def _refuse(url: str) -> Any:
    raise gr.Error(NOT_FETCHED, print_exception=False)


async def _download(url: str, cache_dir: str = "") -> str:
    return uploaded(url) or await _refuse(url)


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
        raise ValueError(HOW_TO_UPLOAD)
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


def adapt_template(head: str) -> None:
    """Add `head` to the template of all pages of this process, and have it name their language.

    Gradio 6.31's template says that they are English. What `launch(head=...)` adds comes too late, when Gradio's own
    texts have been chosen, and is added to pages that embed this one, too.
    """
    environment, spoken = routes.templates.env, f"{{{{ config.language or '{ENGLISH}' }}}}"

    def adapted(name: str) -> str:
        text, *_ = TEMPLATES.get_source(environment, name)
        return text.replace('lang="en"', f'lang="{spoken}"', 1).replace("</head>", f"{head}</head>", 1)

    environment.loader = FunctionLoader(adapted)


@dataclass(frozen=True)
class QueueState:
    """Gradio's queue: events that wait and that run, the most that may wait, and whether it was stopped."""

    waiting: int
    running: int
    max_size: int | None
    stopped: bool

    @property
    def full(self) -> bool:
        """Whether no further event is taken."""
        return self.max_size is not None and self.waiting >= self.max_size


def queue_state(app: Any) -> QueueState:
    """The state of the queue of an application. Gradio 6.31 has it in private attributes only."""
    queue = app.get_blocks()._queue
    return QueueState(len(queue), queue.get_active_worker_count(), queue.max_size, queue.stopped)


def queue_seconds(app: Any, at_once: int) -> float:
    """Seconds until all that wait have been started, `at_once` at a time, by how long their kinds of event took so
    far."""
    queue = app.get_blocks()._queue
    waiting: Iterable[Any] = (event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue)
    known = (queue.process_time_per_fn.get(event.fn) for event in waiting)
    return sum((took.avg_time if took else 0) or FIRST_GUESS_SECONDS for took in known) / at_once


def event_request() -> Any:
    """The HTTP request that put the current event into the queue; None outside of events. Gradio 6.31 hands it to event
    functions only that ask for it."""
    return getattr(LocalContext.request.get(None), "request", None)


def file_input(**options: Any) -> gr.File:
    """Uploads as their paths. Gradio 6.31 makes an empty file beside an upload whenever its component is read."""
    component = gr.File(**options)
    component._process_single_file = lambda f: NamedString(f.path)  # type: ignore[method-assign]
    return component


def describe_file_list(component: gr.File, file: dict[str, Any]) -> None:
    """Have the schema of a component for several files name its parts, each described as `file`. That of Gradio 6.31
    refers to `$defs` in a way that is broken within a tool's schema."""
    component.api_info = lambda: {  # type: ignore[method-assign]
        "type": "array",
        "items": file,
        "$defs": file["$defs"],
    }
