"""Where a song's scores are among those of reference songs: shipped ones, or those of a table."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from apex_space.cli import app
from apex_space.core.axes import KEYS
from apex_space.core.errors import SettingsError
from apex_space.core.i18n import use_language
from apex_space.core.intervals import wilson
from apex_space.core.settings import settings
from apex_space.judges.reference_songs import ALL, SHIPPED, percentile, reference_songs, references
from apex_space.judges.report_csv import to_csv
from apex_space.ui.render.among import among
from helpers.results import report

APEX = {"judge": "apex", "spread": {}}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Settings are read once by a process."""
    settings.cache_clear()
    yield
    settings.cache_clear()


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def table(folder: Path, rows: int = 40) -> Path:
    """Likes of 0 to `rows` - 1, every other song is jazz."""
    lines = [f"apex,{i},{'jazz' if i % 2 else ''}\n" for i in range(rows)]
    return written(folder, "mine.csv", "Judge,likes,genre\n" + "".join(lines))


def test_a_percentile_counts_equal_scores_as_half_and_has_the_interval_of_its_number_of_songs() -> None:
    found = percentile([1.0, 2.0, 2.0, 3.0], 2.0, (1.5, 9.0))
    assert (found.value, found.songs, found.least, found.most) == (50.0, 4, 25.0, 100.0)
    assert (found.low, found.high) == pytest.approx((100 * wilson(2, 4).low, 100 * wilson(2, 4).high))
    many = percentile([float(i) for i in range(1000)], 500.0, None)
    assert (many.high - many.low, many.least) == (pytest.approx(6.2, abs=0.1), None)


def test_the_shipped_songs_are_pockets_by_genre_and_only_numbers() -> None:
    ours = references(None)[("pocket", "")]
    assert ours.songs == {ALL: 498, "classical": 99, "electronic": 99, "midi": 104, "pop": 99, "rock": 97}
    assert SHIPPED.stat().st_size < 30_000
    assert re.fullmatch(r"[a-z,]+\n(pocket,[a-z]+(,[0-9.]+){5}\n)+", SHIPPED.read_text(encoding="utf-8"))


def test_a_report_says_where_it_is_among_them() -> None:
    plain = report(scores=report().scores | {"clarity": 3.9}).as_dict()["percentile"]
    assert plain["all"].keys() == {"likes", "musicality", "clarity"}
    likes = plain["all"]["likes"]
    ends = likes["score_interval"]
    assert 0 <= ends["low"] < likes["low"] < likes["value"] < likes["high"] < ends["high"] <= 100
    assert likes["value"] > plain["genres"]["classical"]["likes"]["value"]
    assert report(**APEX).as_dict()["percentile"] is None


def test_a_table_is_the_reference_of_its_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_REFERENCE", str(table(tmp_path)))
    found = reference_songs(report(**APEX))
    assert found is not None
    assert (str(found.source), found.songs) == ("the songs of mine.csv", {ALL: 40, "jazz": 20})
    assert found.percentiles(report(**APEX, scores=dict.fromkeys(KEYS) | {"likes": 10.0}))["likes"].value == 26.25
    assert reference_songs(report()) is references(settings().reference)[("pocket", "")]


def test_the_programs_own_csv_is_a_table_for_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_REFERENCE", str(written(tmp_path, "scores.csv", to_csv([report(**APEX)] * 20))))
    same = reference_songs(report(**APEX))
    assert same is not None
    assert same.songs == {ALL: 20}
    (weights,) = report().weights
    assert reference_songs(report(**APEX, weights=(replace(weights, revision="another"),))) is None


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", "judge,likes\nnobody,3\n", "line 2: the column judge must name one of"),
        ("a.csv", "likes\n3\n", "line 2: the column judge"),
        ("a.csv", "judge,likes\napex,high\n", "line 2: could not convert"),
        ("a.csv", "judge,likes\napex,nan\n", "line 2: likes is no finite number"),
        ("a.csv", "judge,likes\napex,3\n", "fewer than 20 songs"),
        ("a.csv", "judge,likes\n", "fewer than 20 songs"),
        ("a.txt", "judge,likes\n", "none of .csv"),
        ("a.jsonl", "[]\n", "line 1 is not an object"),
        ("a.parquet", "no", "a.parquet"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, name: str, content: str, why: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(why)) as error:
        references(written(tmp_path, name, content))
    assert "APEX_REFERENCE" in str(error.value)


def test_a_folder_or_nothing_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a folder"):
        references(tmp_path)
    with pytest.raises(SettingsError, match="No such file"):
        references(tmp_path / "a.csv")


def test_a_command_says_so_before_it_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_REFERENCE", str(tmp_path))
    done = CliRunner().invoke(app, ["score", "song.wav"])
    assert done.exit_code == 2
    assert "is a folder. Score its songs once" in done.output


def test_the_page_shows_a_picture_its_words_and_a_table_for_each_genre() -> None:
    shown = among(report())
    assert shown.count("<details name=") == 6
    assert shown.count(" open>") == 1
    assert shown.count("<svg") == shown.count('role="img"') == shown.count("<figcaption>") == 12
    assert "Rock: 97 songs" in shown
    assert "no reference scores" not in shown
    assert "no reference scores of Memorability." in among(report(scores=report().scores | {"memorability": 3.9}))
    assert "had not learned from it" in shown
    with use_language("zh-CN"):
        assert "摇滚" in among(report())
    assert "There is no reference for APEX" in among(report(**APEX))


def test_a_genre_from_outside_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"apex,{i},<b>x\n" for i in range(20))
    monkeypatch.setenv("APEX_REFERENCE", str(written(tmp_path, "<i>.csv", "judge,likes,genre\n" + rows)))
    shown = among(report(**APEX))
    assert "&lt;b&gt;x" in shown
    assert "<b>" not in shown
    assert "<i>" not in shown
