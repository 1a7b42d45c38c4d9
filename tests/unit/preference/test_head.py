"""Laws of a preference, the files it comes from, and comparing two songs."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space.core.axes import KEYS
from apex_space.core.errors import NotAudio, PreferenceError, UnknownJudge
from apex_space.core.intervals import ConfidenceInterval
from apex_space.core.settings import settings
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.judge import Judge
from apex_space.judges.loading import load_judge
from apex_space.judges.panel import Load
from apex_space.models.heads.pocket import PocketHead
from apex_space.preference import head_files
from apex_space.preference.calibration import CalibrationBin
from apex_space.preference.compare import CompareProgress, CompareRequest, compare
from apex_space.preference.comparison import Comparison
from apex_space.preference.head import GeneratorEffect, Metrics, PreferenceHead, revision_of
from apex_space.preference.head_files import load, read, save
from apex_space.preference.learned import LearnedModel, Outcomes, Prior, learn
from apex_space.preference.published_rules import RULES
from helpers.songs import short

SHIPPED = head_files.SHIPPED / "pocket.json"

figures = st.floats(-5, 5, allow_nan=False)
scores = st.fixed_dictionaries({axis: st.floats(0, 100, allow_nan=False) for axis in KEYS})


def metrics() -> Metrics:
    figure = ConfidenceInterval(0.6, 0.5, 0.7)
    bins = (CalibrationBin(0.5, 1.0, 1.0, 0.6, figure),)
    return Metrics(figure, figure, figure, figure, bins, {"likes": figure}, "likes", figure, figure, "songs")


@st.composite
def heads(draw: st.DrawFn) -> PreferenceHead:
    axes = tuple(draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True)))
    size = len(axes)
    root = np.array(draw(st.lists(figures, min_size=size * size, max_size=size * size))).reshape(size, size)
    scale = draw(st.lists(st.floats(0.1, 50), min_size=size, max_size=size))
    coefficients = draw(st.lists(figures, min_size=size, max_size=size))
    covariance = tuple(map(tuple, (root @ root.T).tolist()))
    return PreferenceHead(
        "pocket", "weights", axes, tuple(scale), tuple(coefficients), covariance, "simulated", 100, 20, metrics()
    )


def head(**changes: Any) -> PreferenceHead:
    plain = PreferenceHead("pocket", "w", ("likes",), (10.0,), (1.0,), ((0.01,),), "simulated", 100, 20, metrics())
    return replace(plain, **changes)


# ---- laws --------------------------------------------------------------------------------------------------------


@given(heads(), scores, scores)
def test_swapping_the_songs_swaps_the_answer(head: PreferenceHead, a: dict[str, float], b: dict[str, float]) -> None:
    one, other = head.of_scores(a, b), head.of_scores(b, a)
    assert one.probability + other.probability == 1
    assert (one.low + other.high, one.high + other.low) == (1, 1)
    assert other.contributions == {axis: -part for axis, part in one.contributions.items()}
    assert {one.verdict, other.verdict} in ({"a", "b"}, {"close"})


@given(heads(), scores)
def test_the_same_song_twice_is_a_half(head: PreferenceHead, song: dict[str, float]) -> None:
    answer = head.of_scores(song, song)
    assert (answer.low, answer.probability, answer.high) == (0.5, 0.5, 0.5)
    assert answer.verdict == "close"
    assert set(answer.contributions.values()) == {0.0}


@given(heads(), scores, scores)
def test_the_contributions_are_the_log_odds(head: PreferenceHead, a: dict[str, float], b: dict[str, float]) -> None:
    answer = head.of_scores(a, b)
    assert 0 <= answer.low <= answer.probability <= answer.high <= 1
    odds = math.fsum(answer.contributions.values())
    assert answer.probability == pytest.approx(1 / (1 + math.exp(-max(-700.0, odds))))


def test_the_interval_is_that_of_the_coefficient() -> None:
    answer = head().of_scores({"likes": 70.0}, {"likes": 50.0})
    assert answer.probability == pytest.approx(1 / (1 + math.exp(-2)))
    assert answer.low == pytest.approx(1 / (1 + math.exp(-2 + 2 * 0.1 * 1.959964)))
    assert answer.verdict == "a"
    unsure = head(covariance=((1.1,),)).of_scores({"likes": 70.0}, {"likes": 50.0})
    assert unsure.probability == answer.probability
    assert unsure.verdict == "close"


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_an_axis_that_a_report_lacks_matters_only_where_it_is_weighed(value: float | None) -> None:
    full, partial = {"likes": 60.0, "streams": 10.0}, {"likes": 50.0, "streams": value}
    assert head().of_scores(full, partial).verdict == "a"
    with pytest.raises(PreferenceError, match="streams"):
        head(axes=("streams",)).of_scores(full, partial)
    with pytest.raises(PreferenceError, match="streams"):
        head(axes=("streams",)).of_scores({"likes": 1.0}, full)


# ---- files -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(heads())
def test_a_head_survives_writing_and_reading(head: PreferenceHead) -> None:
    again = PreferenceHead.from_json(head.to_json())
    assert again.to_json() == head.to_json()
    assert again.revision_id == head.revision_id
    assert replace(head, battles=head.battles + 1).revision_id != head.revision_id


def test_the_shipped_head_is_read_as_before() -> None:
    """Its text, and so its version, does not change with what newer heads have in addition."""
    shipped = read(SHIPPED)
    assert shipped.to_json() == SHIPPED.read_text(encoding="utf-8")
    assert shipped.revision_id == "3a2045261161"
    assert shipped.generators == ()


def test_a_head_of_version_0_1_0_is_still_read() -> None:
    old = read(SHIPPED).to_json().replace('"predicted"', '"foreseen"')
    assert '"foreseen"' in old
    assert PreferenceHead.from_json(old) == read(SHIPPED)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own."""
    monkeypatch.setenv("APEX_DATA", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_a_head_fitted_here_stands_before_the_shipped_one_and_pockets_in_for_any_other(data: Path) -> None:
    assert load("pocket").to_json() == read(SHIPPED).to_json()
    assert load("apex").judge == "pocket"
    mine = head(data="fitted here")
    save(mine, head_files.fitted_path("pocket"))
    assert load("pocket") == mine
    assert load("apex") == mine
    save(head(judge="apex"), head_files.fitted_path("apex"))
    assert load("apex").judge == "apex"
    assert sorted(path.name for path in (data / "preferences").iterdir()) == ["apex.json", "pocket.json"]
    with pytest.raises(UnknownJudge, match="apex"):
        load("../pocket")


def test_heads_are_looked_for_in_the_folder_of_weights_if_there_is_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("APEX_PREFERENCE_REPO", "someone/heads")
    monkeypatch.setenv("APEX_WEIGHTS", str(tmp_path / "nothing"))
    settings.cache_clear()
    assert [load("pocket").source, load("apex").source] == ["", ""]
    (record,) = caplog.records
    assert f"APEX_PREFERENCE_REPO is not used, but the shipped preference heads: {tmp_path}" in record.getMessage()
    save(head(data="of the folder"), tmp_path / "weights" / "heads" / "pocket.json")
    monkeypatch.setenv("APEX_WEIGHTS", str(tmp_path / "weights"))
    settings.cache_clear()
    assert load("pocket").source == "someone/heads (local folder heads)"


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(SHIPPED.read_text(encoding="utf-8")) | changes).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        changed(judge=3),
        changed(axes=["likes", "likes", "coherence", "clarity", "naturalness"]),
        changed(axes=["danceability"]),
        changed(scale=[1.0, 1.0, 0.0, 1.0, 1.0]),
        changed(scale=[1.0]),
        changed(coefficients=[1.0, float("nan"), 1.0, 1.0, 1.0]),
        changed(coefficients=None),
        changed(covariance=[[1.0] * 5] * 4),
        changed(covariance=np.diag([1.0, 1, 1, 1, -1]).tolist()),
        changed(battles=0),
        changed(battles="many"),
        changed(metrics={}),
        changed(generators=[{"generator": "x", "mean": 1.0, "deviation": -1.0}]),
        changed(generators=[{"generator": "x", "mean": float("inf"), "deviation": 1.0}]),
        changed(generators=[{"generator": "", "mean": 1.0, "deviation": 1.0}]),
        changed(generators=[{"generator": "x" * 201, "mean": 1.0, "deviation": 1.0}]),
        changed(generators=[{"generator": "x", "mean": 1.0, "deviation": 1.0}] * 2),
        changed(generators=[{"generator": str(n), "mean": 1.0, "deviation": 1.0} for n in range(101)]),
        changed(scale=[1e-309] * 5),
        changed(scale=[1e300] * 5),
        changed(coefficients=[1e308] * 5),
        changed(covariance=np.diag([1e308] * 5).tolist()),
        changed(generators=[{"generator": "x", "mean": 1e308, "deviation": 1.0}]),
        changed(generators=[{"generator": "x", "mean": 1.0, "deviation": 1e308}]),
        changed(generators=[{"generator": "\ud800", "mean": 1.0, "deviation": 1.0}]),
        changed(generators=[{"generator": "\0", "mean": 1.0, "deviation": 1.0}]),
        changed(data="\ud800"),
        changed(revision="\ud800"),
        changed(battles=10**400),
        changed(metrics=json.loads(SHIPPED.read_text(encoding="utf-8"))["metrics"] | {"slope": [float("nan")] * 3}),
    ],
)
def test_a_broken_file_is_named_with_what_to_do(data: Path, content: bytes) -> None:
    path = head_files.fitted_path("pocket")
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(PreferenceError, match=r"pocket\.json is not a preference head.*fit"):
        load("pocket")


