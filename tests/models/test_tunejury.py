"""CLAP's audio half at full size: the embeddings that the published code gave for these weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from apex_space.audio.resample import resample
from apex_space.audio.waveform import load_song
from apex_space.models.encoders import clap
from apex_space.models.encoders.clap import ClapAudio
from helpers import fake_clap, fake_weights


@pytest.fixture(scope="module")
def full_size(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> ClapAudio:
    path = tmp_path_factory.mktemp("clap") / clap.CHECKPOINTS[0]
    torch.save(fake_clap.clap_content(fake_clap.audio_shapes(shared)), path)
    return ClapAudio(path)


def published_crop(samples: np.ndarray) -> np.ndarray:
    """The part of a song that the published code draws at random, here with the seed 7."""
    start = np.random.RandomState(7).randint(0, max(0, len(samples) - clap.CLIP) + 1)
    return samples[start : start + clap.CLIP]


def test_a_signal_anyone_can_rebuild(full_size: ClapAudio, shared: Path) -> None:
    golden = json.loads((shared / "reference" / "golden" / "tunejury" / "clap_full.json").read_text())["synthetic_12s"]
    (embedding,) = full_size(clap.crop(published_crop(fake_weights.synthetic(12, clap.SAMPLE_RATE))))
    np.testing.assert_allclose(embedding[:8], golden["embedding_first_8"], atol=1e-5)


@pytest.mark.parametrize("name", ["libri.ogg", "vibeace_24k_mono.wav"])
def test_songs(name: str, full_size: ClapAudio, shared: Path) -> None:
    golden = json.loads((shared / "reference" / "golden" / "tunejury" / "songs.json").read_text())[name]
    song = load_song(shared / "audio" / name)
    samples = resample(song.samples, song.rate, clap.SAMPLE_RATE)
    (embedding,) = full_size(clap.crop(published_crop(samples)))
    np.testing.assert_allclose(embedding[:8], golden["clap_audio_first_8"], atol=1e-5)
