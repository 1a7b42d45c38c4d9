"""Training HEAR's head as published: losses, partners, labels, figures, and whole runs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from apex_space.evaluation import metrics
from apex_space.evaluation.songs import mean_ratings
from apex_space.models.encoders import checkpoint
from apex_space.models.heads import hear
from apex_space.training.hear import data, trainer
from apex_space.training.hear.data import Parts, Songs
from apex_space.training.hear.losses import list_mle, partners, regression
from apex_space.training.hear.trainer import HearSettings, Trainer, padded
from helpers.apex_training import golden, probes

Json = dict[str, Any]


@pytest.fixture(scope="module")
def story(shared: Path) -> Json:
    found: Json = json.loads((golden(shared) / "hear.json").read_text())
    return found


@pytest.fixture(scope="module")
def stored(shared: Path) -> dict[str, Tensor]:
    return load_file(golden(shared) / "hear.safetensors")


def test_the_loss_of_the_order(story: Json) -> None:
    cases = story["listmle"]
    predicted = torch.tensor(cases["pred"], requires_grad=True)
    loss = list_mle(predicted, torch.tensor(cases["no_ties"]["true"]))
    assert loss.item() == pytest.approx(cases["no_ties"]["value"], rel=1e-6)
    loss.backward()
    np.testing.assert_allclose(predicted.grad, cases["no_ties"]["gradient"], atol=1e-6)
    for name in ("ties", "all_tied"):
        values = []
        for seed in range(10):
            torch.manual_seed(seed)
            values.append(list_mle(predicted, torch.tensor(cases[name]["true"])).item())
        assert values == pytest.approx(cases[name]["seed_0_to_9"], rel=1e-6)
    assert list_mle(predicted, torch.tensor(cases["padded"]["true"])).item() == pytest.approx(cases["padded"]["value"])
    assert list_mle(predicted[:, :1], torch.ones(3, 1)).item() == cases["one_item"]


def test_the_loss_of_the_scores(story: Json) -> None:
    case = story["smooth_l1"]
    predicted = torch.tensor(case["pred"], requires_grad=True)
    loss = regression(predicted, torch.tensor(case["true"]))
    loss.backward()
    assert loss.item() == pytest.approx(case["value"], rel=1e-6)
    np.testing.assert_allclose(predicted.grad, case["gradient"], atol=1e-6)


def songs_of(story: Json) -> list[str]:
    return [data.song_of(Path(name), Path()) for name in story["train_names"]]


def labels_of(story: Json, key: str, axes: tuple[str, ...]) -> np.ndarray:
    order = [name.lower() for name in story["label_order"]]
    return np.array(story[key])[:, [order.index(axis) for axis in axes]]


def test_who_is_mixed_with_whom(story: Json, stored: dict[str, Tensor]) -> None:
    assert songs_of(story) == story["base_names"]
    for track in (1, 2):
        labels = torch.tensor(labels_of(story, "train_labels", HearSettings(track).axes))
        found = partners(labels, songs_of(story))
        np.testing.assert_allclose(found, stored[f"cmixup/track_{track}"], rtol=0, atol=1e-6)


def test_which_frames_of_a_padded_song_count(story: Json) -> None:
    case = story["downsample_mask"]
    kept = [len(padded(torch.ones(length, 1), case["frames"])) / 3 for length in case["lengths"]]
    assert kept == [row.count(0) for row in case["padded_after"]]


def test_the_labels_are_the_raters_means(story: Json) -> None:
    case = story["label_aggregation"]
    for song in case["metadata"][:3]:
        own, name = mean_ratings(song["annotation"], "it"), Path(song["file_name"]).stem
        published = {key.lower(): value for key, value in case["scores"].get(name, {}).items()}
        assert own == pytest.approx(published)


def test_the_edges_of_the_figures(story: Json) -> None:
    for name, case in story["metric_edges"].items():
        rated = metrics.Rated(*({"musicality": np.array(case[key])} for key in ("true", "pred")), None)
        found = metrics.figures(rated, np.arange(len(case["true"])))
        for metric, value in case["result"]["Musicality"].items():
            assert round(found["utterance", "musicality", metric], 3) == value, (name, metric)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs' network, without dropout."""
    monkeypatch.setattr(hear, "SIZES", (48, 32, 64, 64))
    monkeypatch.setattr(hear, "DROPOUT", 0.0)


