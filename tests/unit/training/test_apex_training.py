"""Training the APEX head on songs of our own: tables and their faults, resuming, the mended defects, the baselines."""

import json
import re
import resource
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from apex_space.core.errors import TrainingError
from apex_space.models.heads.apex import ApexHead
from apex_space.training import measure, table
from apex_space.training.apex import trainer
from apex_space.training.apex.evaluate import evaluate, to_json
from apex_space.training.apex.measure import predict_songs
from apex_space.training.apex.settings import TrainingSettings
from apex_space.training.apex.trainer import BEST, Trainer
from apex_space.training.loop import LAST, _save, batches
from apex_space.training.table import Split, by_song
from helpers.apex_training import Row, rows, write, write_split
from helpers.resumed import equal, train_twice

QUICK = TrainingSettings(task="popularity", epochs=3, batch=16, rate=1e-3)
AXES = QUICK.axes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_split(tmp_path_factory.mktemp("split"), (33, 12, 12))


@pytest.fixture(scope="module")
def segments(folder: Path) -> Split:
    return table.load(folder, TrainingSettings().axes)


@pytest.fixture(scope="module")
def songs(folder: Path) -> Split:
    return table.load(folder, AXES).map(table.by_song)


# ---- tables ------------------------------------------------------------------------------------------------------


def put(column: str, value: Any) -> Callable[[list[Row]], None]:
    return lambda content: content[2].update({column: value})


