"""The pictures of a report: intervals can be seen on bars, and what does not count is pale."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from apex_space import plots
from apex_space.core.axes import BY_KEY
from apex_space.judges.loading import load_judge
from apex_space.judges.report import Report, Segment
from apex_space.judges.windows import Windows
from helpers import melodies
from helpers.results import report

SCORES = report().scores


def song(*parts: tuple[float, float, bool]) -> Report:
    return replace(report(), segments=tuple(Segment(start, end, SCORES, counts) for start, end, counts in parts))


def test_a_spread_is_a_line_with_a_white_border_on_top_of_its_bar() -> None:
    traces = plots.scores(report()).data
    border, line = (trace for trace in traces if list(trace.y) == ["Likes"] * 2)
    assert list(border.x) == list(line.x) == [57.25 - 33, 57.25 + 33]
    assert (border.line.color, line.line.color != "white") == ("white", True)
    assert border.line.width > line.line.width
    bar = next(trace for trace in traces if trace.type == "bar" and list(trace.y) == ["Likes"])
    assert traces.index(bar) < traces.index(border) < traces.index(line)


def test_the_band_of_a_reference_is_opaque() -> None:
    (band,) = (
        trace
        for trace in plots.scores(report()).data
        if trace.type == "scatter" and trace.mode == "lines" and trace.x[0]
    )
    assert band.line.color.startswith("#")
    mean, deviation = BY_KEY["musicality"].reference or (0, 0)
    assert list(band.x) == [mean - deviation, mean + deviation]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (((0.0, 30.0, True), (30.0, 33.0, False)), "too short to count in the score"),
        (((0.0, 30.0, True), (30.0, 60.0, False)), "does not count in the score"),
    ],
)
def test_a_segment_that_does_not_count_is_pale_and_says_why(
    parts: tuple[tuple[float, float, bool], ...], reason: str
) -> None:
    traces = [trace for trace in plots.timeline(song(*parts)).data if trace.name == "Likes"]
    (counted, rest) = traces
    assert list(rest.x) == [parts[1][0], parts[1][1]]
    assert rest.opacity < counted.opacity == 1
    assert (reason in rest.hovertemplate, reason in counted.hovertemplate) == (True, False)
    assert reason in [trace.name for trace in plots.timeline(song(*parts)).data]


def test_a_song_whose_segments_all_count_has_no_pale_line() -> None:
    figure = plots.timeline(report())
    assert all(trace.opacity == 1 for trace in figure.data)
    assert "count" not in figure.to_json()


def test_a_judge_says_which_segments_count(tmp_path: Path) -> None:
    judged = load_judge("pocket")(melodies.write(tmp_path / "song.wav", 1, seconds=33))
    assert [segment.counts for segment in judged.segments] == [True, False]


def test_the_times_do_not_touch_the_lowest_score() -> None:
    assert plots.timeline(report()).layout.xaxis.ticklen >= 8


def test_loudness_is_drawn_where_it_is_known() -> None:
    assert plots.loudness(report()) == ""
    heard = report(features=replace(report().features, loudness=-14.0, short_term=(-70.0, -20.0, -11.5)))
    drawn = plots.loudness(heard)
    (points,) = re.findall(r'points="([^"]*)"', drawn)
    xs, ys = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys, reverse=True)  # louder is higher
    assert "from −70" not in drawn
    assert "the quietest 3 s have −70.0 LUFS, the loudest have −11.5 LUFS" in drawn
    assert drawn.count("stroke-dasharray") == 1
    assert "<svg" in plots.loudness(replace(heard, features=replace(heard.features, short_term=(-18.0,))))


def test_how_loud_a_song_is_stands_behind_its_scores() -> None:
    heard = report(features=replace(report().features, short_term=(-31.5, -11.5)))
    likes, musicality = (t for t in plots.timeline(heard).data if t.legendgroup == "loudness")
    assert list(likes.x) == [1.5, 2.5, 2.5, 1.5]
    assert list(likes.y) == [54.5, 95, 5, 45.5]
    assert list(musicality.y) == [3.18, 4.8, 1.2, 2.82]
    assert (likes.showlegend, musicality.showlegend) == (True, False)
    assert plots.timeline(heard).data[0] == likes, "the scores are drawn over it"


def test_scores_in_fine_steps_are_a_curve_at_the_middles_of_their_windows() -> None:
    values = {"likes": (50.0, 52.0, 49.0), "musicality": (3.0, 3.1, 3.2)}
    fine = replace(report(), windows=Windows(30.0, 5.0, values))
    likes, musicality = plots.timeline(fine).data
    assert (list(likes.x), list(likes.y), list(musicality.y)) == ([15, 20, 25], [50, 52, 49], [3, 3.1, 3.2])
    assert list(likes.customdata) == [0, 5, 10]
    coarse = replace(report(), windows=Windows(30.0, 30.0, values))
    assert plots.timeline(coarse) == plots.timeline(report())
