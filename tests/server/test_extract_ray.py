"""`extract` on a small Ray cluster that starts and ends with the command."""

import subprocess
import sys
from pathlib import Path

from pyarrow import parquet

from helpers.melodies import write
from helpers.paths import ROOT


def extracted(folder: Path, out: Path, *options: str) -> tuple[int, list[dict[str, object]]]:
    """The exit status of the command, and the rows of its one shard."""
    command = [sys.executable, "-m", "apex_space", "extract", str(folder), "--encoder", "pocket", "--out", str(out)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert "empty: The file is empty" in done.stderr, done.stderr
    rows = parquet.read_table(out / "segments-00001.parquet").to_pylist()
    return done.returncode, sorted(rows, key=lambda row: row["segment_id"])


def test_ray_writes_the_same_rows(tmp_path: Path) -> None:
    for seed in range(3):
        write(tmp_path / "songs" / f"{seed}.wav", seed, seconds=1.0)
    (tmp_path / "songs" / "empty.wav").touch()
    here = extracted(tmp_path / "songs", tmp_path / "here")
    assert (here[0], len(here[1])) == (1, 3)
    assert extracted(tmp_path / "songs", tmp_path / "ray", "--engine", "ray", "--workers", "1") == here
    errors = [parquet.read_table(tmp_path / name / "errors.parquet").to_pylist() for name in ("here", "ray")]
    assert errors[0] == errors[1]
