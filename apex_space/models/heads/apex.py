"""The APEX head: four pooled MERT layers -> seven scores (arXiv 2605.03395)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...core.axes import AESTHETICS, BY_KEY, POPULARITY
from ...core.errors import WeightsInvalid
from ...core.settings import Settings
from ...core.text import message
from .. import precision
from ..encoders import checkpoint, mert
from ..encoders.mert import MertEncoder
from ..hub import Repository, Snapshot

CHECKPOINTS = ("best_model.pt", "model.safetensors", "pytorch_model.bin")
LAYERS = (2, 5, 8, 12)
"""Hidden states of MERT-v1-95M that the head uses; 12 is the last."""

AGGREGATOR = ((0.3822692633, 0.4150039554, -0.1171362400, 0.4593056440), -0.1095517874)
"""Weights and bias of the 1x1 convolution over LAYERS.

It was never trained: its values are the ones that `torch.manual_seed(42); nn.Conv1d(4, 1, 1)` draws. The head was
trained on its output.
"""

TASKS = {"streams": "score_streams", "likes": "score_likes"}
"""Axis -> its name in the checkpoint, for axes with another name there."""
WIDTH = 768
DEPTHS = {2: (WIDTH, 512, 256), 3: (WIDTH, 512, 384, 256)}


class Block(nn.Module):
    """Linear, batch norm, GELU, dropout."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.GELU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class Branch(nn.Module):
    """Shared features [B, 256] -> one score [B] on its axis' range."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high
        self.branch = nn.Sequential(Block(256, 128, 0.1), Block(128, 64, 0.1), nn.Linear(64, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.branch(x)).squeeze(-1) * (self.high - self.low) + self.low


class ApexNetwork(nn.Module):
    """Song embedding [B, 768] -> {axis: [B]}. Parameters are named as in the checkpoint."""

    def __init__(self, axes: tuple[str, ...], depth: int) -> None:
        super().__init__()
        sizes = DEPTHS[depth]
        self.axes = axes
        self.shared = nn.Sequential(*(Block(a, b, 0.3) for a, b in pairwise(sizes)))
        for axis in axes:
            self.add_module(_branch(axis), Branch(BY_KEY[axis].low, BY_KEY[axis].high))

    def forward(self, embedding: Tensor) -> dict[str, Tensor]:
        shared = self.shared(embedding)
        return {axis: self.get_submodule(_branch(axis))(shared) for axis in self.axes}


class ApexHead:
    """Pooled layers -> {axis: scores}, from either published form of checkpoint.

    `pooling` says what is averaged over a song's segments: "embedding" (mode `song`) or "score" (mode `segment`).
    """

    spread: Mapping[str, float] = {}

    def __init__(self, path: Path) -> None:
        content = checkpoint.read(path)
        state = checkpoint.tensors(content.get("model_state", content), path)
        head, rest = _split(state, path)
        weight, bias = _aggregator(rest, path)
        self.layer_weights, self.layer_bias = weight, bias
        axes, depth = _shape(head, content, path)
        with torch.device("meta"):
            self.network = ApexNetwork(axes, depth)
        checkpoint.load(self.network, head, path)
        self.network.eval()
        self.axes = axes
        self.missing = {a: "this APEX checkpoint was trained for popularity only" for a in AESTHETICS if a not in axes}
        self.pooling = {"song": "embedding", "segment": "score"}[content.get("mode", "song")]

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        """Return the segments' weights [S], all 1. As published, a short last segment counts as much as any other."""
        return np.ones_like(seconds)

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scores of `embeddings` [S, 4, 768] -> {axis: [S]}."""
        with torch.inference_mode():
            mixed = mix(torch.from_numpy(embeddings), self.layer_weights, self.layer_bias)
            return {axis: scores.numpy() for axis, scores in self.network(mixed).items()}


def mix(layers: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Combine the pooled LAYERS of segments: [S, 4, D] -> [S, D], the input of the network."""
    return torch.einsum("skd,k->sd", layers, weights) + bias


def published_mix() -> tuple[Tensor, Tensor]:
    """Return weights [4] and bias [] of the published AGGREGATOR."""
    return torch.tensor(AGGREGATOR[0]), torch.tensor(AGGREGATOR[1])


def _branch(axis: str) -> str:
    return f"branch_{TASKS.get(axis, axis)}"


