"""The settings of a training run. Every default is the published one."""

from dataclasses import dataclass
from typing import Literal, get_args

from ...core.axes import AESTHETICS, POPULARITY

Mode = Literal["segment", "song"]
Task = Literal["popularity", "full"]
Loss = Literal["equal", "weighted", "uncertainty"]
MODES, TASKS, LOSSES = (get_args(kind) for kind in (Mode, Task, Loss))
AXES: dict[str, tuple[str, ...]] = {"popularity": POPULARITY, "full": POPULARITY + AESTHETICS}
"""Task -> the axes that it learns, in the published order."""


@dataclass(frozen=True)
class TrainingSettings:
    """What to train, and how.

    `mode` says what a sample is: a segment, or the mean of a song's segments. `shared` is the number of shared layers.
    """

    mode: Mode = "song"
    task: Task = "full"
    loss: Loss = "uncertainty"
    shared: int = 2
    epochs: int = 50
    patience: int = 20
    batch: int = 512
    rate: float = 1e-4
    weight_decay: float = 1e-4
    clip: float = 1.0
    """Largest norm of the gradients of the network and the loss together."""
    seed: int = 42
    as_published: bool = False
    """Whether to keep the defects of the published code that move results: see `losses` and `trainer`."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Return the axes to learn, in the published order."""
        return AXES[self.task]

    @property
    def run(self) -> str:
        """Return the published name of such a run."""
        return f"loss-{self.loss}_shared-{self.shared}_mode-{self.mode}_task-{self.task}"
