"""Stand-in weights of TuneJury: CLAP as LAION saves it, and the head, as `fake_weights` makes those of APEX."""

import json
from collections.abc import Mapping
from math import log, prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from apex_space.models.encoders import clap, clap_text
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


def tiny_text_shapes() -> Shapes:
    """The same of a tiny text half, with RoBERTa's number of heads and all tokens of `write_tokenizer`."""
    from transformers import ClapTextConfig, ClapTextModelWithProjection

    sizes = {"vocab_size": 300, "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2}
    with torch.device("meta"):
        state = ClapTextModelWithProjection(ClapTextConfig(**sizes)).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if not name.endswith("token_type_ids")}
    for theirs, ours in clap_text.RENAMED.items():
        shapes = {name.replace(ours, theirs): shape for name, shape in shapes.items()}
    return shapes


def audio_shapes(shared: Path, text: bool = False) -> Shapes:
    """The same at full size, with the `text` half if wanted, and some tensors that are not needed."""
    listed = json.loads((shared / "reference" / "golden" / "tunejury" / "clap_shapes.json").read_text())
    unwanted = ("audio_branch.spec",) if text else ("audio_branch.spec", "text_")
    return {name: tuple(shape) for name, shape in listed.items() if not name.startswith(unwanted)}


def position_index() -> Tensor:
    """For each pair of places in a window, the row of the table of their relative positions."""
    at = np.stack(np.meshgrid(range(WINDOW), range(WINDOW), indexing="ij")).reshape(2, -1)
    rows, columns = at[:, :, None] - at[:, None] + WINDOW - 1
    return torch.from_numpy(rows * (2 * WINDOW - 1) + columns)


def fill(name: str, shape: tuple[int, ...]) -> Tensor:
    """A tensor by its name, after the rules of the reference material."""
    if name.endswith("relative_position_index"):
        return position_index()
    if name.endswith("position_ids"):
        return torch.arange(shape[1])[None]
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1000)
    if name.startswith("logit_scale"):
        return torch.tensor(log(1 / 0.07))
    drawn = {
        "bn0.running_mean": lambda: -20 + draw(name, shape, 5),
        "bn0.running_var": lambda: 400 + draw(name, shape, 50).abs(),
        "relative_position_bias_table": lambda: draw(name, shape, 0.3),
        "_embeddings.weight": lambda: draw(name, shape, 0.3),
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


SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
MERGES = [("t", "h"), ("th", "e"), ("h", "e"), ("Ġ", "the")]


def write_tokenizer(path: Path, letters: str = "") -> Path:
    """RoBERTa's tokenizer with a small vocabulary of our own, of all bytes or of some as the tokenizer spells them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    alphabet = sorted(letters or pre_tokenizers.ByteLevel.alphabet())
    names = [*SPECIAL, *alphabet, *map("".join, MERGES)]
    tokenizer = Tokenizer(models.BPE({name: id for id, name in enumerate(names)}, MERGES))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.add_special_tokens([*SPECIAL])
    tokenizer.enable_padding(length=10)  # as in a file that was saved for something else
    tokenizer.save(str(path))
    return path
