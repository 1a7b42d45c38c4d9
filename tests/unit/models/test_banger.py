"""Banger: the head's file and outputs, an encoder that hears no padding, and the first 30 s as the song's score."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import load_file

from apex_space import plots
from apex_space.audio.features import import_librosa
from apex_space.audio.resample import resample
from apex_space.core.errors import WeightsInvalid
from apex_space.core.settings import Settings
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.judge import Judge
from apex_space.models.encoders import mert
from apex_space.models.heads import banger
from apex_space.models.heads.banger import BangerHead, Unpadded
from apex_space.models.hub import Repository, Snapshot, fetch
from apex_space.ui import render
from helpers import fake_weights

SAMPLE_RATE = 24_000


def head_state() -> fake_weights.State:
    """The published head's names and shapes, drawn like the other stand-ins."""
    state = fake_weights.mlp_state(banger.SIZES)
    state["net.12.bias"] += 3.0
    return state


def write_head(state: fake_weights.State, folder: Path) -> Path:
    torch.save(state, folder / "scorer_model.pt")
    return folder / "scorer_model.pt"


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> BangerHead:
    return BangerHead(write_head(head_state(), tmp_path_factory.mktemp("head")))


class Widened(Unpadded):
    """A small MERT whose embeddings are filled up to the head's width."""

    def in_parts(self, samples: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        embeddings, parts = super().in_parts(samples, valid)
        wider = (0, mert.WIDTH_330M - embeddings.shape[2])
        return np.pad(embeddings, ((0, 0), (0, 0), wider)), np.pad(parts, ((0, 0), (0, 0), (0, 0), wider))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = fake_weights.write_mert(tmp_path_factory.mktemp("weights") / "MERT", fake_weights.TINY_STABLE)
    return fetch(Repository("tiny/MERT", "main", mert.FILES, mert.CHECKPOINTS), folder.parent)


@pytest.fixture(scope="module")
def encoder(snapshot: Snapshot) -> Unpadded:
    return Unpadded(snapshot, (fake_weights.TINY_STABLE.num_hidden_layers,))


@pytest.fixture
def judge(snapshot: Snapshot, head: BangerHead) -> Judge:
    layers = (fake_weights.TINY_STABLE.num_hidden_layers,)
    return Judge("banger", Widened(snapshot, layers), head, (snapshot.weights,), EmbeddingCache())


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(int(seconds * SAMPLE_RATE), dtype=np.float32) / 10


def write(samples: np.ndarray, path: Path) -> Path:
    soundfile.write(path, samples, SAMPLE_RATE, subtype="FLOAT")
    return path


def test_outputs_of_the_published_head(head: BangerHead, shared: Path) -> None:
    golden = load_file(shared / "reference" / "golden" / "banger_head.safetensors")
    with torch.inference_mode():
        raw = head.network(torch.from_numpy(golden["embedding"]))
    np.testing.assert_allclose(raw, golden["score"], rtol=1e-5)


def test_scores_are_clamped_to_their_range(head: BangerHead) -> None:
    embeddings = np.random.default_rng(0).standard_normal((200, 1, 1024), dtype=np.float32)
    scores = head(40 * embeddings)["banger"]
    with torch.inference_mode():
        raw = head.network(torch.from_numpy(40 * embeddings[:, 0])).numpy()
    assert (raw < 0).any()
    assert (raw > 10).any()
    np.testing.assert_array_equal(scores, raw.clip(0, 10))


def without(name: str) -> Callable[[fake_weights.State], fake_weights.State]:
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


DAMAGE: list[tuple[str, Callable[[fake_weights.State], fake_weights.State]]] = [
    ("net.5.running_mean is missing", without("net.5.running_mean")),
    ("net.16.weight is not of this model", lambda s: s | {"net.16.weight": torch.ones(1)}),
    ("net.0.weight is [512, 768], not [512, 1024]", lambda s: s | {"net.0.weight": torch.ones(512, 768)}),
    ("net.12.bias holds numbers that are not finite", lambda s: s | {"net.12.bias": torch.tensor([torch.nan])}),
    ("model.net.0.weight is not of this model", lambda s: {f"model.{name}": tensor for name, tensor in s.items()}),
]


@pytest.mark.parametrize(("named", "damage"), DAMAGE)
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(
    named: str, damage: Callable[[fake_weights.State], fake_weights.State], tmp_path: Path
) -> None:
    with pytest.raises(WeightsInvalid) as refusal:
        BangerHead(write_head(damage(head_state()), tmp_path))
    assert "scorer_model.pt" in str(refusal.value)
    assert named in str(refusal.value) or "more faults" in str(refusal.value)


def test_the_settings_choose_the_repositories() -> None:
    chosen = Settings(banger_mert_repo="a/b", banger_mert_revision="c", banger_repo="d/e", banger_revision="f")
    assert banger.repositories(chosen) == (
        Repository("a/b", "c", mert.FILES, mert.CHECKPOINTS),
        Repository("d/e", "f", (), ("scorer_model.pt",)),
    )


def test_an_encoder_of_another_size_is_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    scorer = Snapshot(tmp_path, write_head(head_state(), tmp_path), snapshot.weights)
    with pytest.raises(WeightsInvalid, match="MERT-v1-330M"):
        banger.load([snapshot, scorer], Settings(precision="float32"))


def test_what_stands_beyond_a_segments_end_is_not_heard(encoder: Unpadded) -> None:
    samples, valid = np.stack([noise(3), noise(3, 1)]), np.array([3 * SAMPLE_RATE, 2 * SAMPLE_RATE])
    silent = samples.copy()
    silent[1, 2 * SAMPLE_RATE :] = 0
    alone = np.concatenate([encoder(samples[:1], valid[:1]), encoder(samples[1:, : 2 * SAMPLE_RATE], valid[1:])])
    np.testing.assert_array_equal(encoder(samples, valid), encoder(silent, valid))
    np.testing.assert_allclose(encoder(samples, valid), alone, atol=1e-5)
    padded = mert.MertEncoder.in_parts(encoder, silent, valid)[0]
    assert np.abs(padded[1] - alone[1]).max() > 1e-2


def test_parts_of_a_short_rest_end_with_it(encoder: Unpadded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "part_seconds", 5.0)
    samples, valid = np.stack([noise(11), noise(11, 1)]), np.array([11 * SAMPLE_RATE, 6 * SAMPLE_RATE])
    embeddings, parts = encoder.in_parts(samples, valid)
    _, alone = encoder.in_parts(samples[1:, : 6 * SAMPLE_RATE], valid[1:])
    assert parts.shape == (2, 3, *embeddings.shape[1:])
    np.testing.assert_array_equal(parts[1, :2], alone[0])
    assert not parts[1, 2].any()


def test_permuting_a_batch_permutes_the_embeddings(encoder: Unpadded) -> None:
    samples, order = np.stack([noise(2, seed) for seed in range(3)]), [2, 0, 1]
    valid = np.array([2 * SAMPLE_RATE, SAMPLE_RATE + 999, 2 * SAMPLE_RATE])
    np.testing.assert_allclose(encoder(samples[order], valid[order]), encoder(samples, valid)[order], atol=1e-5)


@pytest.mark.parametrize("valid", [1, 399, 400, SAMPLE_RATE - 1])
def test_the_shortest_rest_still_has_an_embedding(valid: int, encoder: Unpadded) -> None:
    samples = np.pad(noise(valid / SAMPLE_RATE + 1e-9)[None, :valid], ((0, 0), (0, 30 * SAMPLE_RATE - valid)))
    assert np.isfinite(encoder(samples, np.array([valid]))).all()


@pytest.mark.slow
@pytest.mark.parametrize("rate", [44_100, 48_000, 16_000, 11_025])
def test_songs_are_resampled_as_librosa_does(rate: int, encoder: Unpadded) -> None:
    song = np.random.default_rng(0).standard_normal(rate + 7, dtype=np.float32)
    ours = resample(song, rate, SAMPLE_RATE, encoder.resampling)
    theirs = import_librosa().resample(song, orig_sr=rate, target_sr=SAMPLE_RATE)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, theirs)


