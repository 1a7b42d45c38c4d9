"""Loudness, loudness range and true peak of the signals of EBU Tech 3341 and 3342, which say what to expect."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from apex_space.audio.loudness import Loudness, LoudnessMeter, checked
from apex_space.audio.streaming import SERVICES, turned_down
from helpers.levels import levels

SAMPLE_RATE = 48_000
FADE = 480
"""Samples of a fade: an abrupt beginning would have a higher true peak than the tone itself."""


def tone(*parts: tuple[float, float]) -> np.ndarray:
    """1 kHz on both channels; each part is its peak level in dBFS and its seconds."""
    gain = np.repeat([10 ** (level / 20) for level, _ in parts], [round(s * SAMPLE_RATE) for _, s in parts])
    wave = gain * np.sin(2 * np.pi * 1000 / SAMPLE_RATE * np.arange(len(gain)))
    return np.stack([wave, wave]).astype(np.float32)


def loudness(samples: np.ndarray) -> Loudness:
    meter = LoudnessMeter(SAMPLE_RATE, len(samples))
    for start in range(0, samples.shape[1], 65_536):
        meter.add(samples[:, start : start + 65_536])
    return meter.loudness()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(-23, 20)], -23),
        ([(-33, 20)], -33),
        ([(-36, 10), (-23, 60), (-36, 10)], -23),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_integrated_loudness_3341_1_to_5(parts: list[tuple[float, float]], expected: float) -> None:
    assert loudness(tone(*parts)).integrated == pytest.approx(expected, abs=0.1)


def test_integrated_loudness_of_five_channels_3341_6() -> None:
    gains = 10 ** (np.array([-28, -28, -24, -30, -30]) / 20)
    samples = gains[:, None] * tone((0, 20))[0]
    assert loudness(samples.astype(np.float32)).integrated == pytest.approx(-23, abs=0.1)


def test_short_term_loudness_3341_1_and_9() -> None:
    assert set(loudness(tone((-33, 5))).short_term) == {-33.0}
    found = loudness(tone(*[(-20, 1.34), (-30, 1.66)] * 5)).short_term
    assert len(found) == 13
    assert found == pytest.approx([-23] * 13, abs=0.1)


def test_short_term_loudness_3341_10() -> None:
    """A tone of 3 s after silence, in steps of a second as that is how fine it is kept here."""
    for seconds in (0, 1, 2):
        samples = tone((-200, seconds), (-23, 3), (-200, 1))
        assert max(loudness(samples).short_term) == pytest.approx(-23, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(-20, 20), (-30, 20)], 10),
        ([(-20, 20), (-15, 20)], 5),
        ([(-40, 20), (-20, 20)], 20),
        ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15),
    ],
)
def test_loudness_range_3342_1_to_4(parts: list[tuple[float, float]], expected: float) -> None:
    assert loudness(tone(*parts)).range == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("divisor", "degrees", "amplitude", "expected"),
    [(4, 0, 0.5, -6), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6), (4, 45, 1.41, 3)],
)
def test_true_peak_3341_15_to_19(divisor: int, degrees: float, amplitude: float, expected: float) -> None:
    at = np.arange(SAMPLE_RATE)
    fade = np.minimum(1, np.minimum(at, at[::-1]) / FADE)
    wave = amplitude * fade * np.sin(2 * np.pi * at / divisor + np.deg2rad(degrees))
    assert_true_peak(wave, expected)


@pytest.mark.parametrize("offset", range(4))
def test_true_peak_between_the_samples_in_the_manner_of_3341_20_to_23(offset: int) -> None:
    """One swell to full scale, made at four times the rate, of which every fourth sample from `offset` on is kept."""
    at = np.arange(-2 * SAMPLE_RATE, 2 * SAMPLE_RATE)
    wave = (0.5 + 0.5 * np.exp(-0.5 * (at / 400) ** 2)) * np.cos(2 * np.pi * at / 24)
    fade = np.minimum(1, (2 * SAMPLE_RATE - np.abs(at)) / (4 * FADE))
    assert_true_peak((fade * wave)[offset::4], 0)


def assert_true_peak(wave: np.ndarray, expected: float) -> None:
    found = levels(np.stack([wave, wave]).astype(np.float32), SAMPLE_RATE).true_peak
    assert found is not None
    assert expected - 0.4 <= found <= expected + 0.2


def test_where_nothing_is_loud_or_long_enough_nothing_is_said() -> None:
    for samples in (tone((-90, 5)), tone((-20, 0.3))):
        found = loudness(samples)
        assert (found.integrated, found.range, found.short_term) == (None, None, ())
    short = loudness(tone((-23, 2)))
    assert short.integrated == pytest.approx(-23, abs=0.1)
    assert short.range is None


def test_backs_count_like_fronts_and_sides_more() -> None:
    """BS.1770-4, table 4: of 7.1, FFmpeg itself would weigh the backs like the sides."""
    wave = tone((-23, 1))[0]
    for place, above in ((0, 0), (3, None), (4, 0), (6, 10 * np.log10(1.41))):
        samples = np.zeros((8, len(wave)), np.float32)
        samples[place] = wave
        assert loudness(samples).integrated == (above if above is None else pytest.approx(-26.01 + above, abs=0.1))


SOUND = Loudness(-14.0, 5.5, (-14.0, -70.0, -13.0))


@pytest.mark.parametrize("sound", [SOUND, Loudness(-14.0, None, ()), Loudness(None, None, ())])
def test_what_another_process_measured_is_taken(sound: Loudness) -> None:
    assert checked(json.loads(json.dumps(asdict(sound))), 5.3) == sound


@pytest.mark.parametrize(
    "change",
    [
        {"integrated": float("nan")},
        {"integrated": float("inf")},
        {"integrated": 1e5},
        {"integrated": -71.0},
        {"integrated": "-14"},
        {"range": -1.0},
        {"range": float("nan")},
        {"range": None},
        {"short_term": [-14.0, float("nan"), -13.0]},
        {"short_term": [-14.0] * 5},
        {"short_term": [-14.0]},
        {"short_term": []},
        {"short_term": None},
    ],
    ids=str,
)
def test_what_no_sound_is_like_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="loudness"):
        checked(json.loads(json.dumps(asdict(SOUND) | change)), 5.3)
    with pytest.raises(ValueError, match="loudness"):
        checked(None, 5.3)


def test_width_and_correlation_of_two_channels() -> None:
    left, right = np.random.default_rng(1).standard_normal((2, SAMPLE_RATE)).astype(np.float32) / 10
    for other, alike, width in ((left, 1, 0), (-left, -1, 1), (right, 0, 0.5), (left / 2, 1, 0.1)):
        found = levels(np.stack([left, other]), SAMPLE_RATE)
        assert (found.correlation, found.width) == pytest.approx((alike, width), abs=0.02)
    assert levels(left[None], SAMPLE_RATE).width is None
    assert levels(np.zeros((2, SAMPLE_RATE), np.float32), SAMPLE_RATE).correlation is None


def test_services_turn_down_what_is_louder_than_their_level() -> None:
    assert turned_down(None) == {}
    assert turned_down(-20.0) == {each.name: 0.0 for each in SERVICES}
    found = turned_down(-9.0)
    assert (found["Spotify"], found["Apple Music"]) == (5.0, 7.0)
