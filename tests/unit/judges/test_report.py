"""A report's written forms hold what the record holds."""

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apex_space import __version__
from apex_space.audio.features import AudioFeatures
from apex_space.core.axes import AXES, KEYS
from apex_space.judges.loading import load_judge
from apex_space.judges.report import Failure, Report, Segment, rounded, to_json
from apex_space.judges.report_csv import DETAILS, to_csv
from apex_space.models.hub import Weights
from helpers import melodies, results

EARLIER = ("file", "judge", "part", "start", "end", *KEYS, "error")
"""The columns of earlier versions, which stay where they were."""

number = st.floats(0, 1e6, allow_nan=False)
measurement = st.floats(-1e6, 1e6, allow_nan=False)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
scores = st.fixed_dictionaries({axis.key: st.none() | st.floats(axis.low, axis.high) for axis in AXES})
reports = st.builds(
    Report,
    file=text,
    judge=text,
    scores=scores,
    missing=st.dictionaries(st.sampled_from(KEYS), text),
    spread=st.dictionaries(st.sampled_from(KEYS), number),
    segments=st.lists(st.builds(Segment, start=number, end=number, scores=scores), max_size=3).map(tuple),
    duration=number,
    features=st.builds(
        AudioFeatures,
        tempo=st.none() | number,
        key=st.none() | st.just("A minor"),
        loudness=st.none() | measurement,
        peak=measurement,
        clipped=st.floats(0, 1),
        bandwidth=number,
        rate=st.integers(8000, 192_000),
        channels=st.integers(1, 8),
        other_tempo=st.none() | number,
        key_fit=st.none() | st.floats(0, 1),
        other_key=st.none() | st.just("C major"),
        true_peak=st.none() | measurement,
        loudness_range=st.none() | number,
        short_term=st.lists(measurement, max_size=3).map(tuple),
        correlation=st.none() | st.floats(-1, 1),
        width=st.none() | st.floats(0, 1),
    ),
    weights=st.lists(st.builds(Weights, repository=text, revision=text), max_size=2).map(tuple),
    precision=st.just("float32"),
    precision_reason=text,
    seconds=number,
    sha256=text,
)


def rows(*reports: Report | Failure) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(reports), newline=""), strict=True))


def as_text(value: str) -> str:
    """What a spreadsheet must see instead of a formula."""
    return f"'{value}" if value[0] in "=+-@\t\r" else value


def scores_of(row: Mapping[str, str]) -> dict[str, float | None]:
    return {key: float(row[key]) if row[key] else None for key in KEYS}


@given(reports)
def test_json_keeps_every_value(report: Report) -> None:
    plain = report.as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    for field, value in asdict(report).items():
        if field not in ("segments", "features", "weights"):
            assert plain[field] == value
    assert AudioFeatures.from_dict(json.loads(json.dumps(plain["features"]))) == report.features
    assert [Weights(**entry) for entry in plain["weights"]] == list(report.weights)
    for entry, segment in zip(plain["segments"], report.segments, strict=True):
        times = {"start": segment.start, "end": segment.end, "counts": segment.counts, "lift": segment.lift}
        assert entry == times | dict(segment.scores)


@given(reports)
def test_json_has_the_promised_keys(report: Report) -> None:
    plain = report.as_dict()
    promised = {"file", "judge", "scores", "segments", "duration", "weights", "precision", "seconds"}
    assert promised <= plain.keys()
    assert plain["scores"].keys() == set(KEYS)
    assert all(set(segment) == {"start", "end", "counts", "lift", *KEYS} for segment in plain["segments"])


@given(reports)
def test_csv_has_a_row_for_the_song_and_one_for_each_segment(report: Report) -> None:
    song, *segments = rows(report)
    assert {song["part"], *(row["part"] for row in segments)} <= {"song", "segment"}
    assert {(row["file"], row["judge"]) for row in (song, *segments)} == {(as_text(report.file), report.judge)}
    assert (float(song["start"]), float(song["end"])) == (0, rounded(report.duration))
    assert scores_of(song) == rounded(report.scores)
    assert [(float(row["start"]), float(row["end"]), scores_of(row)) for row in segments] == [
        (rounded(segment.start), rounded(segment.end), rounded(segment.scores)) for segment in report.segments
    ]


