"""As in `models`, the figures that the published code gave, on longer songs."""

from pathlib import Path

import pytest

from apex_space.judges import Judge
from models.test_banger import full_size, test_songs  # noqa: F401

song = test_songs
del test_songs


@pytest.mark.parametrize("name", ["vibeace_24k_mono.wav", "vibeace.ogg", "ace_step_2015.mp3"])
def test_long_songs(name: str, full_size: Judge, shared: Path) -> None:  # noqa: F811
    song(name, full_size, shared)
