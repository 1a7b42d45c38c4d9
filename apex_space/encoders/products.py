"""Matrix products at the speed and in the memory that this machine allows. What they compute is torch's own."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
QUERIES = 512
"""Rows of attention computed at once, so that they stay in the processor's cache."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """torch's, faster in float32 on a processor: there it goes through a convolution of width 1, which is oneDNN's,
    instead of to MKL, which takes 2.2 times as long where the processor is not Intel's."""
    if x.device.type != "cpu" or torch.is_autocast_enabled("cpu") or weight.dtype != torch.float32:
        return F.linear(x, weight, bias)
    columns = x.reshape(1, -1, x.shape[-1]).transpose(1, 2)[:, :, None]
    made = F.conv2d(columns, weight[:, :, None, None], bias)
    return made[:, :, 0].transpose(1, 2).reshape(*x.shape[:-1], -1)


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

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def replace(module: nn.Module) -> None:
    """Put the class above in the place of every nn.Linear in `module`; the weights stay where they are."""
    for inner in module.modules():
        if type(inner) is nn.Linear:
            inner.__class__ = Linear


def lower(module: nn.Module, dtype: torch.dtype) -> None:
    """Round the weights of every matrix product in `module`."""
    for inner in module.modules():
        if isinstance(inner, nn.Linear):
            inner.to(dtype)


def let_go(modules: Iterable[nn.Module]) -> None:
    """Copy what is still float32, a tenth, so that nothing holds the mapped file in memory any more."""
    for inner in (inner for module in modules for inner in module.modules()):
        for parameter in inner.parameters(recurse=False):
            if parameter.dtype == torch.float32:
                parameter.data = parameter.data.clone()
        for name, buffer in inner.named_buffers(recurse=False):
            setattr(inner, name, buffer.clone())


def attend_in_blocks(encoder: Any) -> None:
    """Give transformers' layers the attention below."""
    AttentionInterface.register(attention.__name__, attention)
    encoder.config._attn_implementation = attention.__name__


def attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: None, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """Softmax attention, [S, H, T, D] each -> [S, T, H, D], one head and QUERIES rows at a time.

    What torch's own does, 2.2 times as fast in bfloat16 where the processor has no tiles (AMX): see BENCHMARKS.md.
    """
    out = torch.empty_like(query.transpose(1, 2))
    keys = (key * scaling).transpose(2, 3)
    for segment, head in np.ndindex(*query.shape[:2]):
        for rows in range(0, query.shape[2], QUERIES):
            near = torch.softmax(query[segment, head, rows : rows + QUERIES] @ keys[segment, head], -1)
            out[segment, rows : rows + QUERIES, head] = near @ value[segment, head]
    return out, None


class SelfAttention(nn.MultiheadAttention):
    """nn.MultiheadAttention of a sequence to itself, [T, D] -> [T, D], that never holds all T x T weights."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.out_proj = Linear(width, width)  # type: ignore[assignment]  # as torch's own, which has a class of its own

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        mixed = linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = mixed.unflatten(-1, (3, self.num_heads, -1)).permute(1, 2, 0, 3)[:, None]
        if query.dtype == torch.float32 or query.device.type != "cpu":
            out = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        else:
            out, _ = attention(self, query, key, value, None, self.head_dim**-0.5)
        return self.out_proj(out[0].flatten(1))
