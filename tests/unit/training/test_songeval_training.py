"""Training a head of SongEval's architecture: from songs and raters to scores by the judge, resuming, and faults."""

import csv
import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from apex_space.core.errors import TrainingError
from apex_space.models.encoders.conformer import SAMPLE_RATE
from apex_space.models.heads import songeval
from apex_space.models.heads.songeval import AXES
from apex_space.training.apex.targets import TargetSettings
from apex_space.training.hear.data import Parts, load
from apex_space.training.hear.frames import SONGEVAL, check_encoders
from apex_space.training.hear.run import score
from apex_space.training.loop import LAST
from apex_space.training.songeval import trainer
from apex_space.training.songeval.run import recipe
from apex_space.training.songeval.targets import make_targets
from apex_space.training.songeval.trainer import BEST, SongEvalSettings
from helpers.command_line import run
from helpers.fake_panel_weights import TINY, write_muq
from helpers.fake_weights import synthetic
from helpers.frames import write_frames
from helpers.resumed import equal, train_twice

QUICK = SongEvalSettings(epochs=3, batch=4, rate=1e-3)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(songeval, "INNER", 16)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    folder = write_frames(tmp_path_factory.mktemp("songeval"), 25, 8)
    return load(folder / "frames", folder / "targets.jsonl", AXES)


def test_what_can_be_learned_is_learned(parts: Parts, tmp_path: Path) -> None:
    """The best checkpoint makes less than half of the error of the mean, also on songs that chose nothing."""
    settings, split = replace(QUICK, epochs=6, rate=1e-2), parts.split()
    epochs = trainer.train(parts, settings, tmp_path).epochs
    predicted = recipe(parts, split, settings).predict(tmp_path / BEST, "val")
    best = min(epoch.val_loss for epoch in epochs)
    assert np.square(predicted - split.val.labels).mean() == pytest.approx(best, rel=1e-4)
    off = np.square(split.train.labels.mean(0) - split.test.labels).mean()
    predicted = recipe(parts, split, settings).predict(tmp_path / BEST, "test")
    assert np.square(predicted - split.test.labels).mean() < off / 2


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_it_had_not_been(parts: Parts, tmp_path: Path) -> None:
    whole, resumed = train_twice(partial(trainer.train, parts, QUICK), tmp_path, epochs=2)
    assert (whole / BEST).read_bytes() == (resumed / BEST).read_bytes()
    assert equal(*(torch.load(each / LAST, weights_only=True) for each in (whole, resumed)))
    with pytest.raises(TrainingError, match="is from other settings or other songs"):
        trainer.train(parts, replace(QUICK, seed=1), resumed)


def ratings(number: int) -> list[dict[str, float]]:
    """Two raters' ratings, in SongEval's own names."""
    return [{axis.title(): 1 + (number + rater + place) % 5 for place, axis in enumerate(AXES)} for rater in (0, 1)]


