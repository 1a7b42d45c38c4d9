"""CLAP's text half: embeddings of the published code (`clap_tiny`), and prompts as RoBERTa's tokens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from apex_space.core.errors import WeightsInvalid
from apex_space.models.encoders.clap_text import ClapText, read_tokenizer, token_ids
from helpers.fake_clap import write_tokenizer


@pytest.fixture(scope="module")
def reference(shared: Path) -> Path:
    return shared / "reference" / "golden" / "tunejury"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tokenizer(tmp_path_factory.mktemp("tokens") / "tokenizer.json")


def test_embeddings_of_the_published_code(reference: Path, tmp_path: Path) -> None:
    golden = load_file(reference / "clap_tiny_golden.safetensors")
    few = write_tokenizer(tmp_path / "few.json", "theHousĠĊ")  # this CLAP knows 128 tokens
    text = ClapText(reference / "clap_tiny.pt", few, heads=4)
    for count in (2, 6, 77):
        ids = golden[f"tokens_{count}.ids"].reshape(-1)
        expected = golden[f"tokens_{count}.text_embedding"].reshape(-1)
        for given in (ids, ids[ids != 1]):  # padding does not matter
            made = text.embed(torch.from_numpy(given).long()[None])[0]
            np.testing.assert_allclose(made, expected, atol=1e-5)
    assert np.linalg.norm(text("the house\n")) == pytest.approx(1)
    assert np.abs(text("house") - text("House")).max() > 1e-3


START, END, SPACE, NEWLINE = 0, 2, "Ġ", "Ċ"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", []),
        (" ", [SPACE]),
        ("the", ["the"]),
        (" the the", ["Ġthe", "Ġthe"]),
        ("The", ["T", "he"]),
        ("the\nthe", ["the", NEWLINE, "the"]),
        ("é", ["Ã", "©"]),
        ("鼓", ["é", "¼", "ĵ"]),
        ("\ud800", ["?"]),
        ("</s>", ["</s>"]),
    ],
)
def test_a_prompt_is_cut_into_tokens_of_bytes(prompt: str, expected: list[str], tokens: Path) -> None:
    tokenizer = read_tokenizer(tokens)
    ids = token_ids(tokenizer, prompt)
    assert (ids[0], ids[-1]) == (START, END)
    assert [tokenizer.id_to_token(id) for id in ids[1:-1]] == expected


def test_a_long_prompt_is_cut_to_77_tokens(tokens: Path) -> None:
    tokenizer = read_tokenizer(tokens)
    for words in (75, 76, 5000):
        ids = token_ids(tokenizer, " the" * words)
        assert ids == [START, *[tokenizer.token_to_id("Ġthe")] * 75, END]


def other_tokenizer(path: Path) -> None:
    from tokenizers import Tokenizer, models

    Tokenizer(models.BPE({"a": 0}, [])).save(str(path))


def test_other_files_are_refused(reference: Path, tokens: Path, tmp_path: Path) -> None:
    made: dict[str, Any] = {
        "is not a tokenizer": lambda path: path.write_text("{"),
        "is not RoBERTa's tokenizer": other_tokenizer,
        "has more tokens than this CLAP knows, 128": lambda path: path.write_bytes(tokens.read_bytes()),
    }
    for number, (fault, make) in enumerate(made.items()):
        path = tmp_path / f"{number}.json"
        make(path)
        with pytest.raises(WeightsInvalid, match=fault):
            ClapText(reference / "clap_tiny.pt", path, heads=4)
    with pytest.raises(WeightsInvalid, match="is not a CLAP of LAION"):
        ClapText(tokens_as_weights(tmp_path), tokens)


def tokens_as_weights(folder: Path) -> Path:
    torch.save({"state_dict": {"module.text_branch.x": torch.ones(1)}}, folder / "x.pt")
    return folder / "x.pt"
