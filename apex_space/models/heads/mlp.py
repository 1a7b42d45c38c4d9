"""The network that Banger and TuneJury share: an embedding of a song -> one score."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from ..encoders import checkpoint


class ScoreNetwork(nn.Module):
    """Embeddings [B, D] -> raw scores [B], where `sizes` are D and the widths of the layers within.

    `dropout` has the share that training drops after each of these layers; without it, nothing is dropped. Parameters
    are named as in the checkpoints.
    """

    def __init__(self, sizes: tuple[int, ...], dropout: Sequence[float] = ()) -> None:
        super().__init__()
        shares = dropout or [0.0] * (len(sizes) - 1)
        blocks = [
            (nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU(), nn.Dropout(share))
            for (a, b), share in zip(pairwise(sizes), shares, strict=True)
        ]
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
