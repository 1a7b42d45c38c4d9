"""Training Banger's head on songs of our own: tables and their faults, resuming, seeds, and the command."""

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from apex_space.core.errors import TrainingError
from apex_space.models.heads.banger import BangerHead
from apex_space.training.banger import data, trainer
from apex_space.training.banger.targets import make_targets
from apex_space.training.banger.trainer import BEST, BangerSettings
from apex_space.training.loop import LAST
from apex_space.training.table import Samples, Split, check_labels
from helpers.apex_training import Row, banger_rows, write
from helpers.command_line import run
from helpers.resumed import equal, train_twice

SONGS = 60
QUICK = BangerSettings(epochs=3, batch=16)


def published(row: Row, score: float | None) -> Row:
    """A song in the columns of the dataset on the Hub."""
    kept = {"track_id": int(row["audio_id"]), "embedding": row["segment_embedding"], "listens": row["listens"]}
    return kept | {"banger_score": score, "genre": "Folk"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs of two segments each, and `counts.csv` with one song that nobody played."""
    at = tmp_path_factory.mktemp("banger")
    content = banger_rows(SONGS, segments=2)
    write(at / "segments" / "segments-00001.parquet", [{**row, "listens": None} for row in reversed(content)])
    lines = [f"{row['audio_id']},{row['listens']}" for row in content[::2]]
    lines[3] = f"{content[6]['audio_id']},0"
    (at / "counts.csv").write_text("\n".join(["track_id,listens", *lines]))
    return at


@pytest.fixture(scope="module")
def split() -> Split:
    content = banger_rows(SONGS)
    labels = np.log1p([row["listens"] for row in content])[:, None]
    names = np.array([row["audio_id"] for row in content], object)
    embeddings = np.array([row["segment_embedding"] for row in content], np.float32)
    songs = Samples(names, np.full(SONGS, "", object), names, embeddings, labels, ("banger",))
    return Split(*(songs[rows] for rows in data.published_split(SONGS)))


def test_the_hubs_dataset_and_an_extracted_folder_are_the_same_songs(folder: Path, tmp_path: Path) -> None:
    made, _ = make_targets(folder / "counts.csv")
    (tmp_path / "targets.jsonl").write_text("".join(json.dumps(vars(song)) + "\n" for song in made))
    own = data.load(folder / "segments", tmp_path / "targets.jsonl")
    scores = {song.id: song.banger_score for song in made}
    played = [row for row in banger_rows(SONGS, segments=2)[::2] if row["audio_id"] in scores]
    hub = data.load(write(tmp_path / "hub.parquet", [published(row, scores[row["audio_id"]]) for row in played]))
    assert own.fingerprint() == hub.fingerprint()
    check_labels(hub)
    assert [len(part) for _, part in hub.parts()] == [41, 9, 9]
    ordered = sorted(int(row["audio_id"]) for row in played)
    assert [int(name) for name in hub.train.ids] == [ordered[place] for place in data.published_split(len(played))[0]]


def test_a_split_of_ones_own_is_kept(folder: Path, tmp_path: Path) -> None:
    lines = [{"id": f"{n + 2}", "banger_score": n / 10, "split": ("train", "val", "test")[n % 3]} for n in range(SONGS)]
    file = tmp_path / "targets.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = data.load(folder / "segments", file)
    assert [*found.val.ids] == [f"{n + 2}" for n in range(1, SONGS, 3)]
    file.write_text(
        "".join(json.dumps(line | {"split": line["split"] if n else ""}) + "\n" for n, line in enumerate(lines))
    )
    with pytest.raises(TrainingError, match="has a split for some of the songs"):
        data.load(folder / "segments", file)


FAULTS: dict[str, tuple[Callable[[list[Row]], Any], str]] = {
    "NaN": (
        lambda rows: rows[3].update(banger_score=float("nan")),
        "5: banger_score is not there, not a number from 0 to 10",
    ),
    "no score": (lambda rows: rows[3].update(banger_score=None), "5: banger_score is not there"),
    "too high": (lambda rows: rows[3].update(banger_score=10.5), "row 4: banger_score is not a number from 0 to 10"),
    "NaN in an embedding": (
        lambda rows: rows[3].update(embedding=[float("nan")] * 1024),
        "row 4: its embedding holds a number that is not finite",
    ),
    "another encoder": (
        lambda rows: rows[3].update(embedding=[0.0] * 768),
        "row 4: its embedding has 768 numbers, not 1024: it is not from Banger's encoder",
    ),
    "doubled": (lambda rows: rows.append(rows[3]), "The segment 5 is there twice"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_row_is_named(fault: str, tmp_path: Path) -> None:
    spoil, expected = FAULTS[fault]
    content = [published(row, 5.0) for row in banger_rows(12)]
    spoil(content)
    with pytest.raises(TrainingError, match=expected):
        check_labels(data.load(write(tmp_path / "hub.parquet", content)))


def test_a_song_without_its_first_segment_is_named(tmp_path: Path) -> None:
    content = banger_rows(4, segments=2)
    with pytest.raises(TrainingError, match="The song 3 lacks its first segment"):
        data.load(write(tmp_path / "segments.parquet", content[:2] + content[3:]))


FMA = ",set,track,track\n,subset,listens,genre_top\ntrack_id,,,\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,listens\na,1\na,2", "has the song a twice"),
        ("id,listens\na,many", "line 2: its number of plays is 'many', not a count"),
        ("id,listens\na,-1", "line 2: its number of plays is '-1', not a count"),
        ("id,listens\n,1", "line 2 has no id"),
        ("id,listens,split\na,1,dev", "line 2: split is 'dev', not one of train, val, test"),
        ("id,listens\na,3\nb,3\nc,0", "fewer than two different numbers of plays above 0"),
        ("", "cannot be read"),
        ("id,title\na,b", "line 2 has no number of plays. Name the column one of plays"),
        (f"{FMA}2,small\n", "line 4: it has 2 cells, not 4"),
        (f"{FMA}2,small,-1,\n", "line 4: its number of plays is '-1'"),
        (FMA.replace("listens", "plays"), "it has no column track listens"),
    ],
)
def test_faulty_counts_are_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text(text)
    with pytest.raises(TrainingError, match=said):
        make_targets(tmp_path / "counts.csv")


@pytest.mark.parametrize("column", ["id", "platform", "genre"])
def test_half_a_character_is_refused(column: str, tmp_path: Path) -> None:
    (tmp_path / "counts.jsonl").write_text(json.dumps({"id": "a", "listens": 1} | {column: "\ud800"}))
    with pytest.raises(TrainingError, match="surrogates not allowed"):
        make_targets(tmp_path / "counts.jsonl")


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_it_had_not_been(split: Split, tmp_path: Path) -> None:
    whole, resumed = train_twice(partial(trainer.train, split, QUICK), tmp_path, epochs=2)
    assert equal(*(torch.load(each / LAST, weights_only=True) for each in (whole, resumed)))
    with pytest.raises(TrainingError, match="is from other settings or other songs"):
        trainer.train(split, BangerSettings(epochs=3, batch=16, seed=1), resumed)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return [*csv.DictReader(lines)]


@pytest.mark.slow
def test_the_command_and_what_it_writes(folder: Path, tmp_path: Path) -> None:
    done = run("targets", folder / "counts.csv", "--banger", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "59 songs (1 that nobody played are left out)" in done.stderr
    assert run("targets", folder / "counts.csv", "--banger", "--out", tmp_path).returncode == 0

    options = ("--targets", tmp_path / "targets.jsonl", "--seeds", "2", "--epochs", "4", "--batch", "16")
    done = run("train", "banger", folder / "segments", "--out", tmp_path / "runs", *options)
    assert done.returncode == 0, done.stderr
    assert "train: 41 songs, val: 9 songs, test: 9 songs" in done.stderr
    assert "epoch 4 of 4: training loss" in done.stderr
    assert [line.split("│")[2].strip() for line in done.stdout.splitlines() if line.startswith("│ banger")] == [
        "head",
        "mean",
        "ridge",
    ]
    assert "0.858" in done.stdout
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "banger_seed-42",
        "banger_seed-43",
        "seeds.csv",
    ]
    where = tmp_path / "runs" / "banger_seed-42"
    head = BangerHead(where / BEST)
    assert head(np.zeros((2, 1, 1024), np.float32))["banger"].shape == (2,)
    about = json.loads((where / "settings.json").read_text())
    assert (about["songs"]["train"], about["settings"]["patience"]) == (41, 21)
    curves = rows(where / "curves.csv")
    assert [row["epoch"] for row in curves] == ["1", "2", "3", "4"]
    assert {row["model"] for row in rows(where / "results.csv")} == {"head", "mean", "ridge"}
    assert len([*ElementTree.parse(where / "curves.svg").iter("{http://www.w3.org/2000/svg}polyline")]) == 2 * 2
    card = run("publish", where, "owner/name", "--dry-run")
    assert card.returncode == 0, card.stderr
    assert "APEX_BANGER_REPO=owner/name apex-space score song.mp3 --judge banger" in card.stdout
    assert "Made of the counts in counts.csv" in card.stdout
    assert "Songs that nobody played are left out: 1" in card.stdout
    assert f"{BEST}: {(where / BEST).stat().st_size:,} bytes" in card.stderr
    spread = rows(tmp_path / "runs" / "seeds.csv")
    assert [(row["part"], row["figure"]) for row in spread] == [("val", "mae"), ("test", "mae"), ("test", "spearman")]
    assert all(float(row["least"]) <= float(row["mean"]) <= float(row["greatest"]) for row in spread)
