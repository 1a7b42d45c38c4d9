"""A song against the last one by the same judge: which report it is compared with, and which changes are clear."""

from pathlib import Path
from typing import Any

import pytest

from apex_space.core.axes import AXES, COMPARATIVES, KEYS
from apex_space.judges.report import Report
from apex_space.judges.takes import Takes, changes
from apex_space.ranking.order import Outcome, Rules, order
from apex_space.ranking.songs import BatchSong
from helpers.results import report


def song(name: str, judge: str = "pocket", **options: Any) -> Report:
    return report(file=name, sha256=name, judge=judge, **options)


def base(takes: Takes, of: Report) -> str:
    before = takes.before(of)
    return before.file if before else ""


def test_a_song_is_compared_with_the_last_one_of_the_same_judge() -> None:
    takes = Takes()
    a, b, c, by_other = song("a"), song("b"), song("c"), song("b", "songeval")
    for each, expected in ((a, ""), (b, "a"), (by_other, ""), (c, "b"), (c, "b"), (song("d", "songeval"), "b")):
        takes = takes.followed_by((each,), keep=False)
        assert base(takes, each) == expected


def test_a_take_can_be_kept_and_forgotten() -> None:
    takes = Takes()
    for name, keep, expected in (
        ("a", True, ""),
        ("b", False, "a"),
        ("c", True, "a"),
        ("d", True, "a"),
        ("e", False, "d"),
    ):
        takes = takes.followed_by((song(name),), keep)
        assert base(takes, song(name)) == expected
    takes = takes.forgotten()
    assert base(takes, song("e")) == ""
    assert base(takes.followed_by((song("f"),), keep=True), song("f")) == "e"


def test_the_reports_of_a_panel_are_the_last_takes_of_its_judges() -> None:
    takes = Takes().followed_by((song("a"), song("a", "songeval")), keep=False)
    assert base(takes.followed_by((song("b", "songeval"),), keep=False), song("b", "songeval")) == "a"


@pytest.mark.parametrize("musicality", [3.36, 3.5, 3.82, 3.83, 2.8])
def test_a_change_is_clear_if_a_ranking_tells_the_songs_apart(musicality: float) -> None:
    first, second = song("a"), song("b", scores=dict.fromkeys(KEYS) | {"likes": 99.0, "musicality": musicality})
    found = {change.axis.key: change for change in changes(second, first)}
    assert set(found) == {"likes", "musicality"}
    assert found["musicality"].value == pytest.approx(musicality - 3.36)
    outcomes = [Outcome(BatchSong(Path(name), name), each, each) for name, each in (("a", first), ("b", second))]
    border = order(outcomes, Rules("pocket", "musicality", 1)).border
    assert border
    assert found["musicality"].clear == border.clear


def test_a_judge_that_knows_no_error_tells_no_change_apart() -> None:
    assert {change.clear for change in changes(song("b", spread={}), song("a"))} == {None}


def test_every_score_has_its_words() -> None:
    assert list(COMPARATIVES) == [axis.key for axis in AXES]
