"""MERT natively: strict, quiet about the random state, and equal to the published code's hidden states."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file
from torch import Tensor
from transformers import HubertConfig, HubertModel

from apex_space.core.errors import WeightsInvalid
from apex_space.models.encoders.mert import CHECKPOINTS, FILES, MertEncoder
from apex_space.models.hub import Repository, Snapshot, fetch
from helpers import fake_weights

LAYERS = (2, 5, 8, 12)
CONV = "encoder.pos_conv_embed.conv"
NORM = "encoder.layer_norm.weight"


def snapshot(folder: Path) -> Snapshot:
    return fetch(Repository(f"tiny/{folder.name}", "main", FILES, CHECKPOINTS), weights=folder.parent)


def noise(segments: int, samples: int = 12_000) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((segments, samples), dtype=np.float32)


def embed(encoder: MertEncoder, samples: np.ndarray) -> np.ndarray:
    return encoder(samples, np.full(len(samples), samples.shape[1]))


@pytest.fixture(scope="module")
def encoder(tiny_mert: Path) -> MertEncoder:
    return MertEncoder(snapshot(tiny_mert), LAYERS)


@pytest.mark.slow
def test_parts_of_a_segment_have_the_means_of_their_frames(
    encoder: MertEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert encoder.in_parts(noise(2), np.full(2, 12_000))[1].shape[1] == 0
    monkeypatch.setattr(encoder, "part_seconds", 1.0)
    samples = noise(2, int(2.5 * encoder.rate))
    embeddings, parts = encoder.in_parts(samples, np.full(2, samples.shape[1]))
    assert parts.shape == (2, 3, *embeddings.shape[1:])
    np.testing.assert_array_equal(embeddings, embed(encoder, samples))
    last = list(encoder.hidden_states(torch.from_numpy(samples)))[-1]  # 75 frames a second
    np.testing.assert_allclose(parts[:, 1, -1], last[:, 75:150].mean(1), atol=1e-5)
    frames = np.array([75, 75, last.shape[1] - 150])
    np.testing.assert_allclose(np.average(parts, 1, frames), embeddings, atol=1e-5)


@pytest.fixture
def folder(tiny_mert: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(tiny_mert, tmp_path / "MERT"))


@pytest.fixture
def rewrite(folder: Path) -> Callable[[dict[str, Tensor]], Path]:
    def write(state: dict[str, Tensor]) -> Path:
        torch.save(state, folder / "pytorch_model.bin")
        return folder

    return write


def edit(folder: Path, name: str, **fields: object) -> Path:
    content = json.loads((folder / name).read_text()) | fields
    (folder / name).write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return folder


def test_permuting_a_batch_permutes_the_embeddings(encoder: MertEncoder) -> None:
    samples, order = noise(4), [2, 0, 3, 1]
    embeddings = embed(encoder, samples)
    assert embeddings.shape == (4, len(LAYERS), 96)
    np.testing.assert_allclose(embed(encoder, samples[order]), embeddings[order], atol=1e-5)
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-2


def test_a_quiet_clip_is_normalised_where_the_repository_says_so(folder: Path, encoder: MertEncoder) -> None:
    def change(encoder: MertEncoder) -> float:
        return float(np.abs(embed(encoder, noise(1) / 100) - embed(encoder, noise(1))).max())

    published = change(encoder)
    assert change(MertEncoder(snapshot(edit(folder, "preprocessor_config.json", do_normalize=False)), LAYERS)) > (
        10 * published
    )


def test_loading_leaves_the_global_random_state_alone(tiny_mert: Path) -> None:
    before = torch.get_rng_state()
    MertEncoder(snapshot(tiny_mert), LAYERS)
    assert torch.equal(torch.get_rng_state(), before)


def test_hidden_states_of_the_published_code(encoder: MertEncoder, shared: Path) -> None:
    golden = load_file(shared / "reference" / "golden" / "mert_tiny.safetensors")
    with torch.inference_mode():
        states = [state[0].numpy() for state in encoder.hidden_states(torch.from_numpy(golden["waveform"])[None])]
    np.testing.assert_allclose(states, golden["hidden_states"], atol=1e-4)


@pytest.mark.parametrize(
    "size", [fake_weights.TINY, fake_weights.TINY_STABLE], ids=["layer norm after", "before (330M)"]
)
def test_hidden_states_of_transformers_own_forward(size: fake_weights.Mert, tmp_path: Path) -> None:
    ours = MertEncoder(snapshot(fake_weights.write_mert(tmp_path / "MERT", size)), (0,))
    theirs = ordinary(size)
    samples = torch.from_numpy(noise(2))
    normalised = (samples - samples.mean(1, True)) / (samples.var(1, correction=0, keepdim=True) + 1e-7).sqrt()
    layer_inputs: list[Tensor] = []
    for layer in theirs.encoder.layers:
        layer.register_forward_pre_hook(lambda _, inputs: layer_inputs.append(inputs[0]))
    with torch.inference_mode():
        last = theirs(normalised).last_hidden_state
        states = list(ours.hidden_states(samples))
    assert len(states) == size.num_hidden_layers + 1
    for ours_i, theirs_i in zip(states, [*layer_inputs, last], strict=True):
        torch.testing.assert_close(ours_i, theirs_i, atol=1e-4, rtol=1e-4)


def ordinary(size: fake_weights.Mert) -> HubertModel:
    """transformers' model, built, initialised and filled the ordinary way."""
    config = {
        k: v for k, v in fake_weights.mert_config(size).items() if hasattr(HubertConfig(), k) and k != "model_type"
    }
    with torch.random.fork_rng(devices=[]):
        model = HubertModel(HubertConfig(**config)).eval()
    state = fake_weights.mert_state(size)
    for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
        state[f"{CONV}.parametrizations.weight.{new}"] = state.pop(f"{CONV}.{old}")
    model.load_state_dict(state)
    return model


