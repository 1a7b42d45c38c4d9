"""The order of many songs, how sure it is, and the run that makes it: one song in memory at a time."""

import csv
import io
import math
import tracemalloc
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space import plots
from apex_space.audio.features import AudioFeatures
from apex_space.audio.waveform import load_song
from apex_space.cli.rank import _table
from apex_space.core.axes import BY_KEY, KEYS
from apex_space.core.errors import BatchError, Busy
from apex_space.core.intervals import ConfidenceInterval
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.judge import Judge
from apex_space.judges.loading import load_judge
from apex_space.judges.queueing import SongQueue
from apex_space.judges.report import Report
from apex_space.judges.windows import Windows
from apex_space.models.encoders.pocket import PocketEncoder
from apex_space.plots import ranking_text
from apex_space.preference.calibration import CalibrationBin
from apex_space.preference.head import Metrics, PreferenceHead, revision_of
from apex_space.preference.learned import LearnedModel, Outcomes, Prior, learn, sigmoid
from apex_space.preference.published_rules import RULES
from apex_space.ranking.distributions import distributions
from apex_space.ranking.export import to_csv
from apex_space.ranking.order import PREFERENCE, Outcome, Ranking, Rules, chances, order
from apex_space.ranking.rank import RankingProgress, RankRequest, rank, rank_files
from apex_space.ranking.songs import BatchSong
from apex_space.ui.render.rank import songs as songs_of
from helpers.melodies import write

FIGURE = ConfidenceInterval(0.6, 0.5, 0.7)
METRICS = Metrics(
    FIGURE, FIGURE, FIGURE, FIGURE, (CalibrationBin(0.5, 1.0, 1.0, 0.6, FIGURE),), {}, "likes", FIGURE, FIGURE, "songs"
)
AXES = ("coherence", "musicality")
HEAD = PreferenceHead(
    "pocket", "1", AXES, (0.5, 0.8), (0.6, 0.3), ((0.01, 0.004), (0.004, 0.02)), "simulated", 100, 50, METRICS
)
NOT_CERTAIN = "not kept, but not certain"
BY_HEAD = Rules("pocket", PREFERENCE, 2, HEAD)


def report(name: str, spread: Mapping[str, float] | None = None, **scores: float | None) -> Report:
    """By its name alone different from others."""
    measured = AudioFeatures(None, None, -12.0, -1.0, 0.0, 16_000.0, 44_100, 2)
    given = dict.fromkeys(KEYS) | scores
    missing = {"streams": "no data speaks of it"}
    return Report(name, "pocket", given, missing, spread or {}, (), 30.0, measured, (), "float32", "", 0.1, name)


def outcome(name: str, spread: Mapping[str, float] | None = None, **scores: float | None) -> Outcome:
    heard = report(name, spread, **scores)
    return Outcome(BatchSong(Path(name), name), heard, heard)


def names(ranking: Ranking) -> list[str]:
    return [row.song.name for row in ranking.rows]


score = st.floats(1, 5)
songs = st.lists(st.tuples(score, score), min_size=2, max_size=12, unique=True).map(
    lambda pairs: [outcome(str(i), coherence=x, musicality=y) for i, (x, y) in enumerate(pairs)]
)


@given(songs)
def test_the_chance_is_the_mean_of_the_heads_own_and_orders_as_the_head_does(outcomes: list[Outcome]) -> None:
    found = order(outcomes, BY_HEAD)
    heard = {o.song.name: o.report for o in outcomes}
    for row in found.rows:
        others = [HEAD(heard[row.song.name], heard[name]).probability for name in heard if name != row.song.name]
        assert row.value == pytest.approx(np.mean(others), abs=1e-9)
        assert row.low <= row.value <= row.high
    for better, worse in zip(found.rows, found.rows[1:], strict=False):
        assert HEAD(better.report, worse.report).probability >= 0.5
        assert better.value >= worse.value - 1e-12


@given(score, score, score, score)
def test_of_two_songs_it_is_the_heads_own_answer(a: float, b: float, c: float, d: float) -> None:
    scores = [{"coherence": a, "musicality": b}, {"coherence": c, "musicality": d}]
    own = HEAD.of_scores(*scores)
    assert chances(HEAD, scores)[0] == pytest.approx((own.probability, own.low, own.high), abs=1e-9)


