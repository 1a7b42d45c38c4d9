"""The benchmark counts right, and runs through on small networks. Its timings are not asserted: machines differ."""

from pathlib import Path

import pytest
from transformers import ClapAudioConfig

from apex_space.bench import measure, networks
from apex_space.judges.loading import load_judge
from apex_space.judges.registry import REGISTRY
from helpers import fake_clap

TINY = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_hidden_layers": 12}


@pytest.mark.timeout(1800)  # it takes 5 minutes alone, and other tests run beside it
def test_everything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """On networks small enough to run through; Banger's and APEX's heads fit their published sizes only."""
    monkeypatch.setattr(networks, "CONFORMER", networks.CONFORMER | TINY)
    monkeypatch.setattr(networks, "MERT_330M", networks.MERT_330M | {"intermediate_size": 8})
    monkeypatch.setattr(networks, "CLAP", ClapAudioConfig(**fake_clap.TINY))
    monkeypatch.setattr(networks, "CHANNELS", 16)
    monkeypatch.setattr(measure, "LENGTHS", (30,))
    monkeypatch.setattr(measure, "SONG_SECONDS", 31)
    said: list[str] = []
    found = measure.run(1, said.append)
    assert said
    timings = [timing for contest in found.contests for timing in contest.timings]
    assert all(run > 0 for timing in (*timings, *found.stages) for run in timing.runs)
    assert len(found.contests) == 2
    assert set(found.lengths) == {30}
    assert all(0.4 < gigabytes < 4 for gigabytes in found.peaks.values())  # the weights alone are 0.38
    assert [cost.judge for cost in found.costs] == list(REGISTRY)


def test_random_weights_have_the_published_shapes(tmp_path: Path) -> None:
    networks.make_weights(tmp_path)
    for name in REGISTRY:
        load_judge(name, tmp_path, "float32")
