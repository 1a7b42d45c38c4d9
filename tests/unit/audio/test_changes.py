"""Changes of songs: each does what it says, or says why it does not apply."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apex_space.audio.changes import CHANGES, HARMLESS, Sound, load_sound
from apex_space.audio.isolated import filtered
from apex_space.audio.waveform import load_song
from apex_space.core.errors import CannotChange
from helpers.levels import levels
from helpers.sounds import write

RATE = 44_100
BY_NAME = {change.name: change for change in (*HARMLESS, *CHANGES)}


def noise(gain: float = 0.02, channels: int = 2) -> np.ndarray:
    """Two seconds of white noise [C, n]."""
    return (gain * np.random.default_rng(0).standard_normal((channels, 2 * RATE))).astype(np.float32)


def sound(samples: np.ndarray) -> Sound:
    return Sound(samples, RATE, levels(samples))


def changed(name: str, samples: np.ndarray) -> Sound:
    return BY_NAME[name](sound(samples))


def test_a_song_is_heard_as_judges_hear_it(tmp_path: Path) -> None:
    song = write(tmp_path / "song.wav", noise())
    loaded, duration = load_sound(song)
    assert loaded.samples.shape == (2, 2 * RATE)
    assert duration == loaded.duration == 2
    assert loaded.waveform().sha256 == load_song(song).sha256


def test_gain_goes_to_the_target_or_to_the_true_peak() -> None:
    for name, gain in (("louder", 0.02), ("softer", 0.4)):
        assert levels(changed(name, noise(gain)).samples).loudness == pytest.approx(-14, abs=0.1)
    peaky = noise(0.02)
    peaky[:, 1000] = 0.5
    louder = changed("louder", peaky)
    assert levels(louder.samples).true_peak == pytest.approx(-1, abs=0.1)
    assert "its true peak allows no more" in louder.note


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("brighter", {60: -3, 1000: 0, 15_000: 3}),
        ("darker", {60: 3, 1000: 0, 15_000: -3}),
        ("low_cut", {40: -12, 80: -3, 1000: 0}),
        ("less_mud", {283: -4, 200: -2, 2000: 0}),
        ("less_harsh", {3536: -4, 2500: -2, 300: 0}),
    ],
)
def test_filters_have_the_gain_in_decibels_that_they_say(name: str, expected: dict[int, float]) -> None:
    impulse = np.zeros((1, 2 * RATE), np.float32)
    impulse[0, 100] = 1
    response = np.abs(np.fft.rfft(changed(name, impulse).samples[0]))
    found = {hertz: 20 * np.log10(response[2 * hertz]) for hertz in expected}
    assert found == pytest.approx(expected, abs=0.4)


def test_declipping_repairs_clipped_samples_and_no_others() -> None:
    times = np.arange(2 * RATE) / RATE
    whole = 1.3 * np.sin(2 * np.pi * 220 * times) * np.exp(-10 * np.abs(times - 1))
    clipped = whole.clip(-1, 1)[None].astype(np.float32)
    repaired = changed("declip", clipped).samples
    assert np.abs(repaired - whole).mean() < 0.5 * np.abs(clipped - whole).mean()
    inside = np.abs(clipped) < 0.99
    np.testing.assert_array_equal(repaired[inside], clipped[inside])


def test_width_changes_the_difference_of_the_channels_and_not_their_mean() -> None:
    samples = noise()
    for name, factor in (("narrower", 0.5), ("wider", 2.0)):
        found = changed(name, samples).samples
        np.testing.assert_allclose(found.mean(0), samples.mean(0), atol=1e-7)
        np.testing.assert_allclose(found[0] - found[1], factor * (samples[0] - samples[1]), atol=1e-6)


def test_silence_at_both_ends_is_cut_off() -> None:
    samples = noise()
    samples[:, : RATE // 2] = samples[:, -RATE // 4 :] = 0
    trimmed = changed("trim", samples)
    assert trimmed.duration == pytest.approx(1.25, abs=0.01)
    assert trimmed.note == "0.8 s of silence"


def test_speed_changes_length_and_pitch() -> None:
    tone = np.sin(2 * np.pi * 1000 / RATE * np.arange(2 * RATE))[None].astype(np.float32)
    for name, factor in (("faster", 1.03), ("slower", 1 / 1.03)):
        found = changed(name, tone)
        assert found.duration == pytest.approx(2 / factor, abs=0.001)
        peak = np.abs(np.fft.rfft(found.samples[0])).argmax() / found.duration
        assert peak == pytest.approx(1000 * factor, abs=1)


@pytest.mark.parametrize(("rate", "new"), [(44_100, 44_100), (22_050, 48_000)])
def test_mp3_keeps_length_and_place(rate: int, new: int) -> None:
    before, after = (np.stack([chirp(at, 500), chirp(at, 2000)]) for at in (rate, new))
    found = BY_NAME["mp3"](Sound(before, rate, levels(before, rate)))
    assert (found.rate, found.samples.shape) == (new, after.shape)
    assert np.corrcoef(found.samples.ravel(), after.ravel())[0, 1] > 0.99


def chirp(rate: int, highest: float) -> np.ndarray:
    """Two seconds [N] that rise to a frequency."""
    times = np.arange(2 * rate) / rate
    return (0.5 * np.sin(np.pi * highest / 2 * times**2)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "samples", "why"),
    [
        ("louder", noise(0.4), "LUFS already"),
        ("softer", noise(), "LUFS already"),
        ("louder", np.concatenate([noise()[:, 1:], np.ones((2, 1), np.float32)], 1), "no room"),
        ("declip", noise(), "Nothing is clipped"),
        ("declip", np.sign(noise()).repeat(4, 1), "Too much is clipped"),
        ("wider", noise(channels=1), "not stereo"),
        ("wider", noise(channels=1).repeat(2, 0), "alike"),
        ("trim", noise(), "without silence"),
        ("trim", np.pad(noise()[:, :1000], ((0, 0), (0, RATE))), "Less than a second"),
    ],
)
def test_what_does_not_apply_says_why(name: str, samples: np.ndarray, why: str) -> None:
    with pytest.raises(CannotChange, match=why):
        changed(name, samples)


def test_too_quiet_to_measure() -> None:
    quiet = sound(noise())
    with pytest.raises(CannotChange, match="too quiet"):
        BY_NAME["softer"](replace(quiet, levels=replace(quiet.levels, loudness=None)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cut_100_ms", lambda samples: samples[:, 4410:]),
        ("silence_200_ms", lambda samples: np.pad(samples, ((0, 0), (8820, 0)))),
        ("one_decibel", lambda samples: samples * 0.8913),
        ("polarity", lambda samples: -samples),
        ("dither", lambda samples: samples),
    ],
)
def test_harmless_changes(name: str, expected: Callable[[np.ndarray], np.ndarray]) -> None:
    samples = noise()
    np.testing.assert_allclose(changed(name, samples).samples, expected(samples), atol=1.6 / 32767)


@pytest.mark.slow
def test_what_ffmpeg_refuses_is_no_fault_of_the_song() -> None:
    with pytest.raises(CannotChange, match="FFmpeg did not manage it"):
        filtered(noise(), RATE, [["no_such_filter", ""]])
