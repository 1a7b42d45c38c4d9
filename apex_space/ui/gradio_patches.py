"""All uses of Gradio's private attributes: one function per patch, with its reason and Gradio's version."""

import asyncio
import json
import re
import time
from asyncio import Queue as AsyncQueue
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import gradio as gr
import httpx
from gradio import http_server, mcp, processing_utils, queueing, route_utils, routes, state_holder
from gradio.context import LocalContext
from gradio.mcp import GradioMCPServer
from gradio.queueing import Event
from gradio.server_messages import EventMessage, ProcessCompletedMessage
from gradio.state_holder import SessionState
from gradio.utils import NamedString
from jinja2 import FileSystemLoader, FunctionLoader
from mcp.types import CallToolRequest, ListToolsRequest
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.i18n import ENGLISH, plural, tr
from ..core.settings import settings
from ..storage.identity import networks
from ..storage.rate_limits import WIDER
from .proxies import address
from .uploads import UPLOADED, collect_claims, uploaded

MAX_SESSIONS = 2000
"""Maximum number of sessions without a waiting or running event. Gradio has the same number."""
MAX_MESSAGES = 500
"""Maximum number of unread messages of one session. Beyond it, the oldest messages are dropped."""
UNREAD_SECONDS = 600.0
"""Seconds after a session's last message. After this time, nobody is expected to read its messages."""
NOT_FETCHED = "Addresses are not fetched here. Upload the file itself."
HOW_TO_UPLOAD = (
    f"{NOT_FETCHED[:-1]} by POST to /gradio_api/upload, and give its address: this server's, and {UPLOADED}PATH."
)
TEMPLATES = FileSystemLoader(Path(gr.__file__).parent / "templates")
PREVIEW = re.compile(r'<meta\s+(?:property="og|name="twitter):[^>]*>')
CHARSET = '<meta charset="utf-8" />'
STATUS_SCRIPT = next((Path(gr.__file__).parent / "templates" / "frontend" / "assets").glob("statustracker-*.js"))
COUNTING = re.compile(r"(performance\.now\(\)-\w+\(\w+\)\)/1e3\),)(?=\w+&&)")
STATUS_ELEMENT = re.compile(r"\w+=>([A-Za-z_$]+)=\w+,\(\)=>\1\)")
CREATE_TOOLS = GradioMCPServer.create_mcp_server
PREPARE_CALL = GradioMCPServer._prepare_tool_call_args
QUEUE_SECONDS = 0.02
"""Seconds between two looks for an event that can run."""
SHORT = 4
"""So many times as many places as for events that need a judge has a visitor for all other events."""
ONE_WAITS = "{n} request of yours waits or runs. Try again when it is done."
MORE_WAIT = "{n} requests of yours wait or run. Try again when one of them is done."
BUSY_SECONDS = 10
"""Seconds after which a visitor with too many requests may try again."""
FIRST_GUESS_SECONDS = 10.0
"""Assumed duration of an event in seconds, until an event of its kind has run."""


class PendingMessages(OrderedDict[str, "AsyncQueue[EventMessage]"]):
    """Keeps the unread messages of each session of `queue`. The session whose last message is oldest comes first.

    Adding a session drops sessions without a waiting or running event: those beyond MAX_SESSIONS, and those whose last
    message is older than UNREAD_SECONDS.
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
        """Record that the session got a message."""
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


class EventsById(dict[str, Event]):
    """The events that wait or run, by id. `on_end` is called with the id of each one that has run or was given up."""

    def __init__(self, on_end: Callable[[str], None]) -> None:
        super().__init__()
        self._on_end = on_end

    def pop(self, id: str, *default: Any) -> Any:
        """Remove an event. All of Gradio's ways to end an event use this method."""
        event = super().pop(id, *default)
        self._on_end(id)
        return event


@dataclass(frozen=True)
class _Place:
    """Of an event in the queue: whether it needs a judge, and the networks of its sender. `wide` may be empty."""

    judged: bool
    narrow: str
    wide: str

    @classmethod
    def of(cls, fn: Any, request: Any) -> "_Place":
        return cls(fn.validator is not None, *networks(address(request)))


