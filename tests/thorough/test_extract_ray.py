"""`extract` on a small Ray cluster that starts and ends with the command."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from pyarrow import parquet

from helpers.command_line import run
from helpers.melodies import write
from helpers.paths import ROOT


def content(out: Path) -> list[list[dict[str, Any]]]:
    """The rows of the one shard and of the errors."""
    tables = [parquet.read_table(out / name).to_pylist() for name in ("segments-00001.parquet", "errors.parquet")]
    return [sorted(table, key=lambda row: row["audio_id"]) for table in tables]


def test_ray_writes_the_same_rows(tmp_path: Path) -> None:
    for seed in range(3):
        write(tmp_path / "songs" / f"{seed}.wav", seed, seconds=1.0)
    (tmp_path / "songs" / "empty.wav").touch()
    arguments = ["extract", str(tmp_path / "songs"), "--encoder", "pocket", "--out"]
    assert run(*arguments, tmp_path / "here").returncode == 1
    command = [sys.executable, "-m", "apex_space", *arguments, str(tmp_path / "ray"), "--engine", "ray"]
    done = subprocess.run([*command, "--workers", "1"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "empty: The file is empty" in done.stderr, done.stderr
    assert content(tmp_path / "ray") == content(tmp_path / "here")
    assert [len(table) for table in content(tmp_path / "ray")] == [3, 1]
