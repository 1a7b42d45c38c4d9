"""Several judges on one song, and on two."""

import gc
import json
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apex_space import plots
from apex_space.audio.waveform import Levels, Waveform, load_song
from apex_space.core.axes import BY_KEY, KEYS
from apex_space.core.errors import WeightsMissing
from apex_space.core.settings import settings
from apex_space.judges import panel as module
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.eta import ThroughputEstimator
from apex_space.judges.judge import Judge, ScoringProgress
from apex_space.judges.loading import load_judge
from apex_space.judges.manager import LoadProgress
from apex_space.judges.panel import Panel, estimate_all_seconds, score_songs
from apex_space.judges.registry import REGISTRY
from apex_space.judges.report import Report
from apex_space.models.encoders import conformer
from apex_space.models.heads import hear
from apex_space.preference import head_files
from apex_space.preference.head import Preference
from apex_space.preference.panel_comparison import compare_panels
from apex_space.ui import render
from helpers import fake_weights
from helpers.songs import short

EXAMPLE = "house.ogg"


@pytest.fixture(scope="module")
def pocket() -> Report:
    return load_judge("pocket")(short(EXAMPLE))


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


def test_no_two_judges_have_the_same_colour_and_mark(pocket: Report) -> None:
    figure = plots.panel(Panel(tuple(replace(pocket, judge=name) for name in REGISTRY), {}))
    looks = {(trace.marker.color, trace.marker.symbol) for trace in figure.data if trace.mode == "markers"}
    assert len(looks) == len(REGISTRY)


def test_who_could_not_be_asked_is_told_with_the_reason_as_text(panel: Panel) -> None:
    shown = render.panel(panel)
    assert "No weights &lt;b&gt;here&lt;/b&gt;." in shown
    assert panel.as_dict()["absent"] == {"banger": "No weights <b>here</b>."}


class Loader:
    """A manager's `load` of judges that are pocket under other names, and take as long as pocket; or are not there."""

    def __init__(self, *names: str) -> None:
        self.names, self.alive, self.most = names, weakref.WeakSet[Any](), 0
        self.pocket = load_judge("pocket")

    def __call__(self, name: str) -> Iterator[LoadProgress | Judge]:
        yield LoadProgress(name, 1_000_000, 20_000_000)
        if name not in self.names:
            raise WeightsMissing(f"no {name}")
        judge = replace(self.pocket, name=name, cache=EmbeddingCache(), estimator=ThroughputEstimator())
        self.alive.add(judge)
        self.most = max(self.most, len(self.alive))
        yield judge


@pytest.fixture(scope="module")
def songs() -> list[tuple[Waveform, str]]:
    return [(load_song(short(name)), name) for name in ("house.ogg", "bossa.ogg")]


def test_judges_are_asked_one_after_another_and_the_missing_ones_are_named(pocket: Report, songs: Any) -> None:
    *so_far, last = score_songs(["apex", "pocket", "banger"], Loader("pocket"), songs[0])
    assert [type(step.current) for step in so_far[:3]] == [LoadProgress, LoadProgress, ScoringProgress]
    assert all(step.current is not None for step in so_far)
    (panel,) = last.panels
    assert [report.scores for report in panel.reports] == [pocket.scores]
    assert panel.reports[0].file == "house.ogg"
    assert panel.absent == {"apex": "no apex", "banger": "no banger"}
    assert last.current is None


@pytest.mark.slow
def test_two_songs_are_heard_by_each_judge_before_the_next_one_is_loaded(songs: Any) -> None:
    gc.collect()
    load = Loader("apex", "songeval", "pocket")
    order = []
    for step in score_songs(["apex", "banger", "songeval", "pocket"], load, *songs):
        if isinstance(step.current, ScoringProgress) and step.current.done:
            order.append((step.current.judge, step.song))
    assert order == [(judge, song) for judge in ("apex", "songeval", "pocket") for song in (0, 1)]
    assert load.most == 1
    assert [[r.judge for r in p.reports] for p in step.panels] == [["apex", "songeval", "pocket"]] * 2
    assert [p.absent for p in step.panels] == [{"banger": "no banger"}] * 2
    assert [p.reports[0].file for p in step.panels] == ["house.ogg", "bossa.ogg"]


