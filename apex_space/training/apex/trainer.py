"""Trains the APEX head, epoch by epoch, and goes on where a killed run stopped.

`Trainer` is one run: `step` learns from a batch, `epoch` from all samples, `validate` measures. `loop` has the best
epoch, the early stop and the files. Three defects of the published code change results; they are mended
unless `as_published`:

- an epoch's loss is the mean over samples, not over batches of different size;
- weight decay does not pull at the loss' own trained weights;
- a last batch of one sample, which batch norm refuses, joins the batch before it (also with `as_published`).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...core.errors import TrainingError
from ...models.heads.apex import ApexNetwork
from .. import loop
from ..loop import Learner, batches
from ..table import Samples, Split
from .losses import TaskLoss, published_name
from .settings import TrainingSettings

BEST = "best_model.pt"


@dataclass(frozen=True)
class Epoch(loop.Epoch):
    """What was measured in an epoch: the losses, each score's error by axis, and each trained sigma."""

    val_loss: float
    train: dict[str, float]
    val: dict[str, float]
    sigmas: dict[str, float]

    @property
    def error(self) -> float:
        """Return the loss on the songs of `val`."""
        return self.val_loss


History = loop.History[Epoch]


class Trainer(Learner):
    """A network, its loss and its optimizer, all on one device."""

    def __init__(self, settings: TrainingSettings, device: str = "cpu") -> None:
        self.settings, self.device = settings, torch.device(device)
        torch.manual_seed(settings.seed)
        self.network = ApexNetwork(settings.axes, settings.shared).to(self.device)
        self.loss = TaskLoss(settings.loss, settings.axes).to(self.device)
        groups = [self.network, self.loss] if settings.as_published else [self.network]
        self.optimizer = torch.optim.AdamW(
            [parameter for module in groups for parameter in module.parameters()],
            lr=settings.rate,
            weight_decay=settings.weight_decay,
        )
        if not settings.as_published and settings.loss == "uncertainty":
            self.optimizer.add_param_group({"params": [*self.loss.parameters()], "weight_decay": 0.0})
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, settings.epochs)
        self.half = self.device.type == "cuda"
        """Whether to compute in float16, as published. On a processor all is float32."""
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.half)

    def step(self, embeddings: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Learn from a batch [B, 768] with its targets [B, T].

        Return the loss [] and each score's error [T] before the step, and the norm [] of the gradients before clipping.
        """
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss, errors = self._losses(embeddings, truth)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        parameters = [*self.network.parameters(), *self.loss.parameters()]
        norm = nn.utils.clip_grad_norm_(parameters, self.settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach(), errors, norm

    def epoch(self, samples: Samples, number: int) -> tuple[float, dict[str, float]]:
        """Learn from all samples in an order of this epoch's own. Return the mean loss, and each score's mean error."""
        cut = batches(shuffled(len(samples), number), self.settings.batch)
        return self._mean(samples, cut, lambda embeddings, truth: self.step(embeddings, truth)[:2])

    @torch.inference_mode()
    def validate(self, samples: Samples) -> tuple[float, dict[str, float]]:
        """Return the mean loss, and each score's mean error, without learning."""
        self.network.eval()
        return self._mean(samples, torch.arange(len(samples)).split(self.settings.batch), self._losses)

    def _losses(self, embeddings: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.device.type, torch.float16, enabled=self.half):
            predicted = self.network(embeddings)
        loss, errors = self.loss(predicted, truth)
        return loss, errors

    def _mean(
        self, samples: Samples, cut: Sequence[Tensor], measure: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    ) -> tuple[float, dict[str, float]]:
        embeddings, truth = torch.from_numpy(samples.embeddings), torch.from_numpy(samples.labels)
        total, weights = torch.zeros(1 + len(self.settings.axes), dtype=torch.float64, device=self.device), 0
        for rows in cut:
            batch = embeddings[rows].to(self.device), truth[rows].float().to(self.device)
            loss, errors = measure(*batch)
            weight = 1 if self.settings.as_published else len(rows)
            total += weight * torch.cat([loss.detach()[None], errors])
            weights += weight
        means: list[float] = (total / weights).tolist()
        return means[0], dict(zip(self.settings.axes, means[1:], strict=True))

    def parts(self) -> dict[str, Any]:
        """Return by name all that has a state of its own."""
        networks = {"network": self.network, "loss": self.loss}
        return networks | {"optimizer": self.optimizer, "schedule": self.schedule, "scaler": self.scaler}

    def checkpoint(self, epoch: Epoch) -> dict[str, Any]:
        """Return the published content of a checkpoint. The judge APEX loads it."""
        trained = {
            "uncertainty_loss_state": self.loss.state_dict(),
            "final_sigmas": {_hyphens(axis): sigma for axis, sigma in self.loss.sigmas().items()},
            "final_weights": {_hyphens(axis): weight for axis, weight in self.loss.weights().items()},
        }
        return {
            "epoch": epoch.number,
            "model_state": self.network.state_dict(),
            "optimizer_state": self.optimizer.state_dict(),
            "scheduler_state": self.schedule.state_dict(),
            "val_loss": epoch.val_loss,
            "val_task_losses": {published_name(axis): error for axis, error in epoch.val.items()},
            "train_loss": epoch.train_loss,
            **{name: getattr(self.settings, name) for name in ("mode", "task", "loss", "shared")},
            **(trained if self.settings.loss == "uncertainty" else {}),
        }


def _hyphens(axis: str) -> str:
    return published_name(axis).replace("_", "-")


def shuffled(count: int, epoch: int) -> Tensor:
    """Return the order [N] in which an epoch, numbered from 1, takes the samples: that of torch's sampler."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(epoch))


def train(
    split: Split,
    settings: TrainingSettings,
    folder: Path,
    on_epoch: Callable[[History], None] = lambda history: None,
    device: str = "cpu",
) -> History:
    """Train on `split`, whose samples are segments or songs as the mode says, into the folder `folder`.

    `best_model.pt` is the best checkpoint so far. A run that was killed goes on: see `loop`. Raises TrainingError.
    """
    if len(split.train) < 2:
        raise TrainingError("Training needs two samples at least.")
    trainer = Trainer(settings, device)
    about = {"settings": asdict(settings), "samples": split.fingerprint(), "device": trainer.device.type}
    next_epoch = partial(_next_epoch, trainer, split)
    return loop.train(trainer, next_epoch, Epoch, settings, folder / BEST, about, on_epoch)


def _next_epoch(trainer: Trainer, split: Split, number: int) -> Epoch:
    rate = float(trainer.schedule.get_last_lr()[0])
    train_loss, train_errors = trainer.epoch(split.train, number)
    val_loss, val_errors = trainer.validate(split.val)
    trainer.schedule.step()
    return Epoch(number, rate, train_loss, val_loss, train_errors, val_errors, trainer.loss.sigmas())
