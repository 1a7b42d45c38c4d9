"""A process that has made the slow imports, and starts Python programs by forking itself, which saves each some twenty
seconds: `python -m helpers.fork_server SOCKET`. It ends when its input does. Its client is helpers/fork_client.py."""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import tempfile
import threading
import types
import warnings
from dataclasses import dataclass, field
from typing import Any

PRELOADED = (
    "apex_space.cli",
    "apex_space.training.apex.run",
    "apex_space.ui.server",
    "av",
    "datasets",
    "gradio_client",
    "limits.storage",
    "limits.strategies",
    "mcp.server",
    "playwright.sync_api",
    "psycopg",
    "safetensors.numpy",
    "safetensors.torch",
    "sklearn.linear_model",
    "torch._dynamo",
    "transformers.models.clap.modeling_clap",
    "transformers.models.hubert.modeling_hubert",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "yaml",
)
READ_THE_ENVIRONMENT = ("huggingface_hub.constants", "gradio.http_server")
"""Modules that read the environment when they are imported, and do it again in each program."""


@dataclass(frozen=True)
class Program:
    """What to run: the arguments of `python`, without its options; the files are its input and both outputs."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    files: list[int] = field(default_factory=list)

    def run(self) -> None:
        for number, file in enumerate(self.files):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(self.environment)
        os.chdir(self.folder)
        for name in READ_THE_ENVIRONMENT:
            importlib.reload(sys.modules[name])
        tempfile.tempdir = None
        if self.arguments[0] == "-c":
            _, code, *rest = self.arguments
            sys.argv = ["-c", *rest]
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            try:
                exec(compile(code, "<string>", "exec"), main.__dict__)
            except SystemExit as end:
                if isinstance(end.code, str):
                    raise
                end_at_once(end.code or 0)
            end_at_once(0)
        else:
            sys.argv = self.arguments
            runpy.run_path(self.arguments[0], run_name="__main__")


def end_at_once(status: int) -> None:
    """End with all that a program has registered for its end, but without taking down what was imported, which costs
    half a second of processor time. (A server that is the path of a file ends as a user's does.)"""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def preload() -> None:
    """Import what takes long. A warning is an error, as it is in the tests."""
    from apex_space.audio.features import import_librosa

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_librosa()
        for name in ("librosa.feature", "librosa.onset", *PRELOADED):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


class ForkServer:
    """Forks for each connection on which a program is named; answers with its number, and with its status at its end.

    A program whose connection closes is told to terminate.
    """

    def __init__(self, path: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self._ended, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno())
        self._programs: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._ended, selectors.EVENT_READ, self._answer)
        self._selector.register(sys.stdin, selectors.EVENT_READ, lambda _: sys.exit())

    def next_program(self) -> Program:
        """Serve, and return in each fork with what to run."""
        while True:
            for key, _ in self._selector.select():
                program = key.data(key.fileobj)
                if program:
                    return program

    def _accept(self, listener: socket.socket) -> Program | None:
        connection, _ = listener.accept()
        text, files, _, _ = socket.recv_fds(connection, 1 << 16, 3)
        while not text.endswith(b"\n"):
            text += connection.recv(1 << 16)
        number = os.fork()
        if number == 0:
            self._leave(connection)
            return Program(**json.loads(text), files=list(files))
        for file in files:
            os.close(file)
        self._programs[number] = connection
        self._selector.register(connection, selectors.EVENT_READ, lambda _: self._terminate(number))
        connection.sendall(b"%d\n" % number)
        return None

    def _terminate(self, number: int) -> None:
        self._selector.unregister(self._programs[number])
        os.kill(number, signal.SIGTERM)

    def _answer(self, ended: socket.socket) -> None:
        ended.recv(1 << 10)
        while self._programs and (done := os.waitpid(-1, os.WNOHANG))[0]:
            number, status = done
            with self._programs.pop(number) as connection, contextlib.suppress(KeyError, OSError):
                self._selector.unregister(connection)
                connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))

    def _leave(self, connection: socket.socket) -> None:
        """Have nothing of the server's left in a fork. (A shell's background jobs ignore the interrupt signal.) Linux
        gives each session the same share of a busy processor, so each program has its own."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._selector.close()
        for each in (self.listener, self._ended, self._wake, connection, *self._programs.values()):
            each.close()


def main(path: str) -> Any:
    preload()
    return ForkServer(path).next_program().run()


if __name__ == "__main__":
    main(sys.argv[1])
