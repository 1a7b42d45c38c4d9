"""Stand-in weights of TuneJury: CLAP as LAION saves it, and the head, as `fake_weights` makes those of APEX."""

import json
from collections.abc import Mapping
from math import log, prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from apex_space.models.encoders import clap
from apex_space.models.heads import tunejury
from helpers.fake_weights import State, draw, mlp_state

TINY = {
    "depths": [2, 2, 2, 2],
    "num_attention_heads": [1, 2, 4, 8],
    "hidden_size": 64,
    "patch_embeds_hidden_size": 8,
}
"""As small as the CLAP in the reference material, but for its embeddings, which are as wide as the published ones."""
WINDOW = 8
Shapes = Mapping[str, tuple[int, ...]]


def tiny_shapes() -> Shapes:
    """Names without the prefix, and shapes, of a tiny CLAP's audio half."""
    from transformers import ClapAudioConfig  # here, since it takes seconds and most tests need no CLAP

    from apex_space.bench.networks import clap_state

    with torch.device("meta"):
        state = clap_state(ClapAudioConfig(**TINY))
    return {name.removeprefix(clap.PREFIX): tuple(tensor.shape) for name, tensor in state.items()}


def audio_shapes(shared: Path) -> Shapes:
    """The same at full size, and some tensors that are not needed."""
    listed = json.loads((shared / "reference" / "golden" / "tunejury" / "clap_shapes.json").read_text())
    return {name: tuple(shape) for name, shape in listed.items() if not name.startswith(("text_", "audio_branch.spec"))}


def position_index() -> Tensor:
    """For each pair of places in a window, the row of the table of their relative positions."""
    at = np.stack(np.meshgrid(range(WINDOW), range(WINDOW), indexing="ij")).reshape(2, -1)
    rows, columns = at[:, :, None] - at[:, None] + WINDOW - 1
    return torch.from_numpy(rows * (2 * WINDOW - 1) + columns)


def fill(name: str, shape: tuple[int, ...]) -> Tensor:
    """A tensor by its name, after the rules of the reference material."""
    if name.endswith("relative_position_index"):
        return position_index()
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1000)
    if name.startswith("logit_scale"):
        return torch.tensor(log(1 / 0.07))
    drawn = {
        "bn0.running_mean": lambda: -20 + draw(name, shape, 5),
        "bn0.running_var": lambda: 400 + draw(name, shape, 50).abs(),
        "relative_position_bias_table": lambda: draw(name, shape, 0.3),
    }
    for end, make in drawn.items():
        if name.endswith(end):
            return make()
    layer, _, kind = name.rpartition(".")
    if layer.endswith(("norm", "norm1", "norm2", "LayerNorm", "bn0")):
        return draw(name, shape, 0.05) + (1 if kind == "weight" else 0)
    return draw(name, shape, 0.02 if kind == "bias" else prod(shape[1:]) ** -0.5)


def clap_content(shapes: Shapes) -> dict[str, object]:
    """What LAION's file holds. The optimizer has a number of NumPy, which PyTorch does not load unasked."""
    state = {f"{clap.PREFIX}{name}": fill(name, shape) for name, shape in shapes.items()}
    return {"epoch": 15, "name": "x", "state_dict": state, "optimizer": {"lr": np.float64(1e-4)}}


def head_state(inputs: str = "audio") -> State:
    """The head's tensors."""
    return mlp_state((tunejury.INPUTS[inputs], *tunejury.HIDDEN))


def write_tunejury(folder: Path, shapes: Shapes) -> Path:
    """A folder as `--weights` takes it, with all that TuneJury needs on CLAP alone, and the head that hears more."""
    for name in ("laion_clap", "tunejury"):
        (folder / name).mkdir()
    torch.save(clap_content(shapes), folder / "laion_clap" / clap.CHECKPOINTS[0])
    torch.save(head_state(), folder / "tunejury" / "A1_clap_audio_only.pt")
    torch.save(head_state("all"), folder / "tunejury" / "tunejury.pt")
    return folder
