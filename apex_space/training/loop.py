"""The loop of every training: epochs, the best of them, the early stop, and how a killed run goes on."""

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor

from ..core.errors import TrainingError, WeightsError
from ..core.files import replacing
from ..models.encoders import checkpoint

LAST = "last.pt"
"""What the next epoch depends on."""


@dataclass(frozen=True)
class Epoch:
    """What was measured in an epoch, numbered from 1: its learning rate and its loss, and more in each training."""

    number: int
    rate: float
    train_loss: float

    @property
    def error(self) -> float:
        """Return what the best epoch is chosen by: the lower, the better."""
        raise NotImplementedError


E = TypeVar("E", bound=Epoch)


class Limits(Protocol):
    """When training ends: after `epochs`, or after `patience` in a row that were no better than the best."""

    @property
    def epochs(self) -> int: ...
    @property
    def patience(self) -> int: ...


@dataclass(frozen=True)
class History(Generic[E]):
    """The epochs so far. The best one has the lowest error; of equal ones the first is the best."""

    epochs: tuple[E, ...] = ()

    @property
    def best(self) -> E:
        """Return the best epoch."""
        return min(self.epochs, key=lambda epoch: epoch.error)

    def is_over(self, limits: Limits) -> bool:
        """Return whether all epochs are done, or as many in a row as the patience were no better than the best."""
        done = len(self.epochs)
        return done >= limits.epochs or (done > 0 and done - self.best.number >= limits.patience)


class Learner:
    """What is trained, on one device: a network, its optimizer, and whatever else changes from epoch to epoch."""

    device: torch.device

    def parts(self) -> Mapping[str, Any]:
        """Return by name all that has a state of its own."""
        raise NotImplementedError

    def checkpoint(self, epoch: Any) -> dict[str, Any]:
        """Return the published content of a checkpoint."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return everything that the next epoch depends on."""
        random = {
            "random": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if self._cuda else None,
        }
        return {name: part.state_dict() for name, part in self.parts().items()} | random

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["random"])
        if self._cuda:
            torch.cuda.set_rng_state(state["cuda"], self.device)

    @property
    def _cuda(self) -> bool:
        return self.device.type == "cuda"


def train(
    learner: Learner,
    next_epoch: Callable[[int], E],
    kind: type[E],
    limits: Limits,
    best: Path,
    about: dict[str, Any],
    on_epoch: Callable[[History[E]], None],
) -> History[E]:
    """Train epoch by epoch until the limits, `next_epoch` being given each one's number. Raises TrainingError.

    After each epoch, the file `best` is the best checkpoint so far, and `last.pt` beside it is what the next epoch
    depends on. If there is a `last.pt` and it is of what `about` tells, training goes on behind it, exactly as if it
    had never stopped.
    """
    last = best.with_name(LAST)
    try:
        history = _resumed(learner, kind, last, about)
        if history.epochs and not best.is_file():
            raise TrainingError(f"{best} is gone. Put it back, or delete {last} to begin again.")
        while not history.is_over(limits):
            epoch = next_epoch(len(history.epochs) + 1)
            if not (math.isfinite(epoch.train_loss) and math.isfinite(epoch.error)):
                raise TrainingError(f"The loss is not finite any more in epoch {epoch.number}. Choose a lower --rate.")
            history = History((*history.epochs, epoch))
            if history.best is epoch:
                _save(learner.checkpoint(epoch), best)
            on_epoch(history)
            epochs = [asdict(each) for each in history.epochs]
            _save(learner.state() | {"epochs": epochs, "about": about}, last)
    except OSError as error:
        raise TrainingError(f"{best.parent} cannot be written to ({error.strerror}). Choose another --out.") from error
    return history


def batches(order: Tensor, size: int) -> list[Tensor]:
    """Cut an order [N] into batches to learn from. A single sample left over, which batch norm refuses, joins one."""
    cut = [*order.split(size)]
    if len(cut) > 1 and len(cut[-1]) == 1:
        cut[-2:] = [torch.cat(cut[-2:])]
    return cut


def _save(content: dict[str, Any], path: Path) -> None:
    """Write a checkpoint. Raises OSError: both libraries have errors of their own, if they write the file."""
    if path.suffix == ".safetensors":
        written = save(content)
    else:
        torch.save(content, buffer := io.BytesIO())
        written = buffer.getvalue()
    with replacing(path) as part:
        part.write_bytes(written)


def _resumed(learner: Learner, kind: type[E], path: Path, about: dict[str, Any]) -> History[E]:
    """Return the epochs of the run that stopped, and restore the learner; nothing if there was none."""
    if not path.exists():
        return History()
    try:
        state = checkpoint.read(path)
        if state.get("about") == about:
            learner.restore(state)
            history = History(tuple(kind(**epoch) for epoch in state["epochs"]))
            if all(math.isfinite(epoch.error) for epoch in history.epochs):
                return history
            raise ValueError
    except (WeightsError, LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(f"{path} is damaged. Delete it to begin again, or choose another --out.") from error
    raise TrainingError(f"{path} is from other settings or other songs. Delete it, or choose another --out.")