def test_a_head_that_cannot_be_written_leaves_the_old_one(data: Path) -> None:
    (data / "file").write_text("")
    with pytest.raises(PreferenceError, match="cannot be written"):
        save(head(), data / "file" / "pocket.json")


def test_the_shipped_head_says_what_it_was_fitted_on_and_how_good_it_is() -> None:
    shipped = read(SHIPPED)
    weights = PocketHead().weights
    assert shipped.revision == f"{weights.repository} ({weights.revision})"
    assert shipped.axes == PocketHead().axes
    assert "davda54" in shipped.data
    assert 8_000 < shipped.battles <= 8_976
    assert 98 <= shipped.songs <= 104
    found = shipped.metrics
    assert 0.5 < found.accuracy.low < found.accuracy.value < found.accuracy.high < 0.71  # the songs' own mean ratings'
    assert found.auc.low > 0.5
    assert found.brier.high < 0.25
    assert found.slope.low < 1 < found.slope.high
    assert found.resampled == "songs"
    assert found.gain.value == pytest.approx(found.accuracy.value - found.rules["musicality"].value, abs=2e-4)
    assert sum(row.share for row in found.calibration) == pytest.approx(1, abs=1e-4)
    assert all(row.low <= row.predicted <= row.high for row in found.calibration)
    assert SHIPPED.stat().st_size < 10_000


