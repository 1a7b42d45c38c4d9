"""Training HEAR's head on songs of our own: frames and their faults, resuming, and the commands."""

import csv
import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from apex_space.core.errors import TrainingError
from apex_space.models.heads import hear
from apex_space.models.heads.songeval import AXES
from apex_space.training.extract.encoders import MadeBy
from apex_space.training.hear import data, trainer
from apex_space.training.hear.data import Parts, Songs, load
from apex_space.training.hear.frames import write_songeval
from apex_space.training.hear.trainer import HearSettings, Trainer
from apex_space.training.loop import LAST
from apex_space.training.table import MADE_BY
from helpers.command_line import run
from helpers.frames import write_frames
from helpers.resumed import equal, train_twice

SONGS, WIDTH = 15, 8
QUICK = HearSettings(epochs=2, batch=4, accumulate=2, rate=1e-3)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hear, "SIZES", (8, 16, 16, 4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs, two copies of the first, and `targets.jsonl`."""
    at = write_frames(tmp_path_factory.mktemp("hear"), SONGS, WIDTH)
    for copy in (1, 2):
        np.save(at / "frames" / f"s0_aug{copy}.npy", np.load(at / "frames" / f"s{SONGS - 1}.npy"))
    return at


@pytest.fixture(scope="module")
def parts(folder: Path) -> Parts:
    return load(folder / "frames", folder / "targets.jsonl", QUICK.axes)


def test_the_songs_and_their_copies(folder: Path, parts: Parts) -> None:
    """As published, of a song with copies the last one alone is learned from."""
    copies = [file.stem for file in parts.train.files if parts.train.ids[parts.train.files.index(file)] == "s0"]
    assert copies == ["s0", "s0_aug1", "s0_aug2"]
    assert [len(each) for each in (parts.train, parts.val, parts.test)] == [11, 3, 3]
    assert parts.split().train.ids.tolist() == [*dict.fromkeys(parts.train.ids)]
    published = load(folder / "frames", folder / "targets.jsonl", QUICK.axes, True)
    assert [file.stem for file in published.train.files if "aug" in file.stem] == ["s0_aug2"]
    assert len(published.train) == 9


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (np.zeros((1, 9, 7), np.float32), "s4.npy has 7 numbers a frame"),
        (np.zeros((2, 9, 8), np.float32), r"s4.npy is float32 \[2, 9, 8\], not numbers \[1, T, W\]"),
        (np.zeros((1, 2, 8), np.float32), r"s4.npy is float32 \[1, 2, 8\]"),
        (np.full((1, 9, 8), np.nan, np.float32), "s4.npy holds a number that is not finite"),
    ],
)
def test_faulty_frames_are_named(frames: np.ndarray, said: str, folder: Path, tmp_path: Path) -> None:
    for file in (folder / "frames").iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "s4.npy").unlink()
    np.save(tmp_path / "s4.npy", frames)
    with pytest.raises(TrainingError, match=said):
        load(tmp_path, folder / "targets.jsonl", QUICK.axes).split()


def test_faulty_ratings_are_named(folder: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (folder / "targets.jsonl").read_text().splitlines()]
    lines[3]["songeval_scores"]["musicality"] = 5.5
    (tmp_path / "targets.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(TrainingError, match="val, s3: musicality is not a number from 1 to 5"):
        load(folder / "frames", tmp_path / "targets.jsonl", QUICK.axes)
    (tmp_path / "targets.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines[:3]))
    with pytest.raises(TrainingError, match=r"has no \.npy of a song that .* has in the part val"):
        load(folder / "frames", tmp_path / "targets.jsonl", QUICK.axes)


def test_ratings_that_nothing_can_be_learned_from_are_refused(folder: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (folder / "targets.jsonl").read_text().splitlines()]
    same = [line | {"songeval_scores": dict.fromkeys(AXES, 3)} for line in lines]
    twice = [line | {"platform": name} for line in lines for name in ("suno", "udio")]
    for content, said in ((same, "is 3 in all"), (twice, "has the song s0 on several platforms")):
        (tmp_path / "targets.jsonl").write_text("".join(json.dumps(line) + "\n" for line in content))
        done = run("train", "hear", folder / "frames", "--targets", tmp_path / "targets.jsonl", "--out", tmp_path)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_a_run_does_not_go_on_with_frames_of_other_encoders(folder: Path, tmp_path: Path) -> None:
    for file in (folder / "frames").iterdir():
        (tmp_path / file.name).symlink_to(file)
    found = set()
    for revision in ("1", "2"):
        (tmp_path / "frames.json").write_text(json.dumps({"encoders": [{"revision": revision}]}))
        found.add(load(tmp_path, folder / "targets.jsonl", QUICK.axes).fingerprint())
    assert len(found) == 2


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_it_had_not_been(parts: Parts, tmp_path: Path) -> None:
    folders = train_twice(partial(trainer.train, parts, QUICK), tmp_path, epochs=1)
    for name in ("track_1.pth", LAST):
        assert equal(*(torch.load(each / name, weights_only=True) for each in folders)), name


@pytest.mark.slow
def test_the_checkpoint_is_not_chosen_by_the_songs_that_are_reported(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As published it is, after each of the two updates of 11 songs in batches of 4."""
    asked: list[str] = []

    def measure(self: Trainer, songs: Songs) -> dict[str, float]:
        asked.append("val" if songs is parts.val else "test")
        return {"LCC": 0.0}

    monkeypatch.setattr(Trainer, "measure", measure)
    Trainer(QUICK, parts).epoch(1)
    assert asked == ["val"]
    Trainer(replace(QUICK, as_published=True), parts).epoch(1)
    assert asked == ["val", "test", "test"]


@pytest.mark.slow
def test_the_command_and_what_it_writes(folder: Path, tmp_path: Path) -> None:
    options = ("--targets", folder / "targets.jsonl", "--track", "2", "--epochs", "2", "--batch", "4", "--rate", "1e-3")
    done = run("train", "hear", folder / "frames", "--out", tmp_path, *options)
    assert done.returncode == 0, done.stderr
    assert "train: 9 songs, val: 3 songs, test: 3 songs" in done.stderr
    assert "epoch 2 of 2: training loss" in done.stderr
    where = tmp_path / "hear_track-2_seed-0"
    assert hear.read(where / "track_2.pth", AXES).model.fc.out_features == 5
    assert json.loads((where / "settings.json").read_text())["settings"]["accumulate"] == 4
    tables = {}
    for name in ("curves", "results", "challenge"):
        with (where / f"{name}.csv").open(newline="") as file:
            tables[name] = [*csv.DictReader(file)]
    assert [row["epoch"] for row in tables["curves"]] == ["1", "2"]
    assert {row["model"] for row in tables["results"]} == {"head", "mean", "ridge"}
    assert [row["axis"] for row in tables["challenge"]] == [*AXES, "mean"] * 2
    assert "polyline" in (where / "curves.svg").read_text()
    card = run("publish", where, "owner/name", "--dry-run")
    assert card.returncode == 0, card.stderr
    assert "APEX_HEAR_REPO=owner/name apex-space score song.mp3 --judge hear-2" in card.stdout
    assert "| naturalness | ridge regression | " in card.stdout
    assert "chosen by the test songs" not in card.stdout
    about = (where / "settings.json").read_text()
    (where / "settings.json").write_text(about.replace('"as_published": false', '"as_published": true'))
    assert "chosen by the test songs" in run("publish", where, "owner/name", "--dry-run").stdout


def extracted(folder: Path, encoder: str, songs: dict[str, np.ndarray]) -> Path:
    """Rows of 10 frames as extract writes them, in the wrong order."""
    rows: list[dict[str, Any]] = [
        {"audio_id": song, "segment_id": f"{song}_{n + 1}", "segment_frames": frames[10 * n : 10 * n + 10].tolist()}
        for song, frames in songs.items()
        for n in range(-(-len(frames) // 10))
    ]
    made_by = json.dumps(asdict(MadeBy(encoder, "it", "1", "float32", 1))).encode()
    folder.mkdir()
    parquet.write_table(
        pa.Table.from_pylist(rows[::-1]).replace_schema_metadata({MADE_BY: made_by}), folder / "segments-00001.parquet"
    )
    return folder


def test_the_frames_of_both_encoders_stand_side_by_side(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    one = {name: rng.standard_normal((n, 4)) for name, n in (("a/b", 23), ("alone", 5))}
    two = {"a/b": rng.standard_normal((21, 4))}
    folders = (extracted(tmp_path / "musicfm", "musicfm", one), extracted(tmp_path / "muq", "muq", two))
    done = run("train", "hear-frames", *folders, "--out", tmp_path / "frames")
    assert done.returncode == 0, done.stderr
    assert "1 songs" in done.stderr
    expected = np.hstack([one["a/b"][:21, :2], two["a/b"][:, :2], one["a/b"][:21, 2:], two["a/b"][:, 2:]])
    np.testing.assert_allclose(np.load(tmp_path / "frames" / "a" / "b.npy"), expected[None], rtol=1e-6)
    wrong = run("train", "hear-frames", *folders[::-1], "--out", tmp_path / "frames")
    assert "is not from the encoder musicfm" in wrong.stderr
    outside = {"../b": two["a/b"]}
    folders = (extracted(tmp_path / "one", "musicfm", outside), extracted(tmp_path / "two", "muq", outside))
    assert "would be written outside of" in run("train", "hear-frames", *folders, "--out", tmp_path / "frames").stderr
    assert not (tmp_path / "b.npy").exists()


@pytest.mark.parametrize("song", ["x" * 300, "x\0y"])
def test_no_frames_are_written_if_an_id_is_no_name(song: str, tmp_path: Path) -> None:
    muq = extracted(tmp_path / "muq", "muq-songeval", dict.fromkeys(("a", song), np.zeros((9, 4))))
    with pytest.raises(TrainingError, match="cannot be the name of a file"):
        write_songeval(muq, tmp_path / "frames")
    assert not [*(tmp_path / "frames").iterdir()]


def test_frames_of_two_revisions_and_files_of_others_are_refused(tmp_path: Path) -> None:
    frames = {"a": np.zeros((9, 4))}
    muq = extracted(tmp_path / "muq", "muq-songeval", frames)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.npy").write_text("theirs")
    with pytest.raises(TrainingError, match=r"a\.npy is there and not from here"):
        write_songeval(muq, tmp_path / "theirs")
    one = parquet.read_table(muq / "segments-00001.parquet")
    parquet.write_table(one, muq / "segments-00002.parquet")
    with pytest.raises(TrainingError, match=r"The song a is in .*00001.parquet and in .*00002.parquet"):
        write_songeval(muq, tmp_path / "frames")
    parquet.write_table(one.replace_schema_metadata({MADE_BY: b"another"}), muq / "segments-00002.parquet")
    with pytest.raises(TrainingError, match="are from different encoders, revisions or precisions"):
        write_songeval(muq, tmp_path / "frames")


@pytest.mark.parametrize("kind", ["empty", "text", "archive"])
def test_what_is_no_array_is_named(kind: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", a=np.zeros(3))
    content = {"empty": b"", "text": b"hello", "archive": (tmp_path / "s.npz").read_bytes()}[kind]
    (tmp_path / "s.npy").write_bytes(content)
    with pytest.raises(TrainingError, match=r"s\.npy is (no array|an archive)"):
        data._open(tmp_path / "s.npy")
