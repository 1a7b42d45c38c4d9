"""Trains the HEAR head. All settings are the published ones.

These of the published ways change results, and are left unless `as_published`:

- after every update, all songs of `test` are scored, and the checkpoint with the best figures on them is kept, which
  are then reported; here it is chosen once in an epoch, on the songs of `val`;
- the songs are scored in padded batches, which counts a last frame or two that the judges leave out;
- of a song with changed copies, only the last copy is learned from (see `data`).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import TrainingError
from ...evaluation.metrics import MEAN
from ...models.heads import hear
from ...models.heads.songeval import scores
from .. import loop
from ..loop import Learner
from ..measure import challenge
from .data import Parts, Songs
from .losses import list_mle, partners, regression

WAIT, GAIN, LEAST_RATE = 400, 1e-4, 1e-8
"""The rate is halved, down to LEAST_RATE, after WAIT updates in a row whose loss was not lower by the share GAIN."""
MIX = 2.0
"""Both parameters of the beta distribution by which two songs are mixed."""
RANK = {1: 0.15, 2: 0.05}
"""Track -> the weight of the order in the loss. It is tied to the batch of 8."""
TRACKS = {1: hear.TRACK_1, 2: hear.TRACK_2}


@dataclass(frozen=True)
class HearSettings:
    """What to train, and how. `patience` is ours: the published code does not stop early."""

    track: int = 1
    epochs: int = 60
    patience: int = 60
    batch: int = 8
    accumulate: int = 4
    """Number of batches for an update."""
    rate: float = 1e-5
    weight_decay: float = 1e-3
    clip: float = 1.0
    seed: int = 0
    as_published: bool = False

    @property
    def axes(self) -> tuple[str, ...]:
        """Return the axes to learn."""
        return TRACKS[self.track].axes

    @property
    def run(self) -> str:
        """Return the name of such a run."""
        return f"hear_track-{self.track}_seed-{self.seed}"


@dataclass(frozen=True)
class Epoch(loop.Epoch):
    """What was measured in an epoch: the two parts of the loss, and the best sum of the four figures.

    The sum is that on the songs of `val`, or as published on those of `test`.
    """

    train_regression: float
    train_rank: float
    score: float

    @property
    def error(self) -> float:
        """Return the sum of the figures, the lower the better."""
        return -self.score


History = loop.History[Epoch]


@dataclass(frozen=True)
class Step:
    """The loss of a batch, and its two parts."""

    loss: float
    regression: float
    rank: float


class Trainer(Learner):
    """A network, its optimizer and who may be mixed with whom, on one device, in float32."""

    def __init__(self, settings: HearSettings, parts: Parts, device: str = "cpu") -> None:
        self.settings, self.songs, self.device = settings, parts, torch.device(device)
        torch.manual_seed(settings.seed)
        self.network = hear.network(parts.width, len(settings.axes)).to(self.device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=0.5, patience=WAIT, threshold=GAIN, min_lr=LEAST_RATE
        )
        self.labels = torch.from_numpy(parts.train.labels).float()
        self.chances = partners(self.labels, [*parts.train.ids])
        if not self.chances.isfinite().all():
            raise TrainingError("Training needs two songs at least.")
        self.kept: dict[str, Tensor] = {}

    def parts(self) -> dict[str, Any]:
        """Return by name all that has a state of its own."""
        return {"network": self.network, "optimizer": self.optimizer, "schedule": self.schedule}

    def pooled(self, songs: Songs, rows: Tensor) -> Tensor:
        """Return the songs' vectors [B, 4 D]. Each is padded as a published batch would pad it; see `padded`."""
        frames = [torch.from_numpy(songs.frames(row)) for row in rows.tolist()]
        longest = max(map(len, frames))
        return torch.stack([self.network.pool(padded(each, longest).to(self.device)) for each in frames])

    def add(self, rows: Tensor, others: Tensor, share: float) -> Step:
        """Add the gradients of a batch of songs [B], `share` of each mixed with its partner of `others` [B]."""
        self.network.train()
        one, two = self.pooled(self.songs.train, rows), self.pooled(self.songs.train, others)
        predicted = scores(self.network.model.fc, share * one + (1 - share) * two)
        truth = (share * self.labels[rows] + (1 - share) * self.labels[others]).to(self.device)
        error, order = regression(predicted, truth), list_mle(predicted.T, truth.T)
        loss = (error + RANK[self.settings.track] * order) / self.settings.accumulate
        loss.backward()
        return Step(loss.item(), error.item(), order.item())

    def update(self, loss: float) -> float:
        """Take the step of the gradients so far, and return their norm. `loss` is that of the last batch."""
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.schedule.step(loss)
        return norm.item()

    def epoch(self, number: int) -> Epoch:
        """Learn from all songs in a new order, and choose what to keep."""
        rate, steps, best = float(self.optimizer.param_groups[0]["lr"]), [], -np.inf
        cut = [*shuffled(len(self.songs.train)).split(self.settings.batch)]
        for place, rows in enumerate(cut, 1):
            steps.append(self.add(rows, drawn(self.chances[rows]), share()))
            if place % self.settings.accumulate and place < len(cut):
                continue
            self.update(steps[-1].loss)
            if self.settings.as_published or place == len(cut):
                chosen_by = self.songs.test if self.settings.as_published else self.songs.val
                score = total(self.measure(chosen_by))
                if score > best:
                    best, self.kept = score, {n: v.detach().cpu().clone() for n, v in self.network.state_dict().items()}
        losses = (float(np.mean([getattr(step, key) for step in steps])) for key in ("loss", "regression", "rank"))
        loss, error, order = losses
        return Epoch(number, rate, loss * self.settings.accumulate, error, order, best)

    def predict(self, songs: Songs) -> np.ndarray:
        """Return the scores [N, T] of songs: of each alone, as the judges do, or as published in padded batches."""
        self.network.eval()
        size = self.settings.batch if self.settings.as_published else 1
        with torch.inference_mode():
            pooled = torch.cat([self.pooled(songs, rows) for rows in torch.arange(len(songs)).split(size)])
            found: np.ndarray = scores(self.network.model.fc, pooled).cpu().numpy()
        return found

    def measure(self, songs: Songs) -> dict[str, float]:
        """Return the challenge's four figures of the scores of songs; on track 2, their means over the five axes."""
        return challenge(songs, self.predict(songs))[MEAN if len(songs.axes) > 1 else songs.axes[0]]

    def checkpoint(self, epoch: Epoch) -> dict[str, Any]:
        """Return the published content of a checkpoint, the network's tensors alone. The judges of HEAR load it."""
        return self.kept