def test_the_interval_is_that_of_the_coefficients() -> None:
    rng = np.random.default_rng(0)
    scores = [dict(zip(AXES, pair, strict=True)) for pair in rng.uniform(2, 4, (8, 2)).tolist()]
    drawn = rng.multivariate_normal(HEAD.coefficients, HEAD.covariance, 4000)
    simulated = np.array([[row[0] for row in chances(replace(HEAD, coefficients=tuple(c)), scores)] for c in drawn])
    low, high = np.quantile(simulated, [0.025, 0.975], axis=0)
    found = np.array(chances(HEAD, scores))
    assert found[:, 1] == pytest.approx(low, abs=0.015)
    assert found[:, 2] == pytest.approx(high, abs=0.015)


def test_equal_songs_share_a_rank_and_stand_as_they_came() -> None:
    values = {"a": 3.0, "b": 4.0, "c": 3.0, "d": 3.0, "e": 2.0}
    found = order([outcome(name, coherence=x, musicality=3.0) for name, x in values.items()], BY_HEAD)
    assert [(row.song.name, row.rank) for row in found.rows] == [("b", 1), ("a", 2), ("c", 2), ("d", 2), ("e", 5)]
    assert [row.song.name for row in found.kept] == ["b", "a"]
    assert found.border.clear is False
    assert ranking_text.verdict(found) == "The 2nd and the 3rd are too close to call: their scores are equal."


def test_a_copy_is_named_shares_the_rank_and_is_neither_kept_nor_counted() -> None:
    a, b, c = (outcome(name, coherence=x, musicality=3.0) for name, x in (("a", 4.0), ("b", 3.0), ("c", 2.0)))
    copy = replace(a, song=BatchSong(Path("again"), "again"))
    alone, together = order([a, b, c], BY_HEAD), order([a, b, copy, c], BY_HEAD)
    assert names(together) == ["a", "again", "b", "c"]
    assert [row for row in together.rows if not row.same_as] == list(alone.rows)
    (copied,) = (row for row in together.rows if row.same_as)
    assert (copied.rank, copied.same_as, copied.kept) == (1, "a", False)
    assert ranking_text.note(copied) == "the same as a"


@pytest.mark.parametrize("rules", [BY_HEAD, Rules("pocket", "coherence", 2)], ids=["preference", "axis"])
def test_songs_without_the_score_come_after_those_with_it_and_before_failures(rules: Rules) -> None:
    failed = Outcome(BatchSong(Path("bad"), "bad"), error="This is not a sound file.")
    lacking = [outcome(f"lacks {x}", coherence=x, musicality=3.0) for x in (None, math.nan, math.inf)]
    heard = [outcome(name, coherence=x, musicality=3.0) for name, x in (("low", 2.0), ("high", 4.0))]
    found = order([failed, *lacking, *heard], rules)
    assert names(found) == ["high", "low", "lacks None", "lacks nan", "lacks inf", "bad"]
    assert [row.rank for row in found.rows] == [1, 2, None, None, None, None]
    assert "no Coherence by pocket" in found.rows[2].error
    assert found.rows[-1].error == "This is not a sound file."
    assert [row.kept for row in found.rows] == [True, True, False, False, False, False]


def test_a_song_alone_has_a_rank_and_no_chance() -> None:
    (row,) = order([outcome("a", coherence=3.0, musicality=3.0)], BY_HEAD).rows
    assert (row.rank, row.value, row.kept) == (1, None, True)


def test_an_axis_interval_is_the_judges_and_stays_on_the_scale() -> None:
    rules, spread = Rules("pocket", "coherence", 1), {"coherence": 0.5}
    found = order([outcome(str(x), spread, coherence=x) for x in (4.8, 3.0)], rules)
    assert [(row.value, row.low, row.high) for row in found.rows] == [(4.8, pytest.approx(4.3), 5.0), (3.0, 2.5, 3.5)]
    unknown = order([outcome("a", coherence=4.0), outcome("b", coherence=3.0)], rules)
    assert (unknown.rows[0].low, unknown.border.clear) == (None, None)
    assert "gives no uncertainty of coherence" in ranking_text.verdict(unknown)


