"""Matrix products at the speed and in the memory that this machine allows. What they compute is torch's own."""

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
"""Names of the products whose results are added up from layer to layer."""
ULP, GOLDEN = 2**-7, 0.6180339887
"""How far two numbers of bfloat16 are apart, relatively, at most; and steps that fill 0 to 1 evenly."""
ROWS, QUERIES = 128, 512
"""Of a mean and of attention, computed at once, so that they stay in the processor's cache."""
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"none": lambda x: x, "gelu": F.gelu, "swish": F.silu}
"""By oneDNN's names."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str = "none") -> Tensor:
    """torch's product and activation, on a processor by oneDNN at once: in float32 torch's own goes to MKL, which takes
    a tenth longer or even twice as long, and where it is rounded it would round the bias and what is activated as well.
    """
    if x.device.type == "cpu" and not torch.is_autocast_enabled("cpu") and _by_onednn(weight.dtype):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "none")
    return ACTIVATIONS[activation](F.linear(x, weight, bias))


@cache
def _by_onednn(dtype: torch.dtype) -> bool:
    known = torch.backends.mkldnn.is_available()
    return known and (dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported())


def rate(
    dtype: torch.dtype, shape: tuple[int, int, int], tries: int, ways: Sequence[Callable[..., Tensor]] = (linear,)
) -> float:
    """Operations a second in a product of `shape`, its rows, columns and outputs: the best of `tries` by each way."""
    rows, columns, outputs = shape
    a, b = torch.ones(rows, columns, dtype=dtype), torch.ones(outputs, columns, dtype=dtype)

    def seconds(way: Callable[..., Tensor]) -> float:
        start = time.perf_counter()
        way(a, b, None)
        return time.perf_counter() - start

    with torch.inference_mode():
        return 2 * rows * columns * outputs / min(seconds(way) for _ in range(tries) for way in ways)


class Linear(nn.Linear):
    """nn.Linear with the product above."""

    activation = "none"

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias, self.activation)


class RoundedLinear(Linear):
    """nn.Linear with a rounded weight, whose mean over time is that of the float32 layer: [S, T, D] -> [S, T, D'].

    The rounding errors of a weight W are the same in every frame, so that a mean over time keeps them. But a product
    commutes with the mean: with V the rounded weight, W x is V x + (W - V) x, and the mean of the last is (W - V) times
    that of x, a small number, for which rounded factors do.
    """

    rest: Tensor
    """W - V, rounded as well."""

    def forward(self, x: Tensor) -> Tensor:
        return self.product(rounding(x, self.weight.dtype), self.offset(mean_over_time(x)))

    def offset(self, mean: Tensor) -> Tensor:
        """(W - V) times `mean` [S, D], and the bias: [S, D'] float32."""
        made = F.linear(mean.to(self.rest.dtype), self.rest).float()
        return made if self.bias is None else made + self.bias

    def product(self, x: Tensor, offset: Tensor) -> Tensor:
        """Of the rounded factors, with each clip's `offset` [S, D'] float32 added before the result is rounded."""
        if x.device.type == "cpu" and _by_onednn(self.weight.dtype):
            clips = [linear(clip, self.weight, bias, self.activation) for clip, bias in zip(x, offset, strict=True)]
            return clips[0][None] if len(clips) == 1 else torch.stack(clips)
        made = _unrounded(x, self.weight) + offset[:, None]
        return ACTIVATIONS[self.activation](made).to(self.weight.dtype)


class SummandLinear(RoundedLinear):
    """The same in float32, without what the result's own rounding does to the mean: for what is added up from layer to
    layer."""

    def forward(self, x: Tensor) -> Tensor:
        mean = mean_over_time(x)
        made = self.product(rounding(x, self.weight.dtype), torch.zeros(len(x), self.out_features, device=x.device))
        return made + (_precisely(mean, self.weight) + self.offset(mean) - mean_over_time(made))[:, None]


def rounding(x: Tensor, dtype: torch.dtype) -> Tensor:
    """`x` [..., T, D] in `dtype`, each frame a trace louder or softer, lest alike ones, as of silence, err alike."""
    if x.dtype == dtype:
        return x
    steps = torch.arange(x.shape[-2], device=x.device) * GOLDEN
    return (x * (1 + ULP * (steps % 1 - 0.5))[:, None]).to(dtype)


def mean_over_time(x: Tensor) -> Tensor:
    """[S, T, D] -> [S, D] float32. Torch takes three times as long for rounded numbers when asked for it at once."""
    if x.dtype == torch.float32:
        return x.mean(1)
    return torch.stack([part.float().sum(1) for part in x.split(ROWS, 1)]).sum(0) / x.shape[1]


def _unrounded(x: Tensor, weight: Tensor) -> Tensor:
    """`x` [S, T, D] times `weight` [D', D], both rounded, in float32."""
    if x.is_cuda:
        return torch.mm(x.flatten(0, 1), weight.T, out_dtype=torch.float32).unflatten(0, x.shape[:2])
    return F.linear(x.float(), weight.float())


def _precisely(x: Tensor, weight: Tensor) -> Tensor:
    """`x` [S, D] float32 times a rounded `weight` [D', D], in float32 without a copy of the weight: what the result of
    the first product loses by rounding is what the second one makes."""
    high = x.to(weight.dtype)
    made = F.linear(high, weight)
    return made.float() + torch.addmm(made, high, weight.T, beta=-1) + F.linear((x - high).to(weight.dtype), weight)


def use_fast_linear(module: nn.Module) -> None:
    """Put the class above in the place of every nn.Linear in `module`; the weights stay where they are."""
    for inner in module.modules():
        if type(inner) is nn.Linear:
            inner.__class__ = Linear


def cast_linear_layers(module: nn.Module, dtype: torch.dtype) -> None:
    """Round the weights of every matrix product in `module`."""
    for name, inner in module.named_modules():
        if isinstance(inner, nn.Linear):
            weight = inner.weight.detach()
            inner.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
            inner.register_buffer("rest", (weight - inner.weight).to(dtype), persistent=False)
            inner.__class__ = SummandLinear if name.endswith(SUMS) else RoundedLinear


def dithered(layer: Linear, dtype: torch.dtype, versions: int) -> Iterator[Linear]:
    """Copies of a `layer` without bias with rounded weights, each of which makes up for what the ones before lost.

    Used in turn they have the mean of the layer itself, and each errs in its own way: errors that go with the sign of
    the result would stay in the mean, as an activation lets one side pass.
    """
    lost = torch.zeros_like(layer.weight)
    for _ in range(versions):
        copy = as_linear((layer.weight + lost).to(dtype), layer.activation)
        lost += layer.weight - copy.weight
        yield copy


def activate(feed_forward: Any, activation: str) -> None:
    """Let the first product of transformers' `feed_forward` do the activation as well."""
    feed_forward.intermediate_dense.activation = activation
    feed_forward.intermediate_act_fn = nn.Identity()


def as_linear(weight: Tensor, activation: str = "none") -> Linear:
    """A layer without bias, with the weight [D', D]."""
    with torch.device("meta"):
        layer = Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight, layer.activation = nn.Parameter(weight, requires_grad=False), activation
    return layer


def release_mmap(modules: Iterable[nn.Module]) -> None:
    """Copy what is still float32, a tenth, so that nothing holds the mapped file in memory any more."""
    for inner in (inner for module in modules for inner in module.modules()):
        for parameter in inner.parameters(recurse=False):
            if parameter.dtype == torch.float32:
                parameter.data = parameter.data.clone()
        for name, buffer in inner.named_buffers(recurse=False):
            if buffer.dtype == torch.float32:
                setattr(inner, name, buffer.clone())


def attend_in_blocks(encoder: Any) -> None:
    """Give transformers' layers the attention below."""
    with IMPORTING:
        from transformers import AttentionInterface

    AttentionInterface.register("blocks", lambda module, *parts, **_: (attention(*parts[:3]), None))
    encoder.config._attn_implementation = "blocks"


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax attention, [S, H, T, D] each -> [S, T, H, D].

    Rounded, on a processor, one head and QUERIES rows at a time: 2.2 times as fast in bfloat16 as torch's own where
    there are no tiles (AMX), see BENCHMARKS.md.
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
    """nn.MultiheadAttention of a sequence to itself, [T, D] -> [T, D], that never holds all T x T weights."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.out_proj = Linear(width, width)  # type: ignore[assignment]  # as torch's own, which has a class of its own

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        mixed = linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = mixed.unflatten(-1, (3, self.num_heads, -1)).permute(1, 2, 0, 3)[:, None]
        return self.out_proj(attention(query, key, value)[0].flatten(1))
