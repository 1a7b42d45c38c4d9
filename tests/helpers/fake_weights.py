"""Stand-in weights: the published files' names, formats and shapes, holding numbers anyone can draw again.

Every tensor is a function of its name and shape alone, so the same files come out on every machine and in every
order. They exercise the whole loading path and reproduce reference scores that were computed once with the published
systems' own code; those scores say nothing about music.
"""

import json
import zlib
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

State = dict[str, Tensor]

POPULARITY = ("score_streams", "score_likes")
FULL = (*POPULARITY, "coherence", "musicality", "memorability", "clarity", "naturalness")
TASKS = {"popularity": POPULARITY, "full": FULL}
SHARED = {2: (768, 512, 256), 3: (768, 512, 384, 256)}
KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)


@dataclass(frozen=True)
class Mert:
    """Sizes of a MERT; `stable` is the 330M's order of its layer norms, `rate` the Hz at which it hears a song."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    convolution: int = 512
    stable: bool = False
    rate: int = 24_000


FULL_SIZE = Mert()
TINY = Mert(hidden_size=96, num_attention_heads=4, intermediate_size=192, convolution=48)
TINY_STABLE = Mert(96, 4, 4, 192, 48, stable=True)


def draw(name: str, shape: tuple[int, ...], scale: float) -> Tensor:
    """Normal numbers [*shape] seeded by the name."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    return torch.from_numpy(generator.standard_normal(shape, dtype=np.float32) * np.float32(scale))


def synthetic(seconds: float, rate: int) -> np.ndarray:
    """Two chirps, a pulse train and a slow swell: float32 [seconds * rate] in (-1, 1)."""
    t = np.arange(int(seconds * rate)) / rate
    rising = 0.25 * np.sin(2 * np.pi * (110 * t + 3.0 * t**2))
    falling = 0.15 * np.sin(2 * np.pi * (880 * t - 2.0 * t**2))
    pulses = 0.3 * np.exp(-30 * (t % 0.5)) * np.sin(2 * np.pi * 220 * t)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 0.05 * t)
    return ((rising + falling + pulses) * swell).astype(np.float32)


def _norm(name: str, size: int) -> State:
    weight, bias = (draw(f"{name}.{part}", (size,), 0.05) for part in ("weight", "bias"))
    return {f"{name}.weight": 1 + weight, f"{name}.bias": bias}


def _linear(name: str, outputs: int, inputs: int, gain: float = 1.0) -> State:
    weight = draw(f"{name}.weight", (outputs, inputs), gain * inputs**-0.5)
    return {f"{name}.weight": weight, f"{name}.bias": draw(f"{name}.bias", (outputs,), 0.02)}


def _batch_norm(name: str, size: int) -> State:
    return _norm(name, size) | {
        f"{name}.running_mean": draw(f"{name}.running_mean", (size,), 0.1),
        f"{name}.running_var": 0.5 + 0.2 * draw(f"{name}.running_var", (size,), 1.0).abs(),
        f"{name}.num_batches_tracked": torch.tensor(1000),
    }


def _block(name: str, outputs: int, inputs: int) -> State:
    """Linear and batch norm, as `name.block.0` and `name.block.1`."""
    return _linear(f"{name}.block.0", outputs, inputs, gain=1.3) | _batch_norm(f"{name}.block.1", outputs)