def test_a_segment_is_half_a_minute() -> None:
    assert Unpadded.segment_seconds == 30


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 6 s: half minutes take five times as long to compute."""
    monkeypatch.setattr(Unpadded, "segment_seconds", 6.0)


@pytest.mark.slow
def test_a_songs_score_is_that_of_its_first_segment(judge: Judge, tmp_path: Path, short_segments: None) -> None:
    song = noise(14)
    whole, beginning = (
        judge(write(song, tmp_path / "a.wav")),
        judge(write(song[: 6 * SAMPLE_RATE], tmp_path / "b.wav")),
    )
    assert whole.scores["banger"] == pytest.approx(beginning.scores["banger"], abs=1e-5)
    assert whole.scores["banger"] == whole.segments[0].scores["banger"]
    assert [(segment.start, segment.end) for segment in whole.segments] == [(0, 6), (6, 12), (12, 14)]
    assert len({segment.scores["banger"] for segment in whole.segments}) == 3


def test_the_score_is_there_after_the_first_segment(judge: Judge, tmp_path: Path, short_segments: None) -> None:
    first, *later = (r.scores["banger"] for r in judge.steps(write(noise(13), tmp_path / "a.wav")))
    assert later == pytest.approx([first, first], abs=1e-5)


def test_it_speaks_of_one_axis_alone(judge: Judge, tmp_path: Path) -> None:
    report = judge(write(noise(2), tmp_path / "a.wav"))
    assert [axis.key for axis in report.axes] == ["banger"]
    assert [axis for axis, score in report.scores.items() if score is not None] == ["banger"]
    assert render.cards(report).count('<div class="card ') == 1
    assert "Coherence" not in render.tables(report)
    for figure in (plots.scores(report), plots.timeline(report)):
        assert [trace.name or trace.y[0] for trace in figure.data] == ["Banger"]
