"""The benchmark counts right, and runs through on a small network. Its timings are not asserted: machines differ."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode
from transformers import HubertConfig, HubertModel

from apex_space import bench

TINY = {"conv_dim": [48] * 7, "hidden_size": 96, "intermediate_size": 192, "num_attention_heads": 4}


def test_the_products_are_those_that_torch_counts() -> None:
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        model = HubertModel(HubertConfig(**bench.CONFIG)).eval()
        parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
        clip = torch.zeros(1, bench.SEGMENT_SECONDS * bench.RATE)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(clip)
    assert bench.flop_per_segment() == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_ratio_and_floor_follow_from_the_runs() -> None:
    plain = bench.Timing("plain HubertModel, float32", "segment", (8.0, 4.0, 6.0))
    ours = bench.Timing("ours, bfloat16", "segment", (2.0, 1.0, 1.0))
    found = bench.Bench({}, {"float32": 0.5, "bfloat16": 1.0}, 1e12, (plain, ours), (ours,), {30: 1.0}, {})
    assert found.ratio(plain) == 1
    assert found.ratio(ours) == 4
    assert found.of_floor(ours) == 1
    assert found.of_floor(plain) == 3
    assert "| ours, bfloat16 | 1.00 | 1.000–2.000 | 4.00 | 1.00 |" in bench.as_markdown(found)
    assert json.loads(bench.as_json(found))["derived"]["ours, bfloat16"] == {"ratio": 4, "of_floor": 1}
    ET.fromstring(bench.as_svg(found))


@pytest.mark.slow
def test_everything_is_measured_on_a_small_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "CONFIG", bench.CONFIG | TINY)
    monkeypatch.setattr(bench, "LENGTHS", (30, 60))
    monkeypatch.setattr(bench, "in_own_process", lambda function, *_: float(function is bench.peak_memory))  # see below
    said: list[str] = []
    found = bench.run(1, said.append)
    assert said
    assert all(run > 0 for timing in (*found.encoders, *found.stages) for run in timing.runs)
    assert set(found.lengths) == {30, 60}
    assert set(found.peak_memory.values()) == {1.0}


@pytest.mark.slow
def test_peak_memory_is_that_of_the_whole_judge(full_weights: Path, tmp_path: Path) -> None:
    song = bench.make_song(tmp_path, 30)
    gigabytes = bench.in_own_process(bench.peak_memory, full_weights, "float32", song)
    assert 0.4 < gigabytes < 4  # the weights alone are 0.38
