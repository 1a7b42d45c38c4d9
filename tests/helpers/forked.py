"""Programs in processes that are forked from one that has made the slow imports, which saves each some nine seconds."""

import importlib
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.paths import ROOT

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.helpers.preloaded"])
READ_THE_ENVIRONMENT = ("huggingface_hub.constants", "gradio.http_server")
"""Modules that read the environment when they are imported."""


class Program(multiprocessing.context.ForkServerProcess):
    """A Python program, with what tests use of `subprocess.Popen`."""

    def __init__(self, program: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        super().__init__(target=_run, args=(program, environment, log))
        self.start()

    def poll(self) -> int | None:
        return self.exitcode

    @property
    def returncode(self) -> int | None:
        return self.exitcode

    def wait(self, seconds: float) -> int:
        self.join(seconds)
        if self.exitcode is None:
            raise subprocess.TimeoutExpired("the program", seconds)
        return self.exitcode

    def send_signal(self, number: int) -> None:
        assert self.pid is not None
        os.kill(self.pid, number)


def print_to(log: Path) -> None:
    """Let all that this process prints go to a file."""
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)


def read_the_environment() -> None:
    """Let the modules that did so when they were imported do it again."""
    for name in READ_THE_ENVIRONMENT:
        importlib.reload(sys.modules[name])


def _run(program: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
    """Do as `python` does with the arguments `program`: the path of a file, or "-c" and code."""
    print_to(log)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    read_the_environment()
    tempfile.tempdir = None
    sys.argv = [program[0]]
    if program[0] == "-c":
        exec(compile(program[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(program[0], run_name="__main__")
