"""A server as a process of its own, on a free port, out of the Hub's reach."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from helpers.forked import Program
from helpers.paths import ROOT
from helpers.songs import pool
from helpers.wait import until

MAX_BATCH = 12
"""Songs that the server that all tests share ranks at once."""
QUICK = {
    "APEX_LISTENING_SECONDS": "0.5",
    "APEX_UPLOAD_GRACE_SECONDS": "0.5",
    "APEX_REFRESH_SECONDS": "1",
    "APEX_PRECISION": "float32",
    "APEX_PLACES": "50",
}
"""Settings that make a test wait less (networks are not tried in both precisions, for one), and let all visitors come
from one address."""


@dataclass(frozen=True)
class Running:
    """The process and its address; `folder` has its uploads, data and log."""

    process: "Program | subprocess.Popen[bytes]"
    url: str
    folder: Path

    @property
    def data(self) -> Path:
        """The folder of its database, unless the test names another one."""
        return self.folder / "data"

    @property
    def log(self) -> str:
        """All that it wrote so far."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def uploads(self, name: str = "") -> list[Path]:
        """The files that visitors sent and that are still there, of those whose name begins with `name`."""
        found = os.walk(self.folder / "uploads")  # which bears that folders go meanwhile
        return [Path(folder, file) for folder, _, files in found for file in files if file.startswith(name)]

    def answers(self) -> bool:
        """Whether its first page is there. Fails where the process ended instead."""
        assert self.process.poll() is None, self.log
        with suppress(OSError), urlopen(self.url, timeout=5) as answer:
            return bool(answer.status == 200)
        return False


def free_port() -> int:
    """A port on which nothing listens, below those that systems give to connections: one of those may be taken again
    before a server starts, which then silently listens on the next one."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(
    folder: Path, *program: str, host: str = "127.0.0.1", fork: bool = True, **environment: str
) -> Iterator[Running]:
    """Run a Python program (the path of a file, or "-c" and code) until the `with` ends; what is left then is told to
    terminate. Unless it may `fork` from a process that has the imports behind it, it starts as a user's does."""
    port = free_port()
    env = os.environ | {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "APEX_DATA": str(folder / "data"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(folder / "hub"),
        "APEX_POOL": str(pool()),
        **QUICK,
    }
    process: Program | subprocess.Popen[bytes]
    if fork:
        process = Program(program, env | environment, folder / "log")
    else:
        with (folder / "log").open("ab") as log:
            command = [sys.executable, *program]
            process = subprocess.Popen(command, cwd=ROOT, env=env | environment, stdout=log, stderr=log)
    server = Running(process, f"http://{host}:{port}", folder)
    try:
        until(server.answers, seconds=120)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@contextmanager
def running_app(folder: Path, **environment: str) -> Iterator[Running]:
    """Run the app until the `with` ends; it has to end in order."""
    with running(folder, "app.py", **environment) as server:
        yield server
    assert server.process.returncode == 0
    assert "Traceback" not in server.log, server.log