class Iterators(dict[str, Any]):
    """The iterators of running events by id. It is no error to delete one that is gone.

    Gradio 6.31 looks whether an iterator is there, waits until it is closed, and deletes it. If an event is cancelled
    twice, or ends meanwhile, the second of them finds it gone, and a request to cancel is answered with 500.
    """

    def __delitem__(self, id: str) -> None:
        self.pop(id, None)


class PatientQueue(queueing.Queue):
    """Gradio's queue with other limits on the messages it keeps, and without an error when a session is gone.

    One visitor has a limited number of places, and so has one wider network. Events with a validator, which need a
    judge, have fewer places than all others, which are short.

    The uploads that an event's validator claims are released when the event has run, or was given up before it ran.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sleep_when_free = QUEUE_SECONDS  # Gradio looks 1,000 times a second, which takes 6% of a core
        self.pending_messages_per_session: Any = PendingMessages(self)
        self.event_ids_to_events = EventsById(self._release)
        self._claims: dict[str, list[Callable[[], None]]] = {}
        self._joining: list[_Place] = []

    def set_server_app(self, app: Any) -> None:
        """Take the application whose events these are."""
        app.iterators = Iterators(app.iterators)
        super().set_server_app(app)

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """Add an event to the queue if its validator agrees. Raises HTTPException if the address has too many."""
        fn = self.blocks.fns.get(body.fn_index)
        if fn is None:
            return await self._push(body, request, username)
        place = _Place.of(fn, request)
        self._admit(place)
        self._joining.append(place)
        try:
            return await self._push(body, request, username)
        finally:
            self._joining.remove(place)

    def _admit(self, asked: _Place) -> None:
        queued = (_Place.of(event.fn, event.request) for event in self.event_ids_to_events.values())
        taken = [place for place in (*self._joining, *queued) if place.judged == asked.judged]
        places = settings().places * (1 if asked.judged else SHORT)
        here = sum(place.narrow == asked.narrow for place in taken)
        near = sum(place.wide == asked.wide for place in taken) if asked.wide else 0
        if here >= places or near >= WIDER * places:
            text = plural(here if here >= places else near, ONE_WAITS, MORE_WAIT)
            raise HTTPException(429, text, {"retry-after": str(BUSY_SECONDS)})

    async def _push(self, body: Any, request: Any, username: str | None) -> Any:
        with collect_claims() as releases:
            try:
                added, id, state = await super().push(body, request, username)
            except BaseException:
                _run_all(releases)
                raise
        if added and id in self.event_ids_to_events:
            self._claims[str(id)] = releases
        else:
            _run_all(releases)
        if state == "error":
            id = str(id).split("\n")[0]  # the other lines repeat the request
        return added, id, state

    def _release(self, id: str) -> None:
        _run_all(self._claims.pop(id, []))

    def is_needed(self, session: str) -> bool:
        """Return whether an event of the session waits or runs."""
        return not self.event_ids_to_events.keys().isdisjoint(self.pending_event_ids_session.get(session, ()))

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Send a message to the event's session if the session can still read it."""
        session = event.session_hash
        messages = self.pending_messages_per_session.get(session)
        if messages is None:
            return
        super().send_message(event, event_message)
        self.pending_messages_per_session.touch(session)
        if messages.qsize() > MAX_MESSAGES and isinstance(lost := messages.get_nowait(), ProcessCompletedMessage):
            self.pending_event_ids_session.get(session, set()).discard(lost.event_id)


def _run_all(releases: Iterable[Callable[[], None]]) -> None:
    for release in releases:
        release()


def keep_queue_going() -> None:
    """Keep the queue running with any number of sessions, for all pages that this process makes from now on.

    Gradio 6.31 keeps the unread messages of 2000 sessions. Then it drops the messages of the session that was opened
    first, even while an event of this session waits. The next message to this session raises KeyError in the task that
    starts events, and the task ends. From then on, every event is answered with 503 "Queue is stopped." until a
    restart. Gradio also keeps the ids of events that nobody reads forever, and any number of messages of one session.
    """
    queueing.Queue = PatientQueue  # type: ignore[misc]