def mert_state(size: Mert) -> State:
    """MERT's tensors as published, the positional convolution under the legacy weight norm's names."""
    hidden, channels, position = size.hidden_size, size.convolution, "encoder.pos_conv_embed.conv"
    state: State = {}
    for i, kernel in enumerate(KERNELS):
        name, inputs = f"feature_extractor.conv_layers.{i}.conv.weight", channels if i else 1
        state[name] = draw(name, (channels, inputs, kernel), (2 / (inputs * kernel)) ** 0.5)
    state |= _norm("feature_extractor.conv_layers.0.layer_norm", channels)
    state |= _norm("feature_projection.layer_norm", channels)
    state |= _linear("feature_projection.projection", hidden, channels)
    state["masked_spec_embed"] = draw("masked_spec_embed", (hidden,), 0.3)
    state[f"{position}.weight_g"] = 1 + 0.1 * draw(f"{position}.weight_g", (1, 1, 128), 1.0).abs()
    state[f"{position}.weight_v"] = draw(f"{position}.weight_v", (hidden, hidden // 16, 128), 0.02)
    state[f"{position}.bias"] = draw(f"{position}.bias", (hidden,), 0.02)
    state |= _norm("encoder.layer_norm", hidden)
    for i in range(size.num_hidden_layers):
        layer = f"encoder.layers.{i}"
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            state |= _linear(f"{layer}.attention.{projection}", hidden, hidden)
        state |= _norm(f"{layer}.layer_norm", hidden) | _norm(f"{layer}.final_layer_norm", hidden)
        state |= _linear(f"{layer}.feed_forward.intermediate_dense", size.intermediate_size, hidden)
        state |= _linear(f"{layer}.feed_forward.output_dense", hidden, size.intermediate_size)
    return state


def mert_config(size: Mert) -> dict[str, Any]:
    """A published `config.json`, so far as it shapes the network, with the traps that the published ones hold."""
    sizes = {name: value for name, value in asdict(size).items() if name not in ("convolution", "stable", "rate")}
    return sizes | {
        "apply_spec_augment": True,
        "architectures": ["MERTModel"],
        "attention_dropout": 0.1,
        "attention_relax": -1.0,
        "auto_map": {"AutoConfig": "configuration_MERT.MERTConfig", "AutoModel": "modeling_MERT.MERTModel"},
        "conv_bias": False,
        "conv_dim": [size.convolution] * len(KERNELS),
        "conv_kernel": KERNELS,
        "conv_stride": STRIDES,
        "deepnorm": False,
        "do_stable_layer_norm": size.stable,
        "feat_extract_activation": "gelu",
        "feat_extract_norm": "group",
        "feat_proj_layer_norm": True,
        "feature_extractor_cqt": False,
        "feature_extractor_cqt_bins": 84,
        "hidden_act": "gelu",
        "hidden_dropout": 0.1,
        "layer_norm_eps": 1e-05,
        "layerdrop": 0.1,
        "mask_time_prob": 0.05,
        "model_type": "mert_model",
        "num_conv_pos_embedding_groups": 16,
        "num_conv_pos_embeddings": 128,
        "sample_rate": size.rate,
        "torch_dtype": "float32",
        "transformers_version": "4.27.1",
    }


PREPROCESSOR = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0,
    "return_attention_mask": True,
}


def write_mert(folder: Path, size: Mert) -> Path:
    """Write MERT's three published files into the new `folder`."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(mert_config(size)))
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR | {"sampling_rate": size.rate}))
    torch.save(mert_state(size), folder / "pytorch_model.bin")
    return folder


def apex_state(task: str = "full", shared: int = 2) -> State:
    """The head's tensors; `shared` is the number of shared layers."""
    state: State = {}
    for i, (inputs, outputs) in enumerate(pairwise(SHARED[shared])):
        state |= _block(f"shared.{i}", outputs, inputs)
    for name in TASKS[task]:
        branch = f"branch_{name}.branch"
        state |= _block(f"{branch}.0", 128, 256) | _block(f"{branch}.1", 64, 128)
        state |= _linear(f"{branch}.2", 1, 64, gain=0.9)
    return state


def mlp_state(sizes: tuple[int, ...]) -> State:
    """The tensors of the heads of Banger and TuneJury; `sizes` are those of the layers but the last one."""
    state: State = {}
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        state |= _linear(f"net.{4 * i}", outputs, inputs, gain=1.3) | _batch_norm(f"net.{4 * i + 1}", outputs)
    return state | _linear(f"net.{4 * len(sizes) - 4}", 1, sizes[-1], gain=1.2)


def drawn_aggregator() -> nn.Conv1d:
    """The untrained 1x1 convolution as the published code makes it, without touching the global random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(42)
        return nn.Conv1d(4, 1, 1)


def apex_checkpoint(task: str = "full", shared: int = 2, mode: str = "song") -> dict[str, Any]:
    """What the published trainer saves as `best_model.pt`."""
    return {
        "epoch": 17,
        "model_state": apex_state(task, shared),
        "optimizer_state": {"state": {}, "param_groups": []},
        "scheduler_state": {"last_epoch": 17},
        "val_loss": 1.2345,
        "val_task_losses": {"score_streams": 1.0},
        "mode": mode,
        "task": task,
        "loss": "uncertainty",
        "shared": shared,
        "final_sigmas": {"score_streams": 1.0},
    }


def apex_export(prefix: str) -> State:
    """The Hub's flat form: the head under a prefix and the aggregator beside it, nothing said about either."""
    head = {f"{prefix}{name}": tensor for name, tensor in apex_state().items()}
    return head | {f"aggregator.{name}": tensor for name, tensor in drawn_aggregator().state_dict().items()}
