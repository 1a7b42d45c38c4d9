"""The walk-through of docs/training.md with the project's own songs, and a thin stand-in of MERT."""

import csv
from pathlib import Path

import pytest

from helpers.paths import ROOT
from helpers.walk_through import counts, walk


def test_the_walk_through(tmp_path: Path, thin_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("apex_space").symlink_to(ROOT / "apex_space")
    Path("counts.csv").write_text(counts())
    done = walk(APEX_WEIGHTS=str(thin_weights))
    assert "12 songs in segments, of which 12 are new." in done["extract"].stdout
    results = "runs/loss-uncertainty_shared-2_mode-song_task-popularity/results.csv"
    with Path(results).open(newline="") as file:
        assert {row["model"] for row in csv.DictReader(file)} == {"head", "mean", "ridge"}
    assert "6 songs to learn from, 3 to choose the best epoch by, 3 to measure\nwith" in done["publish"].stdout
    assert "disco.ogg" in done["score"].stdout
