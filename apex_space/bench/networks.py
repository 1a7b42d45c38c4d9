"""Provides the networks to measure: judges with random weights of the published shapes, and the networks as shipped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    ClapAudioConfig,
    ClapAudioModelWithProjection,
    HubertConfig,
    HubertModel,
    Wav2Vec2ConformerConfig,
)

from ..audio.segments import SEGMENT_SECONDS
from ..core.axes import AESTHETICS, POPULARITY
from ..models.encoders import clap, conformer, mel, mert
from ..models.encoders.conformer import Network
from ..models.encoders.mert import MertEncoder
from ..models.heads import apex, banger, hear, mlp, songeval, tunejury
from ..models.hub import Repository, Snapshot, fetch

SAMPLE_RATE = 24_000
SEGMENT = round(SEGMENT_SECONDS * SAMPLE_RATE)
MERT_95M: dict[str, Any] = {
    "conv_bias": False, "conv_dim": [512] * 7, "conv_kernel": mert.KERNELS, "conv_stride": mert.STRIDES,
    "do_normalize": True, "feat_extract_norm": "group", "hidden_size": 768, "intermediate_size": 3072,
    "num_attention_heads": 12, "num_conv_pos_embedding_groups": 16, "num_conv_pos_embeddings": 128,
    "num_hidden_layers": 12,
}  # fmt: skip
MERT_330M = MERT_95M | {
    "do_stable_layer_norm": True, "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
    "num_hidden_layers": 24,
}  # fmt: skip
CONFORMER: dict[str, Any] = conformer.FIXED_CONFORMER | {
    "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 12,
    "num_conv_pos_embedding_groups": 1, "attn_implementation": "sdpa",
}  # fmt: skip
CLAP = ClapAudioConfig(depths=[2, 2, 12, 2], hidden_size=1024, patch_embeds_hidden_size=128)
CHANNELS, INNER, BOTTLENECK = 512, 4096, 64
MEL_STATISTICS = {"melspec_2048_mean": 0.0, "melspec_2048_std": 20.0}


def make_weights(folder: Path) -> None:
    """Write the files of every judge as published, but with random numbers: 3 GB."""
    _make_mert(folder / "MERT-v1-95M", MERT_95M)
    _make_mert(folder / "MERT-v1-330M", MERT_330M)
    _make_clap(folder / "laion_clap")
    _make_conformers(folder / "MuQ-large-msd-iter", folder / "MusicFM")
    width = CONFORMER["hidden_size"]
    heads: dict[str, nn.Module] = {
        "apex/best_model.pt": apex.ApexNetwork(POPULARITY + AESTHETICS, min(apex.DEPTHS)),
        "banger-scorer/scorer_model.pt": mlp.ScoreNetwork(banger.SIZES),
        "tunejury/A1_clap_audio_only.pt": mlp.ScoreNetwork((tunejury.CLAP, *tunejury.HIDDEN)),
        "EAR_HEAR/track_1.pth": hear.HearNetwork(4 * width, 2 * width, width, INNER, BOTTLENECK, 1),
        "EAR_HEAR/track_2.pth": hear.HearNetwork(4 * width, 2 * width, width, INNER, BOTTLENECK, 5),
    }
    for name, head in heads.items():
        (folder / name).parent.mkdir(exist_ok=True)
        torch.save(head.state_dict(), folder / name)
    (folder / "SongEval").mkdir()
    save_file(songeval.SongEvalNetwork(width, INNER).state_dict(), folder / "SongEval" / songeval.CHECKPOINTS[0])


def _make_mert(folder: Path, config: dict[str, Any]) -> None:
    folder.mkdir()
    torch.save(mert_state(config), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": SAMPLE_RATE, "do_normalize": True}))


def mert_state(config: dict[str, Any]) -> dict[str, Tensor]:
    """Return random tensors under the names of a published MERT of that configuration."""
    model = HubertModel(HubertConfig(**config, mask_time_prob=0.0))
    parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
    state = model.state_dict()
    name = "encoder.pos_conv_embed.conv.weight"
    direction = state.pop(name)
    return state | {f"{name}_v": direction, f"{name}_g": direction.norm(dim=(0, 1), keepdim=True)}


def _make_clap(folder: Path) -> None:
    folder.mkdir()
    torch.save({"state_dict": clap_state(CLAP)}, folder / clap.CHECKPOINTS[0])


def clap_state(config: ClapAudioConfig) -> dict[str, Tensor]:
    """Return random tensors of a CLAP's audio half as LAION stores it: query, key and value are one layer."""
    model, (query, *others) = ClapAudioModelWithProjection(config).state_dict(), clap.PARTS
    state = {}
    for name, tensor in model.items():
        if any(part in name for part in others):
            continue
        if query in name:
            tensor = torch.cat([model[name.replace(query, part)] for part in clap.PARTS])
        name = name.replace(query, clap.JOINED)
        for theirs, ours in reversed(clap.RENAMED.items()):
            name = name.replace(ours, theirs)
        state[f"{clap.PREFIX}{name}"] = tensor
    return state


