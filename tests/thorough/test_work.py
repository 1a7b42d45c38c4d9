"""The work that the registry states for each judge is that of the published networks."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode
from transformers import ClapAudioModelWithProjection, HubertConfig, HubertModel, Wav2Vec2ConformerConfig

from apex_space.bench import networks
from apex_space.judges.registry import REGISTRY
from apex_space.models.encoders import clap, conformer, mel
from apex_space.models.heads.hear import LAYER as HEAR_LAYER
from apex_space.models.heads.hear import HearNetwork
from apex_space.models.heads.songeval import LAYER as SONGEVAL_LAYER
from apex_space.models.heads.songeval import SongEvalNetwork


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


def tunejury(seconds: int) -> float:
    model: Any = ClapAudioModelWithProjection(networks.CLAP).eval()
    spectra = torch.zeros(1, 1, clap.CLIP // clap.HOP_LENGTH + 1, clap.N_MELS)
    return flop(model, input_features=spectra) * seconds * clap.SAMPLE_RATE / clap.CLIP


@pytest.mark.parametrize("seconds", [60, 600])
def test_the_work_of_every_judge_is_that_of_the_published_networks(seconds: int) -> None:
    with torch.device("meta"):
        counted = {
            "apex": mert(networks.MERT_95M, seconds),
            "tunejury-whole": tunejury(seconds),
            "banger": mert(networks.MERT_330M, seconds),
            "songeval": songeval(seconds),
            "hear-1": hear(seconds),
            "hear-2": hear(seconds),
        }
    claimed = {name: entry.cost.of(seconds) for name, entry in REGISTRY.items() if entry.cost}
    assert claimed == pytest.approx(counted, rel=0.01)
