"""Predictions against ratings: the challenge's metrics and scores, the tables they come from, and the command."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pyarrow import parquet
from typer.testing import CliRunner

from apex_space import load_judge
from apex_space.cli import app
from apex_space.core import intervals
from apex_space.core.errors import AudioError, EvaluationError
from apex_space.core.tables import BadRow
from apex_space.evaluation import metrics, report, songs
from apex_space.evaluation.metrics import DIMENSIONS, TOP_TIER, Rated, evaluate, figures, ktau, lcc, srcc, tta
from apex_space.evaluation.published import PUBLISHED
from apex_space.evaluation.songs import RatedSong, as_sets, choose, read
from apex_space.preference.fitting.sources import remote
from helpers import melodies

Row = dict[str, Any]

ratings = st.lists(st.integers(4, 20).map(lambda quarters: quarters / 4), min_size=3, max_size=30).map(np.array)
CORRELATIONS = pytest.mark.parametrize("correlation", [lcc, srcc, ktau])
Correlation = Callable[[np.ndarray, np.ndarray], float]


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(intervals, "RESAMPLES", 10)
    intervals.bootstrap_counts.cache_clear()
    yield
    intervals.bootstrap_counts.cache_clear()


@pytest.fixture(scope="module")
def golden(shared: Path) -> Row:
    content: Row = json.loads((shared / "reference" / "golden" / "asae_metrics.json").read_text())
    return content


def drawn(size: int = 60, seed: int = 0, systems: int = 6) -> Rated:
    """Ratings, and predictions that follow them with noise."""
    rng = np.random.default_rng(seed)
    truth = {d: rng.uniform(1, 5, size) for d in DIMENSIONS}
    predicted = {d: values + rng.standard_normal(size) for d, values in truth.items()}
    return Rated(truth, predicted, np.array([f"system {i % systems}" for i in range(size)]) if systems else None)


# ---- the metrics -------------------------------------------------------------------------------------------------


@CORRELATIONS
@given(ratings, st.data())
def test_scale_and_shift_do_not_matter(correlation: Correlation, truth: np.ndarray, data: st.DataObject) -> None:
    predicted = np.array(data.draw(st.permutations(truth.tolist())))
    scale, shift = data.draw(st.floats(0.1, 100)), data.draw(st.floats(-100, 100))
    assert correlation(truth, scale * predicted + shift) == pytest.approx(correlation(truth, predicted), abs=1e-6)
    assert correlation(truth, -predicted) == pytest.approx(-correlation(truth, predicted), abs=1e-9)


@pytest.mark.parametrize("correlation", [srcc, ktau])
@given(ratings, st.data())
def test_ranks_know_the_order_alone(correlation: Correlation, truth: np.ndarray, data: st.DataObject) -> None:
    predicted = np.array(data.draw(st.permutations(truth.tolist())))
    for monotone in (np.exp, np.cbrt, lambda x: x**3):
        assert correlation(truth, monotone(predicted)) == pytest.approx(correlation(truth, predicted), abs=1e-9)


@CORRELATIONS
@given(ratings)
def test_the_truth_itself_agrees_fully_and_a_constant_not_at_all(correlation: Correlation, truth: np.ndarray) -> None:
    assert correlation(truth, np.full(len(truth), 3.0)) == correlation(np.full(len(truth), 3.0), truth) == 0
    assume(len(set(truth)) > 1)
    assert correlation(truth, truth) == pytest.approx(1)


@CORRELATIONS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_counts_as_no_agreement(correlation: Correlation, value: float) -> None:
    truth = np.array([1.0, 2.0, 3.0])
    assert correlation(truth, np.array([1.0, value, 3.0])) == 0
    assert correlation(np.array([1.0, value, 3.0]), truth) == 0


@CORRELATIONS
@pytest.mark.parametrize("values", [[1e300, -1e300, 1e300], [1, 1, 1 + 1e-15], [5e-324, 0, 0]])
def test_extreme_numbers_give_no_warning_and_a_correlation(correlation: Correlation, values: list[float]) -> None:
    assert -1 <= correlation(np.array([1.0, 2.0, 3.0]), np.array(values)) <= 1


@pytest.mark.parametrize(("dimension", "least"), TOP_TIER.items())
def test_the_top_tier_begins_at_the_dimensions_threshold(dimension: str, least: float) -> None:
    below = np.nextafter(least, 0)
    truth, predicted = np.array([5, least, 1, below]), np.array([least, 1, 5, below])
    rated = Rated({dimension: truth}, {dimension: predicted}, None)
    assert figures(rated, np.arange(4))["utterance", dimension, "TTA"] == 0.5  # one hit of two, and one false alarm
    assert least == (3.75 if dimension in ("memorability", "clarity") else 4.0)


@given(ratings, ratings, st.sampled_from([3.75, 4.0]))
def test_top_tier_accuracy_is_the_f1_score(truth: np.ndarray, predicted: np.ndarray, least: float) -> None:
    from sklearn.metrics import f1_score

    size = min(len(truth), len(predicted))
    truth, predicted = truth[:size], predicted[:size]
    expected = f1_score(truth >= least, predicted >= least, zero_division=0)
    assert tta(truth, predicted, least) == pytest.approx(expected)


def test_the_challenges_own_code_gave_these_figures(golden: Row) -> None:
    truth, predicted = (dict(zip(DIMENSIONS, np.array(golden[key]).T, strict=True)) for key in ("y_true", "y_pred"))
    found = figures(Rated(truth, predicted, None), np.arange(len(golden["y_true"])))
    for dimension, published in (*golden["track_2"].items(), *golden["track_1"].items()):
        for metric, value in published.items():
            assert round(found["utterance", dimension.lower(), metric], 3) == value, (dimension, metric)
    assert {dimension.lower() for dimension in golden["track_2"]} == {*DIMENSIONS, "mean"}


def test_systems_are_compared_by_the_means_of_their_songs() -> None:
    rated = drawn()
    found = figures(rated, np.arange(60))
    means = [
        [values["clarity"][rated.systems == system].mean() for system in sorted(set(rated.systems))]
        for values in (rated.truth, rated.predicted)
    ]
    assert found["system", "clarity", "LCC"] == pytest.approx(np.corrcoef(means)[0, 1])


def test_what_is_not_known_is_not_scored() -> None:
    everything = set(figures(drawn(), np.arange(60)))
    assert {("score", "track 1", ""), ("score", "track 2", "")} < everything
    assert {level for level, *_ in figures(drawn(systems=0), np.arange(60))} == {"utterance"}
    rated = drawn()
    musicality = Rated(
        *({"musicality": values["musicality"]} for values in (rated.truth, rated.predicted)), rated.systems
    )
    found = figures(musicality, np.arange(60))
    assert ("score", "track 1", "") in found
    assert ("score", "track 2", "") not in found
    assert not any(dimension == "mean" for _, dimension, _ in found)


# ---- the scores --------------------------------------------------------------------------------------------------

# As the challenge publishes them, in static/results of its site's repository.
BASELINE_TRACK_1 = {
    "1": ({"LCC": 0.73658, "SRCC": 0.75197, "KTAU": 0.55513, "TTA": 0.5}, {"LCC": 0.96275, "SRCC": 1, "KTAU": 1}),
    "2": (
        {"LCC": 0.39176, "SRCC": 0.37317, "KTAU": 0.25688, "TTA": 0.24390},
        {"LCC": 0.76062, "SRCC": 0.74260, "KTAU": 0.58182},
    ),
}
LEVO_TRACK_2 = {  # LCC, SRCC, KTAU, TTA of songs; LCC, SRCC, KTAU of systems
    "coherence": ((0.75925, 0.73212, 0.54283, 0.41270), (0.82087, 0.88838, 0.72727)),
    "naturalness": ((0.61877, 0.63998, 0.44828, 0.55000), (0.66664, 0.73636, 0.49091)),
    "memorability": ((0.76003, 0.74842, 0.55394, 0.38095), (0.89259, 0.83372, 0.69091)),
    "clarity": ((0.74317, 0.74987, 0.56040, 0.49057), (0.76357, 0.86105, 0.72727)),
    "musicality": ((0.75859, 0.77425, 0.57657, 0.50000), (0.79994, 0.88182, 0.78182)),
}


def published(name: str, track: str) -> float:
    (entry,) = (entry for entry in PUBLISHED if entry.name == name and entry.track == track and entry.score)
    return float(str(entry.score))


def test_the_baselines_metrics_make_its_published_score() -> None:
    one, two = (metrics.score(*BASELINE_TRACK_1[name]) for name in metrics.SETS)
    assert round(metrics.total(one, two), 3) == published("baseline", "track 1") == 0.510


def test_the_winners_metrics_make_its_published_score() -> None:
    utterance, system = (np.mean([levels[i] for levels in LEVO_TRACK_2.values()], axis=0) for i in (0, 1))
    named = [dict(zip(metrics.METRICS, values, strict=False)) for values in (utterance, system)]
    assert round(metrics.score(*named), 3) == published("LeVo (first)", "track 2") == 0.655


def test_a_sets_score_is_made_of_its_own_metrics() -> None:
    found = figures(drawn(), np.arange(60))
    for track, dimension in (("track 1", "musicality"), ("track 2", "mean")):
        levels = [
            {m: v for (of, d, m), v in found.items() if (of, d) == (level, dimension)} for level in metrics.LEVELS
        ]
        both = [(levels[0][m] + levels[1][m]) / 2 for m in ("LCC", "SRCC", "KTAU")]
        assert found["score", track, ""] == pytest.approx(np.mean([*both, levels[0]["TTA"]]))


def test_every_figure_has_an_interval_that_is_the_same_again(few_resamples: None) -> None:
    found = evaluate("me", {"": drawn()})
    assert found == evaluate("me", {"": drawn()})
    (one,) = found.sets
    assert (one.songs, one.systems, found.total) == (60, 6, None)
    for table in (one.utterance, one.system):
        assert set(table) == {*DIMENSIONS, "mean"}
        assert all(e.low <= e.value <= e.high for e in table["mean"].values())
        assert all(e.low < e.high for row in table.values() for e in row.values())


def test_more_songs_make_narrower_intervals(few_resamples: None) -> None:
    widths = []
    for size in (40, 640):
        figure = evaluate("me", {"": drawn(size, systems=0)}).sets[0].utterance["clarity"]["LCC"]
        widths.append(figure.high - figure.low)
    assert widths[1] < widths[0] / 2


@pytest.mark.slow
def test_track_1_is_one_fifth_its_first_set_and_four_its_second(few_resamples: None) -> None:
    found = evaluate("me", {"1": drawn(seed=1), "2": drawn(seed=2)})
    one, two = (each.scores["track 1"] for each in found.sets)
    assert found.total is not None
    assert found.total.value == pytest.approx(0.2 * one.value + 0.8 * two.value)
    assert found.total.low < found.total.value < found.total.high
    assert evaluate("me", {"1": drawn(), "3": drawn()}).total is None
    assert evaluate("me", {"1": drawn(), "2": drawn(systems=0)}).total is None


def test_two_sets_are_not_resampled_by_the_same_draws(few_resamples: None) -> None:
    same = evaluate("me", {"1": drawn(), "2": drawn()})
    alone = same.sets[0].scores["track 1"]
    assert same.total is not None
    assert same.total.value == pytest.approx(alone.value)
    assert same.total.high - same.total.low < alone.high - alone.low


# ---- tables ------------------------------------------------------------------------------------------------------


def table(size: int = 8) -> list[Row]:
    rated = drawn(size)
    return [
        {"id": f"{i}", "system": f"s{i % 3}"}
        | {f"truth_{d}": float(rated.truth[d][i]) for d in DIMENSIONS}
        | {f"pred_{d}": float(rated.predicted[d][i]) for d in DIMENSIONS}
        for i in range(size)
    ]


def write(rows: list[Row], path: Path) -> Path:
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)))
            writer.writeheader()
            writer.writerows(rows)
    return path


def sets_of(path: Path) -> dict[str, Rated]:
    return as_sets([song for song in read(str(path)) if isinstance(song, RatedSong)])


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_a_table_may_have_any_of_the_forms(name: str, tmp_path: Path) -> None:
    rows = table()
    (rated,) = sets_of(write(rows, tmp_path / name)).values()
    for d in DIMENSIONS:
        np.testing.assert_allclose(rated.truth[d], [row[f"truth_{d}"] for row in rows])
        np.testing.assert_allclose(rated.predicted[d], [row[f"pred_{d}"] for row in rows])
    assert rated.systems is not None
    assert rated.systems.tolist() == [row["system"] for row in rows]


def test_columns_may_be_called_otherwise_and_stand_in_any_order(tmp_path: Path) -> None:
    row = {"Clarity": 2, "PREDICTED_CLARITY": "3.5", " Generator ": "x", "utt": "a", "other": "", "test_set": 2}
    found = sets_of(write([row, row | {"utt": "b"}], tmp_path / "t.csv"))
    assert list(found) == ["2"]
    assert found["2"].truth == {"clarity": pytest.approx([2, 2])}
    assert found["2"].predicted == {"clarity": pytest.approx([3.5, 3.5])}


def test_dimensions_without_predictions_are_left_out(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "pred_clarity"} for row in table()]
    (rated,) = sets_of(write(rows, tmp_path / "t.csv")).values()
    assert set(rated.truth) == set(rated.predicted) == set(DIMENSIONS) - {"clarity"}


def change(**cells: Any) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [*rows[:-1], rows[-1] | cells]


BAD: list[tuple[str, Callable[[list[Row]], list[Row]]]] = [
    ("song 8, truth clarity: 'good' is not a number", change(truth_clarity="good")),
    ("song 8, predicted clarity: 'nan' is not a number", change(pred_clarity="nan")),
    ("song 8, predicted clarity: 'inf' is not a number", change(pred_clarity="inf")),
    ("song 7 has no prediction of clarity", change(id="song 7", pred_clarity="")),
    ("song 7 has no rating of clarity", change(id="song 7", truth_clarity="")),
    ("song 3 is there twice", lambda rows: [*rows, rows[3] | {"id": "song 3"}, rows[3] | {"id": "song 3"}]),
    ("has no id", change(id=" ")),
    ("has no id", lambda rows: [{k: v for k, v in row.items() if k != "id"} for row in rows]),
    ("some, such as 7, differ", change(system="")),
    ("does not name columns", lambda rows: []),
    ("pred_coherence", lambda rows: [{k: v for k, v in row.items() if not k.startswith("pred")} for row in rows]),
    ("No song is left", lambda rows: [{k: v for k, v in row.items() if not k.startswith("truth")} for row in rows]),
]


@pytest.mark.parametrize(("words", "damage"), BAD)
def test_a_bad_table_is_refused_with_what_is_wrong(
    words: str, damage: Callable[[list[Row]], list[Row]], tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError) as refusal:
        sets_of(write(damage(table()), tmp_path / "t.csv"))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"\xff\xfe\x00id"),
        ("t.jsonl", b"{"),
        ("t.jsonl", b"[1]\n"),
        ("t.parquet", b"PAR1"),
        ("t.txt", b"id\n"),
        ("t.csv", None),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EvaluationError, match=name):
        read(str(tmp_path / name))


def test_a_table_without_end_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(songs, "MAX_SONGS", 7)
    with pytest.raises(EvaluationError, match="too many songs"):
        read(str(write(table(8), tmp_path / "t.csv")))


# ---- which songs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", ["mp3/2.mp3\nmp3/5.mp3\n", "2\n5", "\ufeff5.MP3\r\n\r\n 2 \r\n"])
def test_a_list_chooses_songs_whatever_their_folder_and_ending(lines: str, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(lines, encoding="utf-8")
    found = choose(read(str(write(table(), tmp_path / "t.csv"))), tmp_path / "ids.txt")
    assert [song.id for song in found if isinstance(song, RatedSong)] == ["2", "5"]


def test_a_list_that_names_other_songs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("2\nmp3/77.mp3\n")
    rows = read(str(write(table(), tmp_path / "t.csv")))
    with pytest.raises(EvaluationError, match=r"1 of the 2 songs in .* such as mp3/77.mp3"):
        choose(rows, tmp_path / "ids.txt")
    with pytest.raises(EvaluationError, match="cannot be read"):
        choose(rows, tmp_path / "none.txt")


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "..", "a\0b", "nothing", "*", "sub"])
def test_only_files_of_the_folder_are_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "outside.wav").write_bytes(b"")
    (tmp_path / "in" / "a.wav").write_bytes(b"")
    (song,) = read(str(write([{"id": name, "clarity": 3}], tmp_path / "in" / "t.jsonl")))
    assert isinstance(song, RatedSong)
    with pytest.raises(AudioError), song.open():
        pass


# ---- songs that are heard ----------------------------------------------------------------------------------------


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


RATERS = [{d.capitalize(): rating for d in DIMENSIONS} for rating in (1.0, 2.0, 2.0, 5.0)]


@pytest.fixture(scope="module")
def songeval(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ASLP-lab/SongEval: `metadata.jsonl`, and the songs in `mp3/`; the last has no raters."""
    folder = tmp_path_factory.mktemp("songeval")
    (folder / "mp3").mkdir()
    rows = []
    for i in range(4):
        file = f"mp3/{i}.mp3"
        melodies.write(folder / file, i)
        raters = [{key: value - i / 4 for key, value in rater.items()} for rater in RATERS]
        rows.append({"file_name": file, "gender": "female", "annotation": raters if i < 3 else []})
    write(rows, folder / "metadata.jsonl")
    return folder