# ---- comparing ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pocket() -> Judge:
    return load_judge("pocket")


def asking(*judges: Judge) -> Load:
    """Give these judges, and fail where another one is asked."""
    named = {judge.name: judge for judge in judges}
    return lambda name: iter([named[name]])


def steps(a: Path, b: Path, *judges: Judge, **options: Any) -> list[CompareProgress | Comparison]:
    """Compare by the first judge."""
    return [*compare(CompareRequest(a, b, judges[0].name, **options), asking(*judges))]


def compared(a: Path, b: Path, *judges: Judge, **options: Any) -> Comparison:
    last = steps(a, b, *judges, **options)[-1]
    assert isinstance(last, Comparison)
    return last


BOSSA, HOUSE = "bossa.ogg", "house.ogg"


def test_two_songs_are_compared_and_swapped_exactly(pocket: Judge, data: Path) -> None:
    *seen, one = steps(short(BOSSA), short(HOUSE), pocket)
    other = compared(short(HOUSE), short(BOSSA), pocket)
    assert isinstance(one, Comparison)
    assert all(isinstance(step, CompareProgress) for step in seen)
    assert [step.side for step in seen] == sorted(step.side for step in seen)
    assert {step.side for step in seen} == {"a", "b"}
    assert (one.a.scores, one.b.scores) == (other.b.scores, other.a.scores)
    assert one.answer.probability + other.answer.probability == 1
    assert one.answer.probability != 0.5
    assert set(one.answer.contributions) == set(one.head.axes)
    assert not one.fallback
    assert not one.outdated


