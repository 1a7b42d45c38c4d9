"""CLAP's audio half: LAION's file under transformers' names, and what is heard of a song. Reference: `clap_tiny`."""

import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from apex_space.core.errors import WeightsInvalid
from apex_space.models.encoders import checkpoint, clap
from apex_space.models.encoders.clap import CLIP, ClapAudio, crop
from helpers import fake_clap, fake_weights

CLIPS = {  # the reference material's names -> seconds and loudness
    "synthetic_12s": (12, 1.0),
    "synthetic_4s": (4, 1.0),
    "synthetic_10s_times_3": (10, 3.0),
    "synthetic_10s_quiet": (10, 1e-3),
}


def samples(name: str) -> np.ndarray:
    seconds, loudness = CLIPS[name]
    return fake_weights.synthetic(seconds, clap.SAMPLE_RATE) * np.float32(loudness)


@pytest.fixture(scope="module")
def reference(shared: Path) -> Path:
    return shared / "reference" / "golden" / "tunejury"


@pytest.fixture(scope="module")
def published(reference: Path) -> ClapAudio:
    return ClapAudio(reference / "clap_tiny.pt")


@pytest.fixture(scope="module")
def golden(reference: Path) -> dict[str, np.ndarray]:
    return load_file(reference / "clap_tiny_golden.safetensors")


@pytest.mark.parametrize("name", CLIPS)
def test_embeddings_of_the_published_code(name: str, published: ClapAudio, golden: dict[str, np.ndarray]) -> None:
    (embedding,) = published(crop(samples(name)))
    np.testing.assert_allclose(embedding, golden[f"{name}.audio_embedding_centre"], atol=1e-5)
    assert np.abs(embedding - golden[f"{name}.audio_embedding_seed_7_unquantised"]).max() > 1e-3
    assert np.linalg.norm(embedding) == pytest.approx(1)


def test_a_crop_elsewhere_has_the_published_embedding_too(published: ClapAudio, golden: dict[str, np.ndarray]) -> None:
    start = int(golden["synthetic_12s.crop_start_seed_7"])
    (embedding,) = published(crop(samples("synthetic_12s")[start : start + CLIP]))
    np.testing.assert_allclose(embedding, golden["synthetic_12s.audio_embedding_seed_7"], atol=1e-5)


def test_the_spectrogram_is_the_published_one(
    published: ClapAudio, golden: dict[str, np.ndarray], reference: Path
) -> None:
    made = published.spectrogram(torch.from_numpy(crop(samples("synthetic_4s")))[None])[0]
    np.testing.assert_allclose(made, golden["synthetic_4s.mel_db"], atol=0.02)
    state = checkpoint.read(reference / "clap_tiny.pt", clap.ALLOWED)["state_dict"]
    np.testing.assert_allclose(published.filters, state["module.audio_branch.logmel_extractor.melW"], atol=1e-8)


def test_what_only_text_or_training_needs_is_not_in_memory(published: ClapAudio) -> None:
    names = set(published.network.state_dict())
    assert names == {name for name in names if name.startswith(("audio_model.", "audio_projection."))}


@pytest.mark.parametrize(("length", "start"), [(CLIP, 0), (CLIP + 1, 0), (CLIP + 3, 1), (5 * CLIP, 2 * CLIP)])
def test_the_middle_of_a_song_is_heard(length: int, start: int) -> None:
    song = np.linspace(-1, 1, length, dtype=np.float32)
    heard = crop(song)
    assert (heard.shape, heard.dtype) == ((CLIP,), np.float32)
    np.testing.assert_allclose(heard, song[start : start + CLIP], atol=1 / 32_000)


@pytest.mark.parametrize("length", [1, 100_000, 240_000, 240_001, CLIP - 1])
def test_a_shorter_sound_is_repeated_and_then_silent(length: int) -> None:
    sound = np.linspace(-0.9, 0.9, length, dtype=np.float32)
    heard, times = crop(sound), CLIP // length
    np.testing.assert_array_equal(heard[: times * length].reshape(times, length), heard[None, :length].repeat(times, 0))
    assert not heard[times * length :].any()
    np.testing.assert_allclose(heard[:length], sound, atol=1 / 32_000)


def test_samples_are_cut_to_16_bits_towards_zero_and_clipped() -> None:
    step = Fraction(1, 32_767)
    given = np.array([0.9 * step, -0.9 * step, 1.9 * step, 1, 1.5, -3], np.float32)
    np.testing.assert_allclose(crop(given)[:6], np.array([0, 0, 1 * step, 1, 1, -1], float))


def save(content: Any, folder: Path) -> Path:
    torch.save(content, folder / clap.CHECKPOINTS[0])
    return folder / clap.CHECKPOINTS[0]


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return fake_clap.clap_content(fake_clap.tiny_shapes())


@pytest.mark.parametrize("form", ["as trained", "bare", "under older names of NumPy"])
def test_forms_of_the_file(form: str, content: dict[str, Any], tmp_path: Path) -> None:
    names = {name.removeprefix(clap.PREFIX): tensor for name, tensor in content["state_dict"].items()}
    path = save(names if form == "bare" else content, tmp_path)
    if form == "under older names of NumPy":
        rename_in_pickle(path, b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert ClapAudio(path).width == 512


def rename_in_pickle(path: Path, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as file:
        parts = {item: file.read(item) for item in file.infolist()}
    assert any(old in data for data in parts.values())
    with zipfile.ZipFile(path, "w") as file:
        for item, data in parts.items():
            file.writestr(item, data.replace(old, new) if item.filename.endswith("data.pkl") else data)


@pytest.mark.parametrize("evil", [np.dtype("O"), print, Path("x"), np.array([1.0])])
def test_nothing_but_what_is_named_is_unpickled(evil: Any, content: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WeightsInvalid, match="cannot be read"):
        ClapAudio(save(content | {"optimizer": evil}, tmp_path))


State = fake_weights.State
A_NORM, A_LAYER = "module.audio_branch.norm.weight", "module.audio_branch.layers.1.blocks.1.attn.qkv.weight"
DAMAGE: dict[str, Callable[[State], State]] = {
    "audio_model.audio_encoder.norm.weight is missing": lambda s: {k: v for k, v in s.items() if k != A_NORM},
    "audio_model.audio_encoder.x is not of this model": lambda s: s | {"module.audio_branch.x": torch.ones(1)},
    "is [12, 16], not [16, 16]": lambda s: s | {A_LAYER: torch.ones(36, 16)},
    "norm.weight holds numbers that are not finite": lambda s: s | {A_NORM: torch.full((64,), torch.nan)},
    "is not a CLAP of LAION": lambda s: {k: v for k, v in s.items() if "patch_embed" not in k},
}


@pytest.mark.parametrize("fault", DAMAGE)
def test_every_tensor_is_accounted_for(fault: str, content: dict[str, Any], tmp_path: Path) -> None:
    path = save(content | {"state_dict": DAMAGE[fault](content["state_dict"])}, tmp_path)
    with pytest.raises(WeightsInvalid) as refusal:
        ClapAudio(path)
    assert fault in str(refusal.value)
