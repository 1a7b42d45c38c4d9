"""HEAR: MusicFM and MuQ, in 30 s pieces and over the whole song -> musicality, or all five axes (arXiv 2511.18869)."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import WeightsInvalid
from ...core.settings import Settings
from .. import precision
from ..encoders import checkpoint, conformer, device
from ..encoders.conformer import Conformer, Steps, WholeSong
from ..hub import Repository, Snapshot
from ..kernels import Linear, SelfAttention
from .songeval import AXES, WholeSongHead

LAYER = 10
STRIDE = 3
ATTENTIONS, HEADS = 4, 8
QUERIES = 2
SIZES = (2048, 1024, 4096, 64)
"""Widths within the network: of the mixed views, of the trunk, within its first layers, and of the pooling."""
DROPOUT = 0.1
"""Share that training drops after downsampling."""
MIN_VARIANCE = 1e-7
LIMIT = precision.TOLERANCE / 9
"""Largest change of a trial clip's score that bfloat16 may cause, as a share of the axis' range.

With 8 draws of small random weights, five songs moved a score up to 8.7 times as far.
"""
MAX_KEPT = 300_000_000
"""Largest number of bytes of cached frames. A second of a song takes 0.4 million bytes."""


class Downsample(nn.Module):
    """Downsampling [T, C] -> [T / 3, D]: a convolution plus a projection of the average of the same frames.

    Parameters are named as in the checkpoint.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise_conv = nn.Conv1d(inputs, inputs, STRIDE, STRIDE, groups=inputs, bias=False)
        self.pointwise_conv = nn.Conv1d(inputs, outputs, 1, bias=False)
        self.residual_conv = nn.Conv1d(inputs, outputs, 1, bias=False)
        self.norm1 = nn.LayerNorm(outputs)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.T[None]
        made = self.pointwise_conv(self.depthwise_conv(rows)) + self.residual_conv(F.avg_pool1d(rows, STRIDE))
        return self.dropout(F.gelu(self.norm1(made[0].T)))


