"""The network that Banger and TuneJury share: an embedding of a song -> one score."""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from ..encoders import checkpoint


class ScoreNetwork(nn.Module):
    """Embeddings [B, D] -> raw scores [B], where `sizes` are D and the widths of the layers within.

    Parameters are named as in the checkpoints.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        blocks = [(nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU(), nn.Dropout()) for a, b in pairwise(sizes)]
        self.net = nn.Sequential(*(layer for block in blocks for layer in block), nn.Linear(sizes[-1], 1))

    def forward(self, embedding: Tensor) -> Tensor:
        return self.net(embedding).squeeze(-1)


def load(sizes: tuple[int, ...], path: Path) -> ScoreNetwork:
    """Load a network of `sizes` from a file of named tensors, bare or under `state_dict`. Raises WeightsInvalid."""
    content = checkpoint.read(path)
    with torch.device("meta"):
        network = ScoreNetwork(sizes)
    checkpoint.load(network, checkpoint.tensors(content.get("state_dict", content), path), path)
    return network.eval()
