"""A server as a process of its own, on a free port, out of the Hub's reach."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from waiting import until

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Running:
    """The process and its address; `folder` has its uploads, data and log."""

    process: "subprocess.Popen[bytes]"
    url: str
    folder: Path

    @property
    def log(self) -> str:
        """All that it wrote so far."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def answers(self) -> bool:
        """Whether its first page is there. Fails where the process ended instead."""
        assert self.process.poll() is None, self.log
        with suppress(OSError), urlopen(self.url, timeout=5) as answer:
            return bool(answer.status == 200)
        return False


@contextmanager
def running(folder: Path, *program: str, **environment: str) -> Iterator[Running]:
    """Run Python with the arguments `program` until the `with` ends; what is left then is told to terminate."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "APEX_DATA": str(folder / "data"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(folder / "hub"),
    }
    command = [sys.executable, *program]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env | environment, stdout=log, stderr=log)
    server = Running(process, f"http://127.0.0.1:{port}", folder)
    try:
        until(server.answers, seconds=120)
        yield server
    finally:
        process.terminate()
        process.wait(20)
