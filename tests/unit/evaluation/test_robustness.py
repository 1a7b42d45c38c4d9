"""The robustness profile: its figures on a judge whose answers are known, its files, its command and its pictures."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from apex_space.audio.damage import INAUDIBLE, KINDS, RATE, SEVERITIES
from apex_space.audio.waveform import Waveform
from apex_space.core import intervals
from apex_space.core.axes import BY_KEY
from apex_space.core.errors import EvaluationError
from apex_space.core.text import minus
from apex_space.evaluation import robustness
from apex_space.evaluation.profile import Half, from_json, shipped, to_json
from apex_space.evaluation.published import PMQD, PMQD_ORIGINAL
from apex_space.evaluation.robustness import LISTENED, Scores, choose, half_way, measure, profile
from apex_space.judges.registry import REGISTRY
from apex_space.plots.robustness import DOT, LABELS, damage
from apex_space.plots.robustness import robustness as draw
from apex_space.ranking.songs import BatchSong
from helpers.command_line import run
from helpers.melodies import write, write_silence

JUDGE: Any = SimpleNamespace(name="pocket", weights=(), head=SimpleNamespace(axes=("clarity",)))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Intervals from few draws: a test takes no second."""
    intervals.bootstrap_counts.cache_clear()
    monkeypatch.setattr(intervals, "RESAMPLES", 60)
    yield
    intervals.bootstrap_counts.cache_clear()


def given(*curves: Sequence[float], moved: float = 0.1, kinds: Sequence[str] = ("noise",)) -> Scores:
    """Songs that score 4, changed by `moved` at most by what nobody hears, and by `curves` at the severities."""
    harmless = np.linspace(-moved, moved, len(INAUDIBLE))
    songs = [np.append(4, 4 + np.concatenate([harmless, *[curve] * len(kinds)]))[:, None] for curve in curves]
    return Scores(choose(kinds), ("clarity",), [str(i) for i in range(len(songs))], songs)


def test_figures_of_a_known_judge() -> None:
    steady, blind = (-0.05, -0.15, -0.3, -0.5, -1), (0, 0, 0, 0, 0.0)
    found = profile(JUDGE, given(steady, steady, steady, blind), 30)
    (row,) = found.responses
    assert found.intact == {"clarity": 4}
    assert found.floors["clarity"].value == pytest.approx(0.1)
    assert [each.value for each in row.change] == pytest.approx([0.75 * step for step in steady])
    assert [each.value for each in row.noticed] == [0, 0.75, 0.75, 0.75, 0.75]
    assert row.order.value == pytest.approx(-0.75)  # -1 of three songs, and none of the one that does not move
    assert row.falls.value == pytest.approx(0.75)
    assert row.half.value == pytest.approx(0.2 + 0.2 * 0.5 / 0.75)
    assert row.half.high is None  # in some draws, half of the songs never notice
    assert all(each.low <= each.value <= each.high for each in (*row.change, *row.noticed, row.order, row.falls))
    assert row.change[-1].low == -1
    assert row.change[-1].high > -0.75


def test_a_rise_is_not_noticed_and_half_may_be_beyond_the_worst() -> None:
    (row,) = profile(JUDGE, given((1, 2, 3, 4, 5), (0.1, 0.2, 0.3, 0.4, -1)), 30).responses
    assert [each.value for each in row.noticed] == [0, 0, 0, 0, 0.5]
    assert half_way([0, 0, 0, 0, 0.4]) is None
    (row,) = profile(JUDGE, given((1, 2, 3, 4, 5), (1, 2, 3, 4, 5)), 30).responses
    assert (row.order.value, row.falls.value, row.half) == (pytest.approx(1), 0, Half(None, None, None))


def test_the_noise_floor_comes_from_what_nobody_hears() -> None:
    slight = (-0.3,) * 5
    assert profile(JUDGE, given(slight, slight, moved=0.2), 30).responses[0].noticed[0].value == 1
    assert profile(JUDGE, given(slight, slight, moved=0.4), 30).responses[0].noticed[0].value == 0


def test_listeners_stand_beside_clarity() -> None:
    """A judge that falls as listeners' ratings do agrees with them, and one that rises does not."""
    kinds = tuple(LISTENED)
    curves = []
    for kind in choose(kinds):
        falls = np.array(PMQD[LISTENED[kind.name]]) - PMQD_ORIGINAL
        ends = [0.0]
        for middle in falls:
            ends.append(2 * middle - ends[-1])
        curves.append(ends[1:])
    for sign in (1, -1):
        song = np.concatenate([[4], np.full(len(INAUDIBLE), 4.0), *(4 + sign * np.array(c) for c in curves)])[:, None]
        check = profile(JUDGE, Scores(choose(kinds), ("clarity",), ["a", "b"], [song, song]), 30).check
        assert check is not None
        assert check.agreement.value == pytest.approx(sign)
        for row in check.rows:
            falls = [rating - PMQD_ORIGINAL for rating in row.ratings]
            assert [sign * each.value for each in row.change] == pytest.approx(falls)
    assert profile(JUDGE, given((0,) * 5, (0,) * 5), 30).check is None


class Loudness:
    """A judge of a sound's level, which a bad file ends."""

    name, weights, head = "pocket", (), SimpleNamespace(axes=("clarity",))

    def __init__(self) -> None:
        self.heard: list[Waveform] = []

    def __call__(self, song: Waveform) -> Any:
        self.heard.append(song)
        return SimpleNamespace(scores={"clarity": float(np.sqrt(np.mean(song.samples**2)))})


