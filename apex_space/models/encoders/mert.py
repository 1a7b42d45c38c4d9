"""MERT: 24 kHz waveform -> hidden states at 75 frames/s (arXiv 2306.00107).

In both published models, `feature_extractor_cqt` and `deepnorm` are off. The network is then exactly
`transformers.HubertModel`, so no code from a repository is run.
"""

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ...audio.segments import SEGMENT_SECONDS
from ...core.errors import WeightsInvalid
from ..hub import Snapshot
from ..kernels import (
    DTYPES,
    Linear,
    activate,
    as_linear,
    attend_in_blocks,
    cast_linear_layers,
    dithered,
    linear,
    release_mmap,
    use_fast_linear,
)
from . import checkpoint, device
from .encoder import IMPORTING

if TYPE_CHECKING:
    from transformers import HubertConfig, HubertModel

PART_SECONDS = 5.0
"""Length of the parts of a segment whose averages are kept, if the setting `fine_windows` asks for them."""
FILES = ("config.json", "preprocessor_config.json")
CHECKPOINTS = ("model.safetensors", "pytorch_model.bin")


FIRST_TAPS, FIRST_STRIDE = 10, 5
KERNELS, STRIDES = [FIRST_TAPS, 3, 3, 3, 3, 2, 2], [FIRST_STRIDE, 2, 2, 2, 2, 2, 2]
PART = 96
"""Frames that the front end computes at once, so that the results between its layers stay in the CPU's cache."""
VERSIONS = 4
"""Number of rounded versions of each rounded convolution's weight. Successive parts of a clip use them in turn."""
ROUNDED_CONVOLUTIONS = 3
"""How many of the six convolutions after the first have rounded weights.

These three take seven eighths of the time of the six. Rounding the others, the positional convolution or the
projection too would save little and move the scores most.
"""
MAX_LAYERS = 100
LAYERS_330M, WIDTH_330M = 24, 1024
"""Number of layers and width of MERT-v1-330M, which Banger and TuneJury hear. Both use its last hidden state."""


class MertEncoder:
    """Encodes segments as time averages of chosen hidden states.

    `layers` are the hidden states to keep: 0 is the input of the first layer, i the output of layer i. Averages over
    every `part_seconds` are kept too, unless it is 0.
    `precision`, a key of DTYPES, is the precision of the matrix products.
    """

    segment_seconds, resampling = SEGMENT_SECONDS, "sinc"
    embeddings_version = 2

    def __init__(
        self, snapshot: Snapshot, layers: tuple[int, ...], precision: str = "float32", part_seconds: float = 0.0
    ) -> None:
        model: Any = _load(snapshot)
        self.rate, self.normalize = _preprocessing(snapshot.folder / "preprocessor_config.json")
        self.layers, self.config, self.part_seconds = layers, model.config, part_seconds
        self.precision, self.reason = precision, ""
        self.device = device.device()
        self.batch = device.SEGMENTS_AT_ONCE[self.device.type]
        self.stable = model.config.do_stable_layer_norm
        model.to(self.device)
        self.front_end = FrontEnd(model.feature_extractor.conv_layers, DTYPES[precision])
        self.projection, self.encoder = model.feature_projection, model.encoder
        if precision == "float32":
            use_fast_linear(model)
        else:
            cast_linear_layers(model.encoder.layers, DTYPES[precision])
            release_mmap([self.front_end.norm, self.front_end.products, self.projection, self.encoder])
            if self.device.type == "cpu":
                attend_in_blocks(model.encoder)
        for layer in model.encoder.layers:
            activate(layer.feed_forward, "gelu")
        self._pool = device.borrowing(self.pool)

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Encode `samples` [S, L] -> [S, K, D], where K is the number of chosen layers.

        Padding is encoded too, as in training, so `valid` [S] is not needed.
        """
        return self.in_parts(samples, valid)[0]

    def in_parts(self, samples: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Encode `samples` [S, L] -> [S, K, D], and every `part_seconds` of them -> [S, P, K, D]."""
        pooled = self._pool(torch.from_numpy(samples)).numpy()
        return pooled[:, 0], pooled[:, 1:]

    def pool(self, samples: Tensor) -> Tensor:
        """Pool the hidden states of `samples` [S, L] over time -> [S, 1 + P, K, D] float32, both in CPU memory.

        The first are the means over all frames, the others those over the frames of every `part_seconds`, if not 0.
        """
        with torch.inference_mode():
            frames = round(self.part_seconds * self.rate / prod(STRIDES))
            states = self.hidden_states(samples.to(self.device))
            pooled = [_means(state, frames) for i, state in enumerate(states) if i in self.layers]
            return torch.stack(pooled, 2).cpu()

    def hidden_states(self, samples: Tensor) -> Iterator[Tensor]:
        """Yield each hidden state [S, T, D] of `samples` [S, L]: the first layer's input, then every layer's output."""
        if self.normalize:
            samples = (samples - samples.mean(1, keepdim=True)) / (samples.var(1, False, keepdim=True) + 1e-7).sqrt()
        x = self.projection(torch.stack([self.front_end(clip) for clip in samples]).float())
        x = x + self.encoder.pos_conv_embed(x)
        x = x if self.stable else self.encoder.layer_norm(x)
        for layer in self.encoder.layers:
            yield x
            x = layer(x)
        yield self.encoder.layer_norm(x) if self.stable else x


