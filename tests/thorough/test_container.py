"""The container's files and health check. tests/unit/test_deploy.py holds what the Dockerfile says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.paths import ROOT
from helpers.server import running
from unit.test_deploy import instructions


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with what the Dockerfile copies, and nothing else."""
    folder = tmp_path / "image"
    folder.mkdir()
    for *sources, target in map(str.split, instructions("COPY")):
        for source in map(ROOT.joinpath, sources):
            if source.is_dir():
                shutil.copytree(source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / target)
    return folder


def test_the_container_runs_with_what_is_copied_and_tells_its_health(image: Path, tmp_path: Path) -> None:
    """SIGTERM reaches the server, for it is started without a shell."""
    from gradio_client import Client, handle_file

    (command,), (check,) = map(instructions, ("CMD", "HEALTHCHECK"))
    program, *arguments = json.loads(command)
    assert (program, arguments) == ("python", ["app.py"])
    _, *probe = json.loads(check.split("CMD ")[1])

    def healthy(url: str) -> bool:
        mine = [argument.replace("http://127.0.0.1:7860", url) for argument in probe]
        return subprocess.run([sys.executable, *mine], capture_output=True).returncode == 0

    with running(tmp_path, str(image / "app.py"), fork=False) as server:
        assert healthy(server.url)
        client = Client(server.url, verbose=False)
        song = handle_file(image / "apex_space" / "arena" / "examples" / "bossa.ogg")
        assert client.predict(song, "pocket", api_name="/score")["scores"]["likes"]
        client.close()
    assert server.process.returncode == 0
    assert not healthy(server.url)
