"""The scores of the example songs, as notes: nothing is rendered, so that all of them are read in a moment."""

import importlib
import json
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from helpers.paths import EXAMPLES, ROOT

FOLDER = ROOT / "assets" / "examples"
ROWS = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
NAMES = [row["file"].removesuffix(".ogg") for row in ROWS if not row["damage"]]
OUTSIDE = {"bossa": {"b6"}, "blues": {"b3", "b5", "b7", "b10"}, "funk": {"b5"}, "gamelan": {"b2"}, "metal": {"#7"}}
"""Degrees that a style takes from neither the scale nor the chord."""


@pytest.fixture
def songs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """By name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("compose").SONGS


def recording(song: Any) -> Any:
    """A session that keeps melodies and chords instead of playing them."""
    synth = importlib.import_module("synth")

    class Recording(synth.Session):
        def __init__(self) -> None:
            super().__init__(song.seed, song.key, song.tempo, song.beats, **song.feel)
            self.length = 1_000
            self.bus = defaultdict(lambda: np.ones((self.length, 2)))
            self.last = 0.0
            self.melodies: list[tuple[str, float, str]] = []
            self.chords: list[tuple[float, float, set[int]]] = []

        def add(self, bus: str, *_: Any) -> None:
            self.bus[bus]

        def note(self, bus: str, beat: float, beats: float, *_: Any) -> None:
            self.bus[bus]
            self.last = max(self.last, beat + beats)

        def drums(self, start: float, beats: float, gain: float = 1.0, **patterns: str) -> None:
            assert set(patterns) <= set(synth.KIT)
            for name in patterns:
                self.bus["kick" if name == "kick" else "drums"]

        def melody(self, bus: str, start: float, text: str, *rest: Any, **options: Any) -> None:
            parts = synth.timed(text, 1)
            self.melodies += [(bus, start + beat, token) for beat, _, token in parts if token != "-"]
            super().melody(bus, start, text, *rest, **options)

        def riff(self, bus: str, start: float, harmony: Any, *rest: Any, **options: Any) -> None:
            self.chords += [(start + at, start + at + beats, {p % 12 for p in tones}) for at, beats, tones in harmony]
            super().riff(bus, start, harmony, *rest, **options)

        def rise(self, *_: Any) -> None:
            self.bus["rise"]

    return Recording()


@pytest.mark.parametrize("name", NAMES)
def test_melodies_keep_to_the_scale_or_the_chord_and_every_part_is_mixed(name: str, songs: dict[str, Any]) -> None:
    session = recording(songs[name])
    levels = songs[name].score(session)
    synth = importlib.import_module("synth")
    for bus, beat, token in session.melodies:
        if token.startswith(("#", "b")) and token.rstrip(",") not in OUTSIDE.get(name, ()):
            pitch = synth.degree(token, session.tonic, session.mode) % 12
            sounding = [tones for begin, end, tones in session.chords if begin <= beat < end]
            assert any(pitch in tones for tones in sounding), f"{bus} at {beat:g}: {token}"
    assert set(session.bus) == set(levels)
    assert songs[name].beats - 3 <= session.last <= songs[name].beats + 0.5
