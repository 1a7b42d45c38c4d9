"""`train apex`: what it writes, how it goes on, what it compares, and its faults in a line each."""

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from apex_space.core.errors import OutputRefused
from apex_space.core.files import claimed
from apex_space.models.heads.apex import ApexHead
from apex_space.training.apex import grid
from apex_space.training.files import LOCK
from helpers.apex_training import rows, write, write_split
from helpers.command_line import run

NAME = "loss-uncertainty_shared-2_mode-song_task-popularity"
QUICK = ("--task", "popularity", "--epochs", "2", "--batch", "16", "--rate", "1e-3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_split(tmp_path_factory.mktemp("segments"), (33, 12, 12))


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return [*csv.DictReader(lines)]


@pytest.mark.slow
def test_a_run_and_what_it_writes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Any] = []
    trackio = SimpleNamespace(init=lambda **about: logged.append(about["name"]), log=logged.append)
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    done = run("train", "apex", folder, "--out", tmp_path, *QUICK)
    assert done.returncode == 0, done.stderr
    assert "train: 33 songs, val: 12 songs, test: 12 songs" in done.stderr
    assert "epoch 2 of 2: training loss" in done.stderr
    assert [line.split("│")[2].strip() for line in done.stdout.splitlines() if "likes" in line] == [
        "head",
        "mean",
        "ridge",
    ]
    where = tmp_path / NAME
    assert ApexHead(where / "best_model.pt").axes == ("streams", "likes")
    about = json.loads((where / "settings.json").read_text())
    assert about["songs"] == {"train": 33, "val": 12, "test": 12}
    assert (about["settings"]["rate"], about["settings"]["patience"]) == (1e-3, 20)
    curves = read(where / "curves.csv")
    assert [row["epoch"] for row in curves] == ["1", "2"]
    assert {row["model"] for row in read(where / "results.csv")} == {"head", "mean", "ridge"}
    assert len([*ElementTree.parse(where / "curves.svg").iter("{http://www.w3.org/2000/svg}polyline")]) == 2 * 3
    assert logged[0] == NAME
    assert [each["val_loss"] for each in logged[1:]] == [float(row["val_loss"]) for row in curves]

    evaluated = run("evaluate", folder, "--checkpoint", where / "best_model.pt", "--out", tmp_path, "--format", "csv")
    assert evaluated.returncode == 0, evaluated.stderr
    measured = [line for line in (where / "results.csv").read_text().splitlines() if line.startswith("test,head")]
    assert evaluated.stdout.splitlines()[1:] == measured
    written = json.loads((tmp_path / "evaluate.json").read_text())
    assert (written["num_songs"], [*written["platforms"]]) == (12, ["suno", "udio"])
    assert len([*ElementTree.parse(tmp_path / "evaluate.svg").iter("{http://www.w3.org/2000/svg}circle")]) == 2 * 12
    table = run("evaluate", folder / "val", "--checkpoint", where / "best_model.pt")
    assert "score_likes" in table.stdout
    assert "all its songs are taken" in table.stderr

    again = run("train", "apex", folder, "--out", tmp_path, *QUICK)
    assert again.stdout == done.stdout
    assert "epoch 2 of 2" not in again.stderr
    before = {path.name: path.read_bytes() for path in where.iterdir()}
    other = run("train", "apex", folder, "--out", tmp_path, *QUICK, "--seed", "1")
    assert other.returncode == 1
    assert "from other settings or other songs" in other.stderr.splitlines()[-1]
    with claimed(where, LOCK):
        second = run("train", "apex", folder, "--out", tmp_path, *QUICK)
    assert (second.returncode, second.stdout) == (1, "")
    assert "Another run writes to" in second.stderr.splitlines()[-1]
    assert {path.name: path.read_bytes() for path in where.iterdir()} == before
    (where / "last.pt").unlink()
    begun = run("train", "apex", folder, "--out", tmp_path, *QUICK, "--seed", "1")
    assert begun.returncode == 0, begun.stderr
    assert json.loads((where / "settings.json").read_text())["settings"]["seed"] == 1