def _make_conformers(muq: Path, musicfm: Path) -> None:
    """Write the files of MuQ and MusicFM. Both get the same numbers, because they have the same shapes."""
    state = conformer_state()
    muq.mkdir()
    save_file(state, muq / "model.safetensors")
    described = conformer.FIXED | {"w2v2_config": conformer.FIXED_CONFORMER, "stat": MEL_STATISTICS}
    (muq / "config.json").write_text(json.dumps(described))
    musicfm.mkdir()
    torch.save({"state_dict": state}, musicfm / "pretrained_msd.pt")
    (musicfm / "msd_stats.json").write_text(json.dumps(MEL_STATISTICS))


def conformer_state() -> dict[str, Tensor]:
    """Return random tensors under the names that MuQ and MusicFM share."""
    network = Network(Wav2Vec2ConformerConfig(**CONFORMER), CHANNELS)
    return {f"{conformer.PREFIX}{name}": tensor for name, tensor in network.state_dict().items()}


def plain_mert() -> nn.Module:
    """Return `HubertModel` as transformers ships it: waveforms [S, L] -> hidden states."""
    return HubertModel(HubertConfig(**MERT_95M, output_hidden_states=True)).eval()


class PlainConformer(nn.Module):
    """The conformer as published, on transformers' own layers: spectra [S, 1, N_MELS, 4 T] -> [S, T, D]."""

    def __init__(self) -> None:
        super().__init__()
        self.network = Network(Wav2Vec2ConformerConfig(**CONFORMER | {"num_hidden_layers": songeval.LAYER}), CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        blocks: Any = self.network.conv.conv
        for block in blocks:
            inner = block.bn2(block.conv2(block.bn1(block.conv1(x)).relu()))
            x = (inner + block.bn3(block.conv3(x))).relu()
        encoder = self.network.conformer
        x = self.network.conv.linear(x.permute(0, 3, 1, 2).flatten(2))
        positions = encoder.embed_positions(x)
        for layer in encoder.layers:
            x = layer(x, relative_position_embeddings=positions)
        return x


def mert_contenders(folder: Path, precisions: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    """Return functions that encode a segment with the plain MERT, and with ours in each precision."""
    clip = np.random.default_rng(0).standard_normal((1, SEGMENT), dtype=np.float32)
    model = plain_mert()

    def plain() -> Tensor:
        states = model(torch.from_numpy(clip)).hidden_states
        return torch.stack([states[layer].mean(1) for layer in apex.LAYERS], 1)

    ours = {name: mert_encoder(folder, name) for name in precisions}
    valid = np.array([SEGMENT])
    return {PLAIN: plain} | {f"ours, {name}": _bound(own, clip, valid) for name, own in ours.items()}


def conformer_contenders(folder: Path, precisions: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
    """Return functions that encode a segment with the plain MuQ, and with ours in each precision.

    MuQ runs only up to the layer that SongEval uses.
    """
    clip = torch.randn(SEGMENT) / 10
    model, spectrum = PlainConformer().eval(), mel.Mel(SAMPLE_RATE, torch.device("cpu"))

    def plain() -> Tensor:
        return model(spectrum(mel.mirror(clip), 0, mel.frames(SEGMENT))[None, None])

    ours = {name: conformer.muq(_muq(folder), songeval.LAYER, name) for name in precisions}
    return {PLAIN: plain} | {f"ours, {name}": _bound(own.encode, clip) for name, own in ours.items()}


PLAIN = "plain, float32"


def _bound(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def mert_encoder(folder: Path, precision: str) -> MertEncoder:
    """Load our MERT encoder as APEX uses it."""
    repository = Repository("MERT-v1-95M", "", mert.FILES, ("pytorch_model.bin",))
    return MertEncoder(fetch(repository, folder), apex.LAYERS, precision)


def _muq(folder: Path) -> Snapshot:
    return fetch(Repository("MuQ-large-msd-iter", "", conformer.MUQ_FILES, ("model.safetensors",)), folder)


def mert_flop() -> float:
    """Count multiplications and additions of MERT-v1-95M's matrix products and convolutions for a segment."""
    with torch.device("meta"):
        model: Any = plain_mert()
        parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
        return _flop(model, torch.zeros(1, SEGMENT))


def conformer_flop() -> float:
    """Count multiplications and additions of MuQ's matrix products and convolutions for a segment.

    They are counted from the spectrogram to the layer that SongEval uses.
    """
    with torch.device("meta"):
        return _flop(PlainConformer().eval(), torch.zeros(1, 1, mel.N_MELS, mel.frames(SEGMENT)))


def _flop(model: nn.Module, x: Tensor) -> float:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(x)
    return float(counter.get_total_flops())
