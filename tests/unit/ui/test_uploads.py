"""An upload is deleted some time after its last release, not after an earlier one."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apex_space.ui.uploads import Uploads


def test_an_earlier_release_deletes_nothing_while_a_later_one_has_its_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fired: list[Callable[[], None]] = []

    class Timer:
        """Kept until the test lets it fire."""

        def __init__(self, seconds: float, function: Callable[..., None], given: list[Any]) -> None:
            fired.append(lambda: function(*given))

        def start(self) -> None: ...

    monkeypatch.setattr(threading, "Timer", Timer)
    song = tmp_path / ("a" * 64) / "song.wav"
    song.parent.mkdir()
    song.touch()
    uploads = Uploads(tmp_path, 10)
    for _ in range(2):
        uploads.claim(str(song))
        uploads.release(str(song))
    first, second = fired
    first()
    assert song.exists()
    second()
    assert not song.exists()
