"""The log of a server, as lines of JSON on stderr. It tells neither who made a request nor which song was in it."""

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
"""Id of the request that is being answered. Each line that is logged meanwhile has it."""
NAME = r"[\w .,/-]*"
"""Pattern of a path below the folder of uploads: the characters that Gradio keeps in file names."""


KEY = re.compile(r"^KeyError: .*$", re.MULTILINE)


class Lines(logging.Formatter):
    """Formatter of a record as a line of JSON: time, level, logger, message, request, traceback and extra `fields`.

    Paths below the folder `uploads` hold names of visitors' files and are left out. So is the key of a KeyError: it is
    often the hash of a visitor's session.
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
            line["traceback"] = self._public(KEY.sub("KeyError", self.formatException(record.exc_info)))
        return json.dumps(line | getattr(record, "fields", {}))

    def _public(self, text: str) -> str:
        return self._private.sub("[an upload]", text)


def configure(uploads: str) -> None:
    """Log as lines of JSON from now on, for all loggers of this process.

    Uncaught exceptions, warnings and tracebacks that a library prints are logged, too.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(uploads))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("apex_space").setLevel(logging.INFO)
    logging.captureWarnings(True)
    traceback.print_exc = _traceback
    sys.excepthook = lambda *about: _unexpected(about)
    threading.excepthook = _of_thread


def adopt(*names: str) -> None:
    """Replace the handlers that these loggers came with, so that their records are logged like all others."""
    for logger in map(logging.getLogger, names):
        logger.handlers.clear()
        logger.propagate = True


def _traceback(*_: Any, **__: Any) -> None:
    _unexpected(sys.exc_info())


def _of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:
        _unexpected((args.exc_type, args.exc_value, args.exc_traceback))


def _unexpected(about: Any) -> None:
    logging.getLogger(__name__).error("an unexpected exception", exc_info=about)