def test_a_song_against_itself_is_a_half(pocket: Judge, data: Path) -> None:
    answer = compared(short(BOSSA), short(BOSSA), replace(pocket, cache=EmbeddingCache())).answer
    assert (answer.low, answer.probability, answer.high) == (0.5, 0.5, 0.5)


def test_a_judge_without_a_head_answers_through_pockets(pocket: Judge, data: Path) -> None:
    other = replace(pocket, name="apex", cache=EmbeddingCache())
    through, direct = compared(short(BOSSA), short(HOUSE), other, pocket), compared(short(BOSSA), short(HOUSE), pocket)
    assert (through.judge, through.a.judge, through.head.judge) == ("apex", "apex", "pocket")
    assert through.fallback
    assert through.answer == direct.answer


def test_what_is_known_is_not_scored_again_and_its_file_may_be_gone(pocket: Judge, data: Path, tmp_path: Path) -> None:
    other = replace(pocket, name="apex", cache=EmbeddingCache())
    songs = [shutil.copy(song, tmp_path / song.name) for song in (short(BOSSA), short(HOUSE))]
    known: dict[Any, Any] = {}
    *seen, first = steps(*songs, other, pocket)
    for step in seen:
        assert isinstance(step, CompareProgress)
        known |= step.known
    assert set(known) == {(judge, song) for judge in ("apex", "pocket") for song in songs}
    for song in songs:
        song.unlink()
    (again,) = steps(*songs, other, pocket, known=known)
    assert again == first


def test_an_error_names_its_song(pocket: Judge, data: Path, tmp_path: Path) -> None:
    with pytest.raises(NotAudio, match=r"^Song B: There is no such file"):
        steps(short(BOSSA), tmp_path / "gone.wav", pocket)


def test_a_head_of_other_weights_is_said_to_be_outdated(pocket: Judge, data: Path) -> None:
    save(replace(read(SHIPPED), revision="earlier weights"), head_files.fitted_path("pocket"))
    assert compared(short(BOSSA), short(HOUSE), pocket).outdated


def test_a_broken_head_is_told_before_anything_is_heard(pocket: Judge, data: Path) -> None:
    save(head(), head_files.fitted_path("pocket"))
    head_files.fitted_path("pocket").write_text("{}")
    with pytest.raises(PreferenceError, match="not a preference head"):
        next(iter(compare(CompareRequest(Path("no such song"), Path("no such song"), "pocket"), asking(pocket))))


# ---- comparing by what votes have taught -------------------------------------------------------------------------


def taught(judge: Judge) -> LearnedModel:
    """A judge's model after 40 votes for the song with more musicality, between generators that nobody knows here."""
    prior = Prior.of_head(read(SHIPPED))
    steps = np.zeros((40, 5))
    steps[:, 2] = 0.5
    seen = Outcomes(steps, [("flute", "harp")] * 40, np.ones(40), np.zeros(40))
    return learn(judge.name, revision_of(judge), prior, seen)


