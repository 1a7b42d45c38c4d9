"""Training a head of pocket on songs of one's own: from features to scores by the judge, intervals, and faults."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file, save

from apex_space.core.errors import TrainingError, WeightsInvalid
from apex_space.core.settings import Settings
from apex_space.judges import loading
from apex_space.judges.loading import load_judge
from apex_space.models.encoders.pocket import width
from apex_space.models.heads.pocket import AXES, read_trained
from apex_space.training.pocket import own
from apex_space.training.table import Samples, Split
from helpers.apex_training import Row, write
from helpers.command_line import run
from helpers.melodies import melody


def rows(songs: int, seed: int, name: str, **scores: float) -> list[Row]:
    """Two segments of each song. Its likes are a linear function of how far two qualities lie above their mean. Each
    quality shows in a third of the features."""
    rng, found = np.random.default_rng(seed), []
    for number in range(songs):
        song = np.resize(rng.standard_normal(3), width())
        likes = 40 + 30 * np.log1p(max(song[0], 0)) - 20 * np.log1p(max(song[1], 0)) + rng.normal(0, 2)
        labels = {"score_likes": float(np.clip(likes, 0, 100)), **scores}
        for n in (1, 2):
            heard = (song + 0.05 * rng.standard_normal(width())).astype(np.float32)
            ids = {"audio_id": f"{name}{number}", "segment_id": f"{name}{number}_{n}"}
            found.append(ids | labels | {"segment_embedding": heard.tolist()})
    return found


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    folder = tmp_path_factory.mktemp("segments")
    for seed, (part, songs) in enumerate((("train", 200), ("val", 40), ("test", 60)), 1):
        write(folder / part / "segments.parquet", rows(songs, seed, part))
    return own.load(folder, None)


@pytest.fixture(scope="module")
def head(split: Split) -> own.TrainedHead:
    return own.fit(split)


def error(split: Split, head: own.TrainedHead, part: str) -> np.ndarray:
    songs: Samples = getattr(split, part)
    return np.asarray(own.predict(head, songs)[:, 0] - getattr(split.songs(), part).labels[:, 0])


def test_what_is_linear_in_the_two_sides_of_features_is_learned(split: Split, head: own.TrainedHead) -> None:
    """Its error is smaller than that of the mean. Four of five of the test songs lie in its interval, and about as many
    of other songs."""
    assert head.axes == ("likes",)
    labels = split.songs().train.labels[:, 0]
    away = error(split, head, "test")
    assert np.square(away).mean() < 0.1 * np.var(labels)
    inside = np.abs(away) <= head.spread["likes"]
    assert inside.mean() == pytest.approx(0.8, abs=0.02)
    assert (np.abs(error(split, head, "val")) <= head.spread["likes"]).mean() > 0.65


@pytest.mark.slow
def test_few_test_songs_make_no_interval(split: Split) -> None:
    few = np.isin(split.test.ids, [f"test{number}" for number in range(own.FEWEST - 1)])
    assert own.fit(replace(split, test=split.test[few])).spread == {}


@pytest.mark.slow
def test_from_songs_to_scores_by_the_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge loads the head from the run's folder, scores a song as training has measured it, and says whose head it
    is. What is in the folder is published."""
    songs, table, out = tmp_path / "songs", [], tmp_path / "runs"
    songs.mkdir()
    for number in range(8):
        soundfile.write(songs / f"{number}.wav", melody(number, 1.0, 24_000, 1), 24_000)
        part = "train" if number < 4 else "val" if number < 6 else "test"
        table.append({"id": f"{number}", "split": part, "score_likes": 10 * number, "musicality": 1 + number / 2})
    (tmp_path / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table))
    for words in (
        ("extract", songs, "--encoder", "pocket", "--out", tmp_path / "embeddings"),
        ("train", "ridge", tmp_path / "embeddings", "--targets", tmp_path / "targets.jsonl", "--out", out),
    ):
        done = run(*words)
        assert done.returncode == 0, done.stderr
    assert "train: 4 songs, val: 2 songs, test: 2 songs" in done.stderr
    folder = out / "pocket_ridge"
    with (folder / "results.csv").open(newline="") as file:
        figures = list(csv.DictReader(file))
    assert {(each["axis"], each["model"]) for each in figures} == {
        (axis, model) for axis in ("likes", "musicality") for model in ("head", "mean", "ridge")
    }
    about = json.loads((folder / "settings.json").read_text())
    assert about["data"]["encoder"]["encoder"] == "pocket"

    told = run("score", songs / "7.wav", "--format", "json", APEX_POCKET_REPO=str(folder))
    assert told.returncode == 0, told.stderr
    (report,) = json.loads(told.stdout)
    test = own.load(tmp_path / "embeddings", tmp_path / "targets.jsonl").test
    expected = own.predict(read_trained(folder / "pocket.safetensors"), test)[-1]
    scores = {key: score["value"] if isinstance(score, dict) else score for key, score in report["scores"].items()}
    assert [scores["likes"], scores["musicality"]] == pytest.approx(expected.tolist(), rel=1e-3)
    assert report["missing"]["streams"] == "this head was not trained on it"

    card = run("publish", folder, "owner/name", "--dry-run")
    assert card.returncode == 0, card.stderr
    assert "APEX_POCKET_REPO=owner/name apex-space score song.mp3 --judge pocket" in card.stdout
    assert "2 to choose the penalty of each score by" in card.stdout

    monkeypatch.setattr(loading, "settings", lambda: Settings(pocket_repo=str(folder)))
    assert load_judge("pocket").weights[0].repository == "pocket_ridge"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"segment_embedding": [0.0] * 768}, "its embedding has 768 numbers.*extract --encoder pocket"),
        ({"score_likes": None}, "No song of train has a score"),
        ({"score_likes": 50.0}, "nothing can be learned from it"),
    ],
)
def test_faulty_tables_are_named(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        write(tmp_path / part / "segments.parquet", [row | change for row in rows(3, 0, part)])
    with pytest.raises(TrainingError, match=said):
        own.load(tmp_path, None)


HEAD = {"axes": ["likes"], "spread": {}}


@pytest.mark.parametrize(
    ("about", "tensors"),
    [
        ({"axes": ["likes"]}, {}),
        (HEAD | {"spread": [1]}, {}),
        (HEAD | {"axes": ["banger"]}, {}),
        (HEAD | {"axes": ["likes", "likes"]}, {}),
        (HEAD | {"axes": []}, {}),
        (HEAD | {"axes": "likes"}, {}),
        (HEAD | {"axes": [["likes"]]}, {}),
        (HEAD | {"spread": {"likes": "wide"}}, {}),
        (HEAD | {"spread": {"likes": -1}}, {}),
        (HEAD, {"scale": np.zeros(width(), np.float32)}),
        (HEAD, {"bias": np.full(1, np.nan, np.float32)}),
        (HEAD, {"mean": np.zeros(5, np.float32)}),
        ([], {}),
    ],
)
def test_a_strangers_file_that_is_no_such_head_is_refused(
    about: Any, tensors: dict[str, np.ndarray], head: own.TrainedHead, tmp_path: Path
) -> None:
    file = tmp_path / "pocket.safetensors"
    file.write_bytes(head.model.to_bytes())
    assert read_trained(file).axes == ("likes",)
    file.write_bytes(save(load_file(file) | tensors, metadata={"about": json.dumps(about)}))
    with pytest.raises(WeightsInvalid, match=r"pocket\.safetensors is not a head that train ridge has written"):
        read_trained(file)


def test_every_score_is_there_or_has_its_reason(head: own.TrainedHead) -> None:
    assert {*head.axes, *head.missing} == {*AXES}
