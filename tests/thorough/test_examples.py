"""The example songs come out the same whenever they are rendered."""

from types import ModuleType

import numpy as np
import pytest
from unit.test_examples import compose  # noqa: F401


@pytest.mark.parametrize("song", ["bossa", "lofi"])
def test_rendering_again_gives_the_same_samples(song: str, compose: ModuleType) -> None:  # noqa: F811
    np.testing.assert_array_equal(compose.SONGS[song].render(), compose.SONGS[song].render())
