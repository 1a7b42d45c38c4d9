from math import ceil, gcd

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apex_space.audio import resample as module
from apex_space.audio.resample import resample

RATES = [(44100, 24000), (48000, 24000), (44099, 24000), (11025, 24000), (8000, 24000), (192000, 24000), (24000, 44100)]


def noise(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(length).astype(np.float32)


def sine(frequency: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def direct(samples: np.ndarray, orig: int, new: int) -> np.ndarray:
    """torchaudio's definition, output by output, in float64: 6 zero crossings, Hann window, rolloff 0.99."""
    orig, new = orig // gcd(orig, new), new // gcd(orig, new)
    base = min(orig, new) * 0.99
    width = ceil(6 * orig / base)
    taps = np.arange(-width, width + orig)
    padded = np.concatenate([np.zeros(width), samples, np.zeros(width + orig)])
    out = np.empty(ceil(len(samples) * new / orig))
    for at in range(len(out)):
        block, phase = divmod(at, new)
        time = np.clip((taps / orig - phase / new) * base, -6, 6)
        filter_ = np.sinc(time) * np.cos(np.pi * time / 12) ** 2 * base / orig
        seen = padded[block * orig : block * orig + len(taps)]
        out[at] = seen @ filter_[: len(seen)]
    return out


@pytest.mark.slow
@pytest.mark.parametrize(("orig", "new"), RATES)
def test_equals_the_definition(orig: int, new: int) -> None:
    samples = noise(1501)
    assert np.allclose(resample(samples, orig, new), direct(samples, orig, new), rtol=0, atol=2e-6)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(1, 300), st.integers(1, 60), st.integers(1, 60), st.integers(1, 70))
def test_equals_the_definition_at_any_ratio(length: int, orig: int, new: int, phases: int) -> None:
    assume(orig != new)
    samples = noise(length)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PHASES", phases)  # how the work is split must not show
        assert np.allclose(resample(samples, orig, new), direct(samples, orig, new), rtol=0, atol=4e-6)


@pytest.mark.parametrize(("orig", "new"), RATES)
@pytest.mark.parametrize("length", [0, 1, 2, 4801])
def test_length_and_type(orig: int, new: int, length: int) -> None:
    out = resample(noise(length), orig, new)
    assert out.dtype == np.float32
    assert len(out) == -(-length * new // orig)


def test_same_rate_is_the_same_samples() -> None:
    samples = noise(10)
    assert resample(samples, 44100, 44100) is samples


@pytest.mark.parametrize(("orig", "new"), RATES)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.7])
def test_below_the_cutoff_passes(orig: int, new: int, share: float) -> None:
    frequency = share * min(orig, new) / 2
    got, want = resample(sine(frequency, orig), orig, new), sine(frequency, new)
    inner = slice(new // 10, -new // 10)
    assert np.abs(got[inner] - want[: len(got)][inner]).max() < 0.01


@pytest.mark.parametrize(("orig", "new"), [rates for rates in RATES if rates[0] > rates[1]])
@pytest.mark.parametrize("share", [1.3, 1.7])
def test_above_the_cutoff_dies(orig: int, new: int, share: float) -> None:
    frequency = share * new / 2
    out = resample(sine(frequency, orig), orig, new)
    assert np.abs(out[new // 10 : -new // 10]).max() < 0.01


def test_is_linear() -> None:
    one, two = noise(4000), noise(4000, 1)
    both = resample(one + two, 44100, 24000)
    assert np.allclose(both, resample(one, 44100, 24000) + resample(two, 44100, 24000), atol=1e-5)


def test_a_piece_is_resampled_as_in_the_whole() -> None:
    whole = noise(4000)
    cut = 147 * 13  # a multiple of the period, so that the piece begins on an output
    got, want = resample(whole[cut:], 44100, 24000), resample(whole, 44100, 24000)[80 * 13 :]
    assert np.allclose(got[10:], want[10:], atol=1e-6)
