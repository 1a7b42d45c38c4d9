"""As in `models`, the figures that the published code gave, on longer songs."""

from pathlib import Path

import pytest

from apex_space import load_judge
from apex_space.judges.judge import Judge
from models.test_parity import (  # noqa: F401
    SYNTHETIC,
    judge,
    rounded,
    test_a_signal_anyone_can_rebuild,
    test_songs,
    test_songs_in_bfloat16,
)

signal, song, rounded_song = test_a_signal_anyone_can_rebuild, test_songs, test_songs_in_bfloat16
del test_a_signal_anyone_can_rebuild, test_songs, test_songs_in_bfloat16


@pytest.mark.parametrize(("seconds", "rate"), SYNTHETIC)
def test_signals(seconds: int, rate: int, judge: Judge, tmp_path: Path) -> None:  # noqa: F811
    signal(seconds, rate, judge, tmp_path)


@pytest.mark.parametrize("name", ["vibeace_24k_mono.wav", "vibeace.ogg", "humpback.ogg", "ace_step_2015.mp3"])
def test_long_songs(name: str, judge: Judge, shared: Path) -> None:  # noqa: F811
    song(name, judge, shared)


@pytest.mark.parametrize("name", ["vibeace_24k_mono.wav", "vibeace.ogg", "humpback.ogg"])
def test_long_songs_in_bfloat16(name: str, judge: Judge, rounded: Judge, shared: Path) -> None:  # noqa: F811
    rounded_song(name, judge, rounded, shared)


def test_auto_says_what_it_chose_and_why(full_weights: Path) -> None:
    chosen = load_judge("apex", weights=full_weights).encoder
    assert chosen.precision in ("float32", "bfloat16")
    assert chosen.reason