def test_every_version_is_heard_and_songs_that_fail_are_named(tmp_path: Path) -> None:
    first = write(tmp_path / "first.wav", 1, seconds=8)
    paths = [first, write(tmp_path / "short.wav", 2, seconds=2), write_silence(tmp_path / "silent.wav")]
    paths += [write(tmp_path / "again.wav", 1, seconds=8), write(tmp_path / "other.wav", 3, seconds=8)]
    songs = [BatchSong(path, path.name) for path in paths]
    judge: Any = Loudness()
    scores = Scores(choose(["noise", "clip"]), ("clarity",))
    steps = list(measure(songs, judge, scores, 4))
    assert scores.songs == ["first.wav", "other.wav"]
    assert [each.file for each in scores.failed] == ["short.wav", "silent.wav", "again.wav"]
    assert "first.wav" in scores.failed[2].error
    assert len(judge.heard) == 2 * scores.versions == 2 * (1 + len(INAUDIBLE) + 2 * len(SEVERITIES))
    assert {song.rate for song in judge.heard} == {RATE}
    assert len(judge.heard[0].samples) == 4 * RATE
    assert len({song.sha256 for song in judge.heard}) == len(judge.heard)
    assert steps[-1].done == steps[-1].total == len(songs) * scores.versions
    assert steps[-1].left == 0
    assert [step.song for step in steps if step.song] == [song.name for song in songs]
    noisy = scores.values[0][1 + len(INAUDIBLE) :][: len(SEVERITIES), 0]
    assert (np.diff(noisy) > 0).all()  # the same noise, but more of it


def test_one_song_has_no_intervals_and_an_unknown_damage_is_refused() -> None:
    with pytest.raises(EvaluationError, match="two songs"):
        profile(JUDGE, given((0,) * 5), 30)
    with pytest.raises(EvaluationError, match=r"no damage 'boom'.*noise"):
        choose(["boom"])
    assert choose([]) == KINDS


def test_a_profile_survives_its_file_and_can_be_drawn() -> None:
    steps = (-0.1, -0.2, -0.3, -0.5, -1)
    found = profile(JUDGE, given(steps, (0,) * 5, kinds=tuple(LISTENED)), 30)
    again = from_json(to_json(found))
    assert to_json(again) == to_json(found)
    assert again.responses[0].half == Half(*(v and float(f"{v:.5g}") for v in vars(found.responses[0].half).values()))
    picture = ElementTree.fromstring(draw(found))
    dots = "".join(path.attrib["d"] for path in picture.iter(f"{SVG}path")).count(DOT)
    assert dots == len(LISTENED) * len(SEVERITIES)
    assert "Noise" in [text.text for text in picture.iter(f"{SVG}text")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(2):
        write(tmp_path / "songs" / f"{seed}.wav", seed, seconds=3, rate=24_000, channels=1)
    return tmp_path / "songs"


@pytest.mark.slow
def test_the_command_writes_table_csv_json_and_a_picture(folder: Path, tmp_path: Path) -> None:
    (folder / "letter.mp3").write_text("Dear listener")
    options = ("robustness", folder, "--damage", "noise", "--out", tmp_path / "out")
    done = run(*options, "--format", "csv", APEX_DATA=str(tmp_path / "data"))
    assert done.returncode == 1  # for the letter
    assert "letter.mp3" in done.stderr
    assert "22 of 33 versions" in done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["kind"] for row in rows} == {"", "noise"}
    assert len([row for row in rows if row["axis"] == "clarity"]) == 1 + 2 * len(SEVERITIES) + 3
    written = json.loads((tmp_path / "out" / "robustness.json").read_text())
    assert [each["file"] for each in written["failed"]] == ["letter.mp3"]
    assert ElementTree.parse(tmp_path / "out" / "robustness.svg").getroot().tag == f"{SVG}svg"
    (folder / "letter.mp3").unlink()
    shown = run(*options, COLUMNS="160", APEX_DATA=str(tmp_path / "data"))  # heard before: from the cache
    assert shown.returncode == 0, shown.stderr
    assert "Noise floor" in shown.stdout
    assert "half noticed at" in shown.stdout
    wrong = run("robustness", folder, "--damage", "boom")
    assert (wrong.returncode, wrong.stdout) == (1, "")


@pytest.mark.parametrize("after", [1, 2])
def test_an_interruption_shows_what_was_done(folder: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    real = robustness.measure

    def interrupted(*args: Any) -> Iterator[Any]:
        songs = 0
        for step in real(*args):
            yield step
            songs += bool(step.song)
            if songs == after:
                raise KeyboardInterrupt

    monkeypatch.setattr(robustness, "measure", interrupted)
    monkeypatch.setattr(import_module("apex_space.cli.robustness"), "cached_judge", lambda *_: Loudness())
    done = run("robustness", folder, "--damage", "clip", "--format", "json", APEX_DATA=str(folder.parent / "data"))
    assert done.returncode == 130
    assert "Interrupted." in done.stderr
    assert (len(json.loads(done.stdout)["songs"]) if after > 1 else done.stdout) == (2 if after > 1 else "")


def test_the_shipped_profile_is_whole_and_its_pictures_say_what_they_show() -> None:
    assert {name for name in REGISTRY if shipped(name)} == {"pocket"}
    found = shipped("pocket")
    assert found is not None
    assert len(found.responses) == len(KINDS) * len(found.floors)
    assert found.severities == SEVERITIES
    assert found.check is not None
    assert LABELS.keys() == {kind.name for kind in KINDS}
    for kind in KINDS:
        (row,) = (row for row in found.responses if (row.kind, row.axis) == (kind.name, kind.axis))
        label = ElementTree.fromstring(damage(found, kind)).get("aria-label")
        assert label is not None
        assert LABELS[kind.name] in label
        assert minus(f"{row.change[-1].value:+.2f}") in label
        assert BY_KEY[kind.axis].label in label