def _means(state: Tensor, frames: int) -> Tensor:
    """Return the means over time of `state` [S, T, D], and of every so many `frames`, if not 0: [S, 1 + P, D]."""
    parts = state.split(frames, 1) if frames else ()
    return torch.stack([part.mean(1, dtype=torch.float32) for part in (state, *parts)], 1)


def require_330m(encoder: MertEncoder, snapshot: Snapshot, judge: str) -> None:
    """Check the size of the encoder loaded for `judge`. Raises WeightsInvalid if it is not that of MERT-v1-330M."""
    layers, width = encoder.config.num_hidden_layers, encoder.config.hidden_size
    if (layers, width) != (LAYERS_330M, WIDTH_330M):
        raise WeightsInvalid(
            "{folder} holds a MERT of {layers} layers, {width} wide; {judge} hears MERT-v1-330M, {wanted_layers} "
            "layers, {wanted_width} wide. Name another repository or folder.",
            folder=snapshot.folder,
            layers=layers,
            width=width,
            judge=judge,
            wanted_layers=LAYERS_330M,
            wanted_width=WIDTH_330M,
        )


class FrontEnd:
    """MERT's seven convolutions, as matrix products: a clip [L] -> features [T, C].

    The first convolution (one channel in, no bias) is followed by a group norm with a group for each channel. Its
    output is W u, where u are the clip's windows of 10 samples. Let m and K be the windows' mean and covariance, and w
    the row of W for channel c. Over the clip, channel c has the mean w m and the variance w K w'. So the norm, with
    gain g and bias b, folds into the weights:
    s (W u - W m) + b = (s W) u + (b - s W m), where s = g / sqrt(w K w' + eps).

    The other convolutions have stride 2. In the array [T, C] of their input, the taps of each frame are therefore
    contiguous and begin 2C after those of the frame before. The frames are computed in parts. Each part uses the next
    version of the rounded weights.
    """

    def __init__(self, layers: Iterable[Any], dtype: torch.dtype) -> None:
        first, *others = layers
        self.filters, self.norm = first.conv.weight[:, 0].double(), first.layer_norm
        products = [as_linear(other.conv.weight.transpose(1, 2).flatten(1), "gelu") for other in others]
        rounded = 0 if dtype == torch.float32 else ROUNDED_CONVOLUTIONS
        self.products = nn.ModuleList(
            nn.ModuleList(dithered(product, dtype, VERSIONS) if i < rounded else [product])
            for i, product in enumerate(products)
        )

    def __call__(self, clip: Tensor) -> Tensor:
        windows = clip.unfold(0, FIRST_TAPS, FIRST_STRIDE).contiguous()
        weight, bias = self._folded(windows.double())
        total = len(windows)
        for taps in KERNELS[1:]:
            total = (total - taps) // 2 + 1
        return torch.cat(
            [self._part(windows, weight, bias, start, min(start + PART, total)) for start in range(0, total, PART)]
        )

    def _part(self, windows: Tensor, weight: Tensor, bias: Tensor, first: int, last: int) -> Tensor:
        versions: Any
        x = linear(windows[_frames_needed(first, last)], weight, bias, "gelu")
        for versions in self.products:
            x = _convolve(x, versions[first // PART % len(versions)])
        return x

    def _folded(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first layer's weight [C, 10] and bias [C] with its norm folded in.

        `windows` [T, 10] float64 are the windows of a clip.
        """
        mean = windows.mean(0)
        covariance = windows.T @ windows / len(windows) - mean.outer(mean)
        variance = (self.filters @ covariance * self.filters).sum(1)
        scale = self.norm.weight / (variance + self.norm.eps).sqrt()
        return (scale[:, None] * self.filters).float(), (self.norm.bias - scale * (self.filters @ mean)).float()


def _frames_needed(first: int, last: int) -> slice:
    """Return the first layer's frames from which the last layer's frames `first` to `last` (excluded) are computed."""
    rows = last - first
    for taps in reversed(KERNELS[1:]):
        rows = 2 * (rows - 1) + taps
    first *= 2 ** (len(KERNELS) - 1)
    return slice(first, first + rows)


def _convolve(x: Tensor, product: Linear) -> Tensor:
    """Compute a convolution of stride 2 and its activation: [T, C] -> [(T - taps) // 2 + 1, C]."""
    taps = product.in_features // x.shape[1]
    size, stride = ((len(x) - taps) // 2 + 1, product.in_features), (2 * x.shape[1], 1)
    return product(x.to(product.weight.dtype).as_strided(size, stride))


def _preprocessing(path: Path) -> tuple[int, bool]:
    """Return the sample rate in Hz, and whether each clip is normalized to zero mean and unit variance."""
    published = checkpoint.read_json(path)
    rate, normalize = published.get("sampling_rate"), published.get("do_normalize")
    if not isinstance(rate, int) or rate <= 0 or not isinstance(normalize, bool):
        raise WeightsInvalid(
            "{file} says sampling_rate {rate!r} and do_normalize {normalize!r}. Check {path}.",
            file=path.name,
            rate=rate,
            normalize=normalize,
            path=path,
        )
    return rate, normalize


def _load(snapshot: Snapshot) -> "HubertModel":
    model = _blank(snapshot.folder / "config.json")
    state = checkpoint.tensors(checkpoint.read(snapshot.checkpoint), snapshot.checkpoint)
    checkpoint.load(model, _repaired(state, snapshot.checkpoint), snapshot.checkpoint)
    return model.eval().requires_grad_(False)


def _blank(path: Path) -> "HubertModel":
    """Return the network that `config.json` describes, without weights.

    Its tensors take no memory, and no random numbers are drawn for them.
    """
    with IMPORTING:
        from transformers import HubertModel

    try:
        with torch.device("meta"):
            model = HubertModel(_config(path))
            parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
    except WeightsInvalid:
        raise
    except Exception as error:  # transformers and torch each have their own exceptions for values that make no network
        raise WeightsInvalid(
            "{file} describes no network that MERT could be. Check {path}.", file=path.name, path=path
        ) from error
    return model


def _config(path: Path) -> "HubertConfig":
    with IMPORTING:
        from transformers import HubertConfig

    published = checkpoint.read_json(path)
    for option in ("feature_extractor_cqt", "deepnorm", "conv_pos_batch_norm"):
        if published.get(option):
            raise WeightsInvalid(
                "{file} sets {option}: that variant of MERT is not supported. Take another.",
                file=path.name,
                option=option,
            )
    fixed = {"conv_kernel": KERNELS, "conv_stride": STRIDES, "conv_bias": False, "feat_extract_norm": "group"}
    for option, value in fixed.items():
        if published.get(option, value) != value:
            raise WeightsInvalid(
                "{file} sets {option} to {found}, not {wanted}: that is not MERT.",
                file=path.name,
                option=option,
                found=published[option],
                wanted=value,
            )
    if not 0 < published.get("num_hidden_layers", 1) <= MAX_LAYERS:  # to make them would take for ever
        raise ValueError
    known = {name: published[name] for name in HubertConfig().to_dict() if name in published}
    for name in ("model_type", "architectures", "transformers_version", "torch_dtype", "dtype", "auto_map"):
        known.pop(name, None)
    # No time masks: they only serve training, and their one tensor is dropped from the checkpoint as well.
    return HubertConfig(**known | {"mask_time_prob": 0.0, "mask_feature_prob": 0.0, "attn_implementation": "sdpa"})


def _repaired(state: dict[str, Tensor], source: Path) -> dict[str, Tensor]:
    """Return the checkpoint with the positional convolution's weight norm resolved: w = g v / |v|, with |v| per tap."""
    name = "encoder.pos_conv_embed.conv"
    state = {key: value for key, value in state.items() if key != "masked_spec_embed"}
    pairs = [("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1")]
    for g, v in pairs:
        if f"{name}.{g}" in state and f"{name}.{v}" in state:
            magnitude, direction = state.pop(f"{name}.{g}"), state.pop(f"{name}.{v}")
            state[f"{name}.weight"] = magnitude * direction / direction.norm(dim=(0, 1), keepdim=True)
            return state
    raise WeightsInvalid(
        "{file} lacks the tensors {name}.weight_g and weight_v. Check {source}.",
        file=source.name,
        name=name,
        source=source,
    )
