"""Training Banger's head as published: labels, splits, first weights, steps, rates, losses and the best epoch."""

import csv
import hashlib
import json
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from scipy.stats import spearmanr
from torch import Tensor

from apex_space.models.encoders import checkpoint
from apex_space.models.heads import banger, mlp
from apex_space.training.banger import trainer
from apex_space.training.banger.data import published_split
from apex_space.training.banger.run import predict
from apex_space.training.banger.targets import make_targets, scores
from apex_space.training.banger.trainer import BEST, BangerSettings, Epoch, Trainer
from apex_space.training.loop import History
from apex_space.training.table import Samples, Split
from helpers.apex_training import golden, probes

Json = dict[str, Any]
NOISE = ("net.0.bias", "net.4.bias", "net.8.bias")
"""Biases whose gradient is nothing but rounding."""


@pytest.fixture(scope="module")
def story(shared: Path) -> Json:
    found: Json = json.loads((golden(shared) / "banger.json").read_text())
    return found


@pytest.fixture(scope="module")
def stored(shared: Path) -> dict[str, np.ndarray]:
    return load_file(golden(shared) / "banger.safetensors")


@pytest.fixture
def as_in_the_run(story: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dropout, and with the run's own order of the songs."""
    run = story["run"]
    train = published_split(run["n"])[0].tolist()
    epochs = [[*chain(*run["batches"][number : number + 2])] for number in range(0, len(run["batches"]), 2)]
    orders = iter([torch.tensor([train.index(row) for row in rows]) for rows in epochs])
    monkeypatch.setattr(trainer, "shuffled", lambda count: next(orders))
    monkeypatch.setattr(banger, "network", partial(mlp.ScoreNetwork, banger.SIZES))


def split_of(stored: dict[str, np.ndarray]) -> Split:
    names = np.array([f"{number}" for number in range(len(stored["score"]))], object)
    labels = stored["score"].astype(np.float64)[:, None]
    columns = names, np.full(len(names), "", object), names, stored["embedding"].astype(np.float32)
    songs = Samples(*columns, labels, ("banger",))
    return Split(*(songs[rows] for rows in published_split(len(names))))


def compare_state(state: dict[str, Tensor], stored: dict[str, np.ndarray], start: str) -> None:
    """After 20 steps, how the processor's threads add up shows: 1.3e-6 with two threads, 1.8e-5 with one."""
    names = {name.removeprefix(start) for name in stored if name.startswith(start)}
    assert names == {name for name in state if not name.endswith("num_batches_tracked")}
    for name in names - {*NOISE}:
        close = 3e-2 if name.endswith("running_mean") else 2e-6 if start in ("init/", "1/", "5/") else 5e-5
        np.testing.assert_allclose(probes(state[name]), stored[start + name][3:], rtol=0, atol=close, err_msg=name)


def test_the_labels(story: Json, tmp_path: Path) -> None:
    """The rows as FMA's tracks.csv has them, below three rows of headings."""
    labels = story["labels"]
    rows = zip(labels["subset"], labels["genre"], labels["listens"], strict=True)
    with (tmp_path / "tracks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", "set", "set", "track", "track"])
        writer.writerow(["", "split", "subset", "genre_top", "listens"])
        writer.writerow(["track_id", "", "", "", ""])
        writer.writerows([n, "training", s, g or "", "" if c is None else c] for n, (s, g, c) in enumerate(rows, 2))
    songs, manifest = make_targets(tmp_path / "tracks.csv")
    assert [int(song.id) for song in songs] == labels["kept_track_ids"]
    assert [song.banger_score for song in songs] == pytest.approx(labels["banger_score"], abs=1e-6)
    assert (manifest.songs, manifest.left_out) == (9, 2)
    found = scores(np.array(story["labels_fma_range"]["listens"]))
    assert found == pytest.approx(story["labels_fma_range"]["banger_score"], abs=1e-9)


def test_the_split(story: Json) -> None:
    for songs in (50, 128, 7997, 8000):
        expected = story["split"][f"train_scorer n={songs}"]
        parts = published_split(songs)
        assert [len(part) for part in parts] == expected["sizes"]
        assert [hashlib.sha256(part.astype("<i4").tobytes()).hexdigest() for part in parts] == expected["sha256"]


def test_the_rates_and_the_size(story: Json) -> None:
    own, rates = Trainer(BangerSettings()), []
    assert sum(parameter.numel() for parameter in own.network.parameters()) == story["parameters"]
    assert [own.network.net[place].p for place in (3, 7, 11)] == [0.3, 0.3, 0.15]
    for _ in range(own.settings.epochs):
        rates.append(own.schedule.get_last_lr()[0])
        own.optimizer.step()
        own.schedule.step()
    assert rates == pytest.approx(story["lr_used_in_epoch"], rel=1e-6, abs=1e-12)


@pytest.mark.slow
@pytest.mark.usefixtures("as_in_the_run")
def test_a_whole_published_run(story: Json, stored: dict[str, np.ndarray], tmp_path: Path, monkeypatch: Any) -> None:
    run, split = story["run"], split_of(stored)
    losses: list[float] = []
    step = Trainer.step

    def followed(self: Trainer, embeddings: Tensor, truth: Tensor) -> Tensor:
        if not losses:
            compare_state(self.network.state_dict(), stored, "init/")
        predicted = step(self, embeddings, truth)
        losses.append((predicted - truth).square().mean().item())
        if len(losses) in (1, 5, 20):
            compare_state(self.network.state_dict(), stored, f"{len(losses)}/")
        return predicted

    monkeypatch.setattr(Trainer, "step", followed)
    history = trainer.train(split, BangerSettings(epochs=run["epochs"]), tmp_path)
    assert len(losses) == len(run["batches"])
    means = np.mean(np.reshape(losses, (-1, 2)), 1)  # published is the mean over batches, of 64 and of 25 songs
    assert means[:6] == pytest.approx(run["train_loss"][:6], rel=1e-5)
    assert means == pytest.approx(run["train_loss"], rel=1e-4)
    assert history.epochs[0].train_loss == pytest.approx((64 * losses[0] + 25 * losses[1]) / 89)
    assert [epoch.val_mae for epoch in history.epochs] == pytest.approx(run["val_mae"], abs=3e-3)
    assert history.best.number == 12
    compare_state(checkpoint.read(tmp_path / BEST), stored, "best/")
    songs = np.concatenate(published_split(run["n"]))
    predicted = np.empty(run["n"])
    predicted[songs] = np.concatenate([predict(tmp_path / BEST, part)[:, 0] for _, part in split.parts()])
    np.testing.assert_allclose(predicted, stored["prediction_of_best"], rtol=0, atol=5e-3)
    test = predict(tmp_path / BEST, split.test)[:, 0]
    assert np.abs(test - split.test.labels[:, 0]).mean() == pytest.approx(run["test_mae"], abs=3e-3)
    assert spearmanr(test, split.test.labels[:, 0])[0] == pytest.approx(run["test_spearman"], abs=0.02)


def test_the_rule_for_stopping(story: Json) -> None:
    """With a patience of 5, the published run stopped at the 6th epoch in a row without gain."""
    run = story["early_stop_run"]
    settings = BangerSettings(patience=run["patience"] + 1)
    epochs = tuple(Epoch(n, 0.0, 0.0, 0.0, 0.0, mae) for n, mae in enumerate(run["val_mae"], 1))
    over = [done for done in range(1, len(epochs) + 1) if History(epochs[:done]).is_over(settings)]
    assert over == [run["epochs_run"]]
    assert History(epochs).best.number == run["best_epoch"]
    assert BangerSettings().patience == 21
