"""`rank` as a process: what it prints, keeps and copies, and how it goes on after an interruption."""

import csv
import io
import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from apex_space.judges.embedding_cache import FOLDER
from helpers.command_line import run
from helpers.songs import short

GOOD = "bossa.ogg", "folk.ogg", "house.ogg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three songs, one of them twice, and what is no song."""
    (tmp_path / "songs").mkdir()
    for song in map(short, GOOD):
        shutil.copy(song, tmp_path / "songs")
    shutil.copy(short(GOOD[0]), tmp_path / "songs" / f"z {GOOD[0]}")
    (tmp_path / "songs" / "[bold]letter.mp3").write_text("Dear listener")
    (tmp_path / "songs" / "notes.txt").write_text("Dear reader")
    return tmp_path / "songs"


@pytest.mark.slow
def test_the_best_are_kept_and_copied_and_a_bad_file_is_a_row(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = run("rank", folder, "--keep", 2, "--copy-to", kept, "--format", "json", APEX_DATA=str(tmp_path / "data"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "One file was left out" in done.stderr
    ranking = json.loads(done.stdout)
    rows = ranking["rows"]
    assert (ranking["by"], ranking["head"]["judge"]) == ("preference", "pocket")
    assert sorted(row["file"] for row in rows) == sorted(
        path.name for path in folder.iterdir() if path.suffix != ".txt"
    )
    assert "not a sound file" in rows[-1]["error"]
    (copy,) = (row for row in rows if row["same_as"])
    assert (copy["file"], copy["same_as"]) == (f"z {GOOD[0]}", GOOD[0])
    names = [row["file"] for row in rows if row["kept"]]
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        f"0{place} {name}": (folder / name).read_bytes() for place, name in enumerate(names, 1)
    }
    again = run("rank", folder, "--copy-to", kept, APEX_DATA=str(tmp_path / "data"))
    assert (again.returncode, again.stdout) == (1, "")
    assert "is not empty" in again.stderr


@pytest.mark.slow
def test_what_was_heard_is_kept_for_the_next_run(folder: Path, tmp_path: Path) -> None:
    for variables, place in (
        ({}, tmp_path / "data" / "embeddings"),
        ({"APEX_CACHE_DIR": str(tmp_path / "m")}, tmp_path / "m"),
    ):
        done = run("rank", folder, "--format", "json", APEX_DATA=str(tmp_path / "data"), **variables)
        assert len(list((place / FOLDER).iterdir())) == len(GOOD)
        again = run("rank", folder, "--format", "json", APEX_DATA=str(tmp_path / "data"), **variables)
        first, second = (json.loads(each.stdout)["rows"] for each in (done, again))
        assert [(row["file"], row["value"]) for row in first] == [(row["file"], row["value"]) for row in second]


@pytest.mark.slow
def test_csv_by_an_axis_with_groups_from_a_zip(folder: Path, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "songs.zip", "w") as made:
        for song in map(short, GOOD):
            made.write(song, f"album/{song.name}")
    (tmp_path / "groups.csv").write_text(f"file,group\n{GOOD[0]},One\n")
    options = ("--by", "musicality", "--groups", tmp_path / "groups.csv", "--format", "csv", "--keep", 1)
    done = run("rank", tmp_path / "songs.zip", *options, APEX_DATA=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["value"] for row in rows] == sorted((row["musicality"] for row in rows), key=float, reverse=True)
    assert all(float(row["low"]) < float(row["value"]) < float(row["high"]) for row in rows)
    assert {row["file"]: row["group"] for row in rows}[f"album/{GOOD[0]}"] == "One"
    table = run("rank", tmp_path / "songs.zip", *options[:4], APEX_DATA=str(tmp_path / "data"), COLUMNS="200")
    assert "All 3 songs with a rank are kept" in table.stdout


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("--by", "streams"), 1, "pocket does not predict streams"),
        (("--judge", "nobody"), 2, "The judges are"),
        (("--groups", "nowhere.csv"), 1, "table of groups"),
        (("--keep", "0"), 2, "keep"),
    ],
)
def test_what_cannot_be_is_said(
    options: tuple[str, ...], status: int, words: str, folder: Path, tmp_path: Path
) -> None:
    done = run("rank", folder, *options, APEX_DATA=str(tmp_path / "data"), COLUMNS="300")
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
