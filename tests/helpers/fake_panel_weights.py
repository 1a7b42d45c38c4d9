"""Stand-in weights of the panel's judges: TuneJury, MuQ, MusicFM, SongEval and HEAR, as `stand_in` makes those of APEX.

What only training used is in them as well, under the published names.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from helpers import fake_clap
from helpers.fake_weights import State, _batch_norm, _linear, _norm, draw

MEAN, STD = 6.768444971712967, 18.417922652295623
BANDS, BINS, KERNEL, POSITIONS = 128, 1025, 31, 128
HEADS = 8


@dataclass(frozen=True)
class Size:
    """Sizes of a MuQ or a MusicFM."""

    width: int = 1024
    layers: int = 12
    heads: int = 16
    inner: int = 4096
    channels: int = 512


FULL_SIZE = Size()
TINY = Size(64, 12, 4, 128, 16)


def _conv(name: str, shape: tuple[int, ...], bias: bool = True, gain: float = 1.0) -> State:
    state = {f"{name}.weight": draw(f"{name}.weight", shape, gain * float(np.prod(shape[1:])) ** -0.5)}
    return state | ({f"{name}.bias": draw(f"{name}.bias", shape[:1], 0.02)} if bias else {})


def _front_end(size: Size) -> State:
    state: State = {}
    for block, inputs in enumerate((1, size.channels)):
        for i, channels in (("1", inputs), ("2", size.channels), ("3", inputs)):
            name = f"conv.conv.{block}"
            state |= _conv(f"{name}.conv{i}", (size.channels, channels, 3, 3)) | _batch_norm(
                f"{name}.bn{i}", size.channels
            )
    return state | _linear("conv.linear", size.width, size.channels * BANDS // 4)


def _layer(name: str, size: Size) -> State:
    width, inner, module = size.width, size.inner, f"{name}.conv_module"
    state: State = {}
    for i in ("1", "2"):
        state |= _norm(f"{name}.ffn{i}_layer_norm", width)
        state |= _linear(f"{name}.ffn{i}.intermediate_dense", inner, width)
        state |= _linear(f"{name}.ffn{i}.output_dense", width, inner)
    for projection in ("q", "k", "v", "out"):
        state |= _linear(f"{name}.self_attn.linear_{projection}", width, width)
    for norm in (f"{name}.self_attn_layer_norm", f"{name}.final_layer_norm", f"{module}.layer_norm"):
        state |= _norm(norm, width)
    state |= _conv(f"{module}.pointwise_conv1", (2 * width, width, 1), bias=False)
    state |= _conv(f"{module}.pointwise_conv2", (width, width, 1), bias=False)
    state |= _conv(f"{module}.depthwise_conv", (width, 1, KERNEL), bias=False)
    return state | _batch_norm(f"{module}.batch_norm", width)


def conformer_state(size: Size) -> State:
    """The tensors of either encoder, without the prefix, and with what both keep of their training."""
    head, position = size.width // size.heads, "conformer.pos_conv_embed.conv"
    state = _front_end(size) | _norm("conformer.layer_norm", size.width)
    for i in range(size.layers):
        state |= _layer(f"conformer.layers.{i}", size)
    state["conformer.embed_positions.inv_freq"] = 1 / 10_000 ** (torch.arange(0, head, 2).float() / head)
    for name, shape in (("original0", (1, 1, POSITIONS)), ("original1", (size.width, size.width // 16, POSITIONS))):
        state[f"{position}.parametrizations.weight.{name}"] = draw(f"{position}.{name}", shape, 0.02)
    state[f"{position}.bias"] = draw(f"{position}.bias", (size.width,), 0.02)
    state["cls_token"] = draw("cls_token", (size.width,), 1.0)
    return state | _linear("linear", 32, size.width)


def muq_config(size: Size) -> dict[str, Any]:
    """A published `config.json`, so far as it is about inference."""
    conformer = {"hidden_size": size.width, "position_embeddings_type": "rotary", "hidden_act": "swish"}
    return {
        "label_rate": 25,
        "features": ["melspec_2048"],
        "hop_length": 240,
        "n_mels": BANDS,
        "conv_dim": size.channels,
        "encoder_dim": size.width,
        "encoder_depth": size.layers,
        "is_flash": False,
        "stat": {"melspec_2048_mean": MEAN, "melspec_2048_std": STD},
        "w2v2_config": conformer | {"num_hidden_layers": size.layers, "num_attention_heads": size.heads},
    }


def muq_state(size: Size) -> State:
    """MuQ's tensors as published."""
    state = conformer_state(size) | {"quantizer_melspec_2048.codebook": draw("codebook", (32, 16), 1.0)}
    return {f"model.{name}": tensor for name, tensor in state.items()}


