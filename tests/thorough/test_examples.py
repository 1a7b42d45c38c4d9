"""The example songs come out the same whenever they are rendered."""

from types import ModuleType

import numpy as np
import pytest

from unit.arena.test_examples import compose, wave  # noqa: F401


@pytest.mark.parametrize("song", ["bossa", "gamelan"])
def test_rendering_gives_the_published_file(
    song: str,
    compose: ModuleType,  # noqa: F811
) -> None:
    made, published = compose.SONGS[song].render(), wave(f"{song}.ogg")
    assert published.shape == made.shape
    assert np.corrcoef(published[:, 0], made[:, 0])[0, 1] > 0.98


@pytest.mark.parametrize("song", ["bossa", "lofi"])
def test_rendering_again_gives_the_same_samples(
    song: str,
    compose: ModuleType,  # noqa: F811
) -> None:
    np.testing.assert_array_equal(compose.SONGS[song].render(), compose.SONGS[song].render())
