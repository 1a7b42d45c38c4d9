"""The benchmark counts right, and runs through on small networks. Its timings are not asserted: machines differ."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch

from apex_space.bench import measure, networks, page
from apex_space.bench.measure import Bench, Contest, Cost, Timing
from apex_space.models.encoders import clap
from helpers import fake_clap, fake_panel_weights, fake_weights
from helpers.fake_weights import Mert


def test_the_products_of_mert_are_counted() -> None:
    """Against the layers' sizes: 1.15 TFLOP is what the published model is said to take."""
    frames, width, inner = 2249, 768, 3072
    layers = 12 * frames * width * (4 * width + 2 * inner + 2 * frames)
    rates = (143_999, 71_999, 35_999, 17_999, 8_999, 4_499, 2_249)
    taps = (10, 3 * 512, 3 * 512, 3 * 512, 3 * 512, 2 * 512, 2 * 512)
    front = sum(rate * tap * 512 for rate, tap in zip(rates, taps, strict=True))
    about = 2.0 * (layers + front + frames * width * (512 + 128 * width // 16))
    assert networks.mert_flop() == pytest.approx(about, rel=0.01)


def test_ratio_and_floor_follow_from_the_runs() -> None:
    plain, ours = Timing("plain, float32", (8.0, 4.0, 6.0)), Timing("ours, bfloat16", (2.0, 1.0, 1.0))
    contest = Contest("MERT", 1e12, (plain, ours), 0.00123)
    rates = {"float32": 0.5, "bfloat16": 1.0}
    assert (contest.ratio(plain), contest.ratio(ours)) == (1, 4)
    assert (contest.of_floor(plain, rates), contest.of_floor(ours, rates)) == (3, 1)
    found = Bench({}, rates, (contest,), (ours,), {30: 1.0}, {}, (Cost("apex", "float32", 2.0, 1.5),))
    assert "| ours, bfloat16 | 1.00 | 1.000–2.000 | 4.00 | 1.00 |" in page.as_markdown(found)
    assert "the mean over time is 0.12% of its size from that in float32" in page.as_markdown(found)
    assert "| apex | float32 | 2.0 | 1.50 |" in page.as_markdown(found)
    assert json.loads(page.as_json(found))["derived"]["MERT: ours, bfloat16"] == {"ratio": 4, "of_floor": 1}
    ET.fromstring(page.as_svg(found))


def test_how_far_bfloat16_moves_a_mean_is_relative_to_its_size() -> None:
    song = {"plain, float32": lambda: None, "ours, float32": lambda: torch.tensor([[3.0, 4.0], [3.0, 4.0]])}
    assert measure.moved(song) is None
    assert measure.moved(song | {"ours, bfloat16": lambda: np.array([[3.0, 4.0], [3.0, 4.2]])}) == pytest.approx(0.02)


MERTS = {"95M": (networks.MERT_95M, Mert()), "330M": (networks.MERT_330M, Mert(1024, 24, 16, 4096, 512, stable=True))}


@pytest.fixture
def shapes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights take no memory."""
    for module in (fake_weights, fake_panel_weights):
        monkeypatch.setattr(module, "draw", lambda name, shape, scale: torch.empty(shape, device="meta"))


@pytest.mark.parametrize("size", MERTS)
@pytest.mark.usefixtures("shapes_alone")
def test_random_mert_has_the_published_shapes(size: str) -> None:
    config, published = MERTS[size]
    expected = {name: tensor.shape for name, tensor in fake_weights.mert_state(published).items()}
    del expected["masked_spec_embed"]
    with torch.device("meta"):
        assert {name: tensor.shape for name, tensor in networks.mert_state(config).items()} == expected


def test_random_clap_has_the_published_shapes(shared: Path) -> None:
    needed = {
        f"{clap.PREFIX}{name}": shape
        for name, shape in fake_clap.audio_shapes(shared).items()
        if not clap.UNUSED.match(name) and not name.startswith(clap.TEXT)
    }
    with torch.device("meta"):
        found = networks.clap_state(networks.CLAP)
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == needed


@pytest.mark.usefixtures("shapes_alone")
def test_random_conformers_have_the_published_shapes() -> None:
    published = fake_panel_weights.muq_state(fake_panel_weights.FULL_SIZE)
    with torch.device("meta"):
        found = networks.conformer_state()
    assert {name: tensor.shape for name, tensor in found.items()}.items() <= {
        name: tensor.shape for name, tensor in published.items()
    }.items()
