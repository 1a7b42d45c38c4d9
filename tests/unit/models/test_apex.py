"""The APEX head: both forms of checkpoint, every tensor accounted for, the published outputs."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file

from apex_space.core.axes import AESTHETICS
from apex_space.core.errors import WeightsInvalid
from apex_space.core.settings import Settings
from apex_space.models.heads import apex
from apex_space.models.heads.apex import AGGREGATOR, ApexHead
from apex_space.models.hub import Repository, Snapshot, fetch
from helpers import fake_weights

Content = dict[str, Any]


def head(content: Content, folder: Path, name: str = "best_model.pt") -> ApexHead:
    save = save_file if name.endswith(".safetensors") else torch.save
    save(content, folder / name)
    return ApexHead(folder / name)


def embeddings(segments: int = 3) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((segments, 4, 768), dtype=np.float32)


@pytest.fixture
def reference(tmp_path: Path) -> dict[str, np.ndarray]:
    return head(fake_weights.apex_checkpoint(), tmp_path, "reference.pt")(embeddings())


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.allclose(one[axis], other[axis], rtol=1e-6) for axis in one)


def test_permuting_a_batch_permutes_the_scores(tmp_path: Path) -> None:
    scorer, order = head(fake_weights.apex_checkpoint(), tmp_path), [2, 0, 1]
    scores, permuted = scorer(embeddings()), scorer(embeddings()[order])
    assert same({axis: values[order] for axis, values in scores.items()}, permuted)


@pytest.mark.parametrize("scale", [0, 1, 1e4])
def test_scores_stay_on_their_axis(tmp_path: Path, scale: float) -> None:
    for axis, values in head(fake_weights.apex_checkpoint(), tmp_path)(embeddings() * np.float32(scale)).items():
        low, high = (0, 100) if axis in ("streams", "likes") else (1, 5)
        assert ((values >= low) & (values <= high)).all()


def test_the_constants_are_what_the_published_code_draws() -> None:
    drawn = fake_weights.drawn_aggregator()
    assert torch.equal(torch.tensor(AGGREGATOR[0]), drawn.weight.detach().flatten())
    assert torch.equal(torch.tensor(AGGREGATOR[1]), drawn.bias.detach()[0])


def test_loading_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    head(fake_weights.apex_checkpoint(), tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("task", "depth"), [("full", 2), ("popularity", 3)])
def test_outputs_of_the_published_head(task: str, depth: int, shared: Path, tmp_path: Path) -> None:
    golden = load_file(shared / "reference" / "golden" / "apex_heads.safetensors")
    network = head(fake_weights.apex_checkpoint(task, depth), tmp_path).network
    with torch.inference_mode():
        scores = network(torch.from_numpy(golden["embedding"]))
    for name in fake_weights.TASKS[task]:
        axis = name.removeprefix("score_")
        np.testing.assert_allclose(scores[axis], golden[f"{task}{depth}.{name}"], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
@pytest.mark.parametrize("prefix", ["", "model.", "a.b."])
def test_both_forms_of_checkpoint_give_the_same_scores(
    prefix: str, name: str, tmp_path: Path, reference: dict[str, np.ndarray]
) -> None:
    export = fake_weights.apex_export(prefix)
    assert same(head(export, tmp_path, name)(embeddings()), reference)
    nested = export | {"mert.encoder.layer_norm.weight": torch.ones(1), f"{prefix}mert.conv.bias": torch.ones(1)}
    assert same(head(nested, tmp_path, name)(embeddings()), reference)
    bare = {key: tensor for key, tensor in export.items() if not key.startswith("aggregator.")}
    assert same(head(bare, tmp_path, name)(embeddings()), reference)


@pytest.mark.parametrize("prefix", ["", "model."])
def test_a_stored_aggregator_comes_before_the_constants(prefix: str, tmp_path: Path) -> None:
    export = {key: tensor for key, tensor in fake_weights.apex_export("model.").items() if "aggregator" not in key}
    mean = {f"{prefix}aggregator.weight": torch.full((1, 4, 1), 0.25), f"{prefix}aggregator.bias": torch.zeros(1)}
    stored = head(export | mean, tmp_path)
    with torch.inference_mode():
        expected = stored.network(torch.from_numpy(embeddings().mean(1)))
    assert same(stored(embeddings()), {axis: scores.numpy() for axis, scores in expected.items()})


@pytest.mark.parametrize(("mode", "pooling"), [("song", "embedding"), ("segment", "score")])
def test_the_mode_says_what_is_averaged(mode: str, pooling: str, tmp_path: Path) -> None:
    assert head(fake_weights.apex_checkpoint(mode=mode), tmp_path).pooling == pooling
    assert head(fake_weights.apex_export(""), tmp_path).pooling == "embedding"


@pytest.mark.parametrize("depth", [2, 3])
def test_a_head_for_popularity_says_why_the_rest_is_empty(depth: int, tmp_path: Path) -> None:
    scorer = head(fake_weights.apex_checkpoint("popularity", depth), tmp_path)
    assert scorer.axes == ("streams", "likes") == tuple(scorer(embeddings()))
    assert set(scorer.missing) == set(AESTHETICS)
    assert all("popularity" in reason for reason in scorer.missing.values())
    assert not head(fake_weights.apex_checkpoint("full", depth), tmp_path).missing


FIRST = "shared.0.block.0.weight"


def without(*starts: str) -> Callable[[Content], Content]:
    return lambda state: {name: tensor for name, tensor in state.items() if not name.startswith(starts)}


DAMAGE: list[tuple[str, Callable[[Content], Content]]] = [
    (FIRST, without(FIRST)),
    ("shared.0.block.1.running_var is missing", without("shared.0.block.1.running_var")),
    ("shared.1.block.0.bias is missing", without("shared.1.")),
    ("branch_likes", lambda s: {name.replace("branch_score_likes", "branch_likes"): t for name, t in s.items()}),
    ("branch_naturalness.branch.0.block.0.bias is missing", without("branch_naturalness.")),
    ("branch_score_likes.branch.2.bias is missing", without("branch_score_likes.branch.2.bias")),
    ("branch_energy.weight is not of this model", lambda s: s | {"branch_energy.weight": torch.ones(1)}),
    ("shared.3.block.0.bias is not of this model", lambda s: s | {"shared.3.block.0.bias": torch.ones(1)}),
    ("shared.1.block.0.bias is [3], not [256]", lambda s: s | {"shared.1.block.0.bias": torch.ones(3)}),
    ("'model.'", lambda s: s | {f"model.{FIRST}": s[FIRST]}),
    ("'', 'a.'", lambda s: s | {f"a.{name}": tensor for name, tensor in s.items()}),
    ("classifier.weight", lambda s: s | {"classifier.weight": torch.ones(1)}),
    ("aggregator.bias", without("aggregator.weight")),
    ("aggregator.weight", lambda s: s | {"aggregator.weight": torch.ones(1, 5, 1)}),
    ("'epoch', which is no named tensor", lambda s: s | {"epoch": 3}),
    ("3, which is no named tensor", lambda s: s | {3: torch.ones(1)}),
]


@pytest.mark.parametrize(("named", "damage"), DAMAGE)
@pytest.mark.parametrize("form", ["trainer", "export"])
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(
    named: str, damage: Callable[[Content], Content], form: str, tmp_path: Path
) -> None:
    state = damage(fake_weights.apex_export(""))
    with pytest.raises(WeightsInvalid) as refusal:
        head(state if form == "export" else fake_weights.apex_checkpoint() | {"model_state": state}, tmp_path)
    assert named in str(refusal.value)
    assert "best_model.pt" in str(refusal.value)


@pytest.mark.parametrize(
    "said", [{"task": "popularity"}, {"shared": 3}, {"mode": "album"}, {"task": None}, {"model_state": 3}]
)
def test_a_checkpoint_that_contradicts_itself_is_refused(said: Content, tmp_path: Path) -> None:
    with pytest.raises(WeightsInvalid, match=r"best_model\.pt"):
        head(fake_weights.apex_checkpoint() | said, tmp_path)


@pytest.mark.parametrize("name", ["best_model.pt", "pytorch_model.bin", "model.safetensors"])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_part_of_a_file_is_refused_by_name(name: str, share: float, tmp_path: Path) -> None:
    head(fake_weights.apex_export("model."), tmp_path, name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsInvalid, match=name):
        ApexHead(tmp_path / name)


class Payload:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_code_in_a_pickle_is_not_run(save: Callable[[Any, Path], object], tmp_path: Path) -> None:
    save(fake_weights.apex_checkpoint() | {"mode": Payload(tmp_path / "ran")}, tmp_path / "best_model.pt")
    with pytest.raises(WeightsInvalid, match=r"best_model\.pt"):
        ApexHead(tmp_path / "best_model.pt")
    assert not (tmp_path / "ran").exists()


def test_an_encoder_of_another_size_is_refused(tiny_mert: Path, tmp_path: Path) -> None:
    torch.save(fake_weights.apex_checkpoint(), tmp_path / "best_model.pt")
    encoder, _ = apex.repositories(Settings(mert_repo="tiny/MERT"))
    found = fetch(encoder, tiny_mert.parent)
    with pytest.raises(WeightsInvalid, match="768"):
        apex.load([found, Snapshot(tmp_path, tmp_path / "best_model.pt", found.weights)], Settings(precision="float32"))


def test_the_settings_choose_repositories_and_checkpoint() -> None:
    chosen = Settings(mert_repo="a/b", mert_revision="c", head_repo="d/e", head_revision="f", head_file="g.pt")
    encoder, scorer = apex.repositories(chosen)
    assert encoder == Repository("a/b", "c", ("config.json", "preprocessor_config.json"), encoder.checkpoints)
    assert scorer == Repository("d/e", "f", (), ("g.pt",))
