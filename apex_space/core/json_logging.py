"""The log of a server: lines of JSON on stderr that say what was done, and neither for whom nor with which song."""

import json
import logging
import re
import sys
import threading
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; it stands in every line that is written meanwhile."""
NAME = r"[\w .,/-]*"
"""Below the folder of uploads: what Gradio leaves of the names of files."""


class Lines(logging.Formatter):
    """A record as a line of JSON: its time, level, logger, message, request, traceback, and what `fields` it was given.

    Paths below the folder `uploads` hold names of visitors' files and are left out.
    """

    def __init__(self, uploads: str) -> None:
        super().__init__()
        self._private = re.compile(re.escape(uploads) + NAME)

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._public(record.getMessage()),
        }
        if request_id.get():
            line["request"] = request_id.get()
        if record.exc_info:
            line["traceback"] = self._public(self.formatException(record.exc_info))
        return json.dumps(line | getattr(record, "fields", {}))

    def _public(self, text: str) -> str:
        return self._private.sub("[an upload]", text)


def configure(uploads: str) -> None:
    """Write lines from now on, of all loggers of this process; also of exceptions that nobody catches, of warnings, and
    where a library prints a traceback."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(uploads))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("apex_space").setLevel(logging.INFO)
    logging.captureWarnings(True)
    traceback.print_exc = _traceback
    sys.excepthook = lambda *about: _unexpected(about)
    threading.excepthook = _of_thread


def adopt(*names: str) -> None:
    """Have the records of these loggers, which brought handlers of their own, written as all others are."""
    for logger in map(logging.getLogger, names):
        logger.handlers.clear()
        logger.propagate = True


def _traceback(*_: Any, **__: Any) -> None:
    _unexpected(sys.exc_info())


def _of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:
        _unexpected((args.exc_type, args.exc_value, args.exc_traceback))


def _unexpected(about: Any) -> None:
    logging.getLogger(__name__).error("an exception that was not foreseen", exc_info=about)
