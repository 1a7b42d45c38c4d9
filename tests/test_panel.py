"""Several judges on one song."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apex_space import plots
from apex_space.axes import BY_KEY, KEYS
from apex_space.errors import WeightsMissing
from apex_space.judges import load_audio, load_judge
from apex_space.panel import Panel, steps
from apex_space.report import Report
from apex_space.ui import render

EXAMPLE = Path(__file__).resolve().parent.parent / "assets" / "examples" / "house.ogg"


@pytest.fixture(scope="module")
def pocket() -> Report:
    return load_judge("pocket")(EXAMPLE)


@pytest.fixture(scope="module")
def panel(pocket: Report) -> Panel:
    """Pocket, and one that says 5.0 of clarity and half of pocket's likes."""
    likes = pocket.scores["likes"]
    assert likes is not None
    scores = dict.fromkeys(KEYS) | {"clarity": 5.0, "likes": likes / 2, "streams": 40.0}
    return Panel((pocket, replace(pocket, judge="apex", scores=scores)), {"banger": "No weights <b>here</b>."})


def test_the_range_is_from_lowest_to_highest_as_a_share_of_the_axis(panel: Panel, pocket: Report) -> None:
    clarity, likes = pocket.scores["clarity"], pocket.scores["likes"]
    assert clarity is not None
    assert likes is not None
    assert panel.range(BY_KEY["clarity"]) == pytest.approx((5 - clarity) / 4)
    assert panel.range(BY_KEY["likes"]) == pytest.approx(likes / 200)
    assert panel.range(BY_KEY["streams"]) is None
    assert panel.disputed in (BY_KEY["clarity"], BY_KEY["likes"])
    assert panel.range(panel.disputed) == max(panel.range(BY_KEY[key]) or 0 for key in ("clarity", "likes"))


def test_axes_that_nobody_predicts_are_left_out(panel: Panel) -> None:
    assert "memorability" not in {axis.key for axis in panel.axes}
    assert "streams" in {axis.key for axis in panel.axes}


def test_a_single_judge_disputes_nothing(pocket: Report) -> None:
    assert Panel((pocket,), {}).disputed is None
    assert "No two" in render.panel(Panel((pocket,), {}))


def test_the_picture_has_every_score_once_and_its_table_too(panel: Panel) -> None:
    figure = plots.panel(panel)
    marks = sum(len(trace.y) for trace in figure.data if trace.mode == "markers")
    assert marks == sum(len(panel.scores(axis)) for axis in panel.axes)
    assert figure.layout.height
    table = render.panel_tables(panel)
    for axis in panel.axes:
        for score in panel.scores(axis).values():
            assert render.number(axis, score) in table


def test_who_could_not_be_asked_is_told_with_the_reason_as_text(panel: Panel) -> None:
    shown = render.panel(panel)
    assert "No weights &lt;b&gt;here&lt;/b&gt;." in shown
    assert panel.as_dict()["absent"] == {"banger": "No weights <b>here</b>."}


def test_judges_are_asked_one_after_another_and_the_missing_ones_are_named(pocket: Report) -> None:
    def get(name: str) -> Any:
        if name == "pocket":
            return load_judge("pocket")
        raise WeightsMissing(f"no {name}")

    *so_far, last = steps(["apex", "pocket", "banger"], get, load_audio(EXAMPLE), "house.ogg")
    assert [each.unfinished is not None for each in so_far] == [True] * len(so_far)
    assert so_far
    assert [report.scores for report in last.reports] == [pocket.scores]
    assert last.reports[0].file == "house.ogg"
    assert last.absent == {"apex": "no apex", "banger": "no banger"}
    assert last.unfinished is None
