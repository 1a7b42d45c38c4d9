"""The package in an environment of its own, as somebody elsewhere installs it: minutes, and gigabytes of disk."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from apex_space import load_judge
from helpers.paths import ROOT
from helpers.server import running

pytestmark = pytest.mark.timeout(1800)


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the package and what it needs, and an empty folder to be in."""

    programs: Path
    elsewhere: Path

    @property
    def package(self) -> Path:
        """The folder that Python imports it from."""
        return Path(self.run("python", "-c", "import apex_space; print(*apex_space.__path__)").strip())

    def run(self, program: str, *arguments: object) -> str:
        """What it writes to stdout."""
        command = [self.programs / program, *map(str, arguments)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, cwd=self.elsewhere, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """At the newest versions that pyproject.toml allows; of PyTorch the pinned one, whichever build there is."""
    folder = tmp_path_factory.mktemp("installed")
    source, elsewhere = folder / "source", folder / "elsewhere"
    elsewhere.mkdir()
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    here = Installed(folder / ".venv" / "bin", elsewhere)
    here.run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "wheels", source)
    (torch,) = re.findall(r"^torch==\S+$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    here.run("pip", "install", "--quiet", torch, *(folder / "wheels").iterdir())
    return here


def test_nothing_is_missing_and_nothing_comes_from_the_repository(installed: Installed) -> None:
    installed.run("pip", "check")
    assert installed.package.is_relative_to(installed.programs.parent)


def test_it_scores_a_song_as_the_repository_does(installed: Installed, shared: Path) -> None:
    song = shared / "audio" / "vibeace_24k_mono.wav"
    (report,) = json.loads(installed.run("apex-space", "score", song, "--format", "json"))
    scores = load_judge("pocket")(song).scores
    assert report["scores"].keys() == scores.keys()
    assert {key: report["scores"][key] for key, score in scores.items() if score is not None} == {
        key: pytest.approx(score, abs=0.01) for key, score in scores.items() if score is not None
    }
    assert list(installed.elsewhere.iterdir()) == []


def test_it_serves_the_pages_with_their_examples(installed: Installed, tmp_path: Path) -> None:
    program = str(installed.programs / "apex-space")
    start = f"import os; os.chdir({str(installed.elsewhere)!r}); os.execv({program!r}, [{program!r}, 'serve'])"
    with (
        running(tmp_path, "-c", start, fork=False, PYTHONPATH="") as server,
        httpx.Client(base_url=server.url, timeout=30) as visitor,
    ):
        assert "APEX Space" in visitor.get("/").text
        assert visitor.get("/healthz").json()["judges"]["pocket"] == "ready"
        assert visitor.get("/favicon.ico").headers["content-type"].startswith("image/svg")
        assert visitor.get(f"/gradio_api/file={installed.package}/arena/examples/bossa.ogg").content[:4] == b"OggS"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