class FilesOnlyParser(route_utils.GradioMultiPartParser):
    """Gradio's parser of uploads, for files in the field `files` alone. If an upload fails, no file of it stays."""

    def on_headers_finished(self) -> None:
        """Raise MultiPartException for a text, or a file in another field."""
        super().on_headers_finished()
        if self._current_part.file is None or self._current_part.field_name != "files":
            raise MultiPartException("Only files are taken, in the field files.")

    async def parse(self) -> Any:
        """Parse the request and write its files."""
        try:
            return await super().parse()
        except BaseException:
            for file in self._files_to_close_on_error:
                file.close()
                Path(file.name).unlink(missing_ok=True)
            raise


def server_name() -> str:
    """Return the address to listen on, GRADIO_SERVER_NAME or 127.0.0.1, for `launch`.

    Gradio 6.31 cannot listen on an address of IPv6 from the variable, because it tries whether the port is free with
    IPv4.
    """
    name = http_server.LOCALHOST_NAME
    if name.startswith("["):
        http_server.LOCALHOST_NAME = "127.0.0.1"
    return name


def take_only_files() -> None:
    """Refuse texts among uploads, and delete the files of an upload that fails.

    Gradio 6.31 keeps texts of any size in memory. It never deletes files in another field, nor those of an upload that
    breaks off in the middle.
    """
    route_utils.GradioMultiPartParser = FilesOnlyParser  # type: ignore[misc]


def serve_ranges() -> None:
    """Let Starlette answer requests for parts of a file.

    Gradio 6.31 answers them itself. It fails for several parts, and repeats the request's headers in its answer.
    """
    routes.file_fetch = _fetch_whole  # type: ignore[attr-defined]


def _fetch_whole(path: str, request: Any, *rest: Any) -> Any:
    return route_utils.file_fetch(path, SimpleNamespace(headers={}), *rest)  # Starlette has the headers, too


def know_functions() -> None:
    """Answer 404 for functions and components that do not exist, and for functions that run in the browser only.

    Gradio 6.31 answers 500, and makes a session for the call before.
    """
    route_utils.get_fn = _get_function


def _get_function(blocks: gr.Blocks, api_name: str | None, body: Any) -> Any:
    runs_here = {id: fn.api_name for id, fn in blocks.fns.items() if fn.fn}
    if body.fn_index not in runs_here if body.fn_index is not None else api_name not in runs_here.values():
        raise HTTPException(404, tr("There is no such function."))
    return _gradio_get_fn(blocks, api_name, body)


_gradio_get_fn = route_utils.get_fn


class KnownBlocks(dict[int, Any]):
    """A page's components by id. Raises HTTPException for an id that does not exist."""

    def __missing__(self, id: object) -> NoReturn:
        raise HTTPException(404, tr("There is no such component."))


class UnknownSessions:
    """Middleware that ends the messages of an unknown session in order.

    Gradio 6.31 says that the session is unknown and then raises an error within the answer. The answer breaks off, and
    the session is in the log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except RuntimeError as error:  # Starlette's, for an HTTPException within an answer
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b""})


class Session(SessionState):
    """Gradio's session state without its copy of all components of the visitor's pages and their values.

    Gradio uses the copy for links to the current state of a page (`/deep_link`), which this server blocks. The copy
    took 0.1 s of the event loop and 0.26 MB for each call of a program.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        shared: Any = SimpleNamespace(default_config=blocks.default_config, blocks=())
        super().__init__(shared)

    def _update_config(self, key: int) -> None: ...

    def _update_value_in_config(self, key: int, value: Any) -> None: ...


def adapt_sessions() -> None:
    """Use `Session` in all servers of this process, and end a session that makes room for others like one that expires.

    Gradio 6.31 forgets it without calling the delete callbacks of its states.
    """
    for module in (state_holder, route_utils, mcp):
        module.SessionState = Session  # type: ignore[attr-defined]
    state_holder.StateHolder.update = _touch_session  # type: ignore[method-assign,assignment]


