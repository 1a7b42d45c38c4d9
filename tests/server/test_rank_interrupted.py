"""`rank` as a process that is interrupted."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from apex_space.judges.embedding_cache import FOLDER
from helpers.melodies import write
from helpers.paths import ROOT


def test_an_interruption_keeps_what_is_done(tmp_path: Path) -> None:
    for i in range(40):
        write(tmp_path / "songs" / f"{i:02}.wav", i, seconds=20, rate=22_050, channels=1)
    command = [sys.executable, "-m", "apex_space", "rank", str(tmp_path / "songs"), "--format", "json"]
    env = os.environ | {"APEX_DATA": str(tmp_path / "data")}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("2 of 40"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    rows = json.loads(stdout)["rows"]
    assert 2 <= len(rows) < 40
    assert len(list((tmp_path / "data" / "embeddings" / FOLDER).iterdir())) >= len(rows)
