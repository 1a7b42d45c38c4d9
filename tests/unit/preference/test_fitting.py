"""Learning a preference: the fit, what is held out, where battles come from, and the command."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from apex_space.cli import app
from apex_space.core import intervals
from apex_space.core.errors import AudioError, PreferenceError, TooLarge
from apex_space.core.settings import settings
from apex_space.core.tables import BadRow
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.judge import Encoder, Judge
from apex_space.judges.loading import load_judge
from apex_space.preference import head_files
from apex_space.preference.fitting import fit, scoring, sources
from apex_space.preference.fitting.fit import Battles, learn, splits, units
from apex_space.preference.fitting.scoring import ScoredBattle, ScoreLog, as_battles, from_votes, score_battles
from apex_space.preference.fitting.sources import BattleRow, read
from apex_space.preference.head import PreferenceHead
from apex_space.preference.learned import GENERATOR_DEVIATION, Outcomes, Prior, sigmoid
from apex_space.preference.learned import learn as learn_from
from apex_space.storage.records import Battle, Song, SongScores, Vote, Winner
from apex_space.storage.vote_store import VoteStore
from apex_space.training.pocket import preference as train
from apex_space.training.pocket.augmented import AugmentedSongs

SAMPLE_RATE = 24_000


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(intervals, "RESAMPLES", 60)
    intervals.bootstrap_counts.cache_clear()
    yield
    intervals.bootstrap_counts.cache_clear()


@pytest.fixture
def few_partitions(few_resamples: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that do not compare figures of held-out battles with each other, which three would leave to chance."""
    monkeypatch.setattr(fit, "PARTITIONS", 3)


def simulate(
    battles: int,
    songs: int,
    coefficients: list[float],
    seed: int = 0,
    flipped: int | None = None,
    makers: int = 0,
    better_makers: list[float] | None = None,
) -> Battles:
    """Battles between random songs whose listeners follow the coefficients, or their opposite for one maker's songs."""
    rng = np.random.default_rng(seed)
    axes = ("musicality", "clarity", "likes")[: len(coefficients)]
    scores = rng.standard_normal((songs, len(axes)))
    maker = np.arange(songs) % max(makers, 1)
    pairs = np.array([rng.choice(songs, 2, replace=False) for _ in range(battles)])
    difference = scores[pairs[:, 0]] - scores[pairs[:, 1]]
    against = np.where((maker[pairs] == flipped).any(1), -1, 1)
    scale = np.sqrt(np.square(difference).mean(0))
    better = np.array(better_makers or [0.0] * max(makers, 1))[maker]
    odds = against * (difference / scale @ coefficients) + better[pairs[:, 0]] - better[pairs[:, 1]]
    won = (rng.random(battles) < sigmoid(odds)).astype(float)
    names = [f"maker {m}" if makers else "" for m in maker]
    generators = [(names[a], names[b]) for a, b in pairs]
    return Battles(axes, Outcomes(difference, generators, won, 1 - won, pairs))


def test_the_coefficients_of_simulated_listeners_are_found_within_their_intervals(few_resamples: None) -> None:
    truth = [1.0, -0.5, 0.0]
    head, *_ = learn("pocket", "weights", "simulated", simulate(1500, 80, truth))
    error = np.sqrt(np.diag(head.covariance))
    assert (np.abs(np.array(head.coefficients) - truth) < 3 * error).all()
    assert (error < 0.2).all()
    found = head.metrics
    assert found.accuracy.low > 0.6
    assert found.slope.low < 1 < found.slope.high
    assert found.gain.value > 0
    assert found.gain.value == pytest.approx(found.accuracy.value - found.rules["musicality"].value)
    assert (head.battles, head.songs) == (1500, 80)


def test_listeners_without_a_preference_are_not_given_one(few_partitions: None) -> None:
    head, *_ = learn("pocket", "weights", "simulated", simulate(600, 60, [0.0, 0.0]))
    assert head.metrics.accuracy.low < 0.5 < head.metrics.accuracy.high
    assert head.metrics.brier.value < 0.27
    assert np.abs(head.coefficients).max() < 0.3


