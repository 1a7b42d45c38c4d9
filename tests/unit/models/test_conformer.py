"""MuQ and MusicFM natively: strict, no layer too many, and equal to the published code's hidden states."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import Wav2Vec2ConformerConfig

from apex_space.bench import networks
from apex_space.core.errors import WeightsInvalid
from apex_space.models import kernels
from apex_space.models.encoders import conformer, mel
from apex_space.models.encoders.conformer import SAMPLE_RATE, Conformer, WholeSong
from apex_space.models.hub import Repository, Snapshot, fetch
from helpers import fake_panel_weights
from helpers.fake_panel_weights import TINY

State = dict[str, Tensor]
MUQ = (conformer.MUQ_FILES, conformer.MUQ_CHECKPOINTS)
MUSICFM = (conformer.MUSICFM_FILES, conformer.MUSICFM_CHECKPOINTS)
MEAN, STD = fake_panel_weights.MEAN, fake_panel_weights.STD


def snapshot(folder: Path, kind: tuple[tuple[str, ...], tuple[str, ...]] = MUQ) -> Snapshot:
    return fetch(Repository(f"tiny/{folder.name}", "main", *kind), weights=folder.parent)


def noise(samples: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal(samples, dtype=np.float32)) / 10


@pytest.fixture(scope="module")
def muq(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MuQ's published files. Not to be written to."""
    return fake_panel_weights.write_muq(tmp_path_factory.mktemp("weights") / "MuQ", TINY)


@pytest.fixture(scope="module")
def encoder(muq: Path) -> Conformer:
    return conformer.muq(snapshot(muq), 6)


@pytest.fixture
def rewrite(tmp_path: Path) -> Callable[[State], Conformer]:
    """Load MuQ from other tensors."""

    def load(state: State) -> Conformer:
        folder = tmp_path / "MuQ"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(fake_panel_weights.muq_config(TINY)))
        save_file(state, folder / "model.safetensors")
        return conformer.muq(snapshot(folder), 6)

    return load


@pytest.mark.parametrize("name", ["muq_tiny.safetensors", "musicfm_tiny.pt"])
def test_hidden_states_of_the_published_code(name: str, shared: Path) -> None:
    golden = shared / "reference" / "golden"
    waveform = load_file(golden / "muq_tiny_golden.safetensors")["waveform"]
    expected = load_file(golden / f"{name.split('.')[0]}_golden.safetensors")["hidden_states"]
    encoder = Conformer(golden / name, 12, MEAN, STD)
    with torch.inference_mode():
        states = torch.stack(list(encoder.hidden_states(encoder.front(waveform))))
    assert states.shape == expected.shape
    torch.testing.assert_close(states[1:], expected[1:], atol=1e-4, rtol=0)
    # In nearly silent bands the logarithm shows how each Fourier transform rounds; no judge hears this state.
    torch.testing.assert_close(states[0], expected[0], atol=3e-4, rtol=0)


def test_window_and_filters_are_the_published_ones(shared: Path) -> None:
    path = shared / "reference" / "golden" / "musicfm_tiny.pt"
    state = torch.load(path, weights_only=True)["state_dict"]
    name = f"model.{conformer.COMPUTED}mel_stft"
    torch.testing.assert_close(mel.filters(SAMPLE_RATE), state[f"{name}.mel_scale.fb"].T, atol=0, rtol=0)
    ours = mel.Mel(SAMPLE_RATE, torch.device("cpu")).window.float()
    torch.testing.assert_close(ours, state[f"{name}.spectrogram.window"], atol=0, rtol=0)


def test_both_forms_of_checkpoint_give_the_same_state(encoder: Conformer, tmp_path: Path) -> None:
    folder = fake_panel_weights.write_musicfm(tmp_path / "MusicFM", TINY)
    other = conformer.musicfm(snapshot(folder, MUSICFM), 6)
    with torch.inference_mode():
        assert torch.equal(other.encode(noise(SAMPLE_RATE)), encoder.encode(noise(SAMPLE_RATE)))


