"""The command line as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

from apex_space.models.heads.apex import AESTHETICS, POPULARITY
from helpers.paths import ROOT
from helpers.songs import short

SEVEN = POPULARITY + AESTHETICS


def test_apex_from_a_folder_of_weights(thin_weights: Path) -> None:
    environment = os.environ | {"APEX_PRECISION": "float32"}
    command = [
        sys.executable,
        "-m",
        "apex_space",
        "score",
        short("bossa.ogg"),
        "--judge",
        "apex",
        "--weights",
        thin_weights,
    ]
    done = subprocess.run([*command, "--format", "json"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert all(isinstance(report["scores"][key], float) for key in SEVEN)
    assert [w["repository"] for w in report["weights"]] == ["m-a-p/MERT-v1-95M", "amaai-lab/apex"]