@pytest.mark.parametrize(
    "name", ["settings.json", "curves.csv", "curves.svg", "results.csv", "best_model.pt", "last.pt"]
)
def test_files_of_others_are_not_replaced(name: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / name).write_text("{}")
    done = run("train", "apex", folder, "--out", tmp_path, *QUICK)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{name} is" in done.stderr.splitlines()[-1]
    assert [path.name for path in (tmp_path / NAME).iterdir() if path.name != LOCK] == [name]
    assert (tmp_path / NAME / name).read_text() == "{}"


@pytest.mark.parametrize("name", ["grid.csv", "grid.svg"])
def test_a_table_of_others_is_no_grid(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x,y")
    with pytest.raises(OutputRefused, match="not from here"):
        grid.check_grid(tmp_path)
    (tmp_path / "grid.csv").write_text(grid.grid_csv([grid.Condition("run", "song", "full", "equal", 2, 1, 0.5, 0.5)]))
    grid.check_grid(tmp_path)


def test_a_run_of_others_is_found_before_the_first_condition_is_trained(tmp_path: Path) -> None:
    theirs = tmp_path / NAME.replace("song", "segment") / "best_model.pt"
    theirs.parent.mkdir()
    theirs.write_text("theirs")
    with pytest.raises(OutputRefused, match=r"best_model\.pt is there and not from here"):
        grid.check_grid(tmp_path)


def test_what_evaluate_refuses(folder: Path, tmp_path: Path) -> None:
    for arguments, status, said in (
        (("--checkpoint", tmp_path / "none.pt"), 1, "none.pt is no file. Name a checkpoint"),
        (
            ("--checkpoint", folder / "val" / "shard_0001.parquet"),
            2,
            "cannot be read: half a download, or not a weights",
        ),
        (("--checkpoint", tmp_path / "none.pt", "--judge", "pocket"), 1, "leave out --judge"),
    ):
        done = run("evaluate", folder, *arguments)
        assert (done.returncode, done.stdout) == (status, "")
        assert said in done.stderr


@pytest.mark.slow
def test_conditions_are_compared(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "LOSSES", ("equal",))
    monkeypatch.setattr(grid, "DEPTHS", {2: ()})
    command = ("train", "apex", folder, "--out", tmp_path, "--grid", "--epochs", "1", "--batch", "16")
    done = run(*command, "--engine", "local")
    assert done.returncode == 0, done.stderr
    assert "4 of 4 conditions are trained" in done.stderr.splitlines()[-1]
    grid.check_grid(tmp_path)
    found = read(tmp_path / "grid.csv")
    assert {(row["mode"], row["task"]) for row in found} == {
        (mode, task) for mode in ("song", "segment") for task in ("popularity", "full")
    }
    skills = [float(row["val"]) for row in found]
    assert skills == sorted(skills, reverse=True)
    assert [row["run"] for row in found] == [
        text.text for text in ElementTree.parse(tmp_path / "grid.svg").iter() if (text.text or "").startswith("loss-")
    ]
    assert "ridge" in done.stdout


def test_ray_trains_conditions_alone_and_may_be_missing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    command = ("train", "apex", folder, "--out", tmp_path)
    done = run(*command, "--grid", "--workers", 2)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Ray is not installed" in done.stderr.splitlines()[-1]
    for wrong in (("--workers", 2), ("--engine", "ray"), ("--grid", "--engine", "local", "--workers", 2)):
        done = run(*command, *wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--engine is for --grid" in done.stderr


def test_the_conditions_are_the_published_ones() -> None:
    found = [settings.run for settings in grid.conditions(grid.TrainingSettings(epochs=3))]
    assert len(set(found)) == 24
    assert "loss-uncertainty_shared-2_mode-song_task-full" in found


def test_faults_are_one_line_before_any_work(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spoiled = rows(4, 1, "train")
    spoiled[5]["score_likes"] = 101.0
    write_split(tmp_path / "data", (4, 4, 4))
    write(tmp_path / "data" / "train" / "shard_0001.parquet", spoiled)
    for arguments, said in (
        ((tmp_path / "nowhere", "--out", tmp_path), "nowhere has no folder train"),
        ((folder, "--out", tmp_path / "file"), "file cannot be written to (File exists)"),
        ((folder, "--out", tmp_path, "--targets", tmp_path / "none.csv"), "none.csv cannot be read"),
        ((tmp_path / "data", "--out", tmp_path), "shard_0001.parquet, row 6: score_likes is not a number from 0 to"),
    ):
        done = run("train", "apex", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