def test_what_is_left_is_that_of_all_judges_and_all_songs(songs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"apex": 40.0, "songeval": 100.0}
    monkeypatch.setattr(module, "estimate_seconds", lambda name, duration: seconds[name])
    first, *_, last = score_songs(["apex", "songeval", "pocket"], Loader(*seconds, "pocket"), *songs)
    assert first.left == 280
    assert last.left is None
    begun = next(
        s for s in score_songs(["apex", "songeval"], Loader(*seconds), *songs) if isinstance(s.current, ScoringProgress)
    )
    assert begun.left is None  # this judge of the test does not know of its own work
    seconds |= {"hear-1": 1000.0, "hear-2": 1000.0}
    assert estimate_all_seconds(["hear-1", "apex", "hear-2"], [60]) == 1040  # their networks are the same
    assert estimate_all_seconds(["hear-2", "apex"], [60], before=["hear-1"]) == 40
    seconds["songeval"] = None
    assert next(score_songs(["apex", "songeval"], Loader(*seconds), *songs)).left is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["songeval", "hear-1", "hear-2"])
def test_a_song_heard_whole_shows_progress_and_no_score_before_its_end(
    name: str, panel_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hear, "FRAME_CACHE", hear.FrameCache())
    judge = replace(load_judge(name, panel_weights, "float32"), cache=EmbeddingCache(), estimator=ThroughputEstimator())
    monkeypatch.setattr(conformer, "PIECE", 5 * 24_000)
    song = Waveform(fake_weights.synthetic(12, 24_000), 24_000, "song", Levels(1, 0.0, 0.0, None))
    first, *between, last = judge.score(song)
    assert first.left == judge.estimator.estimate_seconds(name, judge.cost, 12) or first.share == 0
    assert len(between) > 8
    assert [step.share for step in between] == sorted(step.share for step in between)
    assert {step.report for step in (first, *between)} == {None}
    assert all(step.left is not None for step in between)
    assert last.done
    assert list(judge.steps(song)) == [replace(last.report, seconds=pytest.approx(0, abs=60))]


def test_a_song_that_was_given_up_is_not_remembered(panel_weights: Path) -> None:
    judge = replace(
        load_judge("songeval", panel_weights, "float32"), cache=EmbeddingCache(), estimator=ThroughputEstimator()
    )
    song = Waveform(fake_weights.synthetic(12, 24_000), 24_000, "song", Levels(1, 0.0, 0.0, None))
    listening = judge.score(song)
    while next(listening).share < 0.5:
        pass
    listening.close()
    assert judge.estimator._done == {}
    assert next(judge.score(song)).share == 0


# ---- two songs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own, in which APEX has a preference head and Banger's is broken."""
    monkeypatch.setenv("APEX_DATA", str(tmp_path))
    settings.cache_clear()
    shipped = head_files.read(head_files.SHIPPED / "pocket.json")
    head_files.save(replace(shipped, judge="apex", revision="other weights"), head_files.fitted_path("apex"))
    head_files.fitted_path("banger").write_text("{}")
    yield tmp_path
    settings.cache_clear()


@pytest.fixture(scope="module")
def panels(songs: Any) -> tuple[Panel, Panel]:
    *_, last = score_songs(["apex", "banger", "songeval", "hear-1", "pocket"], Loader(*EVERYONE), *songs)
    a, b = last.panels
    return a, b


EVERYONE = ("apex", "banger", "songeval", "pocket")


def test_a_judge_answers_by_its_own_preference_head_or_not_at_all(data: Path, panels: tuple[Panel, Panel]) -> None:
    found = compare_panels(*panels)
    assert found.judges == EVERYONE
    assert [each.judge for each in found.comparisons] == ["apex", "pocket"]
    assert all(each.head.judge == each.judge for each in found.comparisons)
    assert [each.outdated for each in found.comparisons] == [True, False]
    assert found.without["songeval"] == "no preference head was fitted; Pocket’s is another judge’s"
    assert found.without["banger"].startswith("banger.json is not a preference head")
    assert found.absent == {"hear-1": "no hear-1"}


def test_the_swapped_songs_get_the_swapped_answers(data: Path, panels: tuple[Panel, Panel]) -> None:
    one, other = compare_panels(*panels), compare_panels(*reversed(panels))
    for x, y in zip(one.comparisons, other.comparisons, strict=True):
        assert x.answer.probability + y.answer.probability == 1
        assert x.answer.low + y.answer.high == 1
    for axis in panels[0].axes:
        assert one.differences(axis) == {judge: -value for judge, value in other.differences(axis).items()}
        assert set(one.differences(axis)) == set(EVERYONE)
    assert one.without == other.without