def musicfm_state(size: Size) -> State:
    """MusicFM's tensors as published, the spectrogram's window and filters among them."""
    spectrogram = "preprocessor_melspec_2048.mel_stft"
    state = conformer_state(size) | {
        "quantizer_melspec_2048_0.codebook": draw("codebook", (32, 16), 1.0),
        f"{spectrogram}.spectrogram.window": torch.hann_window(2048),
        f"{spectrogram}.mel_scale.fb": torch.zeros(BINS, BANDS),
    }
    return {f"model.{name}": tensor for name, tensor in state.items()}


def write_muq(folder: Path, size: Size) -> Path:
    """Write MuQ's two published files into the new `folder`."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(muq_config(size)))
    save_file(muq_state(size), folder / "model.safetensors")
    return folder


def write_musicfm(folder: Path, size: Size) -> Path:
    """Write MusicFM's two published files into the new `folder`."""
    folder.mkdir(parents=True)
    (folder / "msd_stats.json").write_text(json.dumps({"melspec_2048_mean": MEAN, "melspec_2048_std": STD}))
    torch.save({"state_dict": musicfm_state(size)}, folder / "pretrained_msd.pt")
    return folder


def _attentions(prefix: str, width: int) -> State:
    state: State = {}
    for i in range(4):
        name = f"{prefix}attn.{i}"
        state[f"{name}.in_proj_weight"] = draw(f"{name}.in_proj_weight", (3 * width, width), width**-0.5)
        state[f"{name}.in_proj_bias"] = draw(f"{name}.in_proj_bias", (3 * width,), 0.02)
        state |= _linear(f"{name}.out_proj", width, width)
    return state


def songeval_state(size: Size = TINY) -> State:
    """The head's tensors for a MuQ of that size."""
    width = size.width
    state = _linear("ffd.0", size.inner, width) | _linear("ffd.2", width, size.inner) | _attentions("", width)
    return state | _linear("fc", 5, 2 * width)


def hear_state(axes: int, size: Size = TINY) -> State:
    """The head's tensors for a MuQ and a MusicFM of that size."""
    width, mixed, part = size.width, 2 * size.width, size.width // HEADS
    state = _linear("mixed_win_downsample", mixed, 4 * width) | _norm("input_norm", mixed)
    state |= _conv("down_sample_conv.depthwise_conv", (mixed, 1, 3), bias=False)
    for name in ("pointwise_conv", "residual_conv"):
        state |= _conv(f"down_sample_conv.{name}", (width, mixed, 1), bias=False)
    state |= _norm("down_sample_conv.norm1", width) | _norm("model.ln_ffd", width) | _attentions("model.", width)
    state |= _linear("model.ffd.0", size.inner, width) | _linear("model.ffd.3", width, size.inner)
    for query in range(2):
        for head in range(HEADS):
            name = f"model.mqmhastp.n_query.{query}.heads_att_trans.{head}"
            state |= _conv(f"{name}.att_0", (64, part, 1)) | _conv(f"{name}.att_1", (part, 64, 1))
    return state | _linear("model.fc", axes, 4 * width)


def write_panel(folder: Path, size: Size) -> Path:
    """A folder as `--weights` takes it, with all that SongEval and both HEARs need, and a tiny TuneJury."""
    write_muq(folder / "MuQ-large-msd-iter", size)
    write_musicfm(folder / "MusicFM", size)
    (folder / "SongEval").mkdir()
    save_file(songeval_state(size), folder / "SongEval" / "model.safetensors")
    (folder / "EAR_HEAR").mkdir()
    for track, axes in ((1, 1), (2, 5)):
        torch.save(hear_state(axes, size), folder / "EAR_HEAR" / f"track_{track}.pth")
    return fake_clap.write_tunejury(folder, fake_clap.tiny_shapes())