def test_the_minimum_is_the_one_that_scikit_learn_finds() -> None:
    from sklearn.linear_model import LogisticRegression

    battles, rng, variance = simulate(200, 50, [1.0, -0.5, 0.2]), np.random.default_rng(0), 0.3
    x, won, lost = battles.outcomes.differences, rng.integers(0, 4, 200), rng.integers(0, 2, 200)
    seen = Outcomes(x, [("", "")] * 200, won.astype(float), lost.astype(float), np.arange(400).reshape(-1, 2))
    prior = Prior(battles.axes, (1.0,) * 3, (0.0,) * 3, tuple(map(tuple, (variance * np.eye(3)).tolist())))
    ours = fit.fit(prior, Battles(battles.axes, seen)).mean
    twice, sides = np.concatenate([x, x]), np.repeat([1, 0], 200)
    model = LogisticRegression(C=variance, fit_intercept=False, tol=1e-9, max_iter=1000)
    np.testing.assert_allclose(ours, model.fit(twice, sides, np.concatenate([won, lost])).coef_[0], rtol=1e-4)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    margin, weight = rng.integers(-3, 5, 40).astype(float), rng.integers(0, 3, 40)
    higher = (margin[:, None] > -margin) + 0.5 * (margin[:, None] == -margin)
    expected = (higher * np.outer(weight, weight)).sum() / weight.sum() ** 2
    assert fit.auc(margin)(weight) == pytest.approx(expected)


def test_separable_battles_still_have_a_slope() -> None:
    assert np.isfinite(fit.slope(np.array([0.5, 1.0, 2.0]), np.ones(3)))


@given(st.integers(0, 10_000), st.integers(20, 60), st.booleans())
def test_no_song_is_both_learned_from_and_tested_on(seed: int, songs: int, apart: bool) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(2 * songs).reshape(-1, 2) if apart else rng.integers(0, songs, (80, 2))
    unit = units(drawn)
    assert (unit.name == "songs") is not apart
    tested = np.zeros(len(drawn), int)
    for learned, test in splits(drawn, unit.folds(seed)):
        assert not set(drawn[learned].ravel()) & set(drawn[test].ravel())
        tested += test
    assert tested.max() <= 1
    assert tested.all() or not apart


def test_intervals_of_battles_apart_are_those_of_independent_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 400)
    intervals.bootstrap_counts.cache_clear()
    songs = np.arange(400).reshape(-1, 2)
    unit = units(songs)
    margin = np.where(np.arange(200) % 10 < 7, 1.0, -1.0)
    battles = Battles(("likes",), Outcomes(margin[:, None], [("", "")] * 200, np.ones(200), np.zeros(200), songs))
    figure = intervals.bootstrap_interval(lambda c: fit.accuracy(margin, unit.weight(battles, c)), unit.count)
    intervals.bootstrap_counts.cache_clear()
    assert figure.value == 0.7
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * (0.7 * 0.3 / 200) ** 0.5, rel=0.15)


@pytest.mark.slow
def test_a_generator_that_listeners_judge_differently_is_exposed_by_leaving_it_out(few_partitions: None) -> None:
    battles = simulate(1200, 90, [1.5], makers=3)
    head, pairs, alike = learn("pocket", "weights", "simulated", battles)
    assert {one.generator for one in alike} == {"maker 0", "maker 1", "maker 2"}
    assert all(abs(one.accuracy.value - one.usual.value) < 0.05 for one in alike)
    assert sum(pair.battles for pair in pairs) == len(battles)
    assert all(pair.accuracy.low < head.metrics.accuracy.value < pair.accuracy.high for pair in pairs)

    *_, unheard = learn("pocket", "weights", "simulated", simulate(1200, 90, [1.5], flipped=2, makers=3))
    by_name = {one.generator: one for one in unheard}
    odd = by_name["maker 2"]
    assert odd.accuracy.high < 0.4
    assert odd.accuracy.value < odd.usual.value