def test_a_judge_that_heard_one_song_only_has_no_say(data: Path, panels: tuple[Panel, Panel]) -> None:
    a, b = panels
    found = compare_panels(a, Panel(b.reports[1:], {"apex": "gone"}))
    assert "apex" not in found.judges
    assert [each.judge for each in found.comparisons] == ["pocket"]
    assert "apex" not in found.differences(BY_KEY["clarity"])
    assert found.absent["apex"] == "gone"


def test_the_duel_is_shown_with_every_answer_and_reason(data: Path, panels: tuple[Panel, Panel]) -> None:
    found = compare_panels(*panels)
    tables = render.panel_comparison_tables(found)
    for each in found.comparisons:
        assert f"<td>{100 * each.answer.chance.value:.0f}</td>" in tables
    assert "SongEval: no preference head was fitted" in render.panel_comparison_summary(found)
    assert "fitted on other weights" in tables
    assert "no hear-1" in render.panel_comparison_summary(found)
    assert render.panel_comparison_summary(found).count("2 judges: ") == 1
    assert "Pocket: " in render.panel_comparison_summary(replace(found, comparisons=found.comparisons[1:]))
    assert "None of these judges" in render.panel_comparison_summary(replace(found, comparisons=()))
    assert "The same song" in render.panel_comparison_summary(compare_panels(panels[0], panels[0]))
    json.dumps(found.as_dict(), allow_nan=False)


def test_markup_in_names_and_reasons_is_text(data: Path, panels: tuple[Panel, Panel]) -> None:
    markup = "<img src=x>"
    a, b = (
        replace(p, reports=tuple(replace(r, file=markup) for r in p.reports), absent={"hear-1": markup}) for p in panels
    )
    found = replace(compare_panels(a, b), without={"songeval": markup, "banger": markup})
    assert "<img" not in render.panel_comparison_summary(found) + render.panel_comparison_tables(
        found
    ) + render.panel_comparison_downloads(found)


def test_the_picture_of_a_panel_comparison_has_a_row_for_each_answer(data: Path, panels: tuple[Panel, Panel]) -> None:
    found = compare_panels(*panels)
    (marks,) = plots.preferences(found).data
    assert list(marks.y) == ["Pocket", "APEX"]
    for x, low, high, each in zip(
        marks.x, marks.error_x.arrayminus, marks.error_x.array, reversed(found.comparisons), strict=True
    ):
        assert 100 - x == pytest.approx(100 * each.answer.probability)  # those who prefer A are on the left
        assert (x - low, x + high) == pytest.approx((100 - 100 * each.answer.high, 100 - 100 * each.answer.low))


def test_a_panel_comparison_names_the_preferred_song_and_its_listeners(data: Path, panels: tuple[Panel, Panel]) -> None:
    one = compare_panels(*panels).comparisons[0]
    answer = Preference(0.44, 0.37, 0.51, {})
    close, clear = (replace(one, answer=each) for each in (answer, replace(answer, high=0.49)))
    found = replace(compare_panels(*panels), comparisons=(close, clear))
    shown = render.panel_comparison_tables(found)
    assert "<td>B, too close to call</td><td>56</td><td>49 to 63</td>" in shown
    assert "<td>B</td><td>56</td><td>51 to 63</td>" in shown
    (marks,) = plots.preferences(found).data
    assert set(marks.text) == {"56 of 100 prefer B"}


def test_what_is_under_way_is_told_with_what_is_left() -> None:
    loading = render.judge_progress(
        LoadProgress("banger", 120_000_000, 1_300_000_000), rest=("the whole panel ", 250.0)
    )
    assert "Banger is downloading: 120 of 1300 MB, the whole panel about 4 min left" in loading
    assert "Banger is loading<" in render.judge_progress(LoadProgress("banger"))
    progress = render.judge_progress(ScoringProgress("songeval", 192.0, 0.4, 30.2, None), "Song B")
    assert "Song B: SongEval has scored 40% of 3:12, about 30 s left" in progress
    assert "left" not in render.judge_progress(ScoringProgress("songeval", 192.0, 0.0, None, None))
