"""Predict what people think of your song."""

from typing import Any

__all__ = ["load_judge"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # imported on first use, so that `--help` needs no numpy
    if name == "load_judge":
        from .judges.loading import load_judge

        return load_judge
    raise AttributeError(name)
