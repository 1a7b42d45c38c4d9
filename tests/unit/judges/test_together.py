"""What popularity and aesthetics share: on reference songs whose scores go together as is known."""

import numpy as np
import pytest

from apex_space.core.axes import KEYS
from apex_space.core.i18n import use_language
from apex_space.core.intervals import correlation_interval
from apex_space.judges.reference_songs import ALL, ReferenceSongs, reference_songs
from apex_space.judges.report import Report
from apex_space.judges.together import Together, together
from apex_space.ui.render.together import shared
from helpers.results import report

SONGS = 500


def songs(**columns: np.ndarray) -> ReferenceSongs:
    table = np.full((len(next(iter(columns.values()))), len(KEYS)), np.nan)
    for key, column in columns.items():
        table[:, KEYS.index(key)] = column
    return ReferenceSongs("songs", {ALL: {key: tuple(sorted(column)) for key, column in columns.items()}}, table)


def drawn(count: int = SONGS) -> ReferenceSongs:
    """Likes rise by 10 for each point of musicality, with an error of 2. Clarity has nothing to do with them."""
    random = np.random.default_rng(0)
    musicality, clarity = random.normal(3, 0.5, (2, count))
    likes = 20 + 10 * musicality + random.normal(0, 2, count)
    return songs(likes=likes, musicality=musicality, clarity=clarity)


def song(likes: float, musicality: float = 3.0, clarity: float = 3.0) -> Report:
    return report(scores=dict.fromkeys(KEYS) | {"likes": likes, "musicality": musicality, "clarity": clarity})


def found(rated: Report, reference: ReferenceSongs | None = None) -> Together:
    result = together(rated, reference or drawn())
    assert result is not None
    return result


def test_correlations_have_their_intervals() -> None:
    all_of_it = found(song(50))
    with_musicality, with_clarity = (all_of_it.correlations["likes", key] for key in ("musicality", "clarity"))
    assert with_musicality.low < 5 / np.hypot(5, 2) < with_musicality.high
    assert with_clarity.low < 0 < with_clarity.high
    assert all_of_it.songs == SONGS
    for value in (-1.0, 1.0):
        assert correlation_interval(value, 40).value == value


def test_a_score_stands_out_only_from_what_the_others_let_expect() -> None:
    usual, high = found(song(50)).expected["likes"], found(song(57)).expected["likes"]
    assert usual.value == pytest.approx(50, abs=0.3)
    assert (usual.low, usual.high) == (pytest.approx(46.1, abs=0.6), pytest.approx(53.9, abs=0.6))
    assert (usual.stands_out, high.stands_out) == (False, True)
    assert not found(song(57, musicality=3.7)).expected["likes"].stands_out
    assert not found(song(50, musicality=5.5)).expected, "no reference song is as far out"


def test_95_of_100_new_songs_are_within_the_range() -> None:
    reference, new = drawn(60), drawn(2000).table
    inside = []
    for row in new[60:560]:
        rated = song(*(row[KEYS.index(key)] for key in ("likes", "musicality", "clarity")))
        inside += [not each.stands_out for each in found(rated, reference).expected.values()]
    assert 0.92 < np.mean(inside) < 0.98
    assert len(inside) > 450


def test_axes_that_go_together_can_stand_out_together() -> None:
    assert found(song(63, musicality=4.2, clarity=4.4)).high == ("likes", "musicality")
    assert found(song(37, musicality=1.8)).low == ("likes", "musicality")
    assert found(song(50, clarity=4.4)).high == (), "clarity and likes do not go together"


def test_too_little_is_not_told() -> None:
    reference = drawn()
    assert together(song(50), drawn(59)) is None
    assert together(song(50), drawn(60)) is not None
    assert together(report(scores=dict.fromkeys(KEYS) | {"likes": 50.0}), reference) is None
    assert together(song(50), songs(likes=np.arange(99.0), musicality=np.full(99, 3.0))) is None
    assert report(judge="apex").as_dict()["together"] is None


def test_pockets_is_in_the_json_and_on_the_page() -> None:
    plain = report().as_dict()["together"]
    assert plain["songs"] == 498
    assert plain["expected"]["likes"]["low"] < plain["expected"]["likes"]["value"] < plain["expected"]["likes"]["high"]
    assert plain["correlations"]["likes"]["musicality"].keys() == {"value", "low", "high"}
    reference = reference_songs(report())
    assert reference
    assert "Likes and Musicality" in shared(report(), reference)


def test_a_sentence_is_there_only_if_something_is_unusual() -> None:
    reference = drawn()
    assert "than usual" not in shared(song(50), reference)
    assert "stand out together" not in shared(song(50), reference)
    assert "Likes is 7 higher than usual for this Musicality and Clarity: 95% of" in shared(song(57), reference)
    assert "Likes is 7 lower than usual" in shared(song(43), reference)
    assert "Likes and Musicality stand out together: each is higher" in shared(song(63, musicality=4.2), reference)
    with use_language("zh-CN"):
        assert "点赞" in shared(song(57), reference) or "喜欢" in shared(song(57), reference)
    assert shared(report(scores=dict.fromkeys(KEYS) | {"likes": 50.0}), reference) == ""