def by_votes(a: Path, b: Path, *judges: Judge, model: LearnedModel | None = None, **options: Any) -> Comparison:
    asked: list[tuple[str, str, list[str]]] = []

    def models(judge: str, revision: str, axes: Sequence[str]) -> LearnedModel | None:
        asked.append((judge, revision, [*axes]))
        return model

    *_, last = compare(CompareRequest(a, b, judges[0].name, **options), asking(*judges), models)
    assert isinstance(last, Comparison)
    axes = ["likes", "coherence", "musicality", "clarity", "naturalness"]
    assert asked == [(judges[0].name, revision_of(judges[0]), axes)]
    return last


def test_a_model_that_learned_from_votes_answers_and_is_less_sure_of_two_makers(pocket: Judge, data: Path) -> None:
    model = taught(pocket)
    one, other = (by_votes(short(BOSSA), short(HOUSE), pocket, model=model, one_maker=maker) for maker in (True, False))
    assert one.spoke == other.spoke == "votes"
    assert one.answer.high - one.answer.low < other.answer.high - other.answer.low
    assert one.answer.favourite == other.answer.favourite
    assert abs(one.answer.probability - 0.5) > abs(other.answer.probability - 0.5) > 0
    assert one.weights["musicality"] == model.mean[2]
    told = other.as_dict()
    assert (told["spoke"], told["votes"], told["model"], told["one_maker"]) == ("votes", 40, model.version, False)
    assert told["head"]["judge"] == "pocket"
    plain = compared(short(BOSSA), short(HOUSE), pocket).as_dict()
    assert plain.keys() == told.keys()
    assert (plain["spoke"], plain["votes"], plain["model"]) == ("head", 0, None)
    swapped = by_votes(short(HOUSE), short(BOSSA), pocket, model=model)
    assert swapped.answer.probability + one.answer.probability == 1


def test_by_votes_too_a_song_against_itself_is_a_half(pocket: Judge, data: Path) -> None:
    for maker in (True, False):
        answer = by_votes(short(BOSSA), short(BOSSA), pocket, model=taught(pocket), one_maker=maker).answer
        assert (answer.low, answer.probability, answer.high) == (0.5, 0.5, 0.5)


def test_a_judge_without_a_head_answers_by_votes_or_a_rule_without_pocket(pocket: Judge, data: Path) -> None:
    other = replace(pocket, name="songeval", cache=EmbeddingCache())
    learned = by_votes(short(BOSSA), short(HOUSE), other, model=taught(other))
    assert (learned.head, learned.fallback, learned.spoke) == (None, False, "votes")
    axes = ["likes", "coherence", "musicality", "clarity", "naturalness"]
    rule = by_votes(
        short(BOSSA), short(HOUSE), other, model=RULES["songeval"].model("songeval", revision_of(other), axes)
    )
    assert (rule.spoke, rule.as_dict()["head"], rule.outdated) == ("rule", None, False)


def test_a_model_that_weighs_a_score_that_is_not_there_leaves_the_answer_to_the_head(pocket: Judge, data: Path) -> None:
    prior = Prior.without_head(("appeal",), (1.0,))
    model = learn("pocket", revision_of(pocket), prior, Outcomes.none(1))
    found = by_votes(short(BOSSA), short(HOUSE), pocket, model=model)
    assert (found.spoke, found.model) == ("head", None)
    assert found.answer == compared(short(BOSSA), short(HOUSE), pocket).answer


def test_a_head_that_knows_generators_is_less_sure_of_two_makers(pocket: Judge, data: Path) -> None:
    made = replace(read(SHIPPED), generators=(GeneratorEffect("flute", 1.0, 0.1),))
    save(made, head_files.fitted_path("pocket"))
    model = learn("pocket", revision_of(pocket), Prior.of_head(made), Outcomes.none(5))
    one, other = (by_votes(short(BOSSA), short(HOUSE), pocket, model=model, one_maker=maker) for maker in (True, False))
    assert one.spoke == other.spoke == "head"
    assert one.head == made
    assert one.answer.high - one.answer.low < other.answer.high - other.answer.low