@given(reports, text, text)
def test_a_failure_stands_in_its_place_with_its_reason_alone(report: Report, file: str, error: str) -> None:
    failed, *rest = rows(Failure(file, error), report)
    filled = {column: value for column, value in failed.items() if value}
    assert filled == {"file": as_text(file), "error": as_text(error)}
    assert rest == rows(report)
    assert not any(row["error"] for row in rest)


@pytest.mark.parametrize("name", ["=1+1.mp3", "+1.mp3", "-1.mp3", "@x.mp3", "\t=1.mp3"])
def test_csv_holds_no_formula_and_json_the_exact_name(name: str) -> None:
    failure = Failure(name, "=bad")
    assert [(row["file"], row["error"]) for row in rows(failure)] == [(f"'{name}", "'=bad")]
    assert failure.as_dict() == {"file": name, "error": "=bad"}


def test_no_reports_make_a_header() -> None:
    assert rows() == []
    assert to_csv([]).splitlines()[0].split(",") == [*EARLIER, *DETAILS]


def test_a_score_without_bounds_says_so() -> None:
    exact = results.report(scores=dict.fromkeys(KEYS) | {"appeal": -8.25}, missing={}, spread={}, judge="tunejury")
    plain = json.loads(to_json(exact.as_dict()))
    assert plain["scales"] == {"appeal": {"low": None, "high": None, "unit": "points"}}
    assert {row["scales"] for row in rows(exact) if row["part"] == "song"} == {"appeal without bounds (points)"}


def test_files_say_what_the_numbers_are() -> None:
    exact = results.report(
        scores=dict.fromkeys(KEYS) | {"likes": 81.23456789012345, "musicality": 3.36},
        version="0.1.0",
        made="2026-01-02T03:04:05+00:00",
    )
    plain = json.loads(to_json(exact.as_dict()))
    assert plain["scores"]["likes"] == 81.235
    assert plain["intervals"]["likes"] == {"level": 0.8, "low": 48.235, "high": 100}
    assert plain["scales"]["musicality"] == {"low": 1, "high": 5, "unit": "points"}
    assert plain["units"]["loudness"] == "LUFS"
    assert (plain["version"], plain["made"]) == ("0.1.0", "2026-01-02T03:04:05+00:00")
    song, *segments = rows(exact)
    assert (song["likes"], song["likes_low"], song["likes_high"]) == ("81.235", "48.235", "100")
    assert (song["tempo_bpm"], song["key"], song["loudness_lufs"]) == ("120.0", "A minor", "-14.1")
    assert song["weights"] == "apex_space/heads/pocket sha256 cef15a4078cc"
    assert "musicality 1 to 5 (points)" in song["scales"]
    assert (song["version"], song["made"]) == (exact.version, exact.made)
    assert not any(row[column] for row in segments for column in DETAILS)


def test_a_judge_dates_its_reports(tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    report = load_judge()(melodies.write(tmp_path / "song.wav", 1))
    made = datetime.fromisoformat(report.made)
    assert before <= made <= datetime.now(UTC)
    assert made.utcoffset() == timedelta(0)
    assert report.version == __version__


def test_records_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Weights("a", "b").revision = "c"  # type: ignore[misc]


def test_the_table_of_axes_is_sound() -> None:
    aesthetics = ("coherence", "musicality", "memorability", "clarity", "naturalness")
    assert ("streams", "likes", *aesthetics, "banger", "appeal") == KEYS
    for axis in AXES:
        bounds = {"popularity": (0, 100), "aesthetics": (1, 5), "plays": (0, 10), "appeal": (-7, 5)}
        assert (axis.low, axis.high) == bounds[axis.group]
        assert axis.bounded == (axis.group != "appeal")
        assert axis.reference is None or axis.low < axis.reference[0] < axis.high
        assert math.isfinite(axis.high - axis.low)