@pytest.mark.slow
def test_generators_are_learned_beside_the_scores_and_measured_on_held_out_songs(few_resamples: None) -> None:
    effects = [0.8, 0.0, -0.8]
    head, *_ = learn("pocket", "weights", "simulated", simulate(2000, 90, [0.7], makers=3, better_makers=effects))
    found = {each.generator: each for each in head.generators}
    learned = np.array([found[f"maker {m}"].mean for m in range(3)])
    assert learned - learned.mean() == pytest.approx(effects, abs=0.25)
    assert all(0 < each.deviation < GENERATOR_DEVIATION for each in head.generators)
    assert head.coefficients == pytest.approx([0.7], abs=0.15)
    metrics = head.metrics
    assert metrics.with_generators is not None
    assert metrics.generators_alone is not None
    assert metrics.always_b is not None
    assert metrics.log_loss is not None
    assert metrics.always_b.low < 0.5 < metrics.always_b.high
    losses = [metrics.with_generators.log_loss, metrics.generators_alone.log_loss, metrics.log_loss]
    assert losses[0].value < min(loss.value for loss in losses[1:])
    assert all(loss.value < np.log(2) for loss in losses)
    assert metrics.with_generators.accuracy.value > max(metrics.generators_alone.accuracy.value, metrics.accuracy.value)


def test_a_head_with_generators_is_read_again_and_votes_go_on_from_it(few_partitions: None) -> None:
    head, *_ = learn("pocket", "weights", "simulated", simulate(600, 60, [0.7], makers=3, better_makers=[1, 0, -1]))
    again = PreferenceHead.from_json(head.to_json())
    assert again.to_json() == head.to_json()
    assert [each.generator for each in again.generators] == ["maker 0", "maker 1", "maker 2"]
    before = learn_from("pocket", "weights", Prior.of_head(again), Outcomes.none(1))
    assert before.mean == pytest.approx((*again.coefficients, *(each.mean for each in again.generators)))
    song = {"musicality": 0.0}
    told, unknown = before.of_scores(song, song, "maker 0", "maker 2"), before.of_scores(song, song)
    assert told.probability > 0.65
    assert told.spoke == "generators"
    assert unknown.probability == 0.5
    against = Outcomes(np.zeros((1, 1)), [("maker 2", "maker 0")], np.array([1e4]), np.zeros(1))
    after = learn_from("pocket", "weights", Prior.of_head(again), against)
    assert after.of_scores(song, song, "maker 0", "maker 2").probability < 0.1
    assert after.of_scores(song, song, "maker 0", "maker 1").probability < 0.5


@pytest.mark.parametrize(("battles", "songs", "what"), [(29, 40, "29 battles"), (200, 12, "12 different songs")])
def test_too_few_battles_or_songs_are_refused(battles: int, songs: int, what: str) -> None:
    with pytest.raises(PreferenceError, match=f"{what}.*Collect more"):
        learn("pocket", "weights", "simulated", simulate(battles, songs, [1.0]))


def test_scores_that_never_differ_are_refused() -> None:
    battles = simulate(100, 40, [1.0])
    same = replace(battles.outcomes, differences=np.zeros((100, 1)))
    with pytest.raises(PreferenceError, match="same scores"):
        learn("pocket", "weights", "simulated", replace(battles, outcomes=same))


def scored(song: str, revision: str = "weights", **scores: float | None) -> SongScores:
    return SongScores(song, "pocket", revision, {"streams": None, **scores})


def test_battles_are_learned_from_on_the_axes_that_all_songs_have() -> None:
    a, b = scored("a", likes=1.0, clarity=4.0), scored("b", likes=3.0, clarity=None)
    told: list[Winner] = ["a", "b", "tie", "both_bad"]
    battles = as_battles(
        [*(ScoredBattle(a, b, winner, "x", "y") for winner in told), ScoredBattle(a, a, "a", "x", "x")]
    )
    assert battles.axes == ("likes",)
    assert battles.outcomes.differences.tolist() == [[-2.0], [-2.0]]
    assert (battles.outcomes.won.tolist(), battles.outcomes.lost.tolist()) == ([1, 0], [0, 1])
    assert battles.generators.tolist() == [["x", "y"], ["x", "y"]]
    assert battles.songs.tolist() == [[0, 1], [0, 1]]
    assert len(as_battles([])) == 0


