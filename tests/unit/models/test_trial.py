"""What `auto` tries an encoder on, and what is said of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

import numpy as np
import pytest

from apex_space.models import precision


@dataclass
class Fake:
    """An encoder whose embedding is its precision and the clip's loudness in its last second and as a whole."""

    precision: str
    segment_seconds: float = 30.0
    reason: str = ""
    rate: int = 1000
    resampling: str = "soxr"
    batch: int = 1
    heard: list[float] = field(default_factory=list)

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        assert (samples.shape, samples.dtype) == ((1, valid[0]), np.float32)
        self.heard.append(samples.shape[1] / self.rate)
        return np.array([[self.precision == "bfloat16", np.abs(samples[0, : self.rate]).max()]], float)


def moving(points: Callable[[float], float]) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """A head whose streams (0 to 100) differ by so many, given how loud the clip begins."""
    return lambda e: {"streams": 50 + np.where(e[:, 0] == 1, points(e[0, 1]), 0.0)}


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "native_bfloat16", lambda: True)


def test_the_clips_differ_and_are_the_same_each_time() -> None:
    clips, again = precision.trial_clips(24_000), precision.trial_clips(24_000)
    assert len(clips) == 4
    for name, clip in clips.items():
        assert clip.shape == (precision.CLIP_SECONDS * 24_000,)
        assert 0.1 < np.abs(clip).max() < 2
        np.testing.assert_array_equal(clip, again[name])
    pauses = {name: float((np.abs(clip) < 1e-6).mean()) for name, clip in clips.items()}
    assert pauses["speech-like sound"] > 0.3
    assert not clips["silence that becomes loud"][:24_000].any()


def test_what_was_measured_is_said() -> None:
    chosen = precision.choose("auto", Fake, moving(lambda loudness: 0.3 if loudness < 1e-6 else 0.1))
    assert chosen.precision == "bfloat16"
    assert chosen.reason == "on 4 trial clips no score moved by more than 0.30% of its range"


def test_one_clip_is_enough_to_fall_back_and_is_named() -> None:
    made: list[Fake] = []

    def make(name: str) -> Fake:
        made.append(Fake(name))
        return made[-1]

    chosen = precision.choose("auto", make, moving(lambda loudness: 3.0 if loudness < 1e-6 else 0.0))
    assert chosen.precision == "float32"
    assert chosen.reason == "bfloat16 moved streams by 3.0% of its range on a trial clip of silence that becomes loud"
    chosen = precision.choose("auto", make, moving(lambda _: 3.0))
    assert "tones and beats" in chosen.reason
    assert [len(encoder.heard) for encoder in made] == [4, 4, 0, 4, 1, 0]


def test_encoders_of_whole_songs_hear_a_longer_one_too() -> None:
    chosen = precision.choose("auto", lambda name: Fake(name, inf), moving(lambda _: 0.0))
    assert chosen.heard == [precision.CLIP_SECONDS] * 4 + [precision.SONG_SECONDS]
    assert "on 5 trial clips" in chosen.reason
