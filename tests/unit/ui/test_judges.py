"""What visitors read of the judges before they choose one."""

import re

import pytest

from apex_space.core.i18n import use_language
from apex_space.judges.manager import Outlook
from apex_space.judges.registry import REGISTRY
from apex_space.ui.render import judges, states
from helpers.chinese import latin


def lines(shown: str) -> dict[str, str]:
    """The text on each judge, by its name."""
    return dict(re.findall("<p><b>([^<:：]+)[:：] ?</b>(.*?)</p>", shown))


def test_what_an_operator_has_to_do_is_folded_away() -> None:
    waiting = {
        "apex": Outlook("absent", "is not available. Set APEX_WEIGHTS."),
        "banger": Outlook("absent", "is not available. Copy it."),
        "pocket": Outlook("loading", "is loading"),
    }
    before, rest = states(waiting).split("<details>", 1)
    summary, rest = rest.split("</summary>", 1)
    assert "Pocket is loading" in before
    assert "APEX is not available here. Another judge answers." in summary
    assert "APEX_WEIGHTS" in rest.split("</details>")[0]
    assert "Banger" not in before + summary + rest
    shown, _, folded = judges(waiting, "pocket").partition("Why judges are not available here")
    assert "Copy it" not in shown
    assert "Banger is not available. Copy it." in folded
    assert "APEX_WEIGHTS" not in folded


def test_one_line_on_each_judge_says_what_how_long_and_how_much_is_downloaded() -> None:
    shown = judges(
        {
            "apex": Outlook("ready", download=0, seconds=52.3),
            "tunejury": Outlook("idle"),
            "tunejury-whole": Outlook("idle", download=0),
            "banger": Outlook("idle", download=1_262_000_000, seconds=131),
            "songeval": Outlook("idle", download=0, seconds=75),
            "hear-1": Outlook("idle"),
            "hear-2": Outlook("absent", "is not available. <b>", seconds=None),
            "pocket": Outlook("loading"),
        },
        "apex",
    )
    said = lines(shown)
    assert list(said) == ["Best that is ready", *(entry.title for entry in REGISTRY.values()), "The panel"]
    assert said["Best that is ready"] == "It needs no waiting. Now this is APEX."
    assert said["APEX"].startswith("Seven scores: two for how popular")
    assert said["APEX"].endswith("A song of 3 minutes takes about 52 s. It is ready.")
    assert said["Banger"].endswith("The server first downloads 1.3 GB, once. That can take minutes.")
    assert said["SongEval"].endswith("It is loaded first, which takes some seconds.")
    assert said["HEAR 1"].endswith("The server first downloads about 2.8 GB, if it has not done so before.")
    assert said["HEAR 2"].endswith("It is not available here.")
    assert said["Pocket"].endswith("It is loading now.")
    assert said["The panel"].endswith("The server first downloads about 6.4 GB.")
    assert 'data-absent="hear-2"' in shown
    assert "is not available. &lt;b&gt;" in shown


def test_the_lines_are_folded_away_unless_they_are_shown() -> None:
    outlook = {"pocket": Outlook("ready")}
    assert "<details>" in judges(outlook, "pocket")
    assert "<details open>" in judges(outlook, "pocket", shown=True)
    assert "The panel" not in judges(outlook, "pocket", panel=False)


@pytest.mark.parametrize(
    "outlook", [Outlook("ready", seconds=3), Outlook("idle"), Outlook("absent"), Outlook("idle", "", 9)]
)
def test_lines_in_chinese(outlook: Outlook) -> None:
    with use_language("zh-CN"):
        shown = judges(dict.fromkeys(REGISTRY, outlook), "pocket")
    assert latin(re.findall(">([^<]+)<", shown), "GB") == []
