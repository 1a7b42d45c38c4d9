"""Laws of the damages the pocket judge learns from."""

import numpy as np
import pytest

from apex_space.audio.damage import KINDS, SEVERITIES, Kind

SAMPLE_RATE = 24_000

BY_ID = [pytest.param(kind, id=kind.name) for kind in KINDS]
UNALIGNED = {"shuffle", "cut", "splice", "jump", "stutter", "reverse", "medley", "codec", "stretch", "grains", "warble"}
"""Kinds that move the waveform in time: its distance says nothing of their severity."""
ALIGNED = [pytest.param(kind, id=kind.name) for kind in KINDS if kind.name not in UNALIGNED]


@pytest.fixture(scope="module")
def song() -> np.ndarray:
    """Eight seconds of plucked chords over a beat and a bass."""
    rng = np.random.default_rng(0)
    time = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    out = 0.002 * rng.standard_normal(len(time))
    for beat in range(16):
        since = np.maximum(0, time - beat / 2)
        sounding = time >= beat / 2
        root = 110 * 2 ** ((0, 5, 7, 3)[beat // 4] / 12)
        chord = sum(np.sin(2 * np.pi * root * r * h * since) / h for r in (1, 1.25, 1.5) for h in (1, 2, 3, 5))
        out += (
            sounding * np.exp(-3 * since) * (0.1 * chord + 0.2 * np.exp(-40 * since) * rng.standard_normal(len(time)))
        )
    return out.astype(np.float32)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Euclidean distance of the two at unit energy, whatever their gains."""
    return float(1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.parametrize("kind", BY_ID)
def test_severity_zero_is_identity(kind: Kind, song: np.ndarray) -> None:
    np.testing.assert_array_equal(kind(song, SAMPLE_RATE, 0, rng()), song)


@pytest.mark.parametrize("kind", BY_ID)
def test_same_generator_same_damage(kind: Kind, song: np.ndarray) -> None:
    np.testing.assert_array_equal(kind(song, SAMPLE_RATE, 0.5, rng()), kind(song, SAMPLE_RATE, 0.5, rng()))


@pytest.mark.parametrize("kind", BY_ID)
@pytest.mark.parametrize("severity", [0.01, 0.5, 1.0])
def test_damage_is_finite_and_keeps_the_length(kind: Kind, severity: float, song: np.ndarray) -> None:
    original = song.copy()
    damaged = kind(song, SAMPLE_RATE, severity, rng())
    np.testing.assert_array_equal(song, original)
    assert damaged.dtype == np.float32
    assert np.isfinite(damaged).all()
    assert len(damaged) == len(song) or (kind.name == "cut" and len(song) / 2 < len(damaged) < len(song))
    assert len(damaged) != len(song) or not np.array_equal(damaged, song)


@pytest.mark.parametrize("kind", ALIGNED)
def test_distance_from_the_song_grows_with_severity(kind: Kind, song: np.ndarray) -> None:
    distances = [distance(song, kind(song, SAMPLE_RATE, severity, rng())) for severity in SEVERITIES]
    assert distances[0] > 0
    assert (np.diff(distances) > 0).all()


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan")])
def test_severity_outside_its_range_is_refused(severity: float, song: np.ndarray) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        KINDS[0](song, SAMPLE_RATE, severity, rng())


def test_every_kind_is_described_and_listed_once() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.what.endswith(".") for kind in KINDS)
    assert {kind.axis for kind in KINDS} == {"coherence", "clarity", "naturalness"}
