"""MERT: 24 kHz waveform -> hidden states at 75 frames/s (arXiv 2306.00107).

With `feature_extractor_cqt` and `deepnorm` off, as in both published models, the network is exactly
`transformers.HubertModel`, so no code from a repository is run.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import parametrize
from transformers import HubertConfig, HubertModel

from ..errors import WeightsInvalid
from ..hub import Snapshot
from . import checkpoint

FILES = ("config.json", "preprocessor_config.json")
CHECKPOINTS = ("model.safetensors", "pytorch_model.bin")


class MertEncoder:
    """Segments -> time averages of chosen hidden states.

    `layers`: which hidden states to keep; 0 is the input of the first layer, i the output of layer i.
    """

    segment_seconds = 30.0
    precision = "float32"

    def __init__(self, snapshot: Snapshot, layers: tuple[int, ...]) -> None:
        self.model = _load(snapshot)
        self.rate, self.normalize = _preprocessing(snapshot.folder / "preprocessor_config.json")
        self.layers = layers

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """`samples` [S, L] -> [S, K, D], K the chosen layers. Padding is heard too, as in training; `valid` [S] is not
        needed."""
        with torch.inference_mode():
            states = self.hidden_states(torch.from_numpy(samples))
            pooled = [state.mean(1) for i, state in enumerate(states) if i in self.layers]
        return torch.stack(pooled, 1).numpy()

    def hidden_states(self, samples: Tensor) -> Iterator[Tensor]:
        """`samples` [S, L] -> each hidden state [S, T, D] in turn: the first layer's input, then every output."""
        encoder = self.model.encoder
        stable = self.model.config.do_stable_layer_norm
        if self.normalize:
            samples = (samples - samples.mean(1, keepdim=True)) / (samples.var(1, False, keepdim=True) + 1e-7).sqrt()
        x = self.model.feature_projection(self.model.feature_extractor(samples).transpose(1, 2))
        x = x + encoder.pos_conv_embed(x)
        x = x if stable else encoder.layer_norm(x)
        for layer in encoder.layers:
            yield x
            x = layer(x)
        yield encoder.layer_norm(x) if stable else x


def _preprocessing(path: Path) -> tuple[int, bool]:
    """The sample rate in Hz, and whether each clip is brought to zero mean and unit variance."""
    published = checkpoint.read_json(path)
    rate, normalize = published.get("sampling_rate"), published.get("do_normalize")
    if not isinstance(rate, int) or rate <= 0 or not isinstance(normalize, bool):
        raise WeightsInvalid(f"{path.name} says sampling_rate {rate!r} and do_normalize {normalize!r}. Check {path}.")
    return rate, normalize


def _load(snapshot: Snapshot) -> HubertModel:
    model = _blank(snapshot.folder / "config.json")
    state = checkpoint.tensors(checkpoint.read(snapshot.checkpoint), snapshot.checkpoint)
    checkpoint.load(model, _repaired(state, snapshot.checkpoint), snapshot.checkpoint)
    return model.eval()


def _blank(path: Path) -> HubertModel:
    """The network that `config.json` describes, without numbers: its tensors take no memory and draw nothing."""
    try:
        with torch.device("meta"):
            model = HubertModel(_config(path))
            parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
    except WeightsInvalid:
        raise
    except Exception as error:  # transformers and torch each have their own for values that make no network
        raise WeightsInvalid(f"{path.name} describes no network that MERT could be. Check {path}.") from error
    return model


def _config(path: Path) -> HubertConfig:
    published = checkpoint.read_json(path)
    for option in ("feature_extractor_cqt", "deepnorm", "conv_pos_batch_norm"):
        if published.get(option):
            raise WeightsInvalid(f"{path.name} sets {option}: that variant of MERT is not supported. Take another.")
    known = {name: published[name] for name in HubertConfig().to_dict() if name in published}
    for name in ("model_type", "architectures", "transformers_version", "torch_dtype", "dtype", "auto_map"):
        known.pop(name, None)
    # No time masks: they only serve training, and their one tensor is dropped from the checkpoint as well.
    return HubertConfig(**known | {"mask_time_prob": 0.0, "mask_feature_prob": 0.0, "attn_implementation": "sdpa"})


def _repaired(state: dict[str, Tensor], source: Path) -> dict[str, Tensor]:
    """The checkpoint with the positional convolution's weight norm resolved: w = g v / |v|, |v| per tap."""
    name = "encoder.pos_conv_embed.conv"
    state = {key: value for key, value in state.items() if key != "masked_spec_embed"}
    pairs = [("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1")]
    for g, v in pairs:
        if f"{name}.{g}" in state and f"{name}.{v}" in state:
            magnitude, direction = state.pop(f"{name}.{g}"), state.pop(f"{name}.{v}")
            state[f"{name}.weight"] = magnitude * direction / direction.norm(dim=(0, 1), keepdim=True)
            return state
    raise WeightsInvalid(f"{source.name} lacks the tensors {name}.weight_g and weight_v. Check {source}.")
