"""Measurements as people read them."""

import pytest

from apex_space.ui.render.report import _tempo


@pytest.mark.parametrize(
    ("tempo", "shown"),
    [
        (None, "no steady beat found"),
        (79.4, "79 beats per minute"),
        (86.2, "86 or 172 beats per minute"),
        (100.0, "100 or 200 beats per minute"),
        (128.0, "128 beats per minute"),
    ],
)
def test_a_tempo_that_may_be_half_of_the_true_one_is_shown_with_its_double(tempo: float | None, shown: str) -> None:
    assert _tempo(tempo) == shown