def _split(state: dict[str, Tensor], path: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the head's tensors and the others, all without their common prefix.

    A stored encoder (`mert.*`) is left out.
    """
    first = "shared.0.block.0.weight"
    prefixes = [name.removesuffix(first) for name in state if name.endswith(first)]
    if len(prefixes) != 1:
        found = (
            message("several times, under {prefixes}", prefixes=", ".join(map(repr, sorted(prefixes))))
            if prefixes
            else "nowhere"
        )
        raise WeightsInvalid(
            "{file} is not an APEX checkpoint: {first} is in it {found}. Check {path}.",
            file=path.name,
            first=first,
            found=found,
            path=path,
        )
    bare = {name.removeprefix(prefixes[0]): tensor for name, tensor in state.items()}
    if len(bare) != len(state):
        raise WeightsInvalid(
            "{file} holds tensors both with and without the prefix {prefix!r}.", file=path.name, prefix=prefixes[0]
        )
    head = {name: tensor for name, tensor in bare.items() if name.startswith(("shared.", "branch_"))}
    rest = {name: tensor for name, tensor in bare.items() if name not in head and not name.startswith("mert.")}
    return head, rest


def _aggregator(rest: dict[str, Tensor], path: Path) -> tuple[Tensor, Tensor]:
    """Return weights [4] and bias [] over the layers: the stored ones, or without them the published constants."""
    if not rest:
        return published_mix()
    if set(rest) != {"aggregator.weight", "aggregator.bias"} or rest["aggregator.weight"].numel() != len(LAYERS):
        raise WeightsInvalid(
            "{file} holds tensors that are not APEX's: {tensors}.", file=path.name, tensors=", ".join(sorted(rest)[:3])
        )
    return rest["aggregator.weight"].flatten(), rest["aggregator.bias"].squeeze()


def _shape(head: dict[str, Tensor], content: Mapping[str, Any], path: Path) -> tuple[tuple[str, ...], int]:
    """Return axes and depth, from the tensors' names, after comparing them with the checkpoint's own description."""
    beyond = tuple(f"{_branch(axis)}." for axis in AESTHETICS)
    task, axes = ("full", POPULARITY + AESTHETICS) if _any(head, *beyond) else ("popularity", POPULARITY)
    depth = 3 if _any(head, "shared.2.") else 2
    said = (content.get("task", task), content.get("shared", depth), content.get("mode", "song"))
    if said[:2] != (task, depth) or said[2] not in ("song", "segment"):
        raise WeightsInvalid(
            "{file} has the tensors of task {task!r} with {depth} shared layers, but says task, shared, mode = "
            "{told}. Take another checkpoint.",
            file=path.name,
            task=task,
            depth=depth,
            told=said,
        )
    return axes, depth


def _any(head: dict[str, Tensor], *starts: str) -> bool:
    return any(name.startswith(starts) for name in head)


def repositories(settings: Settings) -> tuple[Repository, ...]:
    """Return the repositories of the encoder and the head, which may be a folder on this disk instead."""
    heads = CHECKPOINTS if settings.head_file is None else (settings.head_file,)
    folder = Path(settings.head_repo) if Path(settings.head_repo).is_dir() else None
    return (
        Repository(settings.mert_repo, settings.mert_revision, mert.FILES, mert.CHECKPOINTS),
        Repository(folder.name if folder else settings.head_repo, settings.head_revision, (), heads, folder),
    )


def load(snapshots: Sequence[Snapshot], settings: Settings) -> tuple[MertEncoder, ApexHead]:
    """Load encoder and head from the two repositories' files. Raises WeightsInvalid."""
    head = ApexHead(snapshots[1].checkpoint)
    kept = mert.PART_SECONDS if settings.fine_windows else 0.0
    return precision.choose(settings.precision, lambda chosen: _encoder(snapshots[0], chosen, kept), head), head


def _encoder(snapshot: Snapshot, chosen: str, kept: float) -> MertEncoder:
    encoder = MertEncoder(snapshot, LAYERS, chosen, kept)
    layers, width = encoder.config.num_hidden_layers, encoder.config.hidden_size
    if (layers, width) != (LAYERS[-1], WIDTH):
        raise WeightsInvalid(
            "{folder} holds a MERT of {layers} layers, {width} wide; APEX hears MERT-v1-95M, {wanted_layers} layers, "
            "{wanted_width} wide. Name another repository or folder.",
            folder=snapshot.folder,
            layers=layers,
            width=width,
            wanted_layers=LAYERS[-1],
            wanted_width=WIDTH,
        )
    return encoder
