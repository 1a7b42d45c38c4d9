"""The job that fits the heads of judges and publishes them: the script itself, and the command that rents a machine."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np

from apex_space.preference.head_files import read
from helpers.hub_server import serve
from helpers.paths import ROOT
from unit.preference.test_fitting import clips, write_table  # noqa: F401


def test_the_script_fits_publishes_and_goes_on_after_a_judge_that_is_missing(
    clips: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    pairs = [rng.choice(24, 2, replace=False) for _ in range(80)]  # those with less noise win
    rows = [
        {"audio_a": f"{a}.flac", "audio_b": f"{b}.flac", "winner": "a" if a < b else "b", "model_a": "x"}
        for a, b in pairs
    ]
    table = write_table(clips / "job.csv", rows)
    with serve() as hub:
        hub.new = tmp_path
        env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_TOKEN": "token",
            "APEX_DATA": str(tmp_path / "data"),
            "APEX_WEIGHTS": str(tmp_path),
        }
        command = ["sh", "assets/fit_heads.sh", "NAME/heads", str(table), "apex", "pocket"]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr  # apex's weights are not there
    assert "Published: " in done.stderr
    assert sorted(path.name for path in (tmp_path / "heads").iterdir()) == ["README.md", "pocket.json"]
    assert read(tmp_path / "heads" / "pocket.json").data == "job.csv: battles with a winner"


def test_the_command_that_rents_a_machine_is_one_that_the_client_takes() -> None:
    lines = (ROOT / "docs" / "arena.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line.strip() for line in lines if line.startswith("    hf jobs run")]
    program, *words = shlex.split(line)
    command = [str(Path(sys.executable).with_name(program)), *words[:2], "--dry-run", *words[2:]]
    done = subprocess.run(command, env=os.environ | {"HF_TOKEN": "token"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for part in ("cpu-upgrade", "hf://spaces/NAME/SPACE:/app", "APEX_DATA=/data", "fit_heads.sh NAME/heads"):
        assert part in done.stdout
