"""The benchmark counts right, and runs through on small networks. Its timings are not asserted: machines differ."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from apex_space import bench
from apex_space.bench import Bench, Contest, Cost, Timing, networks, page
from apex_space.judges import REGISTRY, load_judge

TINY = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_hidden_layers": 12}


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
    contest = Contest("MERT", 1e12, (plain, ours))
    rates = {"float32": 0.5, "bfloat16": 1.0}
    assert (contest.ratio(plain), contest.ratio(ours)) == (1, 4)
    assert (contest.of_floor(plain, rates), contest.of_floor(ours, rates)) == (3, 1)
    found = Bench({}, rates, (contest,), (ours,), {30: 1.0}, {}, (Cost("apex", "float32", 2.0, 1.5),))
    assert "| ours, bfloat16 | 1.00 | 1.000–2.000 | 4.00 | 1.00 |" in page.as_markdown(found)
    assert "| apex | float32 | 2.0 | 1.50 |" in page.as_markdown(found)
    assert json.loads(page.as_json(found))["derived"]["MERT: ours, bfloat16"] == {"ratio": 4, "of_floor": 1}
    ET.fromstring(page.as_svg(found))


@pytest.mark.slow
def test_everything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """On networks small enough to run through; Banger's and APEX's heads fit their published sizes only."""
    monkeypatch.setattr(networks, "CONFORMER", networks.CONFORMER | TINY)
    monkeypatch.setattr(networks, "MERT_330M", networks.MERT_330M | {"intermediate_size": 8})
    monkeypatch.setattr(networks, "CHANNELS", 16)
    monkeypatch.setattr(bench, "LENGTHS", (30,))
    monkeypatch.setattr(bench, "SONG_SECONDS", 31)
    said: list[str] = []
    found = bench.run(1, said.append)
    assert said
    timings = [timing for contest in found.contests for timing in contest.timings]
    assert all(run > 0 for timing in (*timings, *found.stages) for run in timing.runs)
    assert len(found.contests) == 2
    assert set(found.lengths) == {30}
    assert all(0.4 < gigabytes < 4 for gigabytes in found.peaks.values())  # the weights alone are 0.38
    assert [cost.judge for cost in found.costs] == list(REGISTRY)


@pytest.mark.slow
def test_random_weights_have_the_published_shapes(tmp_path: Path) -> None:
    networks.make_weights(tmp_path)
    for name in REGISTRY:
        load_judge(name, tmp_path, "float32")
