"""Programs that the fork server starts."""

import atexit
import os
import select
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from helpers import fork_client
from helpers.fork_client import ADDRESS, start
from helpers.paths import ROOT


class Program:
    """A Python program, with what tests use of `subprocess.Popen`: the path of a file, or "-c" and code, and arguments.

    Both outputs go to the file `log`.
    """

    def __init__(self, program: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        need_fork_server()
        with log.open("ab") as output, open(os.devnull) as empty:
            files = (empty.fileno(), output.fileno(), output.fileno())
            with start(list(program), environment, str(ROOT), files) as connection:
                self._answers = connection.makefile("rb", buffering=0)
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self, seconds: float = 0) -> int | None:
        """Its status, or None while it runs; waits up to so many `seconds` for its end."""
        if self.returncode is None and select.select([self._answers], [], [], seconds)[0]:
            self.returncode = int(self._answers.readline())
            self._answers.close()
        return self.returncode

    def wait(self, seconds: float) -> int:
        status = self.poll(seconds)
        if status is None:
            raise subprocess.TimeoutExpired("the program", seconds)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def command(*program: str) -> list[str]:
    """What `subprocess` runs to have the fork server run a Python program with that command's input and outputs. Its
    number and a signal to it are those of the program's client."""
    need_fork_server()
    return [sys.executable, "-IS", fork_client.__file__, *program]


@cache
def need_fork_server() -> None:
    """Start a fork server for this process, unless `tests/check` has started one for all."""
    if ADDRESS in os.environ:
        return
    folder = tempfile.TemporaryDirectory(prefix="apex-forks-")
    os.environ[ADDRESS] = f"{folder.name}/socket"
    command = [sys.executable, "-m", "helpers.fork_server", os.environ[ADDRESS]]
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    server = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT, env=os.environ | {"PYTHONPATH": path})

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
        folder.cleanup()

    atexit.register(end)
