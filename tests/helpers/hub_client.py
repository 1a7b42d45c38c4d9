"""The Hub's real client in a process of its own for each call, forked from one that has the slow imports behind it."""

import json
import os
import time
import warnings
from itertools import count
from pathlib import Path
from typing import Any

from helpers.forked import Program
from helpers.hub_server import Hub

NEEDS, CHECKPOINTS = ("config.json", "preprocessor_config.json"), ("model.safetensors", "pytorch_model.bin")


RUNS = count()


def run_program(hub: Hub, folder: Path, *arguments: str, code: int = 0, **environment: str) -> str:
    """Run a Python program with a cache and a token of its own, and give what it prints; it must end with `code`."""
    log, home = (folder / f"{name}{next(RUNS)}" for name in ("log", "home"))
    names = {"PATH": "/usr/bin", "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_TOKEN": "token"}
    done = Program(arguments, names | environment, log)
    done.wait(60)
    text = log.read_text()
    assert done.returncode == code, text
    return text


def call(folder: Path, repository: str, revision: str, action: str, environment: dict[str, str]) -> Any:
    """What the client made of `action` (fetch, cached, size); it must not print. `folder` takes its output."""
    printed, code = folder / "printed", "import sys; from helpers.hub_client import answer; answer(*sys.argv[1:])"
    printed.write_bytes(b"")
    arguments = ("-c", code, str(folder), repository, revision, action)
    status = Program(arguments, os.environ | environment, printed).wait(60)
    assert (status, printed.read_text()) == (0, "")
    return json.loads((folder / "answer").read_text())


def answer(folder: str, repository: str, revision: str, action: str) -> None:
    """Write into `folder` what `call` gives."""
    warnings.simplefilter("error")
    from huggingface_hub import HfApi, snapshot_download  # noqa: F401  # so that the clock measures the network

    from apex_space.core.errors import WeightsMissing
    from apex_space.models.hub import Repository, download_size, fetch

    wanted, progress, start = Repository(repository, revision, NEEDS, CHECKPOINTS), [], time.monotonic()
    result: dict[str, Any]
    try:
        if action == "size":
            result = {"size": download_size(wanted)}
        else:
            found = fetch(wanted, None, lambda *bytes: progress.append(bytes), cached=action == "cached")
            result = {"checkpoint": str(found.checkpoint), "revision": found.weights.revision}
    except WeightsMissing as error:
        result = {"error": str(error)}
    (Path(folder) / "answer").write_text(
        json.dumps(result | {"progress": progress, "seconds": time.monotonic() - start})
    )
