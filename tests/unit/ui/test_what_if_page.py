"""The trials of changes on the Score page: whom they are offered, and what is refused before the queue."""

from typing import Any

import gradio as gr
import pytest

from apex_space.core.errors import CannotChange
from apex_space.judges.report import Segment
from apex_space.judges.score import PANEL
from apex_space.ui.pages import what_if_panel
from apex_space.ui.pages.share_panel import Finished
from apex_space.ui.requests import Requests
from helpers.results import report


def test_trials_are_offered_after_one_judge_with_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_if_panel, "estimate_what_if", lambda judge, seconds, parts: 2 * seconds)
    for reports, visible in (((), False), ((report(),), True), ((report(), report()), False)):
        box, time, *_, parts, _ = what_if_panel._offer(Finished(reports))
        assert box.visible == visible
        assert ("It takes about 80 s on this server." in time) == visible
        assert not parts.visible


def test_parts_are_offered_after_a_judge_that_hears_a_song_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_if_panel, "estimate_what_if", lambda judge, seconds, parts: (2 + parts) * seconds)
    whole = report(segments=(Segment(0.0, 40.0, {}),))
    _, time, *_, parts, _ = what_if_panel._offer(Finished((whole,)))
    assert parts.visible
    assert "part by part: about 2 min" in time or "part by part: about 120 s" in time


def test_a_panel_is_refused_before_the_queue() -> None:
    nothing: Any = None
    checks = Requests(nothing, nothing).check_what_if("song.wav", PANEL)
    assert [check["is_valid"] for check in checks] == [True, False]


def test_why_they_failed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: Any) -> Any:
        raise CannotChange("No.")

    monkeypatch.setattr("apex_space.ui.requests.what_if", fails)
    nothing: Any = type("Manager", (), {"load": None})()
    with pytest.raises(gr.Error, match="No"):
        list(Requests(nothing, nothing).what_if("song.wav", "pocket"))