@pytest.mark.parametrize(("gap", "clear"), [(0.70, False), (0.72, True)])
def test_by_an_axis_two_songs_differ_by_both_their_errors(gap: float, clear: bool) -> None:
    found = order(
        [outcome(str(x), {"coherence": 0.5}, coherence=x) for x in (3.0 + gap, 3.0)], Rules("pocket", "coherence", 1)
    )
    assert found.border.clear is clear
    assert ranking_text.verdict(found).startswith(f"The 1st {'is clearly ahead of' if clear else 'and'} the 2nd")


def test_the_border_counts_the_songs_that_are_too_close_to_it() -> None:
    values = [(4.0, 3.0), (3.02, 4.0), (3.0, 4.4), (2.99, 3.0), (2.97, 4.4), (1.5, 3.0)]
    found = order([outcome(str(x), coherence=x, musicality=y) for x, y in values], BY_HEAD)
    border = found.border
    assert (border.last, border.first) == (found.rows[1], found.rows[2])
    answer = HEAD(border.last.report, border.first.report)
    assert (border.preference, border.clear) == (answer, answer.verdict != "close")
    by_name = {row.song.name: row.report for row in found.rows}
    pairs = [HEAD(by_name[name], border.first.report).verdict for name in names(found)[:2]]
    assert border.unsure == pairs.count("close")
    rivals = [HEAD(border.last.report, by_name[name]).verdict for name in names(found)[2:]]
    assert border.rivals == rivals.count("close")
    assert 0 < border.unsure + border.rivals < 6
    assert order([outcome("a", coherence=3.0, musicality=3.0)], BY_HEAD).border is None


def test_songs_that_cannot_be_told_apart_are_marked_and_named() -> None:
    values = [(4.9, 4.9), (3.02, 4.0), (3.0, 4.4), (2.99, 3.0), (1.5, 1.5)]
    close = order([outcome(f"song {x}", coherence=x, musicality=y) for x, y in values], BY_HEAD)
    assert not close.border.clear
    marked = [row.song.name for row in close.rows if row.undecided]
    assert len(marked) == close.border.unsure + close.border.rivals
    assert [close.rows[0].undecided, close.rows[1].undecided, close.rows[2].undecided] == [False, True, True]
    headline, named = ranking_text.undecided(close)
    assert headline == f"These {len(marked)} songs cannot be told apart: listen to them"
    assert named == ", ".join(marked)
    assert [ranking_text.note(row) for row in close.rows[:3]] == ["kept", "kept, but not certain", NOT_CERTAIN]
    far = order([outcome(n, coherence=x, musicality=3.0) for n, x in (("a", 4.5), ("b", 4.4), ("c", 1.5))], BY_HEAD)
    assert ranking_text.undecided(far) == ("", "")
    assert not any(row.undecided for row in far.rows)
    alone = order([outcome("a", coherence=3.0, musicality=3.0)], BY_HEAD)
    assert not alone.rows[0].undecided


def test_without_a_known_error_no_kept_song_is_certain() -> None:
    found = order([outcome(str(x), coherence=x) for x in (4.0, 3.0)], Rules("pocket", "coherence", 1))
    assert [row.undecided for row in found.rows] == [True, False]
    assert ranking_text.undecided(found) == ("", "")


def test_it_is_said_how_many_songs_were_ranked_and_why_others_were_not() -> None:
    failed = Outcome(BatchSong(Path("bad"), "bad"), error="This is not a sound file.")
    found = order([outcome("a", coherence=4.0, musicality=3.0), failed], BY_HEAD)
    assert ranking_text.ranked(found) == ("1 of 2 ranked", [("bad", "This is not a sound file.")])


def test_kept_songs_with_wide_intervals_or_scores_at_an_end_are_named() -> None:
    rules = Rules("pocket", "likes", 2)
    heard = [outcome(n, {"likes": 32.0}, likes=x, clarity=4.97) for n, x in (("a", 60.0), ("b", 99.5), ("c", 20.0))]
    wide, likes, clarity = ranking_text.cautions(order(heard, rules))
    assert "more than half" in wide
    assert wide.endswith("This concerns a.")  # the interval of b ends with the scale
    assert likes.startswith("Likes is at the end")
    assert likes.endswith("This concerns b.")
    assert clarity.endswith("This concerns b, a.")
    assert list(ranking_text.cautions(order([outcome("a", {"likes": 10.0}, likes=60.0)], rules))) == []


