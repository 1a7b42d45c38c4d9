"""The command line as a process: what it prints where, and its exit status."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from apex_space.core.axes import AESTHETICS, KEYS, POPULARITY
from helpers import melodies
from helpers.command_line import run
from helpers.songs import short

SEVEN = POPULARITY + AESTHETICS
SONG = "bossa.ogg"


def test_json_is_a_list_with_one_object_a_file_and_nothing_else_on_stdout() -> None:
    songs = [short(SONG), short("folk.ogg")]
    done = run("score", *songs, "--format", "json")
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)
    assert [report["file"] for report in reports] == [str(song) for song in songs]
    for report in reports:
        assert report["judge"] == "pocket"
        assert tuple(report["scores"]) == KEYS
        assert all(report["scores"][axis] is None for axis in report["missing"])
        assert all(report["scores"][axis] is not None for axis in SEVEN if axis not in report["missing"])
        assert set(report["segments"][0]) == {"start", "end", "counts", "lift", *KEYS}
        assert report["segments"][-1]["end"] == pytest.approx(report["duration"], abs=1e-3)
        assert report["weights"]
        assert report["precision"] == "float32"
        assert report["seconds"] > 0


def test_a_bad_file_is_named_with_its_reason_and_the_rest_is_scored(tmp_path: Path) -> None:
    bad = tmp_path / "[bold]not a song.mp3"
    bad.write_text("not a song")
    done = run("score", bad, short(SONG), tmp_path / "missing.wav", "--format", "json")
    assert done.returncode == 1
    first, second, third = json.loads(done.stdout)
    assert set(first) == set(third) == {"file", "error"}
    assert second["scores"]["likes"] is not None
    assert bad.name in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_csv_and_table_hold_the_same_scores_as_json() -> None:
    scores = json.loads(run("score", short(SONG), "--format", "json").stdout)[0]["scores"]
    rows = list(csv.DictReader(io.StringIO(run("score", short(SONG), "--format", "csv").stdout)))
    song = next(row for row in rows if row["part"] == "song")
    assert {key: float(song[key]) if song[key] else None for key in KEYS} == scores
    table = run("score", short(SONG)).stdout
    assert all(f"{value:.2f}" in table for value in scores.values() if value is not None)


def test_a_judge_that_hears_no_prompt_is_not_given_one() -> None:
    done = run("score", short(SONG), "--judge", "apex", "--prompt", "a waltz")
    assert (done.returncode, done.stdout) == (2, "")
    assert "apex hears no prompt. Only tunejury does" in done.stderr


def test_an_unknown_judge_is_refused_with_the_known_ones() -> None:
    done = run("score", short(SONG), "--judge", "nobody")
    assert done.returncode == 2
    assert "pocket" in done.stderr
    assert not done.stdout


def test_without_a_network_apex_says_what_is_missing_and_how_to_provide_it(tmp_path: Path) -> None:
    done = run("score", short(SONG), "--judge", "apex", HF_HUB_CACHE=str(tmp_path))
    assert done.returncode == 2
    assert "m-a-p/MERT-v1-95M" in done.stderr
    assert "--weights" in done.stderr


def test_judges_says_who_is_ready_and_why_not(tmp_path: Path) -> None:
    done = run("judges", HF_HUB_CACHE=str(tmp_path), APEX_HEAD_REPO="me/a")
    assert done.returncode == 0, done.stderr
    lines = " ".join(done.stdout.split())
    assert "likes, coherence, musicality, clarity, naturalness" in lines
    assert "not ready" in lines
    assert "not verified here" in lines
    assert "m-a-p/MERT-v1-95M" in lines
    assert "see me/a" in lines


def test_every_command_and_option_has_its_help() -> None:
    from typer.main import get_command

    from apex_space.cli import app

    for name, command in get_command(app).commands.items():
        assert command.help, name
        assert all(getattr(option, "help", None) for option in command.params if option.name != "help"), name


def test_python_in_one_line() -> None:
    from apex_space import load_judge

    report = load_judge()(short(SONG))
    assert report.file == SONG
    assert report.judge == "pocket"


@pytest.mark.slow
def test_how_long_it_will_take_is_said_before_it_starts(panel_weights: Path, tmp_path: Path) -> None:
    song = melodies.write(tmp_path / "song.wav", 1, seconds=3)
    done = run("score", song, "--judge", "songeval,hear-2", "--weights", panel_weights, "--format", "json")
    assert done.returncode == 0, done.stderr
    lines = " ".join(done.stderr.split())
    assert re.search(r"s of music take songeval about \d+ \w+, and all judges about \d+ \w+", lines)
    assert lines.index("take songeval") < lines.index("scored in") < lines.index("take hear-2 about")
    assert lines.count("all judges") == 1


@pytest.mark.slow
def test_apex_from_a_folder_of_weights(thin_weights: Path, tmp_path: Path) -> None:
    song = melodies.write(tmp_path / "song.wav", 1, seconds=3)
    done = run("score", song, "--judge", "apex", "--weights", thin_weights, "--format", "json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert all(isinstance(report["scores"][key], float) for key in SEVEN)
    assert [each["repository"] for each in report["weights"]] == ["m-a-p/MERT-v1-95M", "amaai-lab/apex"]
