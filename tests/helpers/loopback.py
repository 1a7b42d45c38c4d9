"""A small web server on a free port of this machine, for as long as a test needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Protocol, TypeVar


class Served(Protocol):
    """What requests are answered from."""

    url: str
    closing: Event
    """Set when the server ends, for handlers that keep a client waiting."""


S = TypeVar("S", bound=Served)


@contextmanager
def serve(served: S, handler: type[BaseHTTPRequestHandler]) -> Iterator[S]:
    """Requests are handled by `handler`, whose attribute `hub` is `served`."""
    bound: Any = type("BoundHandler", (handler,), {"hub": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), bound) as server:
        server.daemon_threads = True
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield served
        finally:
            served.closing.set()
            server.shutdown()
            thread.join()


def body(request: BaseHTTPRequestHandler) -> bytes:
    """The content of a request, whole or in chunks."""
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    content = b""
    while size := int(request.rfile.readline(), 16):
        content += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return content