def _touch_session(self: state_holder.StateHolder, session: str) -> None:
    with self.lock:
        if session in self.session_data:
            self.session_data.move_to_end(session)
        oldest = [*islice(self.session_data, max(0, len(self.session_data) - self.capacity))]
    for gone in oldest:
        self.delete_state(gone)
        self.session_data.pop(gone, None)
        self.time_last_used.pop(gone, None)


def fetch_nothing() -> None:
    """Refuse files that are given as an address. Gradio would download them and has no option against it."""
    processing_utils.async_ssrf_protected_get = _refuse
    processing_utils.async_ssrf_protected_download = _download


async def _refuse(url: str) -> Any:
    raise gr.Error(NOT_FETCHED, print_exception=False)


async def _download(url: str, cache_dir: str = "") -> str:
    return uploaded(url) or await _refuse(url)


def adapt_tools(outputs: Mapping[str, dict[str, Any]]) -> None:
    """Change how MCP tools handle files, answers and refusals, in all servers of this process.

    `outputs` has JSON schemas of answers by endpoint.
    """
    server: Any = GradioMCPServer
    server.create_mcp_server = lambda self: _with_outputs(CREATE_TOOLS(self), self, outputs)
    server.convert_strings_to_filedata = _with_files
    server.postprocess_output_data = _as_json
    server._execute_tool_without_progress = _result
    server._prepare_tool_call_args = _without_host


def _with_outputs(tools: Any, server: GradioMCPServer, outputs: Mapping[str, dict[str, Any]]) -> Any:
    """Let `tools` say what they return, and return it as an object beside its text.

    Gradio 6.31 gives tools no schema of their output. What it calls structured output is a list of texts.
    """
    list_tools, call_tool = (tools.request_handlers[kind] for kind in (ListToolsRequest, CallToolRequest))

    async def listed(request: ListToolsRequest | None) -> Any:
        answer = await list_tools(request)
        for tool in answer.root.tools:
            tool.outputSchema = outputs.get(server.tool_to_endpoint[tool.name])
        return answer

    async def called(request: CallToolRequest) -> Any:
        answer = await call_tool(request)
        if not answer.root.isError and server.tool_to_endpoint[request.params.name] in outputs:
            answer.root.structuredContent = json.loads(answer.root.content[0].text)
        return answer

    tools.request_handlers |= {ListToolsRequest: listed, CallToolRequest: called}
    return tools


def _with_files(self: GradioMCPServer, arguments: dict[str, Any], positions: list[list[str | int]]) -> dict[str, Any]:
    """Return a tool's arguments with the addresses of uploads replaced by files. Raises ValueError.

    Gradio's own function supports no lists of files. It stores a file that is sent inside an argument where nobody
    deletes it.
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
    """Return an answer as JSON, which programs can read. Gradio's own function returns Python's text form."""
    return [self.types.TextContent(type="text", text=json.dumps(each, ensure_ascii=False)) for each in data]


async def _result(self: GradioMCPServer, job: Any) -> list[Any]:
    """Return a tool's result. Raises RuntimeError with the reason if the call was refused.

    Gradio's own function blocks one of the server's few threads and hides the reason.
    """
    try:
        return [await asyncio.wrap_future(job.future)]
    except httpx.HTTPStatusError as refused:
        try:
            reason = refused.response.json()["detail"]
        except (ValueError, KeyError, TypeError):  # it is by a middleware, not by Gradio
            reason = refused.response.text
        raise RuntimeError(reason) from refused


def _without_host(self: GradioMCPServer, name: str, arguments: dict[str, Any]) -> Any:
    """Return what a tool is called with. Gradio asks itself at 127.0.0.1, where the caller's name for it is foreign."""
    endpoint, values, headers, fn = PREPARE_CALL(self, name, arguments)
    return endpoint, values, {key: value for key, value in headers.items() if key.lower() != "host"}, fn


