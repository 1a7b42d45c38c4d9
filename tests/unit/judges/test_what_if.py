"""What changes do to a judge's scores, against what harmless ones do."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from apex_space import plots
from apex_space.audio.changes import HARMLESS_CUTS, leave_out, load_mono, without_parts
from apex_space.audio.waveform import Waveform
from apex_space.cli.what_if import _table, _try
from apex_space.core.axes import BY_KEY, KEYS
from apex_space.core.errors import CannotChange
from apex_space.core.i18n import use_language
from apex_space.judges import what_if as module
from apex_space.judges.judge import ScoringProgress
from apex_space.judges.manager import LoadProgress
from apex_space.judges.report import Segment
from apex_space.judges.what_if import TRIALS, WhatIf, WhatIfProgress, WhatIfRequest, what_if
from apex_space.ui import render
from helpers.melodies import write
from helpers.results import report

CLARITY, LIKES = BY_KEY["clarity"], BY_KEY["likes"]


@dataclass
class Listener:
    """A judge that likes level and, a little, how late a song begins; clarity is always 3."""

    name: str = "pocket"
    cache: Any = None
    whole: bool = False

    def score(self, waveform: Waveform, name: str) -> Iterator[ScoringProgress]:
        level = float(np.sqrt(np.mean(np.square(waveform.samples))))
        scores = dict.fromkeys(KEYS) | {"likes": 100 * level, "clarity": 3.0}
        yield ScoringProgress(self.name, waveform.duration, 0.0, 1.0, None)
        end = waveform.duration if self.whole else 1.0
        segments = (Segment(0.0, end, scores),)
        made = report(file=name, scores=scores, missing={}, duration=waveform.duration, segments=segments)
        yield ScoringProgress(self.name, waveform.duration, 1.0, 0.0, made)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[WhatIfProgress]:
    song = write(tmp_path_factory.mktemp("songs") / "<b>.wav", 1, seconds=2)
    load = lambda name: iter([LoadProgress(name), Listener()])  # noqa: E731
    return list(what_if(WhatIfRequest(song, "pocket"), load))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result(steps: list[WhatIfProgress]) -> WhatIf:
    assert steps[-1].result is not None
    return steps[-1].result


def test_every_change_is_tried_or_left_out_with_its_reason(result: WhatIf) -> None:
    tried = [each.name for each in (*result.harmless, *result.effects)]
    left_out = {each.name: each.reason for each in result.left_out}
    assert sorted([*tried, *left_out]) == sorted(change.name for change in TRIALS)
    assert left_out["declip"] == "Nothing is clipped."


def test_what_moves_a_score_beyond_the_noise_floor_is_heard(result: WhatIf) -> None:
    effects = {effect.name: effect for effect in (*result.effects, *result.harmless)}
    assert result.floor(LIKES) == pytest.approx(max(abs(each.differences["likes"]) for each in result.harmless))
    assert result.floor(CLARITY) == pytest.approx(0.002 * 4)
    assert result.heard(effects["louder"]) == (LIKES,)
    assert result.heard(effects["wider"]) == ()
    assert not any(result.heard(each) for each in result.harmless)


def test_progress_goes_up_and_says_what_is_left(steps: list[WhatIfProgress]) -> None:
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert (steps[0].share, steps[-1].share) == (0, 1)
    assert all(step.left is not None for step in steps if 0 < step.share < 1)
    assert all(step.result is None for step in steps[:-1])
    assert all("<progress" in render.what_if_progress(step) for step in steps)


def test_a_long_song_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apex_space.audio.changes.MAX_SECONDS", 1.5)
    song = write(tmp_path / "song.wav", 1, seconds=2)
    monkeypatch.setattr(module, "TRIALS", TRIALS[:1])
    *_, last = what_if(WhatIfRequest(song, "pocket"), lambda _: iter([Listener()]))  # type: ignore[list-item]
    assert last.result is not None
    assert (last.result.seconds, last.result.duration) == (1.5, 2)
    assert "its first 0:01 were tried" in render.what_if(last.result)


def test_json_page_and_picture_hold_it(result: WhatIf) -> None:
    plain = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert {each["name"] for each in plain["changes"]} == {effect.name for effect in result.effects}
    assert plain["noise_floor"]["likes"] == result.floor(LIKES)
    page = render.what_if(result)
    assert "<b>.wav" not in page
    assert plots.what_if(result, LIKES).count("<circle") == len(result.effects)
    with use_language("zh-CN"):
        assert "噪声底" in render.what_if(result)


def test_the_time_is_estimated_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "estimate_seconds", lambda judge, seconds: seconds / 10)
    assert module.estimate_what_if("pocket", 60) == 6 * (1 + len(TRIALS))
    assert module.estimate_what_if("pocket", 600) == module.estimate_what_if("pocket", 240)


def test_a_difference_is_heard_only_beyond_the_floor(result: WhatIf) -> None:
    floor = result.floor(LIKES)
    effects = [replace(result.effects[0], differences={"likes": by, "clarity": 0.0}) for by in (floor, -floor * 1.1)]
    assert [result.heard(each) for each in effects] == [(), (LIKES,)]


@pytest.fixture(scope="module")
def loud_middle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """33 seconds in three parts, of which the second is the loudest."""
    path, rate = tmp_path_factory.mktemp("songs") / "<b>.wav", 8000
    level = np.repeat([0.1, 0.4, 0.1], 11 * rate)
    soundfile.write(path, level * np.sin(2 * np.pi * 440 * np.arange(33 * rate) / rate), rate)
    return path


def without(song: Path, judge: Listener) -> WhatIf:
    *_, last = what_if(WhatIfRequest(song, "pocket", parts=True), lambda _: iter([judge]))  # type: ignore[list-item]
    assert last.result is not None
    return last.result


def test_a_part_carries_what_the_score_loses_without_it(loud_middle: Path) -> None:
    found = without(loud_middle, Listener(whole=True))
    assert [part for part, _ in found.parts] == [(0, 11), (11, 22), (22, 33)]
    first, second, third = (effect.differences["likes"] for _, effect in found.parts)
    assert second < -5 < 0 < min(first, third)
    assert found.heard(found.parts[1][1]) == (LIKES,)
    assert [each.name for each in found.harmless][-1] == "joint"
    page, plain = render.what_if(found), found.as_dict()
    assert "<b>.wav" not in page
    assert 'data-from="11.0" data-to="22.0"' in page
    assert f"+{-second:.1f}" in page
    assert plots.parts(found, LIKES).count(",") >= 6
    assert plain["changes"][1]["part"] == (11, 22)
    assert plain["changes"][1]["name"] == "without_11_22"


def test_parts_are_for_judges_that_hear_a_song_as_a_whole(loud_middle: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotChange, match="does not hear this song as a whole"):
        without(loud_middle, Listener())
    with pytest.raises(CannotChange, match="too short"):
        without(write(tmp_path / "short.wav", 1, seconds=19), Listener(whole=True))


def test_what_is_left_out_is_gone_and_its_ends_meet_softly(loud_middle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, _ = load_mono(loud_middle)
    shorter = leave_out(sound, 11, 22)
    assert shorter.duration == pytest.approx(22 - 0.01)
    assert np.abs(shorter.samples).max() == pytest.approx(0.1, rel=0.01)
    assert leave_out(sound, 0, 11).duration == leave_out(sound, 22, 33).duration == 22
    monkeypatch.setattr("apex_space.audio.changes.MAX_PARTS", 2)
    assert [change.part for change in without_parts(sound)] == [(0, 16.5), (16.5, 33)]


@pytest.mark.slow
def test_songeval_loses_parts_and_the_command_shows_it(
    loud_middle: Path, panel_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tiny stand-ins, whose scores mean nothing."""
    monkeypatch.setattr(module, "HARMLESS_CUTS", HARMLESS_CUTS[-1:])
    monkeypatch.setattr("apex_space.audio.changes.MAX_PARTS", 2)
    found = _try(loud_middle, "songeval", panel_weights, parts=True)
    assert len(found.parts) == 2
    assert len(found.axes) == 5
    assert "Without 0:16–0:33" in list(_table(found).columns[0].cells)
