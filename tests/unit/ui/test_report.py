"""A report as people read it: what stands out, the scores, the measurements."""

import re
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from apex_space import plots
from apex_space.core.axes import KEYS
from apex_space.core.errors import WeightsMissing
from apex_space.judges.judge import ScoringProgress
from apex_space.judges.panel import Panel
from apex_space.judges.report import Report, Segment
from apex_space.judges.takes import Takes
from apex_space.judges.windows import Windows
from apex_space.ui.pages.score import _shown
from apex_space.ui.render.html import failed
from apex_space.ui.render.panel import panel_tables
from apex_space.ui.render.report import _tempo, cards, tables
from helpers.results import report


def plain(html: str) -> str:
    return re.sub("<[^>]*>", " ", html)


def rated(second: float, **scores: float) -> Report:
    """Two segments that differ in their clarity."""
    known = dict.fromkeys(KEYS) | scores
    parts = (Segment(0.0, 30.0, known | {"clarity": 4.0}), Segment(30.0, 40.0, known | {"clarity": second}))
    missing = {key: "reasons" for key in KEYS if known[key] is None}
    return report(scores=known, segments=parts, missing=missing)


def test_scores_that_are_known_come_first_and_each_has_its_meaning() -> None:
    shown = plain(cards(rated(2.0, likes=57.0, musicality=3.36, clarity=3.0)))
    places = [shown.index(f" {label} ") for label in ("Likes", "Musicality", "Clarity", "Streams", "Coherence")]
    assert places == sorted(places)
    assert "melody, harmony, rhythm" in shown
    assert "/ 5, ± 0.33" in shown
    assert shown.count("80% interval") == 1


def unbounded(score: float) -> Report:
    known = dict.fromkeys(KEYS) | {"appeal": score}
    return report(judge="tunejury", scores=known, segments=(Segment(15.0, 25.0, known),), missing={}, spread={})


@pytest.mark.parametrize("score", [-8.5, 0.25, 6.5])
def test_a_score_without_bounds_is_shown_without_a_range(score: float) -> None:
    found, shown = unbounded(score), f"{score:.2f}".replace("-", "−")
    assert f"<b>{shown}</b><small></small>" in cards(found)
    table = plain(tables(found))
    for text in (shown, "no bounds", "seven collections of music", "−0.14 ± about 1.33", "0:15–0:25"):
        assert text in table
    panel = Panel((found, report()), {})
    assert "Appeal, " not in panel_tables(panel)
    assert "Likes, 0 to 100" in panel_tables(panel)
    bar, *marks = plots.scores(found).data
    assert bar.base + bar.x[0] == min(score, 5)
    assert "seven collections of music, by TuneJury’s head for all inputs, mean ± SD" in [mark.name for mark in marks]
    assert plots.scores(found).layout.annotations[0].text == f"<b>{shown}</b>"
    (mark,) = (trace for trace in plots.panel(panel).data if trace.name == "TuneJury")
    assert (0 <= mark.x[0] <= 100, mark.text) == (True, (f"{score:.3g}",))
    assert plots.card("x", [found])


def test_the_highest_and_the_lowest_score_are_said_and_where_it_is_lowest() -> None:
    said = plain(cards(rated(2.0, musicality=3.36, clarity=3.0, likes=9.0)))
    assert "Highest: Musicality, 3.36 of 5. Lowest: Clarity, 3.00 of 5. It is lowest from 0:30 to 0:40." in said
    assert "It is lowest" not in cards(rated(3.9, musicality=3.36, clarity=3.0))
    assert "much alike" in cards(rated(2.0, musicality=3.1, clarity=3.0))
    assert not re.search("Highest|alike", cards(rated(2.0, musicality=3.1, likes=3.0)))


def test_a_song_is_told_from_the_last_take_in_words() -> None:
    before = rated(2.0, likes=57.0, musicality=3.36, clarity=3.0, coherence=3.5)
    now = rated(2.0, likes=70.0, musicality=3.96, clarity=2.5, coherence=3.501)
    before, now = replace(before, file="<b>old"), replace(now, sha256="other")
    shown = cards(now, before)
    assert (
        "Against your last take, &lt;b&gt;old: more musical; perhaps less clear; the rest is about the same." in shown
    )
    assert "It is not known how exact Pocket is in Clarity." in shown
    lines = re.findall(r'<p class="change[ a-z]*">(.*?)</p>', shown)
    same, up, down = "about the same", "▲</span> 0.60 higher", "▼</span> 0.50 lower"
    assert [line.removeprefix('<span aria-hidden="true">') for line in lines] == [same, same, up, down]
    assert "Against the take that you keep, &lt;b&gt;old: " in cards(now, before, "kept")
    assert "Against the reference song, &lt;b&gt;old: " in cards(now, before, "reference")
    assert "old: about the same." in cards(replace(before, sha256="other"), before)
    assert "old: the same sound." in cards(before, before)
    assert "change" not in cards(now)