def test_suspicious_votes_and_scores_of_other_weights_are_left_out(tmp_path: Path) -> None:
    store = VoteStore(f"sqlite:///{tmp_path}/votes.sqlite3")
    told: list[tuple[str, Winner, str]] = [("b", "a", ""), ("b", "b", "too fast"), ("c", "a", ""), ("d", "a", "")]
    with pytest.raises(PreferenceError, match="scored none"):
        from_votes(store, "pocket")
    known = [scored("a", likes=1.0), scored("b", likes=2.0), scored("c", "earlier", likes=3.0)]
    for i, (other, winner, suspicion) in enumerate(told):
        battle = Battle(f"battle {i}", Song("a", generator="x"), Song(other, generator="y"), "pool", 0.0)
        store.add_battle(battle, known)
        store.add_vote(Vote(battle, winner, float(i), (6.0, 6.0), suspicion=suspicion))
    heard, revision = from_votes(store, "pocket")
    store.close()
    assert [(h.a.song, h.b.song, h.winner, h.generator_a, h.generator_b) for h in heard] == [("a", "b", "a", "x", "y")]
    assert revision == "weights"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 clips of two seconds: plucked chords in more and more noise."""
    import soundfile

    folder = tmp_path_factory.mktemp("battles")
    rng = np.random.default_rng(0)
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    for i in range(24):
        chord = sum(np.sin(2 * np.pi * (110 + 7 * i) * r * h * time) / h for r in (1, 1.25, 1.5) for h in (1, 2, 3, 4))
        noise = rng.standard_normal(len(time))
        soundfile.write(folder / f"{i}.flac", 0.1 * np.exp(-4 * (time % 0.4)) * chord + 0.003 * i * noise, SAMPLE_RATE)
    return folder


ROWS: list[dict[str, Any]] = [
    {"audio_a": "0.flac", "audio_b": "1.flac", "winner": "a", "generator_a": "x", "generator_b": "y"},
    {"audio_a": "1.flac", "audio_b": "2.flac", "winner": "b", "generator_a": "", "generator_b": "y"},
    {"audio_a": "2.flac", "audio_b": "0.flac", "winner": "tie", "generator_a": "x", "generator_b": "x"},
]


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n\n" for row in rows), encoding="utf-8")
    else:
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_table_in_any_form_gives_the_same_battles(clips: Path, form: str) -> None:
    rows = list(read(str(write_table(clips / f"table.{form}", ROWS))))
    assert [(r.winner, r.generator_a, r.generator_b) for r in rows if isinstance(r, BattleRow)] == [
        ("a", "x", "y"),
        ("b", "", "y"),
        ("tie", "x", "x"),
    ]
    assert len({clip.key for row in rows if isinstance(row, BattleRow) for clip in (row.a, row.b)}) == 3
    assert isinstance(rows[0], BattleRow)
    with rows[0].a.open() as path:
        assert path.read_bytes() == (clips / "0.flac").read_bytes()


def test_columns_and_winners_may_be_called_what_others_call_them(clips: Path) -> None:
    told = {"A": "a", "model_b": "b", "TIE": "tie", "BOTH_BAD": "both_bad", "both bad": "both_bad", "Left": "a"}
    rows = [{"Song_A": "0.flac", "Song_B": "1.flac", "Preference": name, "System_A": "x"} for name in told]
    found = list(read(str(write_table(clips / "aliases.csv", rows))))
    assert [row.winner for row in found if isinstance(row, BattleRow)] == list(told.values())
    assert {(row.generator_a, row.generator_b) for row in found if isinstance(row, BattleRow)} == {("x", "")}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"winner": "c"}, "none of a, b, tie"),
        ({"winner": ""}, "none of a, b, tie"),
        ({"audio_b": "gone.flac"}, "gone.flac"),
        ({"audio_b": ""}, "no audio"),
        ({"audio_a": "a\0b"}, "not there"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_taken(clips: Path, change: dict[str, str], why: str) -> None:
    rows = list(read(str(write_table(clips / "bad.jsonl", [ROWS[0], ROWS[1] | change, ROWS[2]]))))
    assert [type(row) for row in rows] == [BattleRow, BadRow, BattleRow]
    assert isinstance(rows[1], BadRow)
    assert rows[1].name == "bad.jsonl, battle 2"
    assert why in rows[1].why


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.csv", b"song,other\n1,2\n", "lacks some.*winner may be called"),
        ("t.csv", b"\xff\xfe\x00", "cannot be read as csv"),
        ("t.jsonl", b"{]", "cannot be read as jsonl"),
        ("t.jsonl", b"[1, 2]", "line 1 is not an object"),
        ("t.parquet", b"PAR1 not", "cannot be read as parquet"),
        ("t.xlsx", b"", "not a table"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PreferenceError, match=why):
        list(read(str(tmp_path / name)))


@pytest.mark.parametrize("source", ["nowhere.csv", "no such thing", "../a/b/c", "https://example.org/x"])
def test_a_source_that_is_not_there_is_refused(source: str) -> None:
    with pytest.raises(PreferenceError, match=r"no table|neither a table"):
        list(read(source))


@pytest.fixture
def quiet_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` without a network, and with a cache of its own."""
    import datasets
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def test_a_dataset_laid_out_as_music_arena_is_read_whole(clips: Path, tmp_path: Path, quiet_datasets: None) -> None:
    months = {"2025_07-08": "01-2025JULAUG", "2025_09": "02-2025SEP"}
    configs = "".join(
        f"- config_name: '{name}'\n  data_files:\n  - split: train\n    path: battle_data/{folder}/*.json\n"
        for name, folder in months.items()
    )
    root = tmp_path / "dataset"
    for i, folder in enumerate(months.values()):
        for part in ("audio_files", "battle_data"):
            (root / part / folder).mkdir(parents=True)
        for n in (0, 1):
            (root / "audio_files" / folder / f"{n}.flac").write_bytes((clips / f"{2 * i + n}.flac").read_bytes())
        told = {"A": "0.flac", "BOTH_BAD": ""} if i else {"B": "0.flac", "A": "../../../secret.flac"}
        for n, (preferred, audio) in enumerate(told.items()):
            place = f"audio_files/{folder}"
            battle = {
                "battle_uuid": f"{i}{n}",
                "is_instrumental": None if n else True,
                "audio_a": audio and f"{place}/{audio}",
                "system_a": "sao" if not audio else "riffusion",
                "audio_b": f"{place}/1.flac",
                "system_b": "musicgen",
                "preference": preferred,
            }
            (root / "battle_data" / folder / f"{n}.json").write_text(json.dumps(battle))
    (root / "README.md").write_text(f"---\nconfigs:\n{configs}features:\n  audio_a: audio\n---\n")
    (tmp_path / "secret.flac").write_bytes(b"secret")
    rows = list(read(str(root)))
    good = [row for row in rows if isinstance(row, BattleRow)]
    assert [(row.winner, row.generator_a, row.generator_b) for row in good] == [
        ("b", "riffusion", "musicgen"),
        ("a", "riffusion", "musicgen"),
    ]
    assert ["outside" in row.why or "withheld" in row.why for row in rows if isinstance(row, BadRow)] == [True, True]
    with good[1].b.open() as path:
        assert path.read_bytes() == (clips / "3.flac").read_bytes()


