"""The 24 conditions on songs whose scores are a known function of the embeddings, by the command itself."""

import csv
from pathlib import Path

from helpers.apex_training import write_split
from helpers.command_line import run


def test_every_condition_beats_the_mean_and_the_best_comes_near_the_truth(tmp_path: Path) -> None:
    """Streams and likes are tanh of what two directions of the embedding say: no network can do better than 1."""
    folder = write_split(tmp_path / "data", (300, 60, 60))
    options = ("--epochs", "10", "--batch", "64", "--rate", "5e-3")
    done = run("train", "apex", folder, "--out", tmp_path / "runs", "--grid", *options)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "runs" / "grid.csv").open(newline="") as file:
        found = [*csv.DictReader(file)]
    assert len(found) == 24
    tests = {row["run"]: float(row["test"]) for row in found}
    assert min(tests.values()) > 0.95
    assert tests[found[0]["run"]] > 0.98