def test_the_verdict_says_how_many_listeners() -> None:
    far = [outcome(name, coherence=x, musicality=3.0) for name, x in (("a", 4.5), ("b", 4.4), ("c", 3.0), ("d", 1.5))]
    verdict = ranking_text.verdict(order(far, BY_HEAD))
    answer = HEAD(far[1].report, far[2].report)
    assert verdict.startswith(f"The 2nd is clearly ahead of the 3rd: about {100 * answer.probability:.0f} of 100")
    near, *others = ranking_text.notes(order(far, BY_HEAD))
    assert near == "No song is too close to this border to call."
    assert "60% of the battles (50% to 70%)" in others[-1]


def test_ordinals() -> None:
    assert [ranking_text.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"),
    ]


def test_distributions_are_by_group_and_leave_copies_out() -> None:
    grouped = [("a", 4.0, "x"), ("b", 3.0, "x"), ("c", 2.0, "y")]
    outcomes = [replace(outcome(n, coherence=v, musicality=3.0), song=BatchSong(Path(n), n, g)) for n, v, g in grouped]
    found = order([*outcomes, replace(outcomes[0], song=BatchSong(Path("d"), "d", "y"))], BY_HEAD)
    spread = {(ranking_text.score_label(each.axis), each.group): each for each in distributions(found)}
    assert set(spread) == {
        (label, group) for label in ("Chance to be preferred", "Coherence", "Musicality") for group in "xy"
    }
    assert spread["Coherence", "x"].values == (4.0, 3.0)
    assert spread["Coherence", "x"].quartiles == (3.0, 3.25, 3.5, 3.75, 4.0)
    assert (spread["Coherence", "x"].kept, spread["Coherence", "y"].kept) == (2, 0)


def test_pictures_show_each_song_once_with_its_interval() -> None:
    outcomes = [outcome(f"<b>{i}", coherence=1 + i / 20, musicality=3.0) for i in range(60)]
    found = order([*outcomes, outcomes[-1]], BY_HEAD)
    standings, spread = plots.ranking_intervals(found), plots.spread(found)
    dots = [dot for trace in standings.data for dot in trace.x]
    assert dots == [100 * row.value for row in found.rows if not row.same_as][:30]
    assert list(np.add(standings.data[0].x, standings.data[0].error_x.array)) == pytest.approx(
        [100 * row.high for row in found.kept]
    )
    assert all("<b>" not in text for trace in (*standings.data, *spread.data) for text in trace.text)
    assert len(spread.data[0].x) == 3 * 60
    for figure in (standings, spread, plots.spread(order([], BY_HEAD)), plots.ranking_intervals(order([], BY_HEAD))):
        assert figure.layout.height
        assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"


class Deaf(PocketEncoder):
    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        raise AssertionError("listened")


class Quick(PocketEncoder):
    """Hears the level alone."""

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        return np.full((len(samples), 779), np.abs(samples).mean(), np.float32)


@pytest.fixture
def judge() -> Judge:
    return replace(load_judge(), cache=EmbeddingCache(), queue=SongQueue())


def files(folder: Path, count: int) -> list[BatchSong]:
    return [BatchSong(write(folder / f"{i:03}.wav", i), f"{i:03}.wav") for i in range(count)]


def last(steps: Iterator[RankingProgress]) -> Ranking:
    *_, step = steps
    return step.ranking


def test_each_song_makes_a_new_ranking_and_a_bad_one_is_a_row(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "letter.mp3").write_text("Dear listener")
    batch = [
        *files(tmp_path, 2),
        BatchSong(tmp_path / "letter.mp3", "letter.mp3"),
        BatchSong(tmp_path, "x.wav", error="encrypted"),
    ]
    steps = list(rank(batch, judge, keep=1))
    done = [step for step in steps if step.outcome]
    assert [(step.done, len(step.ranking.rows), step.total) for step in done] == [(i, i, 4) for i in (1, 2, 3, 4)]
    assert all(step.outcome or step.current for step in steps)
    by_name = {row.song.name: row for row in done[-1].ranking.rows}
    assert "not a sound file" in by_name["letter.mp3"].error
    assert by_name["x.wav"].error == "encrypted"
    assert by_name["000.wav"].report.scores == judge(tmp_path / "000.wav").scores
    assert len(done[-1].ranking.kept) == 1


