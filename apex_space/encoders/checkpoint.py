"""Reading weights files: memory-mapped, without running anything that is in them, every tensor accounted for."""

import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import WeightsInvalid


def read(path: Path) -> dict[str, Any]:
    """The content of a `.safetensors` file, or of a PyTorch file restricted to tensors and plain values."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # every kind of damage has its own exception in these libraries
        raise WeightsInvalid(
            f"{path.name} cannot be read: half a download, or not a weights file. Delete {path} and fetch it again."
        ) from error
    if not isinstance(content, dict):
        raise WeightsInvalid(f"{path.name} holds a {type(content).__name__}, not named tensors. Delete and refetch it.")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, such as a model's configuration."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsInvalid(f"{path.name} is not JSON. Delete {path} and fetch it again.") from error
    if not isinstance(content, dict):
        raise WeightsInvalid(f"{path.name} is not a JSON object. Delete {path} and fetch it again.")
    return content


def load(module: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Put `state` into `module` without copying: every tensor found and of its shape, none left over."""
    expected = module.state_dict()
    faults = [f"{name} is missing" for name in expected.keys() - state.keys()]
    faults += [f"{name} is not of this model" for name in state.keys() - expected.keys()]
    faults += [
        f"{name} is {list(state[name].shape)}, not {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    if faults:
        more = f" and {len(faults) - 3} more faults" if len(faults) > 3 else ""
        raise WeightsInvalid(f"{source.name} does not fit: {'; '.join(sorted(faults)[:3])}{more}. Check {source}.")
    module.load_state_dict(state, assign=True)
