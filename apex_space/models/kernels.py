"""Matrix products that use this machine's speed and memory well. They compute the same as torch's own."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoders.encoder import IMPORTING

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SUMS = "out_proj", "linear_out", "output_dense", "narrow"
"""Name endings of the linear layers whose results are added up from layer to layer."""
ULP, GOLDEN = 2**-7, 0.6180339887
"""ULP is the largest relative distance between neighbouring bfloat16 numbers.

GOLDEN is a step whose multiples, modulo 1, fill 0 to 1 evenly.
"""
ROWS, QUERIES = 128, 512
"""How many rows of a mean (ROWS) and of attention (QUERIES) are computed at once, to stay in the CPU's cache."""
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"none": lambda x: x, "gelu": F.gelu, "swish": F.silu}
"""Activation functions, by the names that oneDNN gives them."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str = "none") -> Tensor:
    """Compute torch's linear product of `x` and its activation.

    On a CPU, oneDNN computes both at once. In float32, torch's own product goes to MKL, which takes a tenth longer or
    even twice as long. With a rounded weight, torch's own product would also round the bias and the activation's input.
    """
    learns = torch.is_grad_enabled() and weight.requires_grad  # oneDNN's product has no gradient
    if x.device.type == "cpu" and not learns and not torch.is_autocast_enabled("cpu") and _by_onednn(weight.dtype):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "none")
    return ACTIVATIONS[activation](F.linear(x, weight, bias))


@cache
def _by_onednn(dtype: torch.dtype) -> bool:
    known = torch.backends.mkldnn.is_available()
    return known and (dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported())


def flops_per_second(
    dtype: torch.dtype, shape: tuple[int, int, int], tries: int, ways: Sequence[Callable[..., Tensor]] = (linear,)
) -> float:
    """Measure operations per second in a matrix product of `shape`: its rows, columns and outputs.

    The result is the best of `tries` runs of each function in `ways`.
    """
    rows, columns, outputs = shape
    a, b = torch.ones(rows, columns, dtype=dtype), torch.ones(outputs, columns, dtype=dtype)

    def seconds(way: Callable[..., Tensor]) -> float:
        start = time.perf_counter()
        way(a, b, None)
        return time.perf_counter() - start

    with torch.inference_mode():
        return 2 * rows * columns * outputs / min(seconds(way) for _ in range(tries) for way in ways)


class Linear(nn.Linear):
    """nn.Linear that computes with the function `linear`."""

    activation = "none"

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias, self.activation)


class RoundedLinear(Linear):
    """nn.Linear with a rounded weight that keeps the float32 layer's mean over time: [S, T, D] -> [S, T, D'].

    The rounding errors of a weight W are the same in every frame, so a mean over time keeps them. But a matrix product
    commutes with the mean. Let V be the rounded weight. Then W x is V x + (W - V) x. The mean of the second term is
    (W - V) times the mean of x. This term is small, so rounded factors are precise enough for it.
    """

    rest: Tensor
    """The rounding error W - V of the weight, itself rounded."""

    def forward(self, x: Tensor) -> Tensor:
        return self.product(rounding(x, self.weight.dtype), self.offset(mean_over_time(x)))

    def offset(self, mean: Tensor) -> Tensor:
        """Return (W - V) times `mean` [S, D], plus the bias: [S, D'] float32."""
        made = F.linear(mean.to(self.rest.dtype), self.rest).float()
        return made if self.bias is None else made + self.bias

    def product(self, x: Tensor, offset: Tensor) -> Tensor:
        """Multiply the rounded factors and add each clip's `offset` [S, D'] float32 before the result is rounded."""
        if x.device.type == "cpu" and _by_onednn(self.weight.dtype):
            clips = [linear(clip, self.weight, bias, self.activation) for clip, bias in zip(x, offset, strict=True)]
            return clips[0][None] if len(clips) == 1 else torch.stack(clips)
        made = _unrounded(x, self.weight) + offset[:, None]
        return ACTIVATIONS[self.activation](made).to(self.weight.dtype)


class SummandLinear(RoundedLinear):
    """A RoundedLinear with a float32 result, for results that are added up from layer to layer.

    It also removes the effect that the rounding of the result itself has on the mean over time.
    """

    def forward(self, x: Tensor) -> Tensor:
        mean = mean_over_time(x)
        made = self.product(rounding(x, self.weight.dtype), torch.zeros(len(x), self.out_features, device=x.device))
        return made + (_precisely(mean, self.weight) + self.offset(mean) - mean_over_time(made))[:, None]


def rounding(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Cast `x` [..., T, D] to `dtype` after scaling each frame by a factor very close to 1.

    Without the factors, equal frames, such as frames of silence, would all have the same rounding errors.
    """
    if x.dtype == dtype:
        return x
    steps = torch.arange(x.shape[-2], device=x.device) * GOLDEN
    return (x * (1 + ULP * (steps % 1 - 0.5))[:, None]).to(dtype)


def mean_over_time(x: Tensor) -> Tensor:
    """Compute the mean over time in float32: [S, T, D] -> [S, D].

    For rounded numbers, torch's own mean in float32 takes three times as long as this.
    """
    if x.dtype == torch.float32:
        return x.mean(1)
    return torch.stack([part.float().sum(1) for part in x.split(ROWS, 1)]).sum(0) / x.shape[1]


def _unrounded(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply `x` [S, T, D] by `weight` [D', D], both rounded. The result is float32."""
    if x.is_cuda:
        return torch.mm(x.flatten(0, 1), weight.T, out_dtype=torch.float32).unflatten(0, x.shape[:2])
    return F.linear(x.float(), weight.float())


def _precisely(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply `x` [S, D] float32 by a rounded `weight` [D', D] in float32, without a copy of the weight.

    The second product computes what the result of the first one loses by rounding.
    """
    high = x.to(weight.dtype)
    made = F.linear(high, weight)
    return made.float() + torch.addmm(made, high, weight.T, beta=-1) + F.linear((x - high).to(weight.dtype), weight)


def use_fast_linear(module: nn.Module) -> None:
    """Replace the class of every nn.Linear in `module` by Linear of this file. The weights stay where they are."""
    for inner in module.modules():
        if type(inner) is nn.Linear:
            inner.__class__ = Linear


def cast_linear_layers(module: nn.Module, dtype: torch.dtype) -> None:
    """Cast the weights of every linear layer in `module` to `dtype`, which rounds them."""
    for name, inner in module.named_modules():
        if isinstance(inner, nn.Linear):
            weight = inner.weight.detach()
            inner.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
            inner.register_buffer("rest", (weight - inner.weight).to(dtype), persistent=False)
            inner.__class__ = SummandLinear if name.endswith(SUMS) else RoundedLinear


def dithered(layer: Linear, dtype: torch.dtype, versions: int) -> Iterator[Linear]:
    """Yield copies of a `layer` without bias, with rounded weights. Each copy corrects the errors of the ones before.

    If they are used in turn, their mean is that of the layer itself, and each copy has errors of its own. Errors that
    depend on the sign of the result would stay in the mean, because an activation lets only one sign pass.
    """
    lost = torch.zeros_like(layer.weight)
    for _ in range(versions):
        copy = as_linear((layer.weight + lost).to(dtype), layer.activation)
        lost += layer.weight - copy.weight
        yield copy


def activate(feed_forward: Any, activation: str) -> None:
    """Make the first linear layer of transformers' `feed_forward` compute the activation as well."""
    feed_forward.intermediate_dense.activation = activation
    feed_forward.intermediate_act_fn = nn.Identity()


def as_linear(weight: Tensor, activation: str = "none") -> Linear:
    """Return a linear layer without bias that has `weight` [D', D]."""
    with torch.device("meta"):
        layer = Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight, layer.activation = nn.Parameter(weight, requires_grad=False), activation
    return layer


def release_mmap(modules: Iterable[nn.Module]) -> None:
    """Copy the tensors that are still float32, a tenth of all, so that nothing keeps the mapped file in memory."""
    for inner in (inner for module in modules for inner in module.modules()):
        for parameter in inner.parameters(recurse=False):
            if parameter.dtype == torch.float32:
                parameter.data = parameter.data.clone()
        for name, buffer in inner.named_buffers(recurse=False):
            if buffer.dtype == torch.float32:
                setattr(inner, name, buffer.clone())


def attend_in_blocks(encoder: Any) -> None:
    """Make transformers' layers use the function `attention`."""
    with IMPORTING:
        from transformers import AttentionInterface

    AttentionInterface.register("blocks", lambda module, *parts, **_: (attention(*parts[:3]), None))
    encoder.config._attn_implementation = "blocks"


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute softmax attention: [S, H, T, D] each -> [S, T, H, D].

    Rounded numbers on a CPU are computed one head and QUERIES rows at a time. In bfloat16 this is 2.2 times as fast as
    torch's own attention on a CPU without tiles (AMX), see BENCHMARKS.md.
    """
    if query.dtype == torch.float32 or query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
    out = torch.empty_like(query.transpose(1, 2))
    keys = (key * query.shape[-1] ** -0.5).transpose(2, 3)
    for segment, head in np.ndindex(*query.shape[:2]):
        for rows in range(0, query.shape[2], QUERIES):
            near = torch.softmax(query[segment, head, rows : rows + QUERIES] @ keys[segment, head], -1)
            out[segment, rows : rows + QUERIES, head] = near @ value[segment, head]
    return out


class SelfAttention(nn.MultiheadAttention):
    """nn.MultiheadAttention of a sequence to itself: [T, D] -> [T, D]. It never holds all T x T weights."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.out_proj = Linear(width, width)  # type: ignore[assignment]  # torch's own has another class
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        mixed = linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = mixed.unflatten(-1, (3, self.num_heads, -1)).permute(1, 2, 0, 3)[:, None]
        return self.out_proj(attention(query, key, value)[0].flatten(1))