class Salience(nn.Module):
    """Computes weights [C, T] that add up to 1 over time, from channels [C, T]."""

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.att_0, self.att_1 = nn.Conv1d(channels, bottleneck, 1), nn.Conv1d(bottleneck, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.att_1(torch.tanh(self.att_0(x))).softmax(-1)


class Statistics(nn.Module):
    """Computes the mean and deviation of each channel over time, head by head: [D, T] -> [2 D].

    Every channel has its own weights over time.
    """

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.heads_att_trans = nn.ModuleList(Salience(width // HEADS, bottleneck) for _ in range(HEADS))

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for head, channels in zip(self.heads_att_trans, x.chunk(HEADS), strict=True):
            weights = head(channels)
            mean = (weights * channels).sum(-1)
            variance = (weights * channels.square()).sum(-1) - mean.square()
            parts += [mean, variance.clamp(MIN_VARIANCE).sqrt()]
        return torch.cat(parts)


class Trunk(nn.Module):
    """Network from frames [T, D] to one vector [4 D]. Parameters are named as in the checkpoint."""

    def __init__(self, width: int, inner: int, bottleneck: int, outputs: int) -> None:
        super().__init__()
        self.ffd = nn.Sequential(Linear(width, inner), nn.ReLU(), nn.Identity(), Linear(inner, width))
        self.ln_ffd = nn.LayerNorm(width)
        self.attn = nn.ModuleList(SelfAttention(width, HEADS) for _ in range(ATTENTIONS))
        queries = nn.ModuleList(Statistics(width, bottleneck) for _ in range(QUERIES))
        self.mqmhastp = nn.ModuleDict({"n_query": queries})
        self.fc = nn.Linear(2 * QUERIES * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.ffd(x)
        for attention in self.attn:
            x = x + attention(self.ln_ffd(x))
        return torch.cat([query(x.T) for query in self.mqmhastp["n_query"].children()])


class HearNetwork(nn.Module):
    """Frames of four views -> scores. Parameters are named as in the checkpoint."""

    def __init__(self, views: int, mixed: int, width: int, inner: int, bottleneck: int, outputs: int) -> None:
        super().__init__()
        self.mixed_win_downsample = Linear(views, mixed)
        self.input_norm = nn.LayerNorm(mixed)
        self.down_sample_conv = Downsample(mixed, width)
        self.model = Trunk(width, inner, bottleneck, outputs)

    def pool(self, frames: Tensor) -> Tensor:
        """Pool a song's frames [T, 4 W] -> [4 D], always in float32: it takes no time, and rounding would show."""
        with torch.autocast(frames.device.type, enabled=False):
            return self.model(self.down_sample_conv(self.input_norm(self.mixed_win_downsample(frames))))


def network(views: int, outputs: int) -> HearNetwork:
    """Return a network before training, with the published kind of first weights."""
    return HearNetwork(views, *SIZES, outputs)


def read(path: Path, axes: tuple[str, ...]) -> HearNetwork:
    """Load the network in a checkpoint. Its sizes follow from the tensors' shapes. Raises WeightsInvalid."""
    state = checkpoint.tensors(checkpoint.read(path), path)
    try:
        mixed, views = state["mixed_win_downsample.weight"].shape
        inner, width = state["model.ffd.0.weight"].shape
        bottleneck = len(state["model.mqmhastp.n_query.0.heads_att_trans.0.att_0.bias"])
        with torch.device("meta"):
            network = HearNetwork(views, mixed, width, inner, bottleneck, len(axes))
    except Exception as error:  # a missing name, or what torch raises for shapes that make no network
        raise WeightsInvalid(
            "{file} is not a HEAR head, by its names and shapes. Check {path}.", file=path.name, path=path
        ) from error
    checkpoint.load(network, state, path)
    network.eval().requires_grad_(False).to(device.device()).model.fc.cpu()  # the head runs the last layer on the CPU
    return network


@dataclass(frozen=True)
class Track:
    """A track of the ASAE Challenge that HEAR was trained for. Each track is a judge of its own."""

    checkpoint: str
    axes: tuple[str, ...]

    def repositories(self, settings: Settings) -> tuple[Repository, ...]:
        """Return the repositories of MusicFM, MuQ and the head."""
        return (
            Repository(
                settings.musicfm_repo, settings.musicfm_revision, conformer.MUSICFM_FILES, conformer.MUSICFM_CHECKPOINTS
            ),
            Repository(settings.muq_repo, settings.muq_revision, conformer.MUQ_FILES, conformer.MUQ_CHECKPOINTS),
            Repository(settings.hear_repo, settings.hear_revision, (), (self.checkpoint,)),
        )

    def load(self, snapshots: Sequence[Snapshot], settings: Settings) -> tuple[WholeSong, WholeSongHead]:
        """Load encoder and head from the three repositories' files. Raises WeightsInvalid."""
        network = read(snapshots[2].checkpoint, self.axes)
        missing = {a: "HEAR's track 1 was trained for musicality only" for a in AXES if a not in self.axes}
        head = WholeSongHead(network.model.fc, self.axes, missing)

        def make(chosen: str) -> WholeSong:
            return _encoder(snapshots, network, chosen)

        return precision.choose(settings.precision, make, head, LIMIT), head


TRACK_1 = Track("track_1.pth", ("musicality",))
TRACK_2 = Track("track_2.pth", AXES)


def _encoder(snapshots: Sequence[Snapshot], network: HearNetwork, chosen: str) -> WholeSong:
    musicfm = conformer.musicfm(snapshots[0], LAYER, chosen)
    muq = conformer.muq(snapshots[1], LAYER, chosen)
    if (width := 2 * (musicfm.width + muq.width)) != network.mixed_win_downsample.in_features:
        raise WeightsInvalid(
            "{folder} and {other} give {width} numbers a frame; this HEAR head hears {wanted}. Name other "
            "repositories or folders.",
            folder=snapshots[0].folder,
            other=snapshots[1].folder,
            width=width,
            wanted=network.mixed_win_downsample.in_features,
        )
    made_by = (*(snapshot.weights for snapshot in snapshots[:2]), chosen)
    return WholeSong(
        lambda samples: FRAME_CACHE.frames(samples, musicfm, muq, made_by),
        lambda samples: musicfm.work(samples, twice=True) + muq.work(samples, twice=True),
        network.pool,
        chosen,
    )


class FrameCache:
    """Cache of the frames that one track has computed. The other track needs the same frames, which take minutes."""

    def __init__(self) -> None:
        self._frames: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def frames(self, samples: Tensor, musicfm: Conformer, muq: Conformer, by: tuple[Hashable, ...]) -> Steps[Tensor]:
        """Compute frames like `_views`: [N] -> [T, 4 W]. Cached frames are returned at once and leave the cache.

        `by` holds the weights and the precision of `musicfm` and `muq`.
        """
        key = (*by, hashlib.sha256(samples.cpu().numpy().tobytes()).hexdigest())
        with self._lock:
            frames = self._frames.pop(key, None)
        if frames is None:
            frames = yield from _views(samples, musicfm, muq)
            self._keep(key, frames)
        return frames

    def _keep(self, key: Hashable, frames: Tensor) -> None:
        with self._lock:
            self._frames[key] = frames
            while sum(kept.nbytes for kept in self._frames.values()) > MAX_KEPT:
                self._frames.popitem(last=False)


FRAME_CACHE = FrameCache()
"""Process-wide cache of frames."""


def _views(samples: Tensor, musicfm: Conformer, muq: Conformer) -> Steps[Tensor]:
    """Compute frames [N] -> [T, 4 W]: MusicFM and MuQ in pieces, then both over the whole song.

    All four views are cut to the length of the shortest.
    """
    local_1, global_1 = yield from musicfm.encode_twice_steps(samples)
    local_2, global_2 = yield from muq.encode_twice_steps(samples)
    views = (local_1, local_2, global_1, global_2)
    length = min(map(len, views))
    return torch.cat([view[:length] for view in views], 1)
