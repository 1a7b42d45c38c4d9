"""Trainings that are killed and go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch


def train_twice(train: Callable[..., Any], folder: Path, epochs: int) -> tuple[Path, Path]:
    """Train once without a break, and once killed after so many `epochs`; gives the folders of both runs.

    `train` takes a folder, and what to do after each epoch. Both have to return the same history.
    """
    whole, resumed = folder / "whole", folder / "resumed"
    for each in (whole, resumed):
        each.mkdir()
    expected = train(whole)

    def kill(history: Any) -> None:
        if len(history.epochs) == epochs:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(resumed, kill)
    torch.rand(7)  # the state of the random numbers is part of what a run keeps
    assert train(resumed) == expected
    return whole, resumed


def equal(one: Any, other: Any) -> bool:
    """Whether two checkpoints are the same, bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)