@pytest.mark.parametrize("layer", [1, 6, 12])
def test_layers_beyond_the_wanted_state_are_not_there(layer: int, muq: Path) -> None:
    encoder = conformer.muq(snapshot(muq), layer)
    whole = conformer.muq(snapshot(muq), TINY.layers)
    assert len(encoder.encoder.layers) == layer
    with torch.inference_mode():
        states = list(whole.hidden_states(whole.front(noise(SAMPLE_RATE))))
        assert torch.equal(encoder.encode(noise(SAMPLE_RATE)), states[layer])


@settings(max_examples=20)
@given(st.integers(mel.MIN_SAMPLES, 200_000), st.data())
def test_the_front_end_gives_the_same_frames_in_any_parts(
    encoder: Conformer, samples: int, data: st.DataObject
) -> None:
    total = conformer.frames(samples)
    first = data.draw(st.integers(0, total))
    last = data.draw(st.integers(first, total))
    with torch.inference_mode():
        whole = encoder.front(noise(samples))
        part = encoder.front(noise(samples), first, last)
    assert len(whole) == total
    torch.testing.assert_close(part, whole[first:last], atol=1e-5, rtol=0)


@pytest.fixture
def piece(monkeypatch: pytest.MonkeyPatch) -> int:
    """Samples of a piece, which is shorter than the published one."""
    monkeypatch.setattr(conformer, "PIECE", 5 * SAMPLE_RATE)
    return conformer.PIECE


@pytest.mark.parametrize("rest", [1024, 1025, 5 * 960, 9 * 960 + 3, 100_000])
def test_pieces_are_heard_as_if_each_were_a_song(rest: int, piece: int, encoder: Conformer) -> None:
    samples = noise(piece + rest)
    with torch.inference_mode():
        local, whole = conformer.finish(encoder.encode_twice_steps(samples))
        pieces = [encoder.encode(part) for part in (samples[:piece], samples[piece:]) if len(part) > 1024]
        torch.testing.assert_close(local, torch.cat(pieces), atol=1e-5, rtol=0)
        torch.testing.assert_close(whole, encoder.encode(samples), atol=1e-5, rtol=0)
    assert 0 <= len(whole) - len(local) <= 2


def test_a_song_of_one_piece_is_heard_once(piece: int, encoder: Conformer) -> None:
    with torch.inference_mode():
        local, whole = conformer.finish(encoder.encode_twice_steps(noise(piece)))
    assert local is whole


def test_what_only_training_used_is_left_alone(muq: Path, encoder: Conformer, rewrite: Callable) -> None:
    state = load_file(muq / "model.safetensors")
    bare = {
        name: tensor
        for name, tensor in state.items()
        if not name.startswith(tuple(f"model.{s}" for s in conformer.TRAINING))
    }
    assert len(state) > len(bare)
    more = {
        "model.rvq.quantizers.0.codebook.weight": torch.ones(1),
        "model.recon_proj.bias": torch.full((1,), torch.nan),
    }
    with torch.inference_mode():
        assert torch.equal(rewrite(bare | more).encode(noise(SAMPLE_RATE)), encoder.encode(noise(SAMPLE_RATE)))


NORM = "conformer.layers.3.final_layer_norm.weight"
FREQUENCIES = "conformer.embed_positions.inv_freq"
DAMAGE: dict[str, Callable[[State], object]] = {
    f"{NORM} is missing": lambda s: s.pop(f"model.{NORM}"),
    f"{FREQUENCIES} is missing": lambda s: s.pop(f"model.{FREQUENCIES}"),
    "conv.conv.0.conv1.weight is missing": lambda s: s.pop("model.conv.conv.0.conv1.weight"),
    "head.weight is not of this model": lambda s: s.update({"model.head.weight": torch.ones(1)}),
    f"{NORM} is [63], not [64]": lambda s: s.update({f"model.{NORM}": torch.ones(63)}),
    f"{NORM} holds numbers that are not finite": lambda s: s.update({f"model.{NORM}": torch.full((64,), torch.inf)}),
    "extra lacks the prefix": lambda s: s.update({"extra": torch.ones(1)}),
    "of no shape": lambda s: s.update({f"model.{FREQUENCIES}": torch.ones(0)}),
}


