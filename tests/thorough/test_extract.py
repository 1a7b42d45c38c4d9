"""`extract` on Ray with a worker that is killed in the middle of its work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pyarrow import parquet

from helpers.melodies import write
from helpers.paths import ROOT

SONGS = 40


def workers(session: int) -> list[int]:
    """Process ids of the session's workers that are ready."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title, stat = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
        except OSError:  # it has ended
            continue
        ready = title.startswith(b"ray::MapWorker") and b"__init__" not in title
        if ready and int(stat.rpartition(")")[2].split()[3]) == session:
            found.append(int(folder.name))
    return found


def test_a_killed_worker_loses_and_doubles_no_song(tmp_path: Path) -> None:
    for seed in range(SONGS):
        write(tmp_path / "songs" / f"{seed}.wav", seed, seconds=8.0)
    command = [sys.executable, "-m", "apex_space", "extract", str(tmp_path / "songs"), "--encoder", "pocket"]
    command += ["--out", str(tmp_path / "out"), "--engine", "ray", "--workers", "2"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    while len(found := workers(process.pid)) < 2:
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.1)
    assert process.poll() is None
    os.kill(found[0], signal.SIGKILL)
    assert process.wait(timeout=500) == 0, (tmp_path / "log").read_text()
    shards = [parquet.read_table(path) for path in (tmp_path / "out").glob("segments-*.parquet")]
    ids = [segment for shard in shards for segment in shard["segment_id"].to_pylist()]
    assert sorted(ids) == sorted(f"{seed}_1" for seed in range(SONGS))
