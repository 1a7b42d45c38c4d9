"""The command line as a process: what it prints where, and its exit status."""

import json
from pathlib import Path

from helpers.command_line import run
from helpers.paths import SONGS

from apex_space.heads.apex import AESTHETICS, POPULARITY

SEVEN = POPULARITY + AESTHETICS


def test_apex_from_a_folder_of_weights(full_weights: Path) -> None:
    done = run("score", SONGS[0], "--judge", "apex", "--weights", full_weights, "--format", "json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert all(isinstance(report["scores"][key], float) for key in SEVEN)
    assert [w["repository"] for w in report["weights"]] == ["m-a-p/MERT-v1-95M", "amaai-lab/apex"]