def test_songeval_rates_a_song_by_the_mean_of_its_raters(songeval: Path) -> None:
    *rated, last = read(str(songeval))
    for i, song in enumerate(rated):
        assert isinstance(song, RatedSong)
        assert song.truth == pytest.approx(dict.fromkeys(DIMENSIONS, 2.5 - i / 4))
    assert last == BadRow("mp3/3.mp3", "It has no ratings.")


@pytest.mark.parametrize("annotation", [3, "x", [{"Clarity": 1.0}], [3], [dict.fromkeys(DIMENSIONS, "x")]])
def test_other_annotations_are_refused(annotation: Any, tmp_path: Path) -> None:
    write([{"file_name": "a.mp3", "annotation": annotation}], tmp_path / "t.jsonl")
    with pytest.raises(EvaluationError, match="song 1, annotation"):
        read(str(tmp_path / "t.jsonl"))


def test_a_folder_without_the_datasets_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"metadata\.jsonl of the dataset"):
        read(str(tmp_path))


@pytest.mark.slow
def test_pocket_is_held_against_the_dataset(songeval: Path, tmp_path: Path, few_resamples: None) -> None:
    (tmp_path / "ids.txt").write_text("mp3/0.mp3\nmp3/1.mp3\nmp3/2.mp3\n")
    done = run(songeval, "--judge", "pocket", "--ids", tmp_path / "ids.txt", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "HEAR" in done.stdout
    assert "val_ids.txt" in done.stdout
    found = json.loads((tmp_path / "out" / "evaluate.json").read_text())
    assert found["who"] == "pocket"
    assert found["sets"][0]["songs"] == 3
    assert set(found["sets"][0]["utterance"]) == set(DIMENSIONS) - {"memorability"}
    assert found["left_out"] == []
    assert {entry["name"] for entry in found["published"]} >= {"HEAR", "baseline"}
    picture = ElementTree.parse(tmp_path / "out" / "evaluate.svg")
    assert "pocket: 3 songs" in "".join(picture.getroot().itertext())


@pytest.mark.slow
def test_songs_beside_a_table_are_heard_and_bad_ones_left_out_by_name(
    shared: Path, tmp_path: Path, few_resamples: None
) -> None:
    (tmp_path / "bad.mp3").write_text("not a song")
    shutil.copyfile(shared / "audio" / "libri.ogg", tmp_path / "libri.ogg")
    shutil.copyfile(shared / "audio" / "humpback.ogg", tmp_path / "humpback.ogg")
    names = ("libri", "humpback.ogg", "bad.mp3", "missing")
    rows = [{"id": name, "musicality": i, "generator": f"g{i % 2}"} for i, name in enumerate(names, 1)]
    path = write(rows, tmp_path / "labels.csv")
    done = run(path, "--judge", "pocket", "--format", "json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert [song["name"] for song in found["left_out"]] == ["bad.mp3", "missing"]
    assert "bad.mp3: left out." in done.stderr
    (one,) = found["sets"]
    assert (one["songs"], one["systems"]) == (2, 2)
    assert set(one["scores"]) == {"track 1"}
    judge = load_judge()
    scores = [judge(tmp_path / name).scores["musicality"] for name in ("libri.ogg", "humpback.ogg")]
    assert one["utterance"]["musicality"]["SRCC"]["value"] == pytest.approx(1 if scores[0] < scores[1] else -1)
    elsewhere = run(write(rows[:2], tmp_path / "out.csv"), "--judge", "pocket", "--audio", tmp_path, "--format", "csv")
    assert elsewhere.exit_code == 0, elsewhere.output


def test_a_file_outside_of_a_dataset_is_left_out() -> None:
    song = RatedSong("../x.mp3", "", "", {"clarity": 3.0}, {}, lambda: remote("a/b", "../x.mp3").open())
    (left_out,) = songs.predict([song], load_judge())
    assert isinstance(left_out, BadRow)
    assert "outside of the dataset" in left_out.why


def test_a_judge_of_other_things_is_refused() -> None:
    judge: Any = SimpleNamespace(name="plays", head=SimpleNamespace(axes=("streams",)))
    with pytest.raises(EvaluationError, match="plays predicts none of coherence"):
        list(songs.predict([], judge))


# ---- the command -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_all_forms_hold_the_same_figures(tmp_path: Path, few_resamples: None) -> None:
    path = write([row | {"set": i % 2 + 1} for i, row in enumerate(table(60))], tmp_path / "t.csv")
    plain = json.loads(run(path, "--format", "json").stdout)
    rows = list(csv.DictReader(run(path, "--format", "csv").stdout.splitlines()))
    assert len(rows) == 2 * (6 * 7 + 2) + 1
    for row in rows:
        if row["set"] == "1 and 2":
            figure = plain["total"]
        else:
            one = plain["sets"][int(row["set"]) - 1]
            score = row["level"] == "score"
            figure = one["scores"][row["dimension"]] if score else one[row["level"]][row["dimension"]][row["metric"]]
        assert {key: float(row[key]) for key in ("value", "low", "high")} == figure
    shown = run(path).stdout
    assert f"{plain['total']['value']:.3f}" in shown
    assert all(
        f"{e['value']:.3f}" in shown for one in plain["sets"] for m in one["utterance"].values() for e in m.values()
    )


def test_predictions_are_written_as_the_challenge_takes_them(tmp_path: Path, few_resamples: None) -> None:
    """Songs of the sets 1 and 2 for track 1, others for track 2, whether they have ratings or not."""
    rows = [row | {"set": ("1", "2", "")[i % 3]} for i, row in enumerate(table(9))]
    for row in rows[6:]:
        for dimension in DIMENSIONS:
            del row[f"truth_{dimension}"]
    done = run(write(rows, tmp_path / "t.csv"), "--scp", tmp_path / "new" / "scp", "--format", "json")
    assert done.exit_code == 0, done.output
    assert [one["songs"] for one in json.loads(done.stdout)["sets"]] == [2, 2, 2]
    found = {path.name: path.read_text() for path in (tmp_path / "new" / "scp").iterdir()}
    assert {*found} == {"track1_set1_pred.scp", "track1_set2_pred.scp", "track2_pred.scp"}
    assert found["track1_set2_pred.scp"] == "".join(f"{i} {rows[i]['pred_musicality']:.6f}\n" for i in (1, 4, 7))
    first = " ".join(f"{rows[2][f'pred_{d}']:.6f}" for d in DIMENSIONS)
    assert found["track2_pred.scp"].splitlines()[0] == f"2 {first}"

    again = run(tmp_path / "t.csv", "--scp", tmp_path / "new" / "scp")
    assert again.exit_code == 1
    assert "scp has track1_set1_pred.scp already" in again.stderr.replace("\n", " ")
    unrated = run(write(rows[6:], tmp_path / "test.csv"), "--scp", tmp_path / "unrated")
    assert (unrated.exit_code, unrated.stdout) == (0, "")
    assert "nothing is compared" in unrated.stderr
    for change, why in (({"id": "a b"}, "has a space"), ({"pred_clarity": ""}, "no prediction of clarity")):
        refused = run(write([rows[2] | change], tmp_path / "r.csv"), "--scp", tmp_path / "refused")
        assert refused.exit_code == 1
        assert why in refused.stderr
    assert not [*(tmp_path / "refused").iterdir()]


def test_names_from_outside_are_escaped_in_the_picture(few_resamples: None) -> None:
    picture = ElementTree.fromstring(report.as_svg(evaluate("<b>&", {"<i>": drawn()})))
    assert "<b>&, set <i>: 60 songs" in "".join(picture.itertext())


def test_a_set_that_looks_like_a_formula_is_none_in_csv(few_resamples: None) -> None:
    assert "'=1+1," in report.to_csv(evaluate("me", {"=1+1": drawn()}))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("none.csv",), 1, "none.csv cannot be read"),
        (("no such thing",), 1, "neither a table"),
        (("t.csv", "--judge", "nobody"), 2, "There is no judge"),
        (("t.csv", "--out", "t.csv"), 1, "--out"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_the_reason(
    arguments: tuple[str, ...], status: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(table(), tmp_path / "t.csv")
    done = run(*arguments)
    assert done.exit_code == status
    assert words in done.stderr.replace("\n", " ")
    assert not done.stdout