def test_songs_inside_a_dataset_are_heard_by_our_own_loader(
    clips: Path, tmp_path: Path, quiet_datasets: None, pocket: Judge
) -> None:
    import pyarrow
    from pyarrow import parquet

    songs = [{"bytes": (clips / f"{i}.flac").read_bytes(), "path": f"{i}.flac"} for i in range(2)]
    rows = pyarrow.table({"audio_a": songs, "audio_b": songs[::-1], "preference": ["A", "TIE"]})
    kinds = {"audio_a": {"_type": "Audio"}, "audio_b": {"_type": "Audio"}}
    features = kinds | {"preference": {"_type": "Value", "dtype": "string"}}
    told = {"huggingface": json.dumps({"info": {"features": features}})}  # as `datasets` writes it
    root = tmp_path / "dataset"
    root.mkdir()
    parquet.write_table(rows.replace_schema_metadata(told), root / "train.parquet")
    for source in (root, root / "train.parquet"):
        found = list(score_battles(read(str(source)), pocket, ScoreLog(tmp_path / "notes.jsonl")))
        assert [type(one) for one in found] == [ScoredBattle]
        assert isinstance(found[0], ScoredBattle)
        assert found[0].a.song == pocket(clips / "0.flac").sha256


def test_a_dataset_that_cannot_be_reached_is_told(quiet_datasets: None) -> None:
    with pytest.raises(PreferenceError, match=r"nobody/nothing cannot be read.*Check its name"):
        list(read("nobody/nothing"))


