"""A server that is given a wrong setting does not start, and says which in a line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.forked import Program
from helpers.paths import ROOT

TOO_SMALL = "APEX_MAX_MINUTES: Input should be greater than 0, not '-3'"
NO_POOL = "APEX_POOL: 'no/such/place' is neither"


def test_a_wrong_value_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, given in {"GRADIO_TEMP_DIR": str(tmp_path), "APEX_MAX_MINUTES": "-3"}.items():
        monkeypatch.setenv(name, given)
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith(TOO_SMALL)


def test_a_pool_that_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    given = {"GRADIO_TEMP_DIR": str(tmp_path), "APEX_DATA": str(tmp_path), "APEX_POOL": "no/such/place"}
    server = Program(("app.py",), os.environ | given, tmp_path / "log")
    assert server.wait(120) == 2
    (said,) = (tmp_path / "log").read_text().splitlines()
    assert said.startswith(NO_POOL)