def test_a_song_of_a_zip_that_cannot_be_scored_is_deleted_and_no_other_file(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "letter.wav").write_text("Dear listener")
    good = write(tmp_path / "good.wav", 1)
    with ZipFile(tmp_path / "songs.zip", "w") as archive:
        archive.write(good, "good.wav")
        archive.write(tmp_path / "letter.wav", "bad.wav")
    request = RankRequest((tmp_path / "songs.zip", tmp_path / "letter.wav"), "pocket", keep=1)
    *_, step = rank_files(request, tmp_path / "scratch", lambda name: iter([judge]))
    assert isinstance(step, RankingProgress)
    assert [bool(row.error) for row in step.ranking.rows] == [False, True, True]
    (left,) = (path for path in (tmp_path / "scratch").rglob("*") if path.is_file())
    assert left.read_bytes() == good.read_bytes()
    assert (tmp_path / "letter.wav").is_file()


def test_a_whisker_is_drawn_where_an_interval_touches_0() -> None:
    rules = Rules("pocket", "likes", 1)
    found = order([outcome("low", {"likes": 60.0}, likes=10.0), outcome("high", {"likes": 60.0}, likes=90.0)], rules)
    assert (found.rows[1].low, found.rows[0].high) == (0, 100)
    kept, other = (trace.error_x for trace in plots.ranking_intervals(found).data)
    assert (kept.array, other.arrayminus) == ((10.0,), (10.0,))
    assert "(0" in ranking_text.figure(found.rows[1], rules)


def test_songs_are_ranked_by_a_score_without_bounds() -> None:
    rules = Rules("tunejury", "appeal", 1)
    found = order([outcome("low", appeal=-9.0), outcome("high", appeal=5.5)], rules)
    assert names(found) == ["high", "low"]
    assert ranking_text.figure(found.rows[1], rules) == "−9.00"
    assert not [text for text in ranking_text.cautions(found) if "end of its scale" in text]
    assert rules.scale == {"low": None, "high": None, "unit": "points"}
    assert plots.ranking_intervals(found).layout.xaxis.range is None  # every dot is within the picture


