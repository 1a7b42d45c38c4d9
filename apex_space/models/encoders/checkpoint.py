"""Reads weights files: memory-mapped, without running any code in them, and with every tensor accounted for."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

from ...core.errors import WeightsInvalid
from ...core.text import message

MAX_JSON_BYTES = 10_000_000
ALLOWING = Lock()
"""Lock to hold while a file is read: what PyTorch allows for one file, it allows in all threads until that is read."""


def read(path: Path, allowed: Sequence[Any] = ()) -> dict[str, Any]:
    """Read a `.safetensors` file, or a PyTorch file restricted to tensors, plain values and what is `allowed`.

    An item of `allowed` is a class or function, or a pair of it and another name under which files have it.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with ALLOWING, torch.serialization.safe_globals([*allowed]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # every kind of damage has its own exception in these libraries
        raise _invalid(path, "cannot be read: half a download, or not a weights file") from error
    if not isinstance(content, dict):
        raise _invalid(path, message("holds a {kind}, not named tensors", kind=type(content).__name__))
    return content


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, such as a model's configuration."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _invalid(path, "is not JSON") from error
    if not isinstance(content, dict):
        raise _invalid(path, "is not a JSON object")
    return content


def tensors(content: Any, source: Path) -> dict[str, Tensor]:
    """Return `content` after checking that it holds named tensors and nothing else."""
    if not isinstance(content, dict) or not content:
        raise _invalid(source, "holds no named tensors")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _invalid(source, message("holds {name!r}, which is no named tensor", name=name))
    return content


def load(module: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Load `state` into `module`. Every tensor must be there, be finite and have its shape. None may be left over.

    A tensor is copied only if its precision differs from the module's.
    """
    expected = module.state_dict()
    faults = [f"{name} is missing" for name in expected.keys() - state.keys()]
    faults += [f"{name} is not of this model" for name in state.keys() - expected.keys()]
    faults += [
        f"{name} is {list(state[name].shape)}, not {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    faults += [f"{name} holds numbers that are not finite" for name in state if not state[name].isfinite().all()]
    if faults:
        more = message(" and {count} more faults", count=len(faults) - 3) if len(faults) > 3 else ""
        raise WeightsInvalid(
            "{file} does not fit: {faults}{more}. Check {path}.",
            file=source.name,
            faults="; ".join(sorted(faults)[:3]),
            more=more,
            path=source,
        )
    module.load_state_dict({name: state[name].to(tensor.dtype) for name, tensor in expected.items()}, assign=True)


def _invalid(path: Path, fault: str) -> WeightsInvalid:
    # In the Hub's cache, `path` is a link. If only the link were deleted, the same damaged file would be linked again.
    # A link elsewhere may lead to a file of somebody else.
    faulty = path.resolve() if "snapshots" in path.parts else path
    return WeightsInvalid("{file} {fault}. Delete {path} and fetch it again.", file=path.name, fault=fault, path=faulty)
