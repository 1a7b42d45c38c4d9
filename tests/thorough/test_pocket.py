"""The pocket judge's trainer from end to end."""

import csv
from pathlib import Path

import numpy as np
import pytest

from apex_space.core import intervals
from apex_space.models.encoders.pocket import SAMPLE_RATE
from apex_space.models.heads.pocket import PocketHead
from apex_space.training.pocket import evaluate, reference, train
from helpers.command_line import run
from unit.models.test_pocket import song


def write_data(folder: Path) -> None:
    """A miniature of both data sets, in their own layout."""
    import soundfile

    rng = np.random.default_rng(0)
    (folder / "davda54").mkdir(parents=True)
    rows = [["USER_ID", "SONG_ID", "GUESS", "RATING", "TIME"]]
    pieces = [1, 2, 3, 25, 26, 27, 53, 54, 55, 77, 78, 79]
    for i, piece in enumerate(pieces):
        soundfile.write(
            folder / "davda54" / f"{piece}.opus", song(i)[: 4 * SAMPLE_RATE], SAMPLE_RATE, format="OGG", subtype="OPUS"
        )
        rows += [[user, piece, 1, rng.integers(0, 6), 1000] for user in range(6)]
    write_rows(folder / "davda54" / "answers.csv", rows)
    rows = [["track id", *(f" {name}" for name in ["genre", *"abcdefghi", "mood", "liked", "disliked", "age"])]]
    for i, genre in enumerate(("classical", "rock", "electronic", "pop")):
        (folder / "emotify" / genre).mkdir(parents=True)
        for number in (1, 2, 3):
            path = folder / "emotify" / genre / f"{number}.opus"
            soundfile.write(
                path, song(50 + 4 * i + number)[: 4 * SAMPLE_RATE], SAMPLE_RATE, format="OGG", subtype="OPUS"
            )
            rows += [[100 * i + number, genre, *[0] * 9, 3, *rng.permutation([0, 1]), 30] for _ in range(5)]
    write_rows(folder / "emotify" / "data.csv", rows)


def write_rows(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def test_training_twice_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_data(tmp_path / "data")
    monkeypatch.setattr(intervals, "RESAMPLES", 20)
    monkeypatch.setattr(evaluate, "OPINION_FOLDS", 2)
    monkeypatch.setattr(evaluate, "DAMAGE_FOLDS", 2)
    monkeypatch.setattr(train, "PARTITIONS", 1)
    written = []
    for name in ("first", "second"):
        done = run("train", "pocket", tmp_path / "data", "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
        written.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert set(written[0]) == {"pocket.safetensors", "pocket_metrics.json", "pocket.md"}
    assert written[0] == written[1]
    assert PocketHead(tmp_path / "first" / "pocket.safetensors").axes == PocketHead().axes


def test_the_table_of_reference_songs_holds_each_song_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_data(tmp_path / "data")
    monkeypatch.setattr(evaluate, "OPINION_FOLDS", 2)
    monkeypatch.setattr(evaluate, "DAMAGE_FOLDS", 2)
    axes = {"likes", "musicality"}
    for more, columns in (([], axes), (["--all"], {*axes, "coherence", "clarity", "naturalness"})):
        reference.main(["--data", str(tmp_path / "data"), "--out", str(tmp_path / "table.csv"), *more])
        with (tmp_path / "table.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert set(rows[0]) == {"judge", "genre", *columns}
        assert {row["genre"] for row in rows} == {"midi", "classical", "rock", "electronic", "pop"}
        assert all(float(row[axis]) >= 0 for row in rows for axis in columns)