def test_without_any_error_it_is_said_once_that_changes_may_mean_nothing() -> None:
    before, now = unbounded(-1.0), replace(unbounded(-2.0), sha256="other")
    assert "It is not known how exact TuneJury’s scores are." in cards(now, before)
    assert ": perhaps less appealing." in cards(now, before)


def test_only_a_song_that_was_scored_to_its_end_becomes_the_last_take() -> None:
    first, second = report(), report(sha256="other")
    takes = Takes().followed_by((first,), keep=False)
    shown, *_, kept, _ = _shown("song.wav", ScoringProgress("pocket", 40.0, 0.5, 1.0, second), takes, False)
    assert kept == gr.skip()
    assert 'class="against"' not in shown
    shown, *_, kept, _ = _shown("song.wav", ScoringProgress("pocket", 40.0, 1.0, 0.0, second), takes, False)
    assert kept.before(second) is first
    assert 'class="against"' in shown


def test_a_short_sound_gets_a_caution() -> None:
    assert "lasts only 3 s" in cards(report(duration=3.2))
    assert "lasts only" not in cards(report(duration=30.0))


@pytest.mark.parametrize(
    ("tempo", "other", "shown"),
    [
        (None, None, "no steady beat found"),
        (86.2, 172.4, "86 or 172 beats per minute"),
        (128.0, 64.0, "128 or 64 beats per minute"),
        (128.0, None, "128 beats per minute"),  # a report that was stored before reports had the other one
    ],
)
def test_a_tempo_is_shown_with_its_half_or_double(tempo: float | None, other: float | None, shown: str) -> None:
    assert _tempo(replace(report().features, tempo=tempo, other_tempo=other)) == shown


MEASURED = {
    "key_fit": 0.8123,
    "other_key": "C major",
    "true_peak": 0.43,
    "loudness_range": 6.91,
    "short_term": tuple(-20.0 - second % 7 for second in range(38)),
    "correlation": -0.25,
    "width": 0.2,
}


def test_what_was_measured_is_shown_and_what_takes_room_is_folded() -> None:
    song = report(features=replace(report().features, loudness=-11.5, **MEASURED))
    shown = tables(song)
    rows = re.sub(r"\s+", " ", plain(shown))
    for text in ("A minor, or perhaps C major", "0.81 of 1", "6.9 LU", "0.4 dBTP", "Loudest 3 s −20.0 LUFS"):
        assert text in rows
    assert "20% of the sound differs" in rows
    assert "1.0 dB quieter (correlation −0.25)" in rows
    assert "Spotify −14 LUFS 2.5 dB" in rows
    assert "Apple Music −16 LUFS 4.5 dB" in rows
    assert [shown.count(text) for text in ("<details>", "<svg", "0:30–0:33")] == [6, 1, 1]


def test_an_older_report_and_one_channel_have_no_more_than_is_known() -> None:
    known = tables(report(features=replace(report().features, loudness=None)))
    sections = ["Scores", "By segment", "Measured, not predicted", "Provenance"]
    assert re.findall("<summary>(.*?)</summary>", known) == sections
    assert "none: one channel" in tables(report(features=replace(report().features, channels=1)))


def test_why_weights_cannot_be_used_is_folded_away() -> None:
    error = gr.Error("Banger is not available here.", title="This song was not scored")
    error.__cause__ = WeightsMissing("No weights of m-a-p/MERT-v1-330M.")
    shown, _, folded = failed(error).partition("<details>")
    assert shown == '<p class="error" role="status">This song was not scored. Banger is not available here.</p>'
    assert "m-a-p/MERT-v1-330M" in folded
    assert "<details>" not in failed(gr.Error("Busy.", title="This song was not scored"))


def test_passages_and_lifts_are_folded_away_and_say_whether_they_may_be_chance() -> None:
    even, chorus = (50.0, 50.2, 49.9, 50.1, 50.0), (50.0, 50.2, 80.0, 50.1, 50.0)
    known = dict.fromkeys(KEYS) | {"likes": 50.0, "musicality": 3.0}
    lifts = {"likes": 7.25, "musicality": -0.5}, {"likes": -1.0, "musicality": -0.001}
    parts = tuple(Segment(30.0 * n, 30.0 * n + 30, known, lift=lift) for n, lift in enumerate(lifts))
    windows = Windows(30.0, 5.0, {"likes": tuple(np.repeat(chorus, 20)), "musicality": tuple(np.repeat(even, 20) / 20)})
    shown = tables(report(scores=known, missing={}, segments=parts, windows=windows))
    assert shown.count("<details><summary>The best and the weakest 30 seconds") == 1
    text = plain(shown)
    assert "3:20–3:50 80, " in text
    assert re.search(r"0:00–0:30 +\+7\.2 +−0\.50 +0:30–1:00 +−1\.0 +\+0\.00", text)
    windows = Windows(30.0, 30.0, {"likes": (50.0, 51.0)})
    assert "0:30–1:00 51, perhaps by chance" in plain(
        tables(report(scores=known, missing={}, segments=parts, windows=windows))
    )
    assert "The best and the weakest" not in tables(report())