def test_both_names_of_the_weight_norm_give_the_same_output(
    encoder: MertEncoder, rewrite: Callable[[dict[str, Tensor]], Path]
) -> None:
    state = fake_weights.mert_state(fake_weights.TINY)
    state[f"{CONV}.parametrizations.weight.original0"] = state.pop(f"{CONV}.weight_g")
    state[f"{CONV}.parametrizations.weight.original1"] = state.pop(f"{CONV}.weight_v")
    renamed = MertEncoder(snapshot(rewrite(state)), LAYERS)
    assert np.array_equal(embed(renamed, noise(1)), embed(encoder, noise(1)))


def test_safetensors_come_before_a_pickle(folder: Path, encoder: MertEncoder) -> None:
    save_file(fake_weights.mert_state(fake_weights.TINY), folder / "model.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"not looked at")
    found = snapshot(folder)
    assert found.checkpoint.name == "model.safetensors"
    assert np.array_equal(embed(MertEncoder(found, LAYERS), noise(1)), embed(encoder, noise(1)))


def test_half_precision_weights_are_computed_in_single(rewrite: Callable[[dict[str, Tensor]], Path]) -> None:
    state = {name: tensor.half() for name, tensor in fake_weights.mert_state(fake_weights.TINY).items()}
    assert embed(MertEncoder(snapshot(rewrite(state)), LAYERS), noise(1)).dtype == np.float32


DAMAGE: dict[str, Callable[[dict[str, Tensor]], object]] = {
    f"{NORM} is missing": lambda s: s.pop(NORM),
    "encoder.extra is not of this model": lambda s: s.update({"encoder.extra": torch.zeros(1)}),
    f"{NORM} is [95], not [96]": lambda s: s.update({NORM: torch.zeros(95)}),
    f"{NORM} holds numbers that are not finite": lambda s: s.update({NORM: torch.full((96,), torch.nan)}),
    f"{CONV}.weight_g": lambda s: s.pop(f"{CONV}.weight_g"),
    "'epoch', which is no named tensor": lambda s: s.update({"epoch": 3}),
}


@pytest.mark.parametrize("named", DAMAGE)
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(
    named: str, rewrite: Callable[[dict[str, Tensor]], Path]
) -> None:
    state = fake_weights.mert_state(fake_weights.TINY)
    DAMAGE[named](state)
    with pytest.raises(WeightsInvalid) as refusal:
        MertEncoder(snapshot(rewrite(state)), LAYERS)
    assert named in str(refusal.value)
    assert "pytorch_model.bin" in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("config.json", {"feature_extractor_cqt": True}),
        ("config.json", {"deepnorm": True}),
        ("config.json", {"conv_pos_batch_norm": True}),
        ("config.json", {"hidden_size": "wide"}),
        ("config.json", {"hidden_size": 2**62}),
        ("config.json", {"hidden_size": -8}),
        ("config.json", {"num_attention_heads": 7}),
        ("config.json", {"num_hidden_layers": 10**9}),
        ("config.json", {"num_hidden_layers": "12"}),
        ("config.json", {"num_conv_pos_embeddings": 2**62}),
        ("config.json", {"conv_dim": [2**40] * 7}),
        ("config.json", {"hidden_act": "../../evil"}),
        ("preprocessor_config.json", {"sampling_rate": None}),
        ("preprocessor_config.json", {"sampling_rate": "fast"}),
        ("preprocessor_config.json", {"do_normalize": None}),
    ],
)
def test_a_configuration_that_is_not_ours_is_refused_by_name(folder: Path, name: str, fields: dict) -> None:
    with pytest.raises(WeightsInvalid) as refusal:
        MertEncoder(snapshot(edit(folder, name, **fields)), LAYERS)
    assert name in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", "\udcff", "[" * 1_000_000, f'{{"a": "{"x" * 10_000_000}"}}'],
    ids=["nothing", "list", "half", "no text", "deep", "large"],
)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_json_is_refused_by_name(folder: Path, name: str, content: str) -> None:
    (folder / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(WeightsInvalid, match=name):
        MertEncoder(snapshot(folder), LAYERS)
