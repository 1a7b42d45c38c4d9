"""How long it will take: by the songs that were heard, by the work that the published networks are, and by a probe."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode
from transformers import HubertConfig, HubertModel, Wav2Vec2ConformerConfig

from apex_space.bench import networks
from apex_space.core.i18n import format_duration
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.eta import ComputeCost, ThroughputEstimator
from apex_space.judges.judge import Judge
from apex_space.judges.loading import load_judge
from apex_space.judges.registry import REGISTRY, estimate_seconds
from apex_space.models import precision
from apex_space.models.encoders import conformer, mel
from apex_space.models.heads.hear import LAYER as HEAR_LAYER
from apex_space.models.heads.hear import HearNetwork
from apex_space.models.heads.songeval import LAYER as SONGEVAL_LAYER
from apex_space.models.heads.songeval import SongEvalNetwork
from helpers.paths import EXAMPLES

ATTENTIVE = ComputeCost(10, 0.1)


def test_a_song_tells_of_the_next_by_the_work_of_both() -> None:
    estimator = ThroughputEstimator()
    estimator.record("hear", ATTENTIVE, 60, took=48)
    assert estimator.estimate_seconds("hear", ATTENTIVE, 60) == pytest.approx(48)
    assert estimator.estimate_seconds("hear", ATTENTIVE, 120) == pytest.approx(
        48 * (10 * 120 + 0.1 * 120**2) / (10 * 60 + 0.1 * 60**2)
    )


def test_what_is_not_counted_grows_with_the_song_once_one_was_heard() -> None:
    estimator = ThroughputEstimator()
    assert estimator.estimate_seconds("pocket", None, 60) is None
    estimator.record("pocket", None, 30, took=0.5)
    assert estimator.estimate_seconds("pocket", None, 60) == pytest.approx(1.0)


def test_the_last_songs_count_most() -> None:
    estimator = ThroughputEstimator()
    estimator.record("pocket", None, 100, took=100)
    for _ in range(6):
        estimator.record("pocket", None, 100, took=10)
    assert 10 < (estimator.estimate_seconds("pocket", None, 100) or 0) < 12


def test_before_the_first_song_the_probe_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "flops_per_second", lambda wanted: 200.0)
    assert ThroughputEstimator().estimate_seconds("hear", ATTENTIVE, 60) == pytest.approx((600 + 360) / 200)
    assert estimate_seconds("songeval", 180, ThroughputEstimator()) == pytest.approx(7278 / 200, rel=0.01)
    monkeypatch.setattr(precision, "flops_per_second", lambda wanted: None)
    assert ThroughputEstimator().estimate_seconds("hear", ATTENTIVE, 60) is None


def test_the_probe_measures_this_processor_once() -> None:
    precision.flops_per_second.cache_clear()
    found = precision.flops_per_second("float32")
    assert found is not None
    assert 1 < found < 100_000
    assert precision.flops_per_second("float32") == found


def test_only_songs_that_were_really_heard_count() -> None:
    pocket = load_judge("pocket")
    judge = Judge(
        "pocket", pocket.encoder, pocket.head, pocket.weights, EmbeddingCache(), estimator=ThroughputEstimator()
    )
    first, *_ = judge.score(EXAMPLES / "house.ogg")
    assert first.left is None
    kept = dict(judge.estimator._done)
    assert kept["pocket"][0] == pytest.approx(first.duration)
    (again,) = judge.score(EXAMPLES / "house.ogg")
    assert again.done
    assert judge.estimator._done == kept
    predicted, *_ = judge.score(EXAMPLES / "bossa.ogg")
    assert predicted.left == pytest.approx(kept["pocket"][1] * predicted.duration / first.duration)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "about 1 s"), (12.3, "about 12 s"), (89, "about 89 s"), (250, "about 4 min")]
)
def test_estimates_are_spoken(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def flop(call: Any, *given: Any, **named: Any) -> float:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        call(*given, **named)
    return counter.get_total_flops() / 1e9


def mert(config: dict[str, Any], seconds: int) -> float:
    model: Any = HubertModel(HubertConfig(**config)).eval()
    parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
    return flop(model, torch.zeros(1, networks.SEGMENT)) * seconds / networks.SEGMENT_SECONDS


def heard(layers: int, seconds: int, twice: bool = False) -> float:
    """A conformer, front end and layers over the whole song, and `twice` the layers over pieces of 30 s as well."""
    config = Wav2Vec2ConformerConfig(**networks.CONFORMER | {"num_hidden_layers": layers})
    network: Any = conformer.Network(config, networks.CHANNELS).eval()

    def through(seconds: int) -> float:
        x = torch.zeros(1, 25 * seconds, networks.CONFORMER["hidden_size"])
        positions = network.conformer.embed_positions(x)
        return sum(flop(layer, x, relative_position_embeddings=positions) for layer in network.conformer.layers)

    front = flop(network.conv, torch.zeros(1, 1, mel.N_MELS, 100 * seconds))
    return front + through(seconds) + (through(30) * seconds / 30 if twice else 0)


def songeval(seconds: int) -> float:
    network = SongEvalNetwork(1024, networks.INNER).eval()
    return heard(SONGEVAL_LAYER, seconds) + flop(network.pool, torch.zeros(25 * seconds, 1024))


def hear(seconds: int) -> float:
    network = HearNetwork(4096, 2048, 1024, networks.INNER, networks.BOTTLENECK, 5).eval()
    parts = nn.Sequential(network.mixed_win_downsample, network.input_norm, network.down_sample_conv, network.model)
    return 2 * heard(HEAR_LAYER, seconds, twice=True) + flop(parts, torch.zeros(25 * seconds, 4096))


@pytest.mark.parametrize("seconds", [60, 600])
def test_the_work_of_every_judge_is_that_of_the_published_networks(seconds: int) -> None:
    with torch.device("meta"):
        counted = {
            "apex": mert(networks.MERT_95M, seconds),
            "banger": mert(networks.MERT_330M, seconds),
            "songeval": songeval(seconds),
            "hear-1": hear(seconds),
            "hear-2": hear(seconds),
        }
    claimed = {name: entry.cost.of(seconds) for name, entry in REGISTRY.items() if entry.cost}
    assert claimed == pytest.approx(counted, rel=0.01)