def test_songs_are_ordered_only_when_someone_asks(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To order n songs takes n * n steps, so to do it after each song would take n * n * n."""
    sizes: list[int] = []
    monkeypatch.setattr("apex_space.ranking.rank.order", lambda outcomes, rules: sizes.append(len(outcomes)))
    *_, step = rank(files(tmp_path, 3), judge)
    assert sizes == []
    assert step.ranking is step.ranking
    assert sizes == [3]


@pytest.mark.slow
def test_memory_grows_with_the_number_of_songs_not_with_its_square(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = [dict(zip(AXES, pair, strict=True)) for pair in np.random.default_rng(0).uniform(2, 4, (3000, 2)).tolist()]
    tracemalloc.start()
    found = chances(HEAD, scores)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3000 * 3000 * 8 / 2
    monkeypatch.setattr("apex_space.ranking.order.BLOCK", 3000)
    np.testing.assert_allclose(found, chances(HEAD, scores), rtol=1e-12)


@pytest.mark.slow
def test_one_waveform_at_a_time_is_in_memory(judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[weakref.ref[np.ndarray]] = []

    def load(path: str | Path) -> Any:
        assert not [reference for reference in decoded if reference() is not None]
        waveform = load_song(path)
        decoded.append(weakref.ref(waveform.samples))
        return waveform

    monkeypatch.setattr("apex_space.judges.judge.load_song", load)
    batch = files(tmp_path, 10)
    for decode in (Path, load):
        assert len(
            last(rank(batch, replace(judge, encoder=Quick(), cache=EmbeddingCache()), decode=decode)).rows
        ) == len(batch)
    assert len(decoded) == 2 * len(batch)


def test_another_run_goes_on_where_one_stopped(judge: Judge, tmp_path: Path) -> None:
    batch = files(tmp_path / "songs", 3)
    for step in rank(batch, judge):
        if step.done == 2:
            break
    deaf = replace(judge, encoder=Deaf())
    steps = rank(batch, deaf)
    assert [next(steps).done for _ in range(4)][-1] == 2
    with pytest.raises(AssertionError, match="listened"):
        list(steps)


def test_another_process_goes_on_with_what_is_on_disk(judge: Judge, tmp_path: Path) -> None:
    batch = files(tmp_path / "songs", 2)
    first = last(rank(batch, replace(judge, cache=EmbeddingCache(tmp_path / "heard")), decode=load_song))
    deaf = replace(judge, encoder=Deaf(), cache=EmbeddingCache(tmp_path / "heard"))
    again = last(rank(batch, deaf, decode=load_song))
    assert [(row.song, row.value) for row in again.rows] == [(row.song, row.value) for row in first.rows]


def test_a_judge_without_a_head_answers_through_pocket_which_hears_every_song(judge: Judge, tmp_path: Path) -> None:
    batch = files(tmp_path, 2)
    apex = replace(judge, name="apex", encoder=Quick())
    asked: list[str] = []

    def get(name: str) -> Judge:
        asked.append(name)
        return judge

    found = last(rank(batch, apex, keep=1, get=get))
    assert (asked, found.rules.fallback, found.rules.head.judge) == (["pocket"], True, "pocket")
    assert names(found) == names(last(rank(batch, judge, keep=1)))
    assert {row.report.judge for row in found.rows} == {"apex"}
    assert "APEX has no preference head. Pocket scored every song" in "".join(ranking_text.notes(found))
    by_axis = last(rank(batch, apex, by="likes", get=get))
    assert (asked, by_axis.rules.head) == (["pocket"], None)


def test_votes_that_taught_a_judge_rank_by_its_own_scores(judge: Judge, tmp_path: Path) -> None:
    batch = files(tmp_path, 4)
    heard = {row.song: row.report for row in last(rank(batch, judge)).rows}
    won, lost = np.full(1, 90.0), np.full(1, 10.0)
    worse = Outcomes(np.array([[-1.0]]), [("one", "other")], won, lost)
    model = learn("apex", "", Prior.without_head(("clarity",), (1.0,)), worse, 100)
    asked: list[tuple[str, str, tuple[str, ...]]] = []

    def models(*of: Any) -> LearnedModel:
        asked.append(of)
        return model

    def get(name: str) -> Judge:
        raise AssertionError(f"{name} hears the songs for nothing")

    apex = replace(judge, name="apex")
    found = last(rank(batch, apex, keep=2, get=get, models=models))
    clarity = [heard[row.song].scores["clarity"] for row in found.rows]
    assert clarity == sorted(clarity)
    assert asked == [("apex", revision_of(apex), apex.head.axes)]
    plain = found.as_dict()
    said = ("spoke", "votes", "model", "head", "fallback")
    assert [plain[name] for name in said] == ["votes", 100, model.version, None, False]
    *_, votes, makers = ranking_text.notes(found)
    assert "100 votes in the Arena have taught what APEX’s scores are worth" in votes
    assert "by the same generator or artist" in makers
    scores = [heard[song.song].scores for song in found.rows[1:3]]
    assert found.border.preference == model.of_songs(*scores, one_maker=True)
    first, second = (
        found.rows[0],
        order([Outcome(row.song, row.report, row.report) for row in found.rows[:2]], found.rules),
    )
    assert second.rows[0].song == first.song
    figures = [second.rows[0].value, second.rows[0].low, second.rows[0].high]
    odds = model.log_odds(Outcomes(np.diff(clarity[:2])[:, None] * -1, [("m", "m")], np.ones(1), np.zeros(1)))
    margin = 1.959964 * math.sqrt(odds[1][0])
    assert figures == pytest.approx([sigmoid(odds[0][0] + far) for far in (0, -margin, margin)])


def test_a_published_rule_comes_before_another_judges_head(judge: Judge, tmp_path: Path) -> None:
    songeval = replace(judge, name="songeval")
    models = RULES["songeval"].model
    found = last(rank(files(tmp_path, 2), songeval, keep=1, models=lambda *of: models(of[0], of[1], ["clarity"])))
    assert (found.rules.spoke, found.as_dict()["head"], found.as_dict()["votes"]) == ("rule", None, 0)
    assert any("published rule: the higher score wins" in text for text in ranking_text.notes(found))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "streams"}, "pocket does not predict streams. pocket ranks by: preference, likes,"),
        ({"by": "beauty"}, "no score 'beauty'"),
        ({"keep": 0}, "Keep one"),
    ],
)
def test_what_cannot_be_ranked_by_is_refused_before_anything_is_heard(
    judge: Judge, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BatchError, match=message):
        next(rank(files(tmp_path, 1), replace(judge, encoder=Deaf()), **options))


class Full(SongQueue):
    """A line that takes nobody for the first `times` after `taken` songs."""

    def __init__(self, taken: int, times: int) -> None:
        super().__init__()
        self.taken, self.times = taken, times

    def slot(self) -> Any:
        if not self.taken and self.times:
            self.times -= 1
            raise Busy("Busy: try again in about 10 s.")
        self.taken = max(0, self.taken - 1)
        return super().slot()


def test_a_full_line_refuses_a_batch_and_keeps_one_that_has_begun_waiting(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apex_space.ranking.rank.LOOK_SECONDS", 0.01)
    batch = files(tmp_path, 2)
    with pytest.raises(Busy):
        list(rank(batch, replace(judge, queue=Full(taken=0, times=1))))
    queue = Full(taken=1, times=3)
    assert len(last(rank(batch, replace(judge, queue=queue, cache=EmbeddingCache()))).kept) == 2
    assert queue.times == 0


def test_the_time_left_is_that_of_the_songs_left(judge: Judge, tmp_path: Path) -> None:
    steps = [step for step in rank(files(tmp_path, 4), judge) if step.outcome]
    assert steps[0].left > steps[-1].left == 0
    assert next(iter(rank(files(tmp_path, 1), replace(judge, cache=EmbeddingCache())))).left is None


@pytest.mark.parametrize("by", [PREFERENCE, "coherence"])
def test_a_songs_best_30_s_are_named_where_they_stand_out(by: str) -> None:
    rules = Rules("pocket", by, 1, HEAD if by == PREFERENCE else None)
    values = {"chorus": [3.0] * 20, "even": [2.9] * 20, "short": [2.8, 4.9]}
    values["chorus"][5] = 4.5
    heard = [outcome(name, coherence=scores[0], musicality=3.0) for name, scores in values.items()]
    known = [
        Windows(30.0, 30.0, {"coherence": tuple(scores), "musicality": (3.0,) * len(scores)})
        for scores in values.values()
    ]
    reports = [replace(each.report, windows=windows) for each, windows in zip(heard, known, strict=True)]
    copy = Outcome(BatchSong(Path("copy"), "copy"), reports[0], reports[0])
    found = order([*(Outcome(each.song, r, r) for each, r in zip(heard, reports, strict=True)), copy], rules)
    assert names(found) == ["chorus", "copy", "even", "short"]
    assert [row.passage and (row.passage.start, row.passage.end) for row in found.rows] == [(150, 180)] * 2 + [None] * 2
    first, _, second, _ = found.as_dict()["rows"]
    assert (first["best_passage"]["start"], second["best_passage"]) == (150, None)
    first, _, second, _ = csv.DictReader(io.StringIO(to_csv(found)))
    assert (first["best_start_s"], first["best_end_s"], second["best_start_s"]) == ("150.0", "180.0", "")
    shown = songs_of(found, str)
    place = [column["key"] for column in shown["columns"]].index("passage")
    cells = [row["cells"][place] for row in shown["rows"]]
    assert (cells[0], cells[2]) == (("2:30–3:00", 150, (150, 180)), ("–", None))
    assert "150–180 s" in "".join(_table(found).columns[-2].cells)
    assert any("best 30 s" in note for note in ranking_text.notes(found))


def test_without_a_passage_there_is_no_column_of_them() -> None:
    found = order([outcome("a", coherence=3.0, musicality=3.0)], BY_HEAD)
    assert "passage" not in [column["key"] for column in songs_of(found, str)["columns"]]
    assert not any("30 s" in str(column.header) for column in _table(found).columns)
    assert not any("best 30 s" in note for note in ranking_text.notes(found))


def test_the_plain_form_holds_everything(judge: Judge, tmp_path: Path) -> None:
    plain = last(rank(files(tmp_path, 3), judge, keep=1)).as_dict()
    assert (plain["judge"], plain["by"], plain["keep"], plain["fallback"]) == ("pocket", "preference", 1, False)
    assert [row["kept"] for row in plain["rows"]] == [True, False, False]
    assert plain["border"]["last"] == plain["rows"][0]["file"]
    assert plain["rows"][0]["report"]["scores"].keys() == BY_KEY.keys()
