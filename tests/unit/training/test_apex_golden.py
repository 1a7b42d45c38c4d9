"""Training APEX's head as published: losses, steps, schedule, order, averages and whole runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor

from apex_space.evaluation.regression import compare
from apex_space.models.encoders import checkpoint
from apex_space.training import table
from apex_space.training.apex import trainer
from apex_space.training.apex.evaluate import evaluate, examples, to_json
from apex_space.training.apex.losses import TaskLoss, published_name
from apex_space.training.apex.settings import TrainingSettings
from apex_space.training.apex.trainer import Trainer
from apex_space.training.table import Samples
from helpers.apex_training import WithoutDropout, golden, probes, published_split

Json = dict[str, Any]
Golden = Callable[[str], Any]


@pytest.fixture(scope="module")
def read(shared: Path) -> Golden:
    @cache
    def one(name: str) -> Any:
        file = golden(shared) / name
        return load_file(file) if file.suffix == ".safetensors" else json.loads(file.read_text())

    return one


@pytest.fixture(autouse=True)
def without_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "ApexNetwork", WithoutDropout)


def compare_state(state: dict[str, Tensor], stored: dict[str, np.ndarray], start: str, absolute: float) -> None:
    names = {name.removeprefix(start) for name in stored if name.startswith(start)}
    assert len(names) > 20
    assert names <= state.keys()
    for name in names:
        if name.endswith("block.0.bias"):  # its gradient is nothing but rounding
            continue
        tolerance = dict(rtol=0, atol=absolute)
        if name.endswith("running_mean"):
            tolerance = dict(rtol=0, atol=5e-4)
        elif name.endswith("running_var"):
            tolerance = dict(rtol=1e-4, atol=0)
        np.testing.assert_allclose(probes(state[name]), stored[start + name][3:], err_msg=name, **tolerance)


def run_of(name: str) -> tuple[TrainingSettings, bool]:
    task, loss, shared = name.split("-")
    kind, _, nonzero = loss.partition("_")
    settings = TrainingSettings(task=task, loss=kind, shared=int(shared), as_published=True)  # type: ignore[arg-type]
    return settings, bool(nonzero)


LOSSES = ("equal", "weighted", "uncertainty", "uncertainty_nonzero")
RUNS = [f"{task}-{loss}-{shared}" for task in ("popularity", "full") for loss in LOSSES for shared in (2, 3)]
TWENTY = ("popularity-equal-2", "popularity-uncertainty-3", "full-weighted-3", "full-uncertainty_nonzero-2")
"""Runs that are followed to the end. Five steps of the others will do; one would miss a tolerance, see below."""


def begun(name: str, story: Json) -> Trainer:
    settings, nonzero = run_of(name)
    own = Trainer(settings)
    if nonzero:
        for axis, value in zip(settings.axes, story["log_sigmas_nonzero"], strict=False):
            own.loss.log_sigmas[published_name(axis)].data.fill_(value)
    return own


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_steps(name: str, read: Golden) -> None:
    story, stored = read("apex_steps.json"), read("apex_steps.safetensors")
    own, run = begun(name, story), story["runs"][name]
    state, axes, kind = own.network.state_dict(), own.settings.axes, f"{own.settings.task}-{own.settings.shared}"
    compare_state(state, stored, f"init/{kind}/", 0)
    embeddings, truth = (torch.from_numpy(stored[key].astype(np.float32)) for key in ("embedding", "targets"))
    truth = truth[:, : len(axes)]
    batches = [*zip(embeddings.split(story["sizes"]), truth.split(story["sizes"]), strict=True)]
    for number, expected in enumerate(run["steps"] if name in TWENTY else run["steps"][:5]):
        loss, errors, norm = own.step(*batches[number % 4])
        assert loss.item() == pytest.approx(expected["loss"], rel=1e-5)
        assert errors.tolist() == pytest.approx([expected["raw"][published_name(a)] for a in axes], rel=1e-5)
        assert norm.item() == pytest.approx(run["grad_norms_before_after"][number][0], rel=1e-4)
        if number + 1 in (1, 5, 20):
            compare_state(state, stored, f"{name}/{number + 1}/", 2e-6)
            logs = {key.removeprefix("log_sigmas."): value.item() for key, value in own.loss.state_dict().items()}
            assert logs == pytest.approx(run.get("log_sigmas", {}).get(str(number + 1), {}), abs=2e-6)
    if name in TWENTY:
        compare_end(own, run, embeddings, truth.numpy(), stored[f"{name}/pred20"])


def test_only_biases_that_learn_from_rounding_move_predictions(read: Golden) -> None:
    """Why popularity-equal-3, which TWENTY leaves out, misses the golden predictions' tolerance of 2e-3 (of 100).

    After 20 steps its predictions in eval mode differ from the golden ones by 2.16e-3 with one thread, as there, by
    6.7e-4 with two threads, and by 3.1e-4 with one thread and the rows of each batch reversed. So not the number of
    threads counts, but any order of sums. The other 15 runs differ by 1.9e-3 at most with one thread, and by 1.6e-3
    with two. Parameters other than the biases in front of batch norm are equal to 1.2e-7 in all of them, and
    running_mean to 1.9e-4.

    The cause are these biases. Their gradient is zero but for rounding, which Adam scales up to whole steps: they are
    off by up to 2.9e-4. running_mean follows a bias with delay, and eval mode subtracts it. Between those orders of
    sums, predictions in eval mode differ by 3.6e-4 to 2.2e-3, and in training mode, where the bias cancels out, by
    8.4e-5 at most. With the biases held still, they differ by 1.5e-5 in eval mode. This test repeats that.
    """
    story, stored = read("apex_steps.json"), read("apex_steps.safetensors")
    embeddings, truth = (torch.from_numpy(stored[key].astype(np.float32)) for key in ("embedding", "targets"))
    batches = [*zip(embeddings.split(story["sizes"]), truth[:, :2].split(story["sizes"]), strict=True)]

    def predicted(order: int) -> Tensor:
        own = begun("popularity-equal-3", story)
        for name, parameter in own.network.named_parameters():
            parameter.requires_grad_(not name.endswith("block.0.bias"))
        for number in range(20):
            own.step(*(torch.flip(each, [0]) if order < 0 else each for each in batches[number % 4]))
        with torch.inference_mode():
            return torch.stack([*own.network.eval()(embeddings).values()])

    np.testing.assert_allclose(predicted(1), predicted(-1), rtol=0, atol=1e-4)


def compare_end(own: Trainer, run: Json, embeddings: Tensor, truth: np.ndarray, expected: np.ndarray) -> None:
    axes = own.settings.axes
    for key, values in (("get_weights", own.loss.weights()), ("get_sigmas", own.loss.sigmas())):
        assert {published_name(a).replace("_", "-"): v for a, v in values.items()} == pytest.approx(
            run.get(key, {}), rel=1e-5
        )
    own.settings = replace(own.settings, batch=32)
    loss, raw = own.validate(samples(embeddings.numpy(), truth, axes))
    assert loss == pytest.approx(run["validate_after_20"]["loss"], rel=1e-4)
    predicted = own.network(embeddings)
    for place, axis in enumerate(axes):
        assert raw[axis] == pytest.approx(run["validate_after_20"]["raw"][published_name(axis)], rel=1e-3)
        close = 2e-3 if place < 2 else 1e-4
        np.testing.assert_allclose(predicted[axis].detach(), expected[:, place], rtol=0, atol=close, err_msg=axis)


def samples(embeddings: np.ndarray, labels: np.ndarray, axes: tuple[str, ...]) -> Samples:
    names = np.array([f"s{number}" for number in range(len(embeddings))], object)
    return Samples(names, np.full(len(names), "suno", object), names, embeddings, labels.astype(np.float64), axes)


def test_the_gradients_of_the_first_step(read: Golden) -> None:
    story, stored = read("apex_steps.json"), read("apex_steps.safetensors")
    name = "full-uncertainty_nonzero-3"
    own = begun(name, story)
    batch = slice(0, story["sizes"][0])
    embeddings, truth = (torch.from_numpy(stored[key][batch].astype(np.float32)) for key in ("embedding", "targets"))
    loss, _ = own.loss(own.network(embeddings), truth)
    loss.backward()
    for key, parameter in own.network.named_parameters():
        if not key.endswith("block.0.bias"):
            expected = stored[f"{name}/grad/{key}"]
            assert parameter.grad is not None
            assert parameter.grad.norm().item() == pytest.approx(expected[0], rel=1e-4)
            np.testing.assert_allclose(probes(parameter.grad), expected[3:], rtol=1e-3, atol=1e-4 * expected[0])


def test_the_rates_and_the_order(read: Golden) -> None:
    story = read("apex_schedule.json")
    settings, constants = TrainingSettings(), story["constants"]
    for key, value in (
        ("EPOCHS", settings.epochs),
        ("PATIENCE", settings.patience),
        ("BATCH_SIZE", settings.batch),
        ("LR", settings.rate),
        ("WEIGHT_DECAY", settings.weight_decay),
        ("GRAD_CLIP", settings.clip),
        ("SEED", settings.seed),
    ):
        assert constants[key] == value
    own = Trainer(replace(settings, task="popularity"))
    rates = []
    for _ in range(settings.epochs):
        rates.append(own.schedule.get_last_lr()[0])
        own.optimizer.step()
        own.schedule.step()
    assert rates == pytest.approx(story["lr_used_in_epoch"], rel=1e-6, abs=1e-12)
    for epoch in (1, 2):
        assert (
            trainer.shuffled(40, epoch).tolist() == story["sampler_order"][f"train n=40 world=1 rank=0 epoch={epoch}"]
        )


def published_table(read: Golden, axes: tuple[str, ...]) -> Samples:
    """The rows of the golden table as segments, without the one that has no platform, which we refuse."""
    rows = [row for row in read("apex_aggregation.json")["table"] if row["platform"]]
    cells = [
        json.loads(r["songeval_scores"]) if isinstance(r["songeval_scores"], str) else r["songeval_scores"]
        for r in rows
    ]
    labels = [
        [np.nan if (value := {**row, **cell}[published_name(axis)]) is None else value for axis in axes]
        for row, cell in zip(rows, cells, strict=True)
    ]
    columns = (np.array([row[key] for row in rows], object) for key in ("audio_id", "platform", "segment_id"))
    embeddings = np.array([row["segment_embedding"] for row in rows], np.float32)
    return Samples(*columns, embeddings, np.array(labels), axes)


@pytest.mark.parametrize("task", ["popularity", "full"])
def test_songs_are_averaged_as_published(task: Any, read: Golden) -> None:
    axes = TrainingSettings(task=task).axes
    story = read("apex_aggregation.json")
    songs = table.by_song(published_table(read, axes))
    assert [[*key] for key in zip(songs.ids, songs.platforms, strict=True)] == story["song_keys"]
    np.testing.assert_array_equal(songs.embeddings, np.float32(story[f"song-{task}"]["embeddings"]))
    for place, axis in enumerate(axes):
        expected = np.float32(story[f"song-{task}"][published_name(axis)])
        np.testing.assert_array_equal(songs.labels[:, place].astype(np.float32), expected)


def test_predictions_of_segments_are_averaged_as_published(read: Golden) -> None:
    axes = TrainingSettings().axes
    story = read("apex_eval_metrics.json")["segment_to_song"]
    rows = [row for row, each in enumerate(read("apex_aggregation.json")["table"]) if each["platform"]]
    predicted = np.array([story["segment_predictions"][published_name(axis)] for axis in axes]).T[rows]
    means = table.mean_by_song(predicted, published_table(read, axes))
    expected = np.array([story["song_predictions"][published_name(axis)] for axis in axes]).T
    np.testing.assert_allclose(means, expected, rtol=1e-6)


def test_the_four_figures(read: Golden) -> None:
    for name, case in read("apex_eval_metrics.json")["cases"].items():
        found = compare(np.array(case["actual"]), np.array(case["predicted"]))
        for key, value in case["metrics"].items():
            own = getattr(found, key)
            assert own is value is None or own == pytest.approx(value, abs=1e-9), (name, key)


def settings_of(config: Json) -> TrainingSettings:
    names = {"batch": "batch_size", "rate": "lr", "clip": "grad_clip"}
    keys = ("mode", "task", "loss", "shared", "epochs", "batch", "rate", "weight_decay", "clip", "patience")
    return TrainingSettings(**{key: config[names.get(key, key)] for key in keys}, as_published=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["A", "B"])
def test_a_whole_published_run(name: str, read: Golden, shared: Path, tmp_path: Path) -> None:
    run, stored = read("apex_runs.json")[name], read("apex_runs.safetensors")
    settings = settings_of(run["config"])
    segments = table.load(published_split(shared, tmp_path / "data"), settings.axes)
    samples = segments.songs() if settings.mode == "song" else segments
    table.check_labels(samples)
    history = trainer.train(samples, settings, tmp_path)
    assert len(history.epochs) == len(run["epochs"])
    for own, expected in zip(history.epochs, run["epochs"], strict=True):
        assert own.train_loss == pytest.approx(expected["train/total_loss"], rel=2e-5)
        assert own.val_loss == pytest.approx(expected["val/total_loss"], rel=2e-5)
        for axis in settings.axes:
            assert own.train[axis] == pytest.approx(expected[f"train/{published_name(axis)}"], rel=1e-4)
            assert own.val[axis] == pytest.approx(expected[f"val/{published_name(axis)}"], rel=1e-4)
    assert history.best.number == run["best"][-1]["best/epoch"]

    found = checkpoint.read(tmp_path / trainer.BEST)
    assert sorted(found) == sorted(run["checkpoint_keys"])
    for key in ("epoch", "mode", "task", "loss", "shared"):
        assert found[key] == run["checkpoint"][key]
    for key in ("val_task_losses", "final_sigmas", "final_weights"):
        if key in run["checkpoint"]:
            assert found[key] == pytest.approx(run["checkpoint"][key], rel=1e-4)
    compare_state(found["model_state"], stored, f"{name}/", 2e-6)
    assert len(found["optimizer_state"]["param_groups"]) == len(run["optimizer_state_keys"]["param_groups"])
    assert found["scheduler_state"]["last_epoch"] == run["scheduler_state"]["last_epoch"]
    assert found["scheduler_state"]["_last_lr"] == pytest.approx(run["scheduler_state"]["_last_lr"])

    ours = evaluate(tmp_path / trainer.BEST, tmp_path / "data", "test").evaluation
    compare_evaluation(json.loads(to_json(ours)), run["eval"])


def compare_evaluation(ours: Json, published: Json) -> None:
    """The checkpoint predicts nearly the same for each song, so correlations mean little; they may move more."""
    for key in ("mode", "task", "n_shared", "loss", "epoch"):
        assert ours[key] == published[key]
    assert ours["metrics"].keys() == published["metrics"].keys()
    for name, expected in published["metrics"].items():
        scale = 100 if name.startswith("score_") else 4
        assert ours["metrics"][name]["mse"] == pytest.approx(expected["mse"], rel=1e-3)
        assert ours["metrics"][name]["mae"] == pytest.approx(expected["mae"], abs=2e-5 * scale)
        assert ours["metrics"][name]["pearson"] == pytest.approx(expected["pearson"], abs=0.01)
        for end, songs in published["examples"][name].items():
            own = ours["examples"][name][end]
            assert [(each["audio_id"], each["platform"], each["actual"]) for each in own] == [
                (each["audio_id"], each["platform"], each["actual"]) for each in songs
            ]
            close = 2e-3 if scale == 100 else 2e-4
            for key in ("predicted", "error"):
                assert [each[key] for each in own] == pytest.approx([each[key] for each in songs], abs=close)
    assert ours["num_songs"] == published["num_songs"] + 1  # one id is on two platforms


def test_the_songs_at_both_ends_of_a_score(read: Golden) -> None:
    story = read("apex_eval_metrics.json")["examples_n3"]
    truth = np.array(story["actual"])[:, None]
    songs = samples(np.zeros((len(truth), 1), np.float32), truth, ("streams",))
    songs = replace(songs, ids=np.array(story["audio_id"], object))
    assert examples(songs, np.array(story["predicted"])[:, None], "streams", 3) == story["examples"]


@pytest.mark.slow
def test_the_published_run_that_stops_early(read: Golden, shared: Path, tmp_path: Path) -> None:
    run = read("apex_runs.json")["C"]
    settings = settings_of(run["config"])
    segments = table.load(published_split(shared, tmp_path / "data"), settings.axes)
    history = trainer.train(segments, settings, tmp_path)
    assert len(history.epochs) == run["early_stop"][0]["early_stop_epoch"]
    assert history.best.number == run["best"][-1]["best/epoch"]
    for own, expected in zip(history.epochs, run["epochs"], strict=True):
        assert own.val_loss == pytest.approx(expected["val/total_loss"], rel=2e-3)


def test_uncertainty_begins_at_half_of_equal() -> None:
    axes = TrainingSettings().axes
    predicted, truth = {axis: torch.full((3,), 2.0) for axis in axes}, torch.rand(3, len(axes))
    equal, uncertain = (TaskLoss(kind, axes)(predicted, truth)[0] for kind in ("equal", "uncertainty"))
    assert uncertain.item() == pytest.approx(equal.item() / 2)
