"""Closes connections on which no whole request arrives in time, which uvicorn would keep for ever."""

import asyncio
from typing import Any

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_SECONDS = 30.0
"""Time for a request's line and headers. BodyLimit limits the time for its body."""


class ImpatientProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with HEADERS_SECONDS for a request's headers."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Handle the data, and wait for the rest if they end within a request's headers."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(HEADERS_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def close_idle_connections() -> None:
    """Use ImpatientProtocol in all servers of this process. Gradio 6.31 has no option for uvicorn's protocol."""
    HTTP_PROTOCOLS["auto"] = f"{ImpatientProtocol.__module__}:{ImpatientProtocol.__qualname__}"
