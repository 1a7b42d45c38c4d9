"""Which of two songs people would pick: the answer's forms."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space import plots
from apex_space.core.axes import KEYS
from apex_space.judges.panel import Panel
from apex_space.judges.report import Report
from apex_space.preference.comparison import Comparison, compare_by_model, compare_reports
from apex_space.preference.head import Preference
from apex_space.preference.learned import Outcomes, Prior, learn
from apex_space.preference.panel_comparison import PanelComparison
from apex_space.preference.published_rules import RULES
from apex_space.ranking.order import Ranking, Rules
from apex_space.ui import render
from helpers.preference_head import BAD, GOOD, coherence_head, reports
from helpers.results import report

MARKUP = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare_reports(coherence_head(), reports())


shares = st.floats(0, 1, allow_nan=False)


@given(st.lists(shares, min_size=3, max_size=3).map(sorted))
def test_the_sentence_of_swapped_songs_names_the_other_one(figures: list[float]) -> None:
    low, probability, high = figures
    one = render.sentence(Preference(probability, low, high, {}))
    other = render.sentence(Preference(1 - probability, 1 - high, 1 - low, {}))
    if one.startswith("Too close"):
        assert other.startswith("Too close")
    else:
        assert {one[0], other[0]} == {"A", "B"}
        assert one[1:] == other[1:]
    assert " 100 of 100" not in one
    assert " 0 of 100" not in one


def test_the_sentence_has_the_chance_and_its_interval() -> None:
    assert render.sentence(Preference(0.64, 0.57, 0.7, {})) == "A is preferred by about 64 of 100 listeners (57 to 70)"
    assert render.sentence(Preference(0.36, 0.3, 0.43, {})) == "B is preferred by about 64 of 100 listeners (57 to 70)"


def test_a_close_call_names_the_song_that_is_perhaps_preferred_and_never_the_other_one() -> None:
    close = "Too close to call. Perhaps {} is preferred, by about 56 of 100 listeners (49 to 63)"
    assert render.sentence(Preference(0.56, 0.49, 0.63, {})) == close.format("A")
    assert render.sentence(Preference(0.44, 0.37, 0.51, {})) == close.format("B")
    even = "Too close to call: each song is preferred by about 50 of 100 listeners (40 to 60)"
    assert render.sentence(Preference(0.498, 0.4, 0.6, {})) == even


def test_the_same_song_is_called_so(comparison: Comparison) -> None:
    twice = replace(comparison, b=comparison.a, answer=comparison.head(comparison.a, comparison.a))
    assert "The same song: 50 of 100 listeners" in render.answer(twice)
    assert twice.as_dict()["same"]
    assert "The same song" not in render.answer(comparison)


def test_every_answer_carries_how_good_the_head_is(comparison: Comparison) -> None:
    answer = render.answer(comparison)
    for fact in ("60%", "50% to 70%", "1,234 battles", "56 songs"):
        assert fact in answer
    assert "Fitted on</th><td>simulated" in render.details(comparison)


def test_an_answer_by_a_shared_head_says_where_the_head_is(comparison: Comparison) -> None:
    shared = replace(comparison.head, source="owner/<b> (0123)")
    answer = replace(comparison, head=shared)
    assert "This head is shared on the Hub: owner/&lt;b&gt; (0123)." in render.answer(answer)
    assert "shared on the Hub" not in render.answer(comparison)
    assert answer.as_dict()["head"] == comparison.as_dict()["head"] | {"source": "owner/<b> (0123)"}
    told = Ranking(Rules("pocket", "preference", 1, shared), (), None).as_dict()["head"]
    assert told == {"judge": "pocket", "revision_id": comparison.head.revision_id, "source": "owner/<b> (0123)"}


def test_an_answer_by_votes_says_how_many_and_whether_makers_matter(comparison: Comparison) -> None:
    prior = Prior.of_head(coherence_head())
    won = Outcomes(np.ones((1, 1)), [("", "")], np.array([1234.0]), np.zeros(1))
    model = learn("pocket", "weights", prior, won)
    own, others = (compare_by_model(coherence_head(), reports(), lambda *_: model, maker) for maker in (True, False))
    assert own is not None
    assert others is not None
    answer = render.answer(own)
    assert "1,234 votes in the Arena have taught what Pocket’s scores are worth" in answer
    assert "The head was fitted" not in answer
    assert "This holds if both songs are by the same generator or artist" in answer
    assert "less sure" in render.answer(others)
    assert "How good this preference head is" not in render.details(own)
    for text in ("1,234 votes in the Arena", "Coherence"):
        assert text in render.panel_comparison_tables(panel_of(own)) + render.details(own)
    assert "same generator" not in render.answer(comparison)
    assert "the box changes nothing" not in render.answer(comparison) + answer
    assert "the box changes nothing" in render.answer(replace(comparison, one_maker=False))
    same = replace(own, b=own.a)
    assert "same generator" not in render.answer(same)
    assert plots.contributions(own.answer).data


def test_an_answer_by_a_rule_says_which_and_how_often_it_was_right() -> None:
    a, b = (replace(report, judge="hear-1") for report in reports())
    axes = [axis for axis, score in a.scores.items() if score is not None]
    model = RULES["hear-1"].model("hear-1", "weights", axes)
    found = compare_by_model(coherence_head(), (a, b), lambda *_: model)
    assert found is not None
    answer = render.answer(found)
    assert "no vote has taught HEAR 1 yet" in answer
    assert "With SongEval’s scores this was right in 74% of 1,340 battles elsewhere" in answer
    assert render.details(found).count("How good this preference head is") == 0
    assert "published rule" in render.panel_comparison_tables(panel_of(found))
    assert '"head": null' in json.dumps(found.as_dict())
    assert "worse than a coin" not in answer


def test_tunejurys_chance_is_shown_with_its_log_loss_until_votes_have_taught_it() -> None:
    a, b = (
        replace(report, judge="tunejury", scores=dict.fromkeys(KEYS) | {"appeal": score})
        for report, score in zip(reports(), (2.0, 0.0), strict=True)
    )
    rule = RULES["tunejury"].model("tunejury", "weights", ["appeal"])
    won = Outcomes(np.full((1, 1), 2.0), [("", "")], np.array([30.0]), np.array([10.0]))
    models = rule, learn("tunejury", "weights", rule.prior, won)
    before, after = (compare_by_model(coherence_head(), (a, b), lambda *_, m=model: m) for model in models)
    assert before is not None
    assert after is not None
    assert 0.5 < before.answer.probability < 1 / (1 + np.exp(-2))  # the published chance
    for shown in (render.answer(before), render.panel_comparison_tables(panel_of(before))):
        assert "worse than a coin’s there (log-loss 0.7315; a coin has 0.6931" in shown
        assert "only 25% of the difference counts here" in shown
    for told in (before.as_dict(), panel_of(before).as_dict()["answers"]["tunejury"]):
        assert (told["spoke"], told["votes"]) == ("rule", 0)
        assert (told["rule"]["log_loss"], told["rule"]["log_loss_of_a_coin"]) == (0.7315, 0.6931)
    assert "0.7315" not in render.answer(after)
    assert "40 votes in the Arena have taught" in render.answer(after)
    assert (after.as_dict()["spoke"], after.as_dict()["rule"]) == ("votes", None)


def panel_of(comparison: Comparison) -> PanelComparison:
    return PanelComparison(Panel((comparison.a,), {}), Panel((comparison.b,), {}), (comparison,), {})


def test_an_answer_through_another_judges_head_says_so(comparison: Comparison) -> None:
    other = replace(comparison.a, judge="apex", scores=comparison.b.scores)
    through = compare_reports(comparison.head, (other, comparison.b), comparison.weighed)
    assert "APEX has no preference head. Pocket" in render.answer(through)
    assert "Pocket’s score" in render.details(through)
    assert "no preference head of its own" not in render.answer(comparison)
    assert "Pocket’s score" not in render.details(comparison)
    shown, own = (re.findall("<td>(.*?)</td>", row(each)) for each in (through, comparison))
    assert shown[0] == shown[1] == own[1]  # the asked judge's scores
    assert shown[2:] == own[2:]  # the difference that was weighed, and what it spoke for
    assert through.as_dict()["weighed"]["a"] == comparison.a.scores


def row(comparison: Comparison) -> str:
    return render.details(comparison).split(">Coherence</th>")[1].split("</tr>")[0]


def test_an_axis_whose_higher_score_counts_against_a_song_is_named(comparison: Comparison) -> None:
    against = replace(comparison.head, coefficients=(-2.0,))
    text = "A higher score counts for a song, except in Coherence"
    assert text in render.details(compare_reports(against, reports()))
    assert text not in render.details(comparison)


def test_how_good_the_head_is_is_folded_away(comparison: Comparison) -> None:
    folded = render.details(comparison).split("<details>")[1].split("</details>")[0]
    assert "<summary>How good this preference head is</summary>" in folded
    assert "Brier score" in folded


def test_a_head_of_other_weights_is_mentioned(comparison: Comparison) -> None:
    assert "fitted on other weights" in render.answer(replace(comparison, outdated=True))
    assert "fitted on other weights" not in render.answer(comparison)


def test_markup_in_names_is_text(comparison: Comparison) -> None:
    named = replace(comparison, a=replace(comparison.a, file=MARKUP), b=replace(comparison.b, file=MARKUP))
    assert "<img" not in render.answer(named) + render.details(named) + render.comparison_links(named)


def test_json_holds_the_answer_the_head_and_both_reports(comparison: Comparison) -> None:
    plain = json.loads(json.dumps(comparison.as_dict(), allow_nan=False))
    assert plain["probability"] == comparison.answer.probability > plain["low"] > 0.5
    assert (plain["verdict"], plain["judge"], plain["fallback"]) == ("a", "pocket", False)
    assert plain["contributions"] == dict(comparison.answer.contributions)
    assert plain["head"]["revision_id"] == comparison.head.revision_id
    assert plain["head"]["metrics"]["accuracy"] == [0.6, 0.5, 0.7]
    assert [plain[side]["file"] for side in "ab"] == [GOOD, BAD]


def test_every_axis_is_in_the_table_with_what_it_spoke_for(comparison: Comparison) -> None:
    details = render.details(comparison)
    axes = comparison.a.axes
    assert all(f'<th scope="row">{axis.label}</th>' in details for axis in axes)
    assert details.count("<td>not weighed</td>") == len(axes) - 1
    assert f"<td>A {comparison.answer.contributions['coherence']:.2f}</td>" in details


def test_the_bar_is_all_listeners_and_its_whisker_the_interval() -> None:
    figure = plots.probability(Preference(0.64, 0.57, 0.7, {}))
    a, b, border = figure.data
    assert (a.x[0], a.x[0] + b.x[0]) == (64, 100)
    assert border.x[0] - border.error_x.arrayminus[0] == pytest.approx(57)
    assert border.x[0] + border.error_x.array[0] == pytest.approx(70)


def test_what_spoke_for_a_is_on_the_left_and_the_strongest_on_top() -> None:
    figure = plots.contributions(Preference(0.6, 0.5, 0.7, {"likes": 0.5, "clarity": -0.7, "coherence": 0.001}))
    (bars,) = figure.data
    assert list(bars.y) == ["Coherence", "Likes", "Clarity"]
    assert list(bars.x) == [-0.001, -0.5, 0.7]
    assert list(bars.text) == ["neither", "A 0.50", "B 0.70"]
    assert "odds" not in figure.to_json()


def test_figures_have_a_height_and_the_pages_background(comparison: Comparison) -> None:
    nothing = Preference(0.5, 0.5, 0.5, dict.fromkeys(KEYS, 0.0))
    for answer in (comparison.answer, nothing):
        for figure in (plots.probability(answer), plots.contributions(answer)):
            assert figure.layout.height
            assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


def heard(loudness: float | None, channels: int = 2) -> Report:
    return report(features=replace(report().features, loudness=loudness, channels=channels))


def test_the_louder_song_is_played_quieter_and_it_is_said() -> None:
    level = render.levelled(heard(-9.8), heard(-14.0))
    assert level
    assert level["loudness"] == (-9.8, -14.0)
    assert level["text"].startswith("Song A is played 4.2 dB quieter, so that both are equally loud.")
    swapped = render.levelled(heard(-14.0), heard(-9.8))
    assert swapped
    assert swapped["text"].startswith("Song B is played 4.2 dB quieter")
    for same in ((heard(-14.0), heard(-14.02)), (heard(None), heard(-14.0)), (heard(-17.01, channels=1), heard(-14.0))):
        assert render.levelled(*same) is None