def padded(frames: Tensor, longest: int) -> Tensor:
    """Pad the frames [T, W] of a song with silence as in a batch whose longest song has `longest` frames.

    Three frames become one. In a batch, a last frame or two are kept by padding if there is room for it; the frames
    that are padding alone are then masked, so they need not be there.
    """
    kept = 3 * min(-(-len(frames) // 3), longest // 3)
    return nn.functional.pad(frames, (0, 0, 0, max(kept - len(frames), 0)))[:kept]


def total(found: dict[str, float]) -> float:
    """Return the sum of the figures, each rounded as published."""
    return sum(round(value, 3) for value in found.values())


def shuffled(count: int) -> Tensor:
    """Return a new order [N] of the songs."""
    return torch.randperm(count)


def drawn(chances: Tensor) -> Tensor:
    """Draw a partner for each song of a batch by its chances [B, N] -> [B]."""
    return torch.multinomial(chances, 1)[:, 0]


def share() -> float:
    """Draw how much of each song of a batch is kept."""
    return float(torch.distributions.Beta(MIX, MIX).sample())


def train(
    parts: Parts,
    settings: HearSettings,
    folder: Path,
    on_epoch: Callable[[History], None] = lambda history: None,
    device: str = "cpu",
) -> History:
    """Train on the songs of `parts` into the folder `folder`. Raises TrainingError.

    The file with the judges' name is the best checkpoint so far. A run that was killed goes on: see `loop`.
    """
    trainer = Trainer(settings, parts, device)
    about = {"settings": asdict(settings), "samples": parts.fingerprint(), "device": trainer.device.type}
    best = folder / TRACKS[settings.track].checkpoint
    return loop.train(trainer, partial(Trainer.epoch, trainer), Epoch, settings, best, about, on_epoch)
