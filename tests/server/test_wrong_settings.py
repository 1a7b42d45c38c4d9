"""A server that is given a wrong setting does not start, and says which in a line."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.paths import ROOT

TOO_SMALL = "APEX_MAX_MINUTES: Input should be greater than 0, not '-3'"


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [("APEX_MAX_MINUTES", "-3", TOO_SMALL), ("APEX_POOL", "no/such/place", "APEX_POOL: 'no/such/place' is neither")],
)
def test_the_server_says_it_in_a_line(
    variable: str, value: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, given in {"GRADIO_TEMP_DIR": str(tmp_path), "APEX_DATA": str(tmp_path), variable: value}.items():
        monkeypatch.setenv(name, given)
    done = subprocess.run([sys.executable, "app.py"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith(line)
