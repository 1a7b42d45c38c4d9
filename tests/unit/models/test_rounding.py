"""Rounded products keep the mean over time, each clip its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from apex_space.models import kernels
from apex_space.models.encoders import mert
from apex_space.models.encoders.mert import MertEncoder
from apex_space.models.hub import Repository, fetch
from apex_space.models.kernels import as_linear, cast_linear_layers, dithered, use_fast_linear
from helpers import fake_weights

FRAMES, WIDTH, OUT = 500, 64, 48
INPUTS: dict[str, Callable[[], Tensor]] = {
    "random": lambda: drawn(2, FRAMES, WIDTH) + 3,
    "constant": lambda: drawn(2, 1, WIDTH).expand(2, FRAMES, WIDTH),
    "already rounded": lambda: (drawn(2, FRAMES, WIDTH) + 3).bfloat16(),
}
EACH = pytest.mark.parametrize("given", INPUTS)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def layer(bias: bool = True) -> nn.Linear:
    made = nn.Linear(WIDTH, OUT, bias=bias).requires_grad_(False)
    made.weight.copy_(drawn(OUT, WIDTH, seed=1) / 8)
    if bias:
        made.bias.copy_(drawn(OUT, seed=2) / 10)
    return made


def rounded(product: nn.Linear, name: str = "intermediate_dense") -> Any:
    """The product lowered to bfloat16, as that of the given name in a layer of transformers'."""
    module = nn.ModuleDict({name: product})
    cast_linear_layers(module, torch.bfloat16)
    return module[name]


@pytest.fixture(params=["oneDNN", "torch"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to multiply: that of processors which oneDNN rounds on, and that of others and of GPUs."""
    if request.param == "torch":
        monkeypatch.setattr(kernels, "_by_onednn", lambda dtype: False)
    elif not kernels._by_onednn(torch.bfloat16):
        pytest.skip("oneDNN does not multiply bfloat16 on this processor")


def error(made: Tensor, exact: Tensor) -> float:
    """Of the mean over time, relative to the size of what is averaged."""
    return float((made.double().mean(1) - exact.double().mean(1)).abs().max() / exact.double().square().mean().sqrt())


@EACH
@pytest.mark.parametrize("bias", [True, False])
def test_what_is_added_up_has_the_exact_mean(bias: bool, given: str) -> None:
    x = INPUTS[given]()
    expected = layer(bias)(x.float())
    made = rounded(layer(bias), "output_dense")(x)
    assert made.dtype == torch.float32
    assert error(made, expected) < 2e-5
    assert 1e-4 < (made - expected).std() / expected.std() < 0.02 or given == "constant"


@EACH
def test_other_products_miss_the_mean_by_less(given: str) -> None:
    x = INPUTS[given]()
    expected = layer()(x.float())
    product = rounded(layer())
    made = product(x)
    plain = F.linear(x.bfloat16(), product.weight, product.bias.bfloat16())
    assert made.dtype == torch.bfloat16
    assert error(made, expected) < 2e-3
    assert error(made, expected) < error(plain, expected) / 2


@pytest.mark.parametrize("name", ["intermediate_dense", "output_dense"])
def test_each_clip_of_a_batch_is_corrected_by_itself(name: str) -> None:
    product = rounded(layer(), name)
    x = drawn(2, FRAMES, WIDTH) * torch.tensor([1.0, 40.0])[:, None, None] + torch.tensor([3.0, -7.0])[:, None, None]
    together = product(x)
    for i in range(2):
        torch.testing.assert_close(together[i : i + 1], product(x[i : i + 1]), atol=0.05, rtol=0.01)


def test_versions_in_turn_have_the_mean_of_the_weight() -> None:
    weight = layer().weight
    versions = torch.stack([version.weight.double() for version in dithered(as_linear(weight), torch.bfloat16, 8)])
    worst = (versions[0] - weight.double()).abs().max()
    assert (versions - weight.double()).abs().max() < 3 * worst
    assert (versions.mean(0) - weight.double()).abs().max() < worst / 4


@pytest.mark.parametrize("activation", ["gelu", "swish"])
@pytest.mark.parametrize("lowered", [False, True])
def test_a_product_does_its_activation(activation: str, lowered: bool) -> None:
    theirs = {"gelu": F.gelu, "swish": F.silu}[activation](layer()(INPUTS["random"]()))
    ours = nn.ModuleList([layer()])
    if lowered:
        cast_linear_layers(ours, torch.bfloat16)
    else:
        use_fast_linear(ours)
    ours[0].activation = activation
    close = 0.03 if lowered else 1e-5
    torch.testing.assert_close(ours[0](INPUTS["random"]()).float(), theirs, atol=close, rtol=close)


@pytest.mark.slow
def test_a_network_of_rounded_products_is_near_the_exact_one(tiny_mert: Path) -> None:
    snapshot = fetch(Repository("tiny/MERT", "main", mert.FILES, mert.CHECKPOINTS), tiny_mert.parent)
    clips = np.stack([fake_weights.synthetic(8, 24_000), np.random.default_rng(0).standard_normal(192_000) / 9])
    clips = clips.astype(np.float32)
    clips[1, 96_000:] = 0
    encoders = (MertEncoder(snapshot, (2, 5, 8, 12), precision) for precision in ("float32", "bfloat16"))
    exact, moved = (encoder(clips, np.full(2, 192_000)) for encoder in encoders)
    assert 0 < np.sqrt(np.square(moved - exact).mean((1, 2)) / np.square(exact).mean((1, 2))).max() < 0.004