@pytest.mark.slow
def test_from_songs_and_raters_to_scores_by_the_judge(tmp_path: Path) -> None:
    """The judge loads the checkpoint, and scores a song as training has measured it."""
    songs, lines = tmp_path / "songs", []
    (songs / "mp3").mkdir(parents=True)
    for number in range(7):
        sound = synthetic(1 + number / 10, SAMPLE_RATE)
        soundfile.write(songs / "mp3" / f"{number}.wav", sound, SAMPLE_RATE, subtype="FLOAT")
        lines.append({"file_name": f"mp3/{number}.wav", "annotation": ratings(number) if number < 6 else []})
    table = songs / "metadata.jsonl"
    table.write_text("".join(json.dumps(line) + "\n" for line in lines))
    targets, frames, weights = (tmp_path / name for name in ("targets.jsonl", "frames", "weights"))
    write_muq(weights / "MuQ-large-msd-iter", TINY)
    for arguments in (
        (
            "extract",
            songs / "metadata.jsonl",
            "--encoder",
            "muq-songeval",
            "--out",
            tmp_path / "muq",
            "--weights",
            weights,
        ),
        ("targets", songs / "metadata.jsonl", "--songeval", "--out", tmp_path, "--val", "0.3", "--test", "0.3"),
        ("train", "songeval-frames", tmp_path / "muq", "--out", frames),
        ("train", "songeval", frames, "--targets", targets, "--out", tmp_path / "runs", "--epochs", "2"),
    ):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
    assert "7 songs" in run("train", "songeval-frames", tmp_path / "muq", "--out", frames).stderr
    assert "train: 2 songs, val: 2 songs, test: 2 songs" in done.stderr
    assert "epoch 2 of 2: training loss" in done.stderr
    assert json.loads((tmp_path / "targets.json").read_text())["left_out"] == 1
    first = json.loads(targets.read_text().splitlines()[0])
    assert (first["id"], first["songeval_scores"]["coherence"]) == ("mp3/0", 1.5)

    where = tmp_path / "runs" / "songeval_seed-0"
    about = json.loads((where / "settings.json").read_text())
    assert about["data"]["encoder"]["encoder"] == "muq-songeval"
    assert about["data"]["targets"]["manifest"]["source"] == "metadata.jsonl"
    with (where / "results.csv").open(newline="") as file:
        assert {row["model"] for row in csv.DictReader(file)} == {"head", "mean", "ridge"}
    assert len((where / "challenge.csv").read_text().splitlines()) == 1 + 2 * 6
    assert "polyline" in (where / "curves.svg").read_text()

    published = run("publish", where, "owner/name", "--dry-run")
    assert published.returncode == 0, published.stderr
    for part in (
        "APEX_SONGEVAL_REPO=owner/name apex-space score song.mp3 --judge songeval",
        "How the published head was trained is not known; the recipe is that of APEX Space.",
        "- Embeddings: encoder muq-songeval",
        "Made of the ratings in metadata.jsonl",
        "Songs without ratings are left out: 1",
        "| clarity | this head | ",
        "from 1 to 5 for coherence",
    ):
        assert part in published.stdout
    assert "challenge.csv: " in published.stderr
    shutil.copytree(where, weights / "SongEval")
    test = load(frames, targets, AXES).test
    network = songeval.read(where / BEST)
    expected = score(network.pool, network.fc, test)[0]
    song = songs / f"{test.ids[0]}.wav"
    told = run("score", song, "--judge", "songeval", "--weights", weights, "--format", "csv")
    assert told.returncode == 0, told.stderr
    row = next(csv.DictReader(told.stdout.splitlines()))
    np.testing.assert_allclose([float(row[axis]) for axis in AXES], expected, atol=1e-3)

    with pytest.raises(TrainingError, match="are of muq-songeval, not of musicfm and muq"):
        check_encoders(frames, ("musicfm", "muq"))
    check_encoders(frames, SONGEVAL)
    other = run("train", "songeval-frames", tmp_path / "muq" / "nowhere", "--out", frames)
    assert (other.returncode, other.stdout) == (1, "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"id": "a", "annotation": [{"Coherence": 3}]}, "line 1: that is not a list of each rater's five ratings"),
        ({"id": "a", "annotation": []}, "holds no songs"),
        ({"annotation": ratings(0)}, "line 1 has no id"),
        ({"id": "\ud800", "annotation": ratings(0)}, "surrogates not allowed"),
        ({"id": "a", "split": "dev", "annotation": ratings(0)}, "line 1: split is 'dev'"),
        ({"id": "a", "songeval_scores": {"coherence": 3}}, "line 1 has coherence alone"),
    ],
)
def test_faulty_ratings_are_named(line: dict[str, object], said: str, tmp_path: Path) -> None:
    (tmp_path / "ratings.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(TrainingError, match=said):
        make_targets(tmp_path / "ratings.jsonl", TargetSettings())
