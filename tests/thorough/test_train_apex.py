"""The 24 conditions on songs whose scores are a known function of the embeddings, by the command itself."""

import csv
import subprocess
import sys
from pathlib import Path

from helpers.apex_training import write_split
from helpers.command_line import run
from helpers.paths import ROOT


def test_every_condition_beats_the_mean_and_the_best_comes_near_the_truth(tmp_path: Path) -> None:
    """Streams and likes are tanh of what two directions of the embedding say: no network can do better than 1."""
    folder = write_split(tmp_path / "data", (300, 60, 60))
    options = ("--epochs", "10", "--batch", "64", "--rate", "5e-3")
    done = run("train", "apex", folder, "--out", tmp_path / "runs", "--grid", "--engine", "local", *options)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "runs" / "grid.csv").open(newline="") as file:
        found = [*csv.DictReader(file)]
    assert len(found) == 24
    tests = {row["run"]: float(row["test"]) for row in found}
    assert min(tests.values()) > 0.95
    assert tests[found[0]["run"]] > 0.98


def test_ray_trains_the_same_conditions_at_once(tmp_path: Path) -> None:
    folder = write_split(tmp_path / "data", (33, 12, 12))
    options = ["train", "apex", str(folder), "--grid", "--epochs", "2", "--batch", "16", "--out"]
    assert run(*options, tmp_path / "here", "--engine", "local").returncode == 0
    command = [sys.executable, "-m", "apex_space", *options, str(tmp_path / "ray"), "--engine", "ray", "--workers", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "24 of 24 conditions are trained" in done.stderr.splitlines()[-1]
    files = [file.relative_to(tmp_path / "here") for file in (tmp_path / "here").rglob("*") if file.is_file()]
    assert len(files) > 24 * 5
    for file in files:
        assert (tmp_path / "ray" / file).exists(), file
        if file.suffix in (".csv", ".svg", ".json"):
            assert (tmp_path / "ray" / file).read_bytes() == (tmp_path / "here" / file).read_bytes(), file