@pytest.mark.parametrize("named", DAMAGE)
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(named: str, rewrite: Callable) -> None:
    state = fake_panel_weights.muq_state(TINY)
    DAMAGE[named](state)
    with pytest.raises(WeightsInvalid) as refusal:
        rewrite(state)
    assert named in str(refusal.value)
    assert "model.safetensors" in str(refusal.value)


def test_too_few_layers_are_refused(rewrite: Callable) -> None:
    with pytest.raises(WeightsInvalid, match="holds 5 layers; hidden state 6"):
        rewrite(fake_panel_weights.muq_state(replace(TINY, layers=5)))


@pytest.mark.parametrize(
    "fields",
    [
        {"label_rate": 50},
        {"hop_length": 160},
        {"n_mels": None},
        {"features": ["chromagram"]},
        {"stat": None},
        {"stat": {"melspec_2048_mean": 0.0, "melspec_2048_std": 0.0}},
        {"stat": {"melspec_2048_mean": inf, "melspec_2048_std": 1.0}},
        {"stat": {"melspec_2048_mean": "0", "melspec_2048_std": 1.0}},
        {"w2v2_config": None},
        {"w2v2_config": {"position_embeddings_type": "relative", "hidden_act": "swish"}},
        {"w2v2_config": {"position_embeddings_type": "rotary", "hidden_act": "gelu"}},
    ],
    ids=str,
)
def test_a_configuration_that_is_not_ours_is_refused(fields: dict, muq: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(muq, tmp_path / "MuQ"))
    (folder / "config.json").write_text(json.dumps(fake_panel_weights.muq_config(TINY) | fields))
    with pytest.raises(WeightsInvalid, match=r"config\.json"):
        conformer.muq(snapshot(folder), 6)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"melspec_2048_mean": 1}'])
def test_statistics_that_are_not_there_are_refused(content: str, tmp_path: Path) -> None:
    folder = fake_panel_weights.write_musicfm(tmp_path / "MusicFM", TINY)
    (folder / "msd_stats.json").write_text(content)
    with pytest.raises(WeightsInvalid, match=r"msd_stats\.json"):
        conformer.musicfm(snapshot(folder, MUSICFM), 6)


def test_loading_leaves_the_global_random_state_alone(muq: Path) -> None:
    before = torch.get_rng_state()
    conformer.muq(snapshot(muq), 6)
    assert torch.equal(torch.get_rng_state(), before)


def test_rounded_products_move_the_state_little(encoder: Conformer, muq: Path) -> None:
    rounded = conformer.muq(snapshot(muq), 6, "bfloat16")
    with torch.inference_mode():
        exact, moved = encoder.encode(noise(SAMPLE_RATE)), rounded.encode(noise(SAMPLE_RATE))
    assert moved.dtype == torch.float32
    assert 0 < (moved - exact).std() < 0.02 * exact.std()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1, 30, 31, 95])
@pytest.mark.parametrize("twice", [False, True])
def test_the_steps_add_up_to_the_work(seconds: int, twice: bool, encoder: Conformer) -> None:
    samples = noise(seconds * SAMPLE_RATE)
    with torch.inference_mode():
        steps = list(encoder.encode_twice_steps(samples) if twice else encoder.encode_steps(samples))
    assert 0.97 * encoder.work(len(samples), twice) <= sum(steps) <= 1.001 * encoder.work(len(samples), twice)


def test_layers_and_front_end_take_what_the_published_sizes_do() -> None:
    with torch.device("meta"):
        config = Wav2Vec2ConformerConfig(**networks.CONFORMER | {"num_hidden_layers": 1})
        network: Any = conformer.Network(config, networks.CHANNELS).eval()
    layer = {n: multiplications(network.conformer.layers[0], n, network.conformer) for n in (1, 750, 4500, 15_000)}
    for frames in (750, 4500, 15_000):
        assert layer[frames] / layer[1] == pytest.approx(conformer._work(frames), rel=0.03)
    front = flop(network.conv, torch.zeros(1, 1, mel.N_MELS, 4 * 750, device="meta"))
    assert front / 750 / layer[1] == pytest.approx(conformer.FRONT, rel=0.03)


