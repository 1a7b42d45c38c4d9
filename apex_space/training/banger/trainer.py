"""Trains the Banger head. All settings are the published ones, but for the seed: the published code sets none."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import TrainingError
from ...models.heads import banger
from .. import loop
from ..loop import Learner, batches
from ..table import Samples, Split

BEST = banger.CHECKPOINTS[0]


@dataclass(frozen=True)
class BangerSettings:
    """How to train. With a patience of 20, the published code stops after the 21st epoch in a row without gain."""

    epochs: int = 200
    patience: int = 21
    batch: int = 64
    rate: float = 1e-3
    weight_decay: float = 1e-4
    seed: int = 42

    @property
    def run(self) -> str:
        """Return the name of such a run."""
        return f"banger_seed-{self.seed}"


@dataclass(frozen=True)
class Epoch(loop.Epoch):
    """What was measured in an epoch: the squared error, which is the loss, and the absolute error."""

    train_mae: float
    val_loss: float
    val_mae: float

    @property
    def error(self) -> float:
        """Return the absolute error on the songs of `val`."""
        return self.val_mae


History = loop.History[Epoch]


class Trainer(Learner):
    """A network and its optimizer on one device, in float32."""

    def __init__(self, settings: BangerSettings, device: str = "cpu") -> None:
        self.settings, self.device = settings, torch.device(device)
        torch.manual_seed(settings.seed)
        self.network = banger.network().to(self.device)
        parameters = self.network.parameters()
        self.optimizer = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=settings.weight_decay)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, settings.epochs)

    def parts(self) -> dict[str, Any]:
        """Return by name all that has a state of its own."""
        return {"network": self.network, "optimizer": self.optimizer, "schedule": self.schedule}

    def step(self, embeddings: Tensor, truth: Tensor) -> Tensor:
        """Learn from a batch [B, 1024] with its scores [B]. Return the predictions [B] before the step."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        predicted: Tensor = self.network(embeddings)
        F.mse_loss(predicted, truth).backward()
        self.optimizer.step()
        return predicted.detach()

    def epoch(self, samples: Samples) -> tuple[float, float]:
        """Learn from all samples in a new order. Return the mean squared and absolute error of the predictions."""
        embeddings, truth = self._tensors(samples)
        order = torch.cat(cut := batches(shuffled(len(samples)), self.settings.batch)).to(self.device)
        predicted = [self.step(embeddings[rows], truth[rows]) for rows in order.split([*map(len, cut)])]
        return _errors(torch.cat(predicted), truth[order])

    @torch.inference_mode()
    def validate(self, samples: Samples) -> tuple[float, float]:
        """Return the mean squared and absolute error without learning."""
        self.network.eval()
        embeddings, truth = self._tensors(samples)
        return _errors(self.network(embeddings), truth)

    def _tensors(self, samples: Samples) -> tuple[Tensor, Tensor]:
        arrays = samples.embeddings, samples.labels[:, 0]
        embeddings, truth = (torch.from_numpy(array).float().to(self.device) for array in arrays)
        return embeddings, truth

    def checkpoint(self, epoch: Epoch) -> dict[str, Any]:
        """Return the published content of a checkpoint, the network's tensors alone. The judge Banger loads it."""
        return self.network.state_dict()


def _errors(predicted: Tensor, truth: Tensor) -> tuple[float, float]:
    return F.mse_loss(predicted, truth).item(), F.l1_loss(predicted, truth).item()


def shuffled(count: int) -> Tensor:
    """Return a new order [N] of the samples, by torch's own random numbers."""
    return torch.randperm(count)


def train(
    split: Split,
    settings: BangerSettings,
    folder: Path,
    on_epoch: Callable[[History], None] = lambda history: None,
    device: str = "cpu",
) -> History:
    """Train on the songs of `split` into the folder `folder`. Raises TrainingError.

    `scorer_model.pt` is the best checkpoint so far. A run that was killed goes on: see `loop`.
    """
    if len(split.train) < 2:
        raise TrainingError("Training needs two songs at least.")
    trainer = Trainer(settings, device)
    about = {"settings": asdict(settings), "samples": split.fingerprint(), "device": trainer.device.type}
    return loop.train(trainer, partial(_next_epoch, trainer, split), Epoch, settings, folder / BEST, about, on_epoch)


def _next_epoch(trainer: Trainer, split: Split, number: int) -> Epoch:
    rate = float(trainer.schedule.get_last_lr()[0])
    train_loss, train_mae = trainer.epoch(split.train)
    val_loss, val_mae = trainer.validate(split.val)
    trainer.schedule.step()
    return Epoch(number, rate, train_loss, train_mae, val_loss, val_mae)
