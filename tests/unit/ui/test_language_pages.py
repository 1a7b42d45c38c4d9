"""The panel and its comparison in Chinese: nothing in them is English but names."""

import re
from dataclasses import replace
from html import unescape

import pytest

from apex_space.core.i18n import use_language
from apex_space.core.text import approximate_duration, message
from apex_space.judges.judge import ScoringProgress
from apex_space.judges.loading import load_judge
from apex_space.judges.manager import LoadProgress, Outlook
from apex_space.judges.panel import Panel
from apex_space.judges.report import Report
from apex_space.preference.panel_comparison import compare_panels
from apex_space.ui import render
from helpers.chinese import latin
from helpers.paths import EXAMPLES

REASONS = (
    "as set",
    "this processor does not multiply bfloat16",
    message(
        "bfloat16 moved {axis} by {moved:.1%} of its range on a trial clip of {name}",
        axis="streams",
        moved=0.031,
        name="noise",
    ),
    message("on {count} trial clips no score moved by more than {most:.2%} of its range", count=4, most=0.0012),
)
"""Why a judge has the precision that it has."""


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    """What pocket says of two songs."""
    return [load_judge("pocket")(EXAMPLES / f"{name}.ogg") for name in ("folk", "waltz")]


@pytest.mark.slow
@pytest.mark.parametrize("reason", REASONS)
def test_panel_and_panel_comparison(reason: str, reports: list[Report]) -> None:
    a, b = reports
    busy = message("Busy: {n} songs wait. Try again in {time}.", n=3, time=approximate_duration(200))
    missing = {"streams": "this APEX checkpoint was trained for popularity only"}
    missing |= {"memorability": "HEAR's track 1 was trained for musicality only"}
    scores = {key: score and 0.9 * score for key, score in a.scores.items()}
    apex = replace(a, judge="apex", scores=scores, missing=missing, spread={}, precision_reason=reason)
    panel = Panel((apex, a), {"songeval": busy})
    both = compare_panels(panel, Panel((replace(b, judge="apex"), b), {}))
    answers = replace(both, comparisons=tuple(replace(each, outdated=True) for each in 2 * both.comparisons))
    through = replace(both.comparisons[0], judge="apex", outdated=True)
    with use_language("zh-CN"):
        pages = [render.panel(panel), render.panel_tables(panel), render.panel_links(panel)]
        for each in (both, answers, replace(both, comparisons=())):
            pages += [
                render.panel_comparison_summary(each),
                render.panel_comparison_tables(each),
                render.panel_comparison_downloads(each),
            ]
        pages += [render.answer(through), render.details(through)]
        for step in (
            LoadProgress("apex"),
            LoadProgress("apex", 1, 2_000_000),
            ScoringProgress("apex", 9, 0.5, 3, None),
        ):
            pages.append(render.judge_progress(step, rest=("", 120)))
        pages.append(render.judge_progress(ScoringProgress("apex", 0, 0, 3, None, 2)))
        why = message("is not available: {kind} while loading; see the server's log", kind="KeyError")
        pages.append(render.states({"apex": Outlook("absent", why)}))
    texts = [unescape(text) for page in pages for text in re.findall(">([^<]+)<", page)]
    assert latin(texts, "folk.ogg", "waltz.ogg", "KeyError", "APEX_REFERENCE") == []