def multiplications(layer: nn.Module, frames: int, encoder: Any) -> float:
    x = torch.zeros(1, frames, networks.CONFORMER["hidden_size"], device="meta")
    return flop(layer, x, relative_position_embeddings=encoder.embed_positions(x))


def flop(module: nn.Module, *given: Tensor, **named: Tensor) -> float:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(*given, **named)
    return float(counter.get_total_flops())


@pytest.fixture
def songeval(encoder: Conformer) -> WholeSong:
    return WholeSong(encoder.encode_steps, encoder.work, lambda frames: frames.amax(0))


def test_a_song_is_heard_whole_and_the_share_of_the_work_told(songeval: WholeSong, encoder: Conformer) -> None:
    assert songeval.segment_seconds == inf
    song = noise(47 * SAMPLE_RATE)[None]
    *shares, embedding = songeval.steps(song.numpy(), np.array([song.shape[1]]))
    assert len(shares) == -(-conformer.frames(song.shape[1]) // conformer.CHUNK) + 6
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.2
    assert shares[-1] == pytest.approx(1, rel=0.01)
    with torch.inference_mode():
        np.testing.assert_array_equal(embedding, encoder.encode(song[0]).amax(0)[None].numpy())


def test_steps_may_be_taken_by_different_threads_and_leave_no_mode_behind(songeval: WholeSong) -> None:
    song, made = noise(5 * SAMPLE_RATE)[None].numpy(), []
    steps = songeval.steps(song, np.array([song.shape[1]]))
    while not made or isinstance(made[-1], float):
        thread = Thread(target=lambda: made.append(next(steps)))
        thread.start()
        thread.join()
        assert not torch.is_inference_mode_enabled()
    np.testing.assert_array_equal(made[-1], songeval(song, np.array([song.shape[1]])))


def test_a_song_that_is_given_up_is_not_heard_any_further(songeval: WholeSong, encoder: Conformer) -> None:
    heard: list[int] = []
    hook = encoder.encoder.layers[3].register_forward_hook(lambda *_: heard.append(3))
    steps = songeval.steps(noise(5 * SAMPLE_RATE)[None].numpy(), np.array([5 * SAMPLE_RATE]))
    next(steps)
    steps.close()
    hook.remove()
    assert heard == []
    with pytest.raises(StopIteration):
        next(steps)


@pytest.mark.parametrize("shape", [(5, 8), (1, 5, 8), (2, 3, 8)])
@pytest.mark.parametrize("bias", [True, False])
def test_products_are_those_of_torch(shape: tuple[int, ...], bias: bool) -> None:
    theirs = nn.Sequential(nn.Linear(8, 3, bias=bias))
    with torch.inference_mode():
        x = noise(int(np.prod(shape))).reshape(shape)
        expected = theirs(x)
        kernels.use_fast_linear(theirs)
        assert type(theirs[0]) is kernels.Linear
        torch.testing.assert_close(theirs(x), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_is_that_of_torch(dtype: torch.dtype) -> None:
    ours, theirs = kernels.SelfAttention(16, 4).eval(), nn.MultiheadAttention(16, 4, batch_first=True).eval()
    with torch.inference_mode():
        ours.load_state_dict(
            {name: noise(tensor.numel()).view_as(tensor) * 2 for name, tensor in theirs.state_dict().items()}
        )
        theirs.load_state_dict(ours.state_dict())
        x = noise(1000 * 16).reshape(1000, 16) * 10
        expected = theirs(x[None], x[None], x[None])[0][0]
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            close = {torch.float32: 1e-5, torch.bfloat16: 0.02}[dtype]
            torch.testing.assert_close(ours(x).float(), expected, atol=close, rtol=close)
