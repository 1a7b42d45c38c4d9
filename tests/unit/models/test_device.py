"""Where encoders run. There is no GPU in these tests: the loan is a stand-in for the `spaces` package."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from apex_space.models.encoders import device
from apex_space.models.encoders.mert import MertEncoder
from unit.models.test_mert import LAYERS, noise, snapshot


def test_without_spaces_a_call_is_the_bare_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert device.borrowing(len) is len


def test_on_zerogpu_only_the_forward_call_borrows_and_longer_songs_borrow_longer(
    tiny_mert, monkeypatch: pytest.MonkeyPatch
) -> None:
    loans = []

    def gpu(duration):
        def decorate(forward):
            def call(*arguments):
                loans.append(duration(*arguments))
                return forward(*arguments)

            return call

        return decorate

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    lent = MertEncoder(snapshot(tiny_mert), LAYERS)
    assert loans == []
    monkeypatch.undo()
    own = MertEncoder(snapshot(tiny_mert), LAYERS)
    for segments in (1, 3):
        valid = np.full(segments, 12_000)
        np.testing.assert_array_equal(lent(noise(segments), valid), own(noise(segments), valid))
    assert len(loans) == 2
    assert loans[0] < loans[1] <= 60


@pytest.mark.parametrize(
    ("shape", "segments"),
    [((1, 720_000), 1), ((3, 720_000), 3), ((1, 12_000), 1), ((1, 720_001), 2), ((1, 14_400_000), 20)],
)
def test_the_loan_follows_the_music_also_where_a_song_is_heard_whole(shape: tuple[int, int], segments: int) -> None:
    clips = np.broadcast_to(np.float32(0), shape)
    assert device.loan_seconds(clips) == device.LOAN_SECONDS + device.LOAN_SECONDS_PER_SEGMENT * segments