def adapt_template(preview: str, head: str) -> None:
    """Add `preview` to the beginning and `head` to the end of the head of all pages of this process.

    The template then also names the page's language, and Gradio's own preview is taken out. Gradio 6.31's template says
    that all pages are English, are called "Gradio" and show Gradio's picture. `launch(head=...)` would add `head` too
    late, after Gradio has chosen its own texts, and would also add it to pages that embed this one.
    """
    environment, spoken = routes.templates.env, f"{{{{ config.language or '{ENGLISH}' }}}}"

    def adapted(name: str) -> str:
        text, *_ = TEMPLATES.get_source(environment, name)
        text = PREVIEW.sub("", text).replace('lang="en"', f'lang="{spoken}"', 1)
        return text.replace(CHARSET, CHARSET + preview, 1).replace("</head>", f"{head}</head>", 1)

    environment.loader = FunctionLoader(adapted)


def status_route() -> Route:
    """Return a route for Gradio's script of a component's status, whose clock stops when the component is gone.

    In Gradio 6.31 the clock of the first "Loading…" runs on in each frame of the page, 60 times a second.
    """
    script = STATUS_SCRIPT.read_text(encoding="utf-8")
    if element := STATUS_ELEMENT.search(script):
        script = COUNTING.sub(rf"\1{element[1]}&&", script)

    def serve(_: Request) -> Response:
        return Response(script, media_type="text/javascript", headers={"Cache-Control": "max-age=3600"})

    return Route(f"/assets/{STATUS_SCRIPT.name}", serve)


@dataclass(frozen=True)
class QueueState:
    """Gradio's queue: the numbers of waiting and running events, the maximum of waiting ones, and if it was stopped."""

    waiting: int
    running: int
    max_size: int | None
    stopped: bool

    @property
    def full(self) -> bool:
        """Return whether the queue accepts no further event."""
        return self.max_size is not None and self.waiting >= self.max_size


def queue_state(app: Any) -> QueueState:
    """Return the state of an application's queue. Gradio 6.31 has it only in private attributes."""
    queue = app.get_blocks()._queue
    return QueueState(len(queue), queue.get_active_worker_count(), queue.max_size, queue.stopped)


def queue_seconds(app: Any, at_once: int) -> float:
    """Estimate the seconds until all waiting events have started, if `at_once` of them run at a time.

    The estimate uses the average duration of earlier events of the same kind.
    """
    queue = app.get_blocks()._queue
    waiting: Iterable[Any] = (event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue)
    known = (queue.process_time_per_fn.get(event.fn) for event in waiting)
    return sum((took.avg_time if took else 0) or FIRST_GUESS_SECONDS for took in known) / at_once


def event_request() -> Any:
    """Return the HTTP request that put the current event into the queue, or None outside of events.

    Gradio 6.31 passes the request only to event functions that ask for it.
    """
    return getattr(LocalContext.request.get(None), "request", None)


@contextmanager
def one_app() -> Iterator[None]:
    """Build pages without an app for each: Gradio 6.31 makes one after every page, and others in `queue` and `launch`.

    Seven of them took a third of the time that the pages took.
    """
    create = routes.App.__dict__["create_app"]
    routes.App.create_app = lambda *_, **__: None  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        routes.App.create_app = create  # type: ignore[method-assign]


def file_input(**options: Any) -> gr.File:
    """Return a component whose values are the paths of uploads.

    Gradio's own component (6.31) makes an empty file beside an upload whenever it is read.
    """
    component = gr.File(**options)
    component._process_single_file = lambda f: NamedString(f.path)  # type: ignore[method-assign]
    return component


def describe_file_list(component: gr.File, file: dict[str, Any]) -> None:
    """Set the schema of a component for several files. `file` is the schema of one file.

    The schema of Gradio 6.31 refers to `$defs` in a way that is broken inside a tool's schema.
    """
    component.api_info = lambda: {  # type: ignore[method-assign]
        "type": "array",
        "items": file,
        "$defs": file["$defs"],
    }
