"""Imports of the server while it warms up."""

import subprocess
import sys
from pathlib import Path

from helpers.paths import ROOT

IMPORTS = """
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sys import argv
from apex_space.core.errors import WeightsError
from apex_space.judges.loading import load_judge
from apex_space.judges.registry import REGISTRY
from apex_space.models.precision import flops_per_second

def load(name):
    try:
        load_judge(name, Path(argv[1]))
    except WeightsError:
        pass

with ThreadPoolExecutor() as pool:
    loads = [pool.submit(flops_per_second, "float32"), *(pool.submit(load, name) for name in REGISTRY)]
for each in loads:
    each.result()
"""


def test_judges_may_be_loaded_at_once_while_the_server_warms_up(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS, tmp_path], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