@pytest.mark.parametrize("name", ["../other/x.wav", "/etc/passwd", "https://example.org/x", "a.zip::file:///x"])
def test_a_dataset_on_the_hub_names_no_file_outside_of_itself(name: str) -> None:
    with pytest.raises(PreferenceError, match="outside"):
        sources.remote("music-arena/music-arena-dataset", name)


def test_a_file_on_the_hub_is_known_by_its_place() -> None:
    root = "hf://datasets/music-arena/music-arena-dataset"
    for name in ("audio/x.mp3", f"{root}/audio/x.mp3", f"{root}@main/audio/x.mp3"):
        assert sources.remote("music-arena/music-arena-dataset", name).key == f"{root}/audio/x.mp3"


def test_a_remote_file_is_fetched_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    with fsspec.open("memory://song", "wb") as file:
        file.write(b"x" * 3_000_000)
    with sources.fetched("memory://song") as path:
        assert path.stat().st_size == 3_000_000
    with pytest.raises(AudioError, match="cannot be fetched"), sources.fetched("memory://gone"):
        pass
    monkeypatch.setenv("APEX_MAX_MEGABYTES", "2")
    settings.cache_clear()
    with pytest.raises(TooLarge, match="2 MB"), sources.fetched("memory://song"):
        pass
    settings.cache_clear()


