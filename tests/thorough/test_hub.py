"""Weights from the Hub: its real client, in its own process, against a server of ours that can fail on purpose."""

import os
import subprocess
import sys
from pathlib import Path

from helpers.hub_server import COMMIT, serve


def test_apex_gets_ready_from_the_hub_and_stays_so_without_it(full_weights: Path, tmp_path: Path) -> None:
    code = "from apex_space import load_judge; judge = load_judge('apex'); print(judge.weights, judge.head.axes)"
    names = {"APEX_MERT_REPO": "stand-in/MERT", "APEX_HEAD_REPO": "stand-in/apex", "HF_HOME": str(tmp_path)}
    names["APEX_PRECISION"] = "float32"  # auto would say why it takes that on some processors
    with serve(MERT=full_weights / "MERT-v1-95M", apex=full_weights / "apex") as hub:
        environment = os.environ | names | {"HF_ENDPOINT": hub.url}
        command = [sys.executable, "-W", "error", "-c", code]
        done = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)]
    done.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300))
    assert [run.stderr for run in done] == ["", ""]
    assert done[0].stdout == done[1].stdout
    assert done[0].stdout.count(COMMIT) == 2
    assert "naturalness" in done[0].stdout
