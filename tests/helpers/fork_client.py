"""Starts programs by the fork server (helpers/fork_server.py). As a program it takes the place of `python`: it runs
what its arguments say, with its own input and outputs, and ends as that does. Imports nothing slow."""

import json
import os
import socket
import sys
import time
from contextlib import suppress

ADDRESS = "APEX_TEST_FORK_SERVER"
"""The environment variable that names the server's socket."""
SECONDS = 120


def start(arguments: list[str], environment: dict[str, str], folder: str, files: tuple[int, int, int]) -> socket.socket:
    """Start a program with the arguments of `python`. The answer is its number, and its status when it ends."""
    connection = socket.socket(socket.AF_UNIX)
    connect(connection, os.environ[ADDRESS])
    program = {"arguments": arguments, "folder": folder, "environment": environment}
    text = json.dumps(program).encode() + b"\n"
    sent = socket.send_fds(connection, [text], files)
    connection.sendall(text[sent:])
    return connection


def connect(connection: socket.socket, path: str) -> None:
    """Wait until the server has made its imports."""
    for _ in range(SECONDS * 20):
        with suppress(FileNotFoundError, ConnectionRefusedError):
            return connection.connect(path)
        time.sleep(0.05)
    raise TimeoutError(f"no fork server at {path} within {SECONDS} s")


if __name__ == "__main__":
    options = [argument for argument in sys.argv[1:] if argument not in ("-u", "-B")]
    with start(options, dict(os.environ), os.getcwd(), (0, 1, 2)).makefile() as answers:
        _number, status = map(int, answers)
    sys.exit(status)
