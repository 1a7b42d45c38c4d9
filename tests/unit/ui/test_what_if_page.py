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
from helpers.wait import run_coroutine


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


def test_only_the_song_that_was_scored_is_changed() -> None:
    """The page forgets the reports after an hour."""

    async def make() -> what_if_panel.WhatIfPanel:  # in a loop, for else Gradio leaves one
        with gr.Blocks():
            return what_if_panel.WhatIfPanel(Requests(nothing, nothing))

    nothing: Any = None
    panel = run_coroutine(make())
    for reports, says in (((), "no longer on the server"), ((report(),), "of another song")):
        refused, fine = panel._check("b.wav", Finished(reports, "a.wav"))
        assert says in refused["message"]
        assert fine["is_valid"]


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
