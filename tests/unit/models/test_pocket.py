"""The pocket judge: laws of its features and scores, its weights file, and its trainer from end to end."""

import json
from pathlib import Path

import numpy as np
import pytest

from apex_space.audio.damage import KINDS, Kind
from apex_space.audio.resample import resample
from apex_space.audio.waveform import load as load_audio
from apex_space.core.axes import AESTHETICS, BY_KEY, POPULARITY
from apex_space.core.errors import WeightsInvalid
from apex_space.core.settings import settings
from apex_space.models.encoders.pocket import MIN_SECONDS, SAMPLE_RATE, PocketEncoder, features
from apex_space.models.heads.pocket import PATH, PocketHead, PocketModel, basis, load, read
from apex_space.training.pocket.ridge import Moments, ridge

LENGTH = 12 * SAMPLE_RATE


def song(seed: int) -> np.ndarray:
    """Twelve seconds of plucked chords over drums and a bass, [LENGTH] float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(LENGTH) / SAMPLE_RATE
    out = 1e-4 * rng.standard_normal(LENGTH)
    period = rng.uniform(0.3, 0.6)
    for beat in range(int(12 / period)):
        start = int(beat * period * SAMPLE_RATE)
        since = time[: LENGTH - start]
        root = 110 * 2 ** (rng.choice([0, 5, 7, 9]) / 12)
        chord = sum(np.sin(2 * np.pi * root * r * h * since) / h for r in (1, 1.25, 1.5) for h in (1, 2, 3, 4))
        out[start:] += np.exp(-3 * since) * 0.1 * chord
        out[start:] += 0.3 * np.exp(-60 * since) * rng.standard_normal(len(since))
    return out.astype(np.float32)


@pytest.fixture(scope="module")
def songs() -> np.ndarray:
    return np.stack([song(seed) for seed in range(3)])


@pytest.fixture(scope="module")
def head() -> PocketHead:
    return PocketHead()


def whole(samples: np.ndarray) -> np.ndarray:
    """Valid lengths of segments that hold no padding."""
    return np.full(len(samples), samples.shape[1])


@pytest.mark.slow
@pytest.mark.parametrize("decibels", [-40, -12, 12, 30])
def test_features_do_not_know_the_level(songs: np.ndarray, decibels: float) -> None:
    quiet, loud = features(songs[0]), features(songs[0] * np.float32(10 ** (decibels / 20)))
    np.testing.assert_allclose(loud, quiet, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_padding_does_not_count(songs: np.ndarray) -> None:
    padded = np.pad(songs, ((0, 0), (0, 5 * SAMPLE_RATE)))
    encoder = PocketEncoder()
    np.testing.assert_array_equal(encoder(padded, whole(songs)), encoder(songs, whole(songs)))


def test_permuting_segments_permutes_scores(songs: np.ndarray, head: PocketHead) -> None:
    order = np.array([2, 0, 1])
    encoder = PocketEncoder()
    straight, turned = (head(encoder(x, whole(x))) for x in (songs, songs[order]))
    for axis in head.axes:
        np.testing.assert_allclose(turned[axis], straight[axis][order], rtol=1e-5)


@pytest.mark.parametrize("length", [1, 10, SAMPLE_RATE // 10, int(MIN_SECONDS * SAMPLE_RATE), 30 * SAMPLE_RATE])
@pytest.mark.parametrize("content", ["silence", "constant", "click", "noise", "tone"])
def test_any_segment_gets_finite_scores_in_range(length: int, content: str, head: PocketHead) -> None:
    samples = {
        "silence": np.zeros(length),
        "constant": np.ones(length),
        "click": np.eye(1, length, length // 2)[0],
        "noise": np.random.default_rng(0).standard_normal(length),
        "tone": np.sin(np.arange(length) / 5),
    }[content].astype(np.float32)
    scores = head(PocketEncoder()(samples[None], np.array([length])))
    for axis, values in scores.items():
        assert BY_KEY[axis].low <= values[0] <= BY_KEY[axis].high, axis


def test_every_axis_is_scored_or_has_its_reason(head: PocketHead) -> None:
    assert set(head.axes) | set(head.missing) == {*POPULARITY, *AESTHETICS}
    assert not set(head.axes) & set(head.missing)
    assert set(head.spread) == {"likes", "musicality"}


def test_scores_are_those_of_the_judge_interface(songs: np.ndarray) -> None:
    encoder, head = load((), settings())
    assert (encoder.rate, encoder.segment_seconds, encoder.precision) == (24_000, 30.0, "float32")
    assert head.pooling == "score"
    assert all(values.shape == (3,) for values in head(encoder(songs, whole(songs))).values())


@pytest.fixture(scope="module")
def real_songs(shared: Path) -> list[np.ndarray]:
    """Five seconds each of songs that the judge was not trained on."""
    names = ("vibeace.ogg", "fishin.ogg", "ace_step_2001.mp3", "ace_step_2015.mp3")
    waveforms = [load_audio(shared / "audio" / name) for name in names]
    return [resample(w.samples[: 5 * w.rate], w.rate, SAMPLE_RATE) for w in waveforms]


@pytest.fixture(scope="module")
def undamaged(real_songs: list[np.ndarray], head: PocketHead) -> dict[str, np.ndarray]:
    """Their scores."""
    return head(np.stack([features(samples) for samples in real_songs]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in KINDS])
def test_damage_lowers_the_mean_score_of_real_songs(
    kind: Kind, real_songs: list[np.ndarray], undamaged: dict[str, np.ndarray], head: PocketHead
) -> None:
    damaged = [kind(samples, SAMPLE_RATE, 1.0, np.random.default_rng(0)) for samples in real_songs]
    after = head(np.stack([features(samples) for samples in damaged]))
    assert after[kind.axis].mean() < undamaged[kind.axis].mean()


def test_weights_are_small_and_say_where_they_come_from() -> None:
    shipped = [PATH, PATH.with_name("pocket_metrics.json"), PATH.with_name("pocket.md")]
    assert sum(path.stat().st_size for path in shipped) < 2_000_000
    about = read(PATH).about
    assert "NC" in about["licence"]
    assert {source["name"]: source["licence"] for source in about["sources"]}.keys() == {"Emotify", "davda54"}
    json.loads(PATH.with_name("pocket_metrics.json").read_text(encoding="utf-8"))


def test_a_model_survives_writing_and_reading(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = PocketModel(
        mean=rng.random(5, np.float32),
        scale=1 + rng.random(5, np.float32),
        weights=rng.random((10, 2), np.float32),
        bias=rng.random(2, np.float32),
        about={"axes": ["likes", "clarity"]},
    )
    (tmp_path / "model").write_bytes(model.to_bytes())
    samples = rng.random((4, 5), np.float32)
    np.testing.assert_array_equal(read(tmp_path / "model")(samples), model(samples))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pocket.safetensors").write_bytes(content)
    with pytest.raises(WeightsInvalid, match=r"pocket\.safetensors"):
        PocketHead(tmp_path / "pocket.safetensors")


def test_basis_has_two_sides() -> None:
    sides = basis(np.array([[3.0, -1.0, 0.0]]), np.zeros(3), np.ones(3))
    np.testing.assert_allclose(sides, np.log1p([[3, 0, 0, 0, 1, 0]]))


def test_moments_without_some_rows_are_those_of_the_others() -> None:
    rng = np.random.default_rng(0)
    x, y, weight = rng.standard_normal((50, 4)), rng.standard_normal(50), rng.random(50)
    left = Moments.of(x, y, weight) - Moments.of(x[:20], y[:20], weight[:20])
    np.testing.assert_allclose(ridge(left, 0.1).slope, ridge(Moments.of(x[20:], y[20:], weight[20:]), 0.1).slope)


def test_ridge_without_penalty_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 4))
    line = ridge(Moments.of(x, x @ np.arange(4) + 7, np.ones(50)), 0.0)
    np.testing.assert_allclose([*line.slope, line.offset], [0, 1, 2, 3, 7], atol=1e-9)


def test_a_short_rest_counts_only_where_there_is_nothing_else() -> None:
    head = PocketHead()
    assert head.counts(np.array([30.0, 30.0, 12.0])).tolist() == [30, 30, 12]
    assert head.counts(np.array([30.0, 2.0])).tolist() == [30, 0]
    assert head.counts(np.array([2.0])).tolist() == [2]
