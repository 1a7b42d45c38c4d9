"""Trains a head of SongEval's architecture. Its published training code does not exist, so this recipe is our own.

The loss is the squared error of the five scores, in the mean over songs and axes. Each song is heard whole, as by the
judge. The best epoch has the lowest loss on the songs of `val`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...models.heads import songeval
from ...models.heads.songeval import scores
from .. import loop
from ..hear.data import Parts, Songs
from ..loop import Learner

BEST = songeval.CHECKPOINTS[0]
DROPOUT = 0.2
"""Share of a song's pooled numbers that training drops before the last layer."""


@dataclass(frozen=True)
class SongEvalSettings:
    """How to train. All of it is our choice."""

    epochs: int = 30
    patience: int = 8
    batch: int = 8
    rate: float = 1e-4
    weight_decay: float = 1e-2
    clip: float = 1.0
    seed: int = 0

    @property
    def run(self) -> str:
        """Return the name of such a run."""
        return f"songeval_seed-{self.seed}"


@dataclass(frozen=True)
class Epoch(loop.Epoch):
    """What was measured in an epoch: the squared error, which is the loss."""

    val_loss: float

    @property
    def error(self) -> float:
        """Return the loss on the songs of `val`."""
        return self.val_loss


History = loop.History[Epoch]


class Trainer(Learner):
    """A network and its optimizer on one device, in float32."""

    def __init__(self, settings: SongEvalSettings, parts: Parts, device: str = "cpu") -> None:
        self.settings, self.songs, self.device = settings, parts, torch.device(device)
        torch.manual_seed(settings.seed)
        self.network = songeval.network(parts.width).to(self.device)
        parameters = self.network.parameters()
        self.optimizer = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=settings.weight_decay)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, settings.epochs)

    def parts(self) -> dict[str, Any]:
        """Return by name all that has a state of its own."""
        return {"network": self.network, "optimizer": self.optimizer, "schedule": self.schedule}

    def step(self, rows: Tensor) -> float:
        """Learn from a batch of songs [B], and return the sum of their losses before the step.

        Gradients are added song by song, so that the frames of one song alone need memory.
        """
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for row in rows.tolist():
            loss = self._loss(self.songs.train, row)
            (loss / len(rows)).backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.optimizer.step()
        return total

    def epoch(self, number: int) -> Epoch:
        """Learn from all songs in a new order, and measure the loss on the songs of `val`."""
        rate, songs = float(self.optimizer.param_groups[0]["lr"]), self.songs.train
        train_loss = sum(map(self.step, torch.randperm(len(songs)).split(self.settings.batch))) / len(songs)
        self.schedule.step()
        return Epoch(number, rate, train_loss, self.validate(self.songs.val))

    @torch.inference_mode()
    def validate(self, songs: Songs) -> float:
        """Return the mean loss without learning."""
        self.network.eval()
        return sum(self._loss(songs, row).item() for row in range(len(songs))) / len(songs)

    def _loss(self, songs: Songs, row: int) -> Tensor:
        frames = torch.from_numpy(songs.frames(row)).to(self.device)
        pooled = F.dropout(self.network.pool(frames), DROPOUT, self.network.training)
        truth = torch.from_numpy(songs.labels[row]).float().to(self.device)
        return F.mse_loss(scores(self.network.fc, pooled), truth)

    def checkpoint(self, epoch: Epoch) -> dict[str, Any]:
        """Return the published content of a checkpoint, the network's tensors alone. The judge songeval loads it."""
        return self.network.state_dict()


def train(
    parts: Parts,
    settings: SongEvalSettings,
    folder: Path,
    on_epoch: Callable[[History], None] = lambda history: None,
    device: str = "cpu",
) -> History:
    """Train on the songs of `parts` into the folder `folder`. Raises TrainingError.

    `model.safetensors` is the best checkpoint so far. A run that was killed goes on: see `loop`.
    """
    trainer = Trainer(settings, parts, device)
    about = {"settings": asdict(settings), "samples": parts.fingerprint(), "device": trainer.device.type}
    return loop.train(trainer, trainer.epoch, Epoch, settings, folder / BEST, about, on_epoch)
