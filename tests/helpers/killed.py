"""Processes that are killed at random moments of their work, and what they said until then."""

import os
import random
import signal
import subprocess
from threading import Timer

from helpers.forked import command
from helpers.paths import ROOT

START = "import os, sys\n"
NEST = """
for _ in range({processes}):
    if os.fork() == 0:
        work(*sys.argv[1:])
for _ in range({processes}):
    os.write(1, f"ended {{os.waitstatus_to_exitcode(os.wait()[1])}}\\n".encode())
"""


def said_until_killed(code: str, *arguments: str, processes: int, seconds: float) -> list[list[str]]:
    """Run the function `work` of `code` in many processes, each of which writes its number first in every line.

    Each is killed at most so many `seconds` after its first line. Gives the words of all lines without that number.
    """
    said: list[list[str]] = []
    ends: list[str] = []
    killers: dict[str, Timer] = {}
    started = command("-c", START + code + NEST.format(processes=processes), *arguments)
    with subprocess.Popen(started, cwd=ROOT, stdout=subprocess.PIPE, text=True) as nest:
        assert nest.stdout is not None
        for line in nest.stdout:
            process, *rest = line.split()
            if process == "ended":
                ends += rest
                continue
            said.append(rest)
            if process not in killers:
                killers[process] = Timer(random.uniform(0, seconds), os.kill, (int(process), signal.SIGKILL))
                killers[process].start()
    assert ends == [str(-signal.SIGKILL)] * processes, "a process ended by itself"
    return said