@dataclass
class Counting:
    """An encoder that counts what it is asked."""

    inner: Encoder
    calls: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __call__(self, samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
        self.calls.append(len(samples))
        return self.inner(samples, valid)


@pytest.fixture
def pocket() -> Judge:
    return load_judge("pocket")


def test_a_run_taken_up_again_scores_nothing_twice(clips: Path, tmp_path: Path, pocket: Judge) -> None:
    encoder = Counting(pocket.encoder)

    def run(rows: list[dict[str, Any]], stop: int | None = None) -> list[ScoredBattle | BadRow]:
        judge = replace(pocket, encoder=encoder, cache=EmbeddingCache())  # as a new process has it
        heard = score_battles(
            read(str(write_table(tmp_path / "table.jsonl", rows))), judge, ScoreLog(tmp_path / "n.jsonl")
        )
        return [next(heard) for _ in range(stop)] if stop else list(heard)

    rows = [
        {"a": str(clips / f"{i}.flac"), "b": str(clips / f"{i + 1}.flac"), "winner": "a" if i != 2 else "tie"}
        for i in range(5)
    ]
    first = run(rows, stop=2)
    assert len(encoder.calls) == 3
    with (tmp_path / "n.jsonl").open("a") as file:
        file.write('{"key": "broken o')
    second = run(rows)
    assert len(encoder.calls) == 6  # clips 0 to 2, then 3 to 5; the tie between 2 and 3 needs no hearing
    assert second[:2] == first
    assert run(rows) == second
    assert len(encoder.calls) == 6
    other = replace(
        pocket, weights=(replace(pocket.weights[0], revision="other"),), encoder=encoder, cache=EmbeddingCache()
    )
    list(score_battles(read(str(tmp_path / "table.jsonl")), other, ScoreLog(tmp_path / "n.jsonl")))
    assert len(encoder.calls) == 12


def test_a_battle_whose_audio_fails_is_left_out(clips: Path, tmp_path: Path, pocket: Judge) -> None:
    (tmp_path / "noise.flac").write_bytes(b"fLaC but not really")
    rows = [{"a": "noise.flac", "b": str(clips / "0.flac"), "winner": "a"}]
    table = write_table(tmp_path / "table.jsonl", rows)
    (bad,) = score_battles(read(str(table)), pocket, ScoreLog(tmp_path / "n.jsonl"))
    assert isinstance(bad, BadRow)
    assert "battle 1" in bad.name


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own."""
    monkeypatch.setenv("APEX_DATA", str(tmp_path / "data"))
    settings.cache_clear()
    yield tmp_path / "data"
    settings.cache_clear()


@pytest.mark.slow
def test_the_command_learns_from_a_table_and_the_space_uses_it(clips: Path, data: Path, few_partitions: None) -> None:
    rng = np.random.default_rng(0)
    pairs = [rng.choice(24, 2, replace=False) for _ in range(80)]  # those with less noise win
    rows = [
        {
            "audio_a": f"{a}.flac",
            "audio_b": f"{b}.flac",
            "winner": "a" if a < b else "b",
            "system_a": f"m\x1b{a % 3}",
            "system_b": f"m\x1b{b % 3}",
        }
        for a, b in pairs
    ]
    table = write_table(clips / "fit.csv", [*rows, rows[0] | {"winner": "nobody"}])
    command = ["fit-preference", "--judge", "pocket", "--battles", str(table)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "fit.csv, battle 81: left out" in done.stderr
    assert "80 battles, 24 songs" in done.stdout
    assert "Leaving one generator out" in done.stdout
    assert "log-loss of scores and generators" in done.stdout
    assert "accuracy of always naming B" in done.stdout
    assert "How good the generators are" in done.stdout
    assert "\x1b" not in done.stdout
    head = head_files.load("pocket")
    assert head.data == "fit.csv: battles with a winner"  # not where it is on this disk: visitors see it
    assert head.metrics.accuracy.value > 0.7
    written = json.loads((data / "preferences" / "pocket.json").read_text())
    assert {one["generator"] for one in written["unheard"]} == {"m\x1b0", "m\x1b1", "m\x1b2"}
    assert sum(pair["battles"] for pair in written["pairs"]) == 80
    assert len((data / "preferences" / "pocket.scored.jsonl").read_text().splitlines()) == 24


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (["--judge", "nobody"], 2, "no judge 'nobody'"),
        (["--battles", "gone.csv"], 1, "no table"),
        (["--battles", "votes"], 1, "scored none"),
    ],
)
def test_the_command_says_what_is_wrong(data: Path, options: list[str], code: int, why: str) -> None:
    done = CliRunner().invoke(app, ["fit-preference", *options])
    assert done.exit_code == code
    assert why in done.stderr
    assert not (data / "preferences" / "pocket.json").exists()


def test_an_interrupted_command_keeps_what_it_has(clips: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = write_table(clips / "interrupted.jsonl", ROWS)

    def interrupted(*arguments: Any) -> Iterator[ScoredBattle | BadRow]:
        yield next(score_battles(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "score_battles", interrupted)
    done = CliRunner().invoke(app, ["fit-preference", "--battles", str(table)])
    assert done.exit_code == 130
    assert "goes on from here" in done.stderr
    assert len((data / "preferences" / "pocket.scored.jsonl").read_text().splitlines()) == 2


def test_scores_of_pockets_battles_are_by_models_that_met_neither_song(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    size, songs = 20, 30
    names = np.tile(np.array(["intact", "louder"]), songs)
    copies = AugmentedSongs(
        rng.standard_normal((2 * songs, 4), np.float32), np.repeat(np.arange(songs), 2), names, np.zeros(2 * songs)
    )
    truth = np.where(np.arange(songs) < size, rng.uniform(1, 5, songs), np.nan)
    recording = np.arange(songs)
    recording[[3, 25]] = 1  # two more recordings of song 1, one of them in the other set
    pairs = np.array([(a, b) for a in range(size) for b in range(a + 1, size) if recording[a] != recording[b]])
    taught: list[tuple[set[int], set[int]]] = []
    fit = train.fit_opinion

    def watched(axis: str, copies: AugmentedSongs, truth: np.ndarray) -> Any:
        model = fit(axis, copies, truth)

        def score(asked: AugmentedSongs) -> np.ndarray:
            taught.append((set(recording[copies.song]), set(recording[asked.song])))
            return model(asked)

        return score

    monkeypatch.setattr(train, "fit_opinion", watched)
    monkeypatch.setattr(train, "ROUNDS", 2)
    held_out = train.HeldOutScores(copies, truth, recording, pairs, np.zeros((size, 5)))
    for learned, tested in held_out.rounds():
        assert not set(learned.songs.ravel()) & set(tested.songs.ravel())
    assert taught
    assert all(not known & asked for known, asked in taught)
