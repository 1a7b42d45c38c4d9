import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.audio.segments import cut

lengths = st.integers(1, 50)


@given(st.integers(1, 400), lengths)
def test_every_sample_is_in_exactly_one_segment(total: int, length: int) -> None:
    samples = np.arange(1, total + 1, dtype=np.float32)
    segments = cut(samples, length)
    heard = [row[:valid] for row, valid in zip(segments.samples, segments.valid, strict=True)]
    assert np.array_equal(np.concatenate(heard), samples)


@given(st.integers(1, 400), lengths)
def test_segments_are_equally_long_start_to_end_and_silent_beyond(total: int, length: int) -> None:
    segments = cut(np.ones(total, np.float32), length)
    assert segments.samples.shape == (len(segments), length)
    assert segments.samples.dtype == np.float32
    assert np.array_equal(segments.start, np.arange(len(segments)) * length)
    assert np.array_equal(segments.samples.sum(1), segments.valid)
    assert (segments.valid[:-1] == length).all()
    assert 1 <= segments.valid[-1] <= length


@pytest.mark.parametrize(("total", "valid"), [(1, [1]), (9, [9]), (10, [10]), (11, [10, 1]), (20, [10, 10])])
def test_only_what_does_not_fit_opens_another_segment(total: int, valid: list[int]) -> None:
    assert cut(np.ones(total, np.float32), 10).valid.tolist() == valid


def test_changing_a_segment_leaves_the_song_alone() -> None:
    song = np.ones(20, np.float32)
    cut(song, 10).samples[:] = 0
    assert song.all()
