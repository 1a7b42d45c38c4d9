"""SongEval: MuQ's sixth hidden state of a whole song -> five aesthetic scores (the toolkit of arXiv 2505.10793)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import WeightsInvalid, WeightsMissing
from ...core.settings import Settings
from .. import precision
from ..encoders import checkpoint, conformer, device
from ..encoders.conformer import WholeSong
from ..hub import Repository, Snapshot
from ..kernels import Linear, SelfAttention

REPOSITORY, CHECKPOINTS = "ASLP-lab/SongEval", ("model.safetensors",)
"""SongEval's repository, which is on GitHub, and its checkpoint. Its folder below APEX_WEIGHTS has the same name."""
LAYER = 6
ATTENTIONS, HEADS = 4, 8
INNER = 4096
"""Width within the first layers of a new network."""
AXES = ("coherence", "musicality", "memorability", "clarity", "naturalness")
"""Axes that SongEval scores, in the order of the checkpoint's outputs."""


class SongEvalNetwork(nn.Module):
    """Frames -> scores. Parameters are named as in the checkpoint."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.ffd = nn.Sequential(Linear(width, inner), nn.ReLU(), Linear(inner, width))
        self.attn = nn.ModuleList(SelfAttention(width, HEADS) for _ in range(ATTENTIONS))
        self.fc = nn.Linear(2 * width, len(AXES))

    def pool(self, frames: Tensor) -> Tensor:
        """Pool a song's frames [T, D] -> [2 D]. As published, no attention layer adds its input to its output."""
        attended = fed = self.ffd(frames)
        for attention in self.attn:
            attended = attention(attended)
        return torch.cat([attended.float().mean(0), fed.float().amax(0)])


def scores(last: nn.Module, pooled: Tensor) -> Tensor:
    """Return the scores [S, T], from 1 to 5, of pooled songs [S, D] by the last layer of a network."""
    return 2 * torch.tanh(last(pooled)) + 3


class WholeSongHead:
    """Head for whole songs: one pooled embedding per song -> {axis: scores}, from 1 to 5.

    `last` is the network's last layer.
    """

    spread: Mapping[str, float] = {}
    pooling = "score"

    def __init__(self, last: nn.Module, axes: tuple[str, ...], missing: Mapping[str, str]) -> None:
        self.last, self.axes, self.missing = last, axes, missing

    def counts(self, seconds: np.ndarray) -> np.ndarray:
        """Return the segments' weights [S], all 1: there is one segment, the song."""
        return np.ones_like(seconds)

    def __call__(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scores of `embeddings` [S, D] -> {axis: [S]}."""
        with torch.inference_mode():
            found = scores(self.last, torch.from_numpy(embeddings)).numpy()
        return dict(zip(self.axes, found.T, strict=True))


def network(width: int) -> SongEvalNetwork:
    """Return a network before training, with torch's own first weights."""
    return SongEvalNetwork(width, INNER)


def read(path: Path) -> SongEvalNetwork:
    """Load the network in a checkpoint. Its width follows from the tensors' shapes. Raises WeightsInvalid."""
    state = checkpoint.tensors(checkpoint.read(path), path)
    try:
        inner, width = state["ffd.0.weight"].shape
        with torch.device("meta"):
            network = SongEvalNetwork(width, inner)
    except Exception as error:  # a missing name, or what torch raises for shapes that make no network
        raise WeightsInvalid(
            "{file} is not a SongEval head, by its names and shapes. Check {path}.", file=path.name, path=path
        ) from error
    checkpoint.load(network, state, path)
    network.eval().requires_grad_(False).to(device.device()).fc.cpu()  # the head runs the last layer on the CPU
    return network


def repositories(settings: Settings) -> tuple[Repository, ...]:
    """Return the repositories of MuQ and the head. Raises WeightsMissing if no setting says where the head is."""
    muq = Repository(settings.muq_repo, settings.muq_revision, conformer.MUQ_FILES, conformer.MUQ_CHECKPOINTS)
    if (file := settings.songeval_file) is not None:
        return muq, Repository(REPOSITORY, "", (), (file.name,), file.absolute().parent)
    if settings.songeval_repo is None and settings.weights is None:
        raise WeightsMissing(
            "SongEval's head is not on the Hub. Fetch ckpt/model.safetensors from github.com/ASLP-lab/SongEval "
            "(licence CC BY-NC-SA 4.0) and name the file with APEX_SONGEVAL_FILE."
        )
    return muq, Repository(settings.songeval_repo or REPOSITORY, settings.songeval_revision, (), CHECKPOINTS)


def load(snapshots: Sequence[Snapshot], settings: Settings) -> tuple[WholeSong, WholeSongHead]:
    """Load encoder and head from the two repositories' files. Raises WeightsInvalid."""
    network = read(snapshots[1].checkpoint)
    head = WholeSongHead(network.fc, AXES, {})

    def make(chosen: str) -> WholeSong:
        return _encoder(snapshots[0], network, chosen)

    return precision.choose(settings.precision, make, head, precision.CAUTIOUS), head


def _encoder(snapshot: Snapshot, network: SongEvalNetwork, chosen: str) -> WholeSong:
    muq = conformer.muq(snapshot, LAYER, chosen)
    if muq.width != (width := network.fc.in_features // 2):
        raise WeightsInvalid(
            "{folder} holds a MuQ {width} wide; this SongEval head hears one {wanted} wide. Name another repository "
            "or folder.",
            folder=snapshot.folder,
            width=muq.width,
            wanted=width,
        )
    return WholeSong(muq.encode_steps, muq.work, network.pool, chosen)
