"""The three published losses: sums of each score's mean squared error, with fixed or trained weights."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ...core.axes import POPULARITY
from ...models.heads.apex import TASKS
from .settings import Loss

POPULARITY_WEIGHT = 5.0
"""Weight of the scores from 0 to 100 in the loss `weighted`. All other scores, from 1 to 5, have the weight 1."""


def published_name(axis: str) -> str:
    """Return the name of an axis in checkpoints and tables: streams -> score_streams."""
    return TASKS.get(axis, axis)


class TaskLoss(nn.Module):
    """Scores and their targets -> one loss.

    The errors are in the targets' own units, as published: those of popularity (0 to 100) are hundreds of times those
    of the aesthetics (1 to 5). `equal` and `weighted` add them up. `uncertainty` has a trained number s for each score,
    the logarithm of its sigma, and adds up 0.5 exp(-2 s) error + s.
    """

    def __init__(self, kind: Loss, axes: Sequence[str]) -> None:
        super().__init__()
        self.kind, self.axes = kind, tuple(axes)
        if kind == "uncertainty":
            self.log_sigmas = nn.ParameterDict({published_name(axis): nn.Parameter(torch.zeros(1)) for axis in axes})

    def forward(self, predicted: Mapping[str, Tensor], truth: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss [] and the error of each score [T], from {axis: [B]} and the targets [B, T]."""
        errors = torch.stack(
            [nn.functional.mse_loss(predicted[axis].float(), truth[:, i]) for i, axis in enumerate(self.axes)]
        )
        return sum(self._terms(errors), torch.zeros((), device=errors.device)), errors.detach()

    def _terms(self, errors: Tensor) -> list[Tensor]:
        if self.kind == "uncertainty":
            logs = [self.log_sigmas[published_name(axis)].squeeze() for axis in self.axes]
            return [0.5 * torch.exp(-2 * log) * error + log for log, error in zip(logs, errors, strict=True)]
        weights = [POPULARITY_WEIGHT if self.kind == "weighted" and a in POPULARITY else 1.0 for a in self.axes]
        return [weight * error for weight, error in zip(weights, errors, strict=True)]

    def sigmas(self) -> dict[str, float]:
        """Return exp(s) by axis; nothing for a loss without trained weights."""
        return self._trained(1.0)

    def weights(self) -> dict[str, float]:
        """Return exp(-2 s) by axis, as published without the 0.5; nothing for a loss without trained weights."""
        return self._trained(-2.0)

    def _trained(self, factor: float) -> dict[str, float]:
        if self.kind != "uncertainty":
            return {}
        return {axis: torch.exp(factor * self.log_sigmas[published_name(axis)]).item() for axis in self.axes}