FAULTS: dict[str, tuple[Callable[[list[Row]], None], str]] = {
    "no segment's id": (put("segment_id", None), r"shard.parquet, row 3: it has no segment_id"),
    "an empty id": (put("audio_id", ""), r"shard.parquet, row 3: it has no audio_id"),
    "another encoder": (put("segment_embedding", [0.0] * 1024), r"row 3: its embedding has 1024 numbers, not 768"),
    "no embedding": (put("segment_embedding", None), r"row 3: its embedding has 0 numbers"),
    "NaN in an embedding": (put("segment_embedding", [float("nan")] * 768), r"row 3: its embedding holds a number"),
    "doubled": (lambda content: content.append(content[2]), r"The segment train0001_1 of udio is there twice"),
    "too high": (put("score_likes", 100.5), r"row 3: score_likes is not a number from 0 to 100"),
    "too low": (put("songeval_scores", {"clarity": 0.5}), r"row 3: clarity is not a number from 1 to 5"),
    "no JSON": (
        lambda content: [row.update(songeval_scores="{") for row in content] and None,
        r"row 1: .* cannot be read",
    ),
    "true": (
        lambda content: [row.update(score_likes=True) for row in content] and None,
        r"score_likes holds what is no number \(True is no number\)",
    ),
    "an id of spaces": (put("audio_id", " "), r"shard.parquet, row 3: it has no audio_id"),
    "ids that are lists": (
        lambda content: [row.update(audio_id=["a"]) for row in content] and None,
        r"row 1: it has no audio_id",
    ),
    "no column": (lambda content: [row.pop("segment_id") for row in content] and None, r"has no column segment_id"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_row_is_named(fault: str, tmp_path: Path) -> None:
    spoil, expected = FAULTS[fault]
    content = rows(3, 1, "train")
    spoil(content)
    with pytest.raises(TrainingError, match=expected) as caught:
        table.read([write(tmp_path / "shard.parquet", content)], TrainingSettings().axes)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(TrainingError, match=r"broken\.parquet cannot be read"):
        table.read([tmp_path / "broken.parquet"], AXES)
    with pytest.raises(TrainingError, match="has no folder train"):
        table.load(tmp_path, AXES)
    for part in table.PARTS:
        (tmp_path / "split" / part).mkdir(parents=True)
    with pytest.raises(TrainingError, match="train holds no Parquet files"):
        table.load(tmp_path / "split", AXES)


@pytest.mark.parametrize("value", [None, float("nan")])
def test_songs_and_segments_without_labels_are_refused(value: float | None, tmp_path: Path) -> None:
    content = rows(3, 1, "train")
    for row in content[2:4]:
        row["score_likes"] = value
    found = table.read([write(tmp_path / "shard.parquet", content)], AXES)
    for samples, name in ((found, "train0001_1"), (table.by_song(found), "train0001")):
        with pytest.raises(TrainingError, match=rf"train, {name} of udio: score_likes is not there, not a number"):
            table.check_labels(Split(samples, samples, samples))


def test_a_score_that_no_song_has_is_told_with_what_to_do(segments: Split) -> None:
    labels = segments.train.labels.copy()
    labels[:, 2:] = np.nan
    with pytest.raises(TrainingError, match=r"No song of train has the score coherence\. .* choose --task popularity"):
        table.check_labels(replace(segments, train=replace(segments.train, labels=labels)))


def test_labels_that_are_all_the_same_are_refused(songs: Split) -> None:
    constant = replace(songs.train, labels=np.full_like(songs.train.labels, 50))
    with pytest.raises(TrainingError, match="score_streams is 50 in all 33 rows of train, from train0000 on"):
        table.check_labels(replace(songs, train=constant))


def test_a_song_on_two_sides_is_refused(tmp_path: Path) -> None:
    write_split(tmp_path, (4, 4, 4))
    write(tmp_path / "test" / "more.parquet", rows(1, 9, "val"))
    with pytest.raises(TrainingError, match="The song val0000 of suno is in val and in test"):
        table.load(tmp_path, AXES)


def test_two_encoders_in_one_folder_are_refused(tmp_path: Path) -> None:
    for name, encoder in (("segments-00001", b"mert-95m"), ("segments-00002", b"muq")):
        content = pa.Table.from_pylist(rows(2, 1, name)).replace_schema_metadata({table.MADE_BY: encoder})
        parquet.write_table(content, tmp_path / f"{name}.parquet")
    with pytest.raises(TrainingError, match=r"segments-00001.parquet and .*2.parquet are from different encoders"):
        table.read(sorted(tmp_path.glob("*.parquet")), AXES)


def test_targets_are_joined_by_id(tmp_path: Path) -> None:
    content = [row | {"score_streams": None, "platform": None} for row in rows(6, 1, "s")]
    write(tmp_path / "embeddings" / "segments-00001.parquet", content)
    write(tmp_path / "embeddings" / table.ERRORS, [{"audio_id": "lost", "kind": "NotAudio", "reason": "it is none"}])
    lines = [
        {"id": f"s{n:04d}", "platform": "suno", "split": table.PARTS[n % 3], "score_streams": n + 1} for n in range(6)
    ]
    targets = tmp_path / "targets.jsonl"
    targets.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    split = table.load(tmp_path / "embeddings", AXES, targets)
    assert [*split.val.names] == ["s0001_1", "s0001_2", "s0004_1", "s0004_2"]
    assert split.val.labels[:, 0].tolist() == [2, 2, 5, 5]
    assert {*split.val.platforms} == {"suno"}
    assert split.val.labels[0, 1] == content[2]["score_likes"]
    lines[1]["score_streams"] = None
    targets.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert np.isnan(table.load(tmp_path / "embeddings", AXES, targets).val.labels[0, 0])  # not that of another table

    for fault, said in (
        ("".join(f"{json.dumps(line)}\n" for line in lines[1:]), r"has no row for the song s0000\."),
        (json.dumps(lines[0]) + "\n" + json.dumps(lines[0]), r"line 2: the song s0000 of suno is there twice"),
        (
            json.dumps(lines[0] | {"split": "dev"}),
            r"line 1: it needs an id, and a split that is one of train, val, test",
        ),
        (json.dumps(lines[0] | {"score_streams": "many"}), r"line 1: a score is no number"),
        ("{", r"cannot be read \(line 1 is not JSON"),
    ):
        targets.write_text(fault)
        with pytest.raises(TrainingError, match=said):
            table.load(tmp_path / "embeddings", AXES, targets)


def test_scores_as_json_are_those_of_records(tmp_path: Path) -> None:
    content = rows(3, 1, "train")
    axes = TrainingSettings().axes
    one = table.read([write(tmp_path / "struct.parquet", content)], axes)
    content = [row | {"songeval_scores": json.dumps(row["songeval_scores"])} for row in content]
    other = table.read([write(tmp_path / "json.parquet", content)], axes)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert np.isfinite(one.labels).all()


# ---- training ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 3])
def test_a_run_killed_in_an_epoch_goes_on_as_if_it_had_not_been(number: int, songs: Split, tmp_path: Path) -> None:
    folders = train_twice(partial(trainer.train, songs, QUICK), tmp_path, number)
    for name in (BEST, LAST):
        assert equal(*(torch.load(each / name, weights_only=True) for each in folders)), name


def test_a_run_of_other_settings_or_songs_is_not_continued(songs: Split, tmp_path: Path) -> None:
    once = replace(QUICK, epochs=1)
    trainer.train(songs, once, tmp_path)
    for settings, split in ((replace(once, rate=1e-4), songs), (once, replace(songs, test=songs.val))):
        with pytest.raises(TrainingError, match="is from other settings or other songs"):
            trainer.train(split, settings, tmp_path)
    state = torch.load(tmp_path / LAST, weights_only=True)
    epoch = dict.fromkeys(state["epochs"][0], "x")
    for wrong in ({"optimizer": "x"}, {"optimizer": {}}, {"random": "x"}, {"epochs": 5}, {"epochs": [epoch]}):
        torch.save(state | wrong, tmp_path / LAST)
        with pytest.raises(TrainingError, match=r"last\.pt is damaged"):
            trainer.train(songs, once, tmp_path)
    torch.save(state, tmp_path / LAST)
    (tmp_path / BEST).unlink()
    with pytest.raises(TrainingError, match=r"best_model\.pt is gone\. Put it back, or delete .*last\.pt"):
        trainer.train(songs, once, tmp_path)
    (tmp_path / LAST).write_bytes(b"half")
    with pytest.raises(TrainingError, match=r"last\.pt is damaged"):
        trainer.train(songs, once, tmp_path)


def test_a_loss_that_explodes_is_told(songs: Split, tmp_path: Path) -> None:
    huge = replace(songs, val=replace(songs.val, embeddings=np.full_like(songs.val.embeddings, np.inf)))
    with pytest.raises(TrainingError, match=r"not finite any more in epoch 1\. Choose a lower --rate"):
        trainer.train(huge, QUICK, tmp_path)
    assert not (tmp_path / BEST).exists()


def test_a_folder_that_cannot_be_written_to_is_named(songs: Split, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=r"file cannot be written to \(Not a directory\)"):
        trainer.train(songs, replace(QUICK, epochs=1), tmp_path / "file")


@pytest.mark.parametrize("name", ["best_model.pt", "model.safetensors"])
def test_a_full_disk_is_told_and_keeps_the_last_checkpoint(name: str, tmp_path: Path) -> None:
    """PyTorch and safetensors raise errors of their own when they write to a full disk."""
    _save({"a": torch.zeros(1)}, tmp_path / name)
    before, limits = (tmp_path / name).read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            _save({"a": torch.zeros(10_000)}, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, before)]


def test_a_last_batch_of_one_joins_the_one_before() -> None:
    assert [len(batch) for batch in batches(torch.arange(33), 16)] == [16, 17]
    assert [len(batch) for batch in batches(torch.arange(34), 16)] == [16, 16, 2]


def test_the_loss_of_an_epoch_is_the_mean_over_samples(songs: Split) -> None:
    """33 songs in batches of 16: as published, the last one counts like 16 others."""
    losses = {}
    for batch in (16, 33):
        for published in (False, True):
            own = Trainer(replace(QUICK, batch=batch, as_published=published))
            losses[batch, published] = own.validate(songs.train)[0]
    assert losses[16, False] == pytest.approx(losses[33, False], rel=1e-6)
    assert losses[16, True] != pytest.approx(losses[33, True], rel=1e-4)


def test_weight_decay_leaves_the_trained_weights_of_the_loss_alone(songs: Split) -> None:
    decays = {}
    for published in (False, True):
        own = Trainer(replace(QUICK, as_published=published))
        (log,) = {id(parameter) for parameter in own.loss.parameters()} & {id(own.loss.log_sigmas["score_likes"])}
        decays[published] = [
            group["weight_decay"] for group in own.optimizer.param_groups if log in {*map(id, group["params"])}
        ]
    assert decays == {False: [0.0], True: [1e-4]}


@pytest.mark.parametrize("mode", ["song", "segment"])
def test_the_judge_loads_what_was_trained(mode: Any, segments: Split, tmp_path: Path) -> None:
    settings = replace(QUICK, task="full", mode=mode, epochs=1)
    trainer.train(segments.songs() if mode == "song" else segments, settings, tmp_path)
    head = ApexHead(tmp_path / BEST)
    assert head.axes == settings.axes
    assert head.pooling == {"song": "embedding", "segment": "score"}[mode]


# ---- a checkpoint ------------------------------------------------------------------------------------------------


def test_another_part_is_not_measured_in_place_of_one_that_is_missing(tmp_path: Path) -> None:
    for part in ("train", "val"):
        write(tmp_path / part / "shard.parquet", rows(2, 1, part))
    with pytest.raises(TrainingError, match="has no folder test, but train and val"):
        table.load_part(tmp_path, AXES, "test")
    assert set(table.load_part(tmp_path, AXES, "val").ids) == {"val0000", "val0001"}
    assert len(table.load_part(tmp_path / "train", AXES, "test")) == 4


@pytest.mark.parametrize("value", [torch.ones(1), float("nan"), -float("inf"), [], "[/]"])
def test_what_a_checkpoint_says_may_be_anything(value: Any, folder: Path, tmp_path: Path) -> None:
    state = Trainer(QUICK).network.state_dict()
    torch.save(dict.fromkeys(("epoch", "val_loss", "loss"), value) | {"model_state": state}, tmp_path / "a.pt")
    found = json.loads(to_json(evaluate(tmp_path / "a.pt", folder, "test").evaluation))
    assert (found["epoch"], found["val_loss"], found["loss"]) == (None, None, "not told")


# ---- results -----------------------------------------------------------------------------------------------------


def measure_checkpoint(checkpoint: Path, split: Split) -> tuple[measure.Measured, ...]:
    return tuple(
        each
        for part, segments in (("val", split.val), ("test", split.test))
        for each in measure.measure(part, measure.HEAD, by_song(segments), predict_songs(checkpoint, segments))
    )


def test_results_stand_beside_the_mean_and_the_ridge(folder: Path, tmp_path: Path) -> None:
    found = table.load(folder, AXES)
    trainer.train(found.songs(), replace(QUICK, epochs=1), tmp_path)
    results = measure_checkpoint(tmp_path / BEST, found) + measure.measure_baselines(found)
    keys = [(each.part, each.model, each.platform, each.axis) for each in results]
    assert len(set(keys)) == len(keys) == 2 * 3 * 3 * len(AXES)
    assert {each.songs for each in results} == {12, 6}
    assert measure.skill(results, "test", measure.MEAN, AXES) == 0
    assert measure.skill(results, "test", measure.RIDGE, AXES) > 0.5
    assert all(each.figures.pearson is None for each in results if each.model == measure.MEAN)
    lines = measure.to_csv(results).splitlines()
    assert lines[0] == (
        "part,model,platform,axis,songs,mse,mae,pearson,spearman,"
        "mse_low,mse_high,mae_low,mae_high,pearson_low,pearson_high,spearman_low,spearman_high"
    )
    assert re.fullmatch(r"val,mean,,streams,12,[\d.]+,[\d.]+,,(,[\d.]+){4},,,,", lines[1 + 6 * len(AXES)])
    pooled = next(each for each in results if each.platform == measure.POOLED)
    assert pooled.intervals["mse"].low < pooled.intervals["mse"].value == pytest.approx(pooled.figures.mse)


@pytest.mark.slow
def test_training_finds_what_the_scores_are_made_of(tmp_path: Path) -> None:
    """The scores are a known function of the embeddings: the head must come near it, and beat the mean by far."""
    split = table.load(write_split(tmp_path / "data", (200, 40, 40)), AXES)
    settings = replace(QUICK, epochs=8, batch=64, rate=5e-3)
    trainer.train(split.songs(), settings, tmp_path)
    results = measure_checkpoint(tmp_path / BEST, split) + measure.measure_baselines(split)
    assert measure.skill(results, "test", measure.HEAD, AXES) > 0.85