def parts_of(story: Json, stored: dict[str, Tensor], axes: tuple[str, ...], folder: Path) -> Parts:
    """The runs' songs as files. Those of `test` are `val`, too."""
    names = [*story["train_names"], *(f"t{number}.npy" for number in range(len(story["test_labels"])))]
    for number, name in enumerate(names):
        np.save(folder / name, stored[f"feature/{number}"].numpy()[None])
    files = tuple(folder / name for name in names)
    cut = len(story["train_names"])
    train = Songs(files[:cut], tuple(songs_of(story)), labels_of(story, "train_labels", axes), axes)
    ids = tuple(file.stem for file in files[cut:])
    test = Songs(files[cut:], ids, labels_of(story, "test_labels", axes), axes)
    return Parts(train, test, test, stored["feature/0"].shape[1])


def compare_state(state: dict[str, Tensor], stored: dict[str, Tensor], start: str) -> None:
    whole = start.endswith(("init/", "final/"))
    names = {name.removeprefix(start) for name in stored if name.startswith(start)}
    assert names == state.keys()
    for name in names:
        expected = stored[start + name]
        own = state[name].numpy() if whole else probes(state[name])
        if name.endswith("in_proj_bias"):  # its middle third has a gradient of nothing but rounding
            continue
        np.testing.assert_allclose(own, expected if whole else expected[3:], rtol=0, atol=5e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("track", [1, 2])
def test_a_whole_published_run(
    track: int, story: Json, stored: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, axes = story[f"track_{track}"], HearSettings(track).axes
    parts = parts_of(story, stored, axes, tmp_path)
    orders = iter([torch.tensor([row for rows in run["batches"][n : n + 5] for row in rows]) for n in (0, 5, 10)])
    others, mixes = iter(run["partners"]), iter(run["mix"])
    monkeypatch.setattr(trainer, "shuffled", lambda count: next(orders))
    monkeypatch.setattr(trainer, "drawn", lambda chances: torch.tensor(next(others)))
    monkeypatch.setattr(trainer, "share", lambda: next(mixes))
    steps, norms, scores, states = [], [], [], []
    add, update, total = Trainer.add, Trainer.update, trainer.total

    def begun(views: int, outputs: int, network: Any = hear.network) -> Any:
        made = network(views, outputs)
        for name, tensor in made.state_dict().items():
            tensor.copy_(stored[f"track_{track}/init/{name}"])
        return made

    def added(self: Trainer, *of: Any) -> Any:
        steps.append(add(self, *of))
        return steps[-1]

    def updated(self: Trainer, loss: float) -> float:
        norms.append(update(self, loss))
        states.append({name: value.clone() for name, value in self.network.state_dict().items()})
        return norms[-1]

    def scored(found: dict[str, float]) -> float:
        scores.append(found)
        return total(found)

    monkeypatch.setattr(hear, "network", begun)
    monkeypatch.setattr(Trainer, "add", added)
    monkeypatch.setattr(Trainer, "update", updated)
    monkeypatch.setattr(trainer, "total", scored)
    options = run["options"]
    settings = HearSettings(track, epochs=3, batch=options["batch_size"], rate=options["lr"], as_published=True)
    history = trainer.train(parts, settings, tmp_path)

    scalars = {key: [value for _, value in values] for key, values in run["scalars"].items()}
    assert [step.regression for step in steps] == pytest.approx(scalars["loss/train_regression"], abs=5e-5)
    assert [step.rank for step in steps] == pytest.approx(scalars["loss/train_rank"], abs=5e-5)
    assert [step.loss for step in steps] == pytest.approx(scalars["loss/train_total"], abs=5e-5)
    assert norms == pytest.approx(scalars["loss/train_grad_norm"], rel=1e-4)
    which = "Musicality" if track == 1 else "mean"
    for metric in metrics.METRICS:
        assert [round(found[metric], 3) for found in scores] == pytest.approx(scalars[f"{which}/{metric}"], abs=1e-9)
    for number, name in ((1, "1"), (2, "2"), (6, "final")):
        compare_state(states[number - 1], stored, f"track_{track}/{name}/")
    kept = checkpoint.read(tmp_path / trainer.TRACKS[track].checkpoint)
    same = [all(torch.equal(kept[name], state[name]) for name in kept) for state in states]
    assert [number for number, is_it in enumerate(same, 1) if is_it] == run["checkpoint_is_step"]
    assert round(history.best.score / 4, 2) == scalars["best_results_sum/sum"][-1]
