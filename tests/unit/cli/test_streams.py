"""Files and streams that are not as usual: an answer in one line, and nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command_line import run
from helpers.melodies import write
from helpers.paths import ROOT

NAMES = ["中文🎹.wav", "caf\udce9.wav", "esc\x1b[31m.wav", "mix:100:final.wav"]


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, says in ((tmp_path / "pipe", "a pipe"), ("-", "Standard input is not taken"), (tmp_path, "a folder")):
        done = run("score", path, "--format", "json")
        assert (done.returncode, says in done.stderr) == (1, True)
        assert says in json.loads(done.stdout)[0]["error"]


def test_judges_may_have_spaces_between(tmp_path: Path) -> None:
    song = write(tmp_path / "song.wav", 1, seconds=2)
    done = run("score", song, "--judge", "pocket, pocket", "--format", "json")
    assert [report["judge"] for report in json.loads(done.stdout)] == ["pocket", "pocket"]


@pytest.mark.slow
def test_a_console_that_lacks_characters_gets_escapes(tmp_path: Path) -> None:
    songs = [os.fsencode(tmp_path / name) for name in NAMES]
    for song in songs:
        Path(os.fsdecode(song)).write_text("no song")
    command = [sys.executable, "-m", "apex_space", "score", *songs, "--format", "json"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "APEX_PRECISION": "float32"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env=environment)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count(b"not a sound file") == len(NAMES)
    shown = [Path(report["file"]).name for report in json.loads(done.stdout.decode("cp1252"))]
    assert shown == ["中文🎹.wav", r"caf\xe9.wav", r"esc\x1b[31m.wav", "mix:100:final.wav"]
    assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_in_a_line(tmp_path: Path) -> None:
    environment = os.environ | {"APEX_DATA": str(tmp_path)}
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "apex_space", "arena", "report", "--format", "json"]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[1] == "The results cannot be written (No space left on device)."
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "id,truth_musicality,pred_musicality\n" + "".join(f"{i},{i},{i}\n" for i in range(5))
    )
    done = run("evaluate", tmp_path / "t.csv", "--out", tmp_path / "t.csv" / "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written to (Not a directory). Choose another --out." in done.stderr
