"""CLAP's text branch: a prompt -> one embedding of length 1 (arXiv 2211.06687).

The weights are those of LAION's own file, the text half of transformers' ClapModel. The tokens are those of RoBERTa.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import WeightsInvalid
from . import checkpoint
from .clap import ALLOWED, NO_CLAP, PREFIX
from .encoder import IMPORTING

if TYPE_CHECKING:
    from transformers import ClapTextConfig

TOKENS = ("tokenizer.json",)
MAX_TOKENS = 77
"""Number of tokens that are heard of a prompt, with those for its start and its end. The rest is cut off."""
START, PADDING, END = 0, 1, 2
HEADS = 12
"""Attention heads of RoBERTa-base, which the tensors' shapes do not tell."""
EPSILON = 1e-5
RENAMED = {
    "text_branch.": "text_model.",
    "text_projection.0.": "text_projection.linear1.",
    "text_projection.2.": "text_projection.linear2.",
}
"""Beginnings of LAION's names, and transformers' beginnings for the same tensors."""
EMBEDDINGS = "text_model.embeddings."
BUFFERS = (f"{EMBEDDINGS}position_ids", f"{EMBEDDINGS}token_type_ids")


class ClapText:
    """Encodes prompts. `path` is LAION's file, and `tokens` that of RoBERTa's tokenizer. Raises WeightsInvalid."""

    def __init__(self, path: Path, tokens: Path, heads: int = HEADS) -> None:
        self.tokenizer = read_tokenizer(tokens)
        self.network = _load(path, heads)
        known = self.network.config.vocab_size
        if self.tokenizer.get_vocab_size() > known:
            raise WeightsInvalid(
                "{file} has more tokens than this CLAP knows, {known}. Check {path}.",
                file=tokens.name,
                known=known,
                path=tokens,
            )

    def __call__(self, prompt: str) -> np.ndarray:
        """Encode a prompt -> [D] float32."""
        return self.embed(torch.tensor([token_ids(self.tokenizer, prompt)]))[0].numpy()

    def embed(self, ids: Tensor) -> Tensor:
        """Encode the tokens `ids` [S, T], padded with PADDING -> [S, D]."""
        with torch.inference_mode():
            mask = (ids != PADDING).long()
            return F.normalize(self.network(input_ids=ids, attention_mask=mask).text_embeds, dim=-1)


def read_tokenizer(path: Path) -> Any:
    """Read RoBERTa's tokenizer, a Tokenizer of the library tokenizers. Raises WeightsInvalid."""
    with IMPORTING:
        from transformers import PreTrainedTokenizerFast

    try:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path)).backend_tokenizer
    except Exception as error:  # this library raises Exception itself
        raise WeightsInvalid("{file} is not a tokenizer. Check {path}.", file=path.name, path=path) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    if tokenizer.encode("").ids != [START, END]:
        raise WeightsInvalid("{file} is not RoBERTa's tokenizer. Check {path}.", file=path.name, path=path)
    return tokenizer


def token_ids(tokenizer: Any, prompt: str) -> list[int]:
    """Return the tokens of a prompt, at most MAX_TOKENS. What is no Unicode text becomes a question mark."""
    ids: list[int] = tokenizer.encode(prompt.encode("utf-8", "replace").decode()).ids
    return ids


def _load(path: Path, heads: int) -> Any:
    """Load the text half of a CLAP. Every tensor of it must be there, and none may be left over."""
    content = checkpoint.read(path, ALLOWED)
    state = _renamed(checkpoint.tensors(content.get("state_dict", content), path))
    with IMPORTING:
        from transformers import ClapTextModelWithProjection

    try:
        with torch.device("meta"):
            network = ClapTextModelWithProjection(_config(state, heads))
    except Exception as error:  # a missing name, or what transformers and torch raise for shapes that make no network
        raise WeightsInvalid(NO_CLAP, file=path.name, path=path) from error
    places = torch.arange(network.config.max_position_embeddings)[None]
    checkpoint.load(network, state | dict(zip(BUFFERS, (places, torch.zeros_like(places)), strict=True)), path)
    return network.eval().requires_grad_(False)


def _renamed(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the text half's tensors in LAION's file under transformers' names."""
    made: dict[str, Tensor] = {}
    for full, tensor in published.items():
        name = full.removeprefix(PREFIX)
        for theirs, ours in RENAMED.items():
            if name.startswith(theirs):
                made[name.replace(theirs, ours, 1)] = tensor
    return {name: tensor for name, tensor in made.items() if name not in BUFFERS}


def _config(state: dict[str, Tensor], heads: int) -> "ClapTextConfig":
    with IMPORTING:
        from transformers import ClapTextConfig

    layer = "text_model.encoder.layer."
    layers = Counter(name.removeprefix(layer).split(".")[0] for name in state if name.startswith(layer))
    words, width = state[f"{EMBEDDINGS}word_embeddings.weight"].shape
    return ClapTextConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=heads,
        intermediate_size=len(state[f"{layer}0.intermediate.dense.weight"]),
        max_position_embeddings=len(state[f"{EMBEDDINGS}position_embeddings.weight"]),
        type_vocab_size=len(state[f"{EMBEDDINGS}token_type_embeddings.weight"]),
        projection_dim=len(state["text_projection.linear1.weight"]),
        layer_norm_eps=EPSILON,
        pad_token_id=PADDING,
    )
