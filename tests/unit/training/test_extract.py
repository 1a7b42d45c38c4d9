"""Songs -> tables of embedded segments: what judges compute, no song lost or doubled, nothing of others touched."""

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pyarrow
import pytest
import soundfile
import torch
from pyarrow import parquet
from typer.testing import CliRunner

from apex_space.audio import segments
from apex_space.audio.resample import resample
from apex_space.audio.waveform import load_song
from apex_space.cli import app
from apex_space.core.errors import BatchError, ExtractionError, OutputRefused, PreferenceError, TooShort
from apex_space.core.settings import settings
from apex_space.evaluation.metrics import DIMENSIONS
from apex_space.judges import loading
from apex_space.models.encoders import conformer
from apex_space.models.encoders.conformer import SAMPLE_RATE
from apex_space.models.encoders.mert import MertEncoder
from apex_space.models.encoders.pocket import PocketEncoder
from apex_space.models.heads import hear
from apex_space.models.hub import fetch
from apex_space.preference.fitting import sources
from apex_space.training.extract import encoders, engines, extraction, shards, songs
from apex_space.training.extract.encoders import MadeBy
from apex_space.training.extract.extraction import Progress, Request, extract
from helpers.command_line import forget, run
from helpers.fake_weights import synthetic
from helpers.melodies import write

FIVE = dict(zip(DIMENSIONS, (1.0, 2.0, 3.0, 4.0, 5.0), strict=True))
MADE_BY = MadeBy("pocket", "the test", "1", "float32", 1)


class Bytes:
    """An encoder of files that are no sounds: two segments a song, its bytes twice. Those that begin with x fail."""

    column = encoders.EMBEDDING
    made_by = MADE_BY

    def __call__(self, song: Path) -> list[np.ndarray]:
        content = song.read_bytes()
        if content.startswith(b"x"):
            raise TooShort("The sound lasts 0.1 s.")
        return [np.array([*content[:2], part], np.float32) for part in range(2)]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def trivial(monkeypatch: pytest.MonkeyPatch) -> type[Bytes]:
    """The encoder of all extractions of a test."""
    monkeypatch.setattr(extraction, "load", lambda *_: Bytes())
    return Bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five songs for the trivial encoder, one of them bad."""
    (tmp_path / "songs" / "deep").mkdir(parents=True)
    for name in ("a", "b", "deep/a", "x"):
        (tmp_path / "songs" / f"{name}.mp3").write_text(f"{name[-1]}{len(name)}")
    (tmp_path / "songs" / "cover.jpg").write_text("a picture")
    return tmp_path / "songs"


def done(source: object, out: Path, **options: Any) -> Progress:
    """The end of an extraction."""
    request = Request(str(source), **{"encoder": "pocket"} | options, out=out)
    scratch = out.parent / f"scratch {time.monotonic_ns()}"
    scratch.mkdir(parents=True)
    *_, end = extract(request, scratch)
    return end


def table(out: Path) -> pyarrow.Table:
    return pyarrow.concat_tables([parquet.read_table(path) for path in sorted(out.glob("segments-*.parquet"))])


def rows(out: Path) -> list[dict[str, Any]]:
    return table(out).to_pylist()


def reasons(out: Path) -> dict[str, str]:
    found = parquet.read_table(out / "errors.parquet").to_pylist()
    return {row["audio_id"]: f"{row['kind']}: {row['reason']}" for row in found}


# ---- the embeddings ----------------------------------------------------------------------------------------------


def test_rows_are_what_pocket_computes(tmp_path: Path) -> None:
    song = write(tmp_path / "songs" / "one.wav", 1)
    assert done(song.parent, tmp_path / "out").segments == 1
    expected = PocketEncoder()(*_segments(song, PocketEncoder()))
    assert table(tmp_path / "out")["segment_embedding"].to_pylist() == expected.tolist()


@pytest.mark.slow
def test_rows_are_the_input_of_apexs_network(
    tmp_path: Path, thin_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MertEncoder, "segment_seconds", 0.5)
    monkeypatch.setenv("APEX_PRECISION", "float32")
    song = write(tmp_path / "songs" / "one.wav", 1, seconds=1.2)
    assert done(song.parent, tmp_path / "out", encoder="mert-95m", weights=thin_weights).segments == 3
    judge = loading.load_judge("apex", thin_weights)
    found = torch.tensor(table(tmp_path / "out")["segment_embedding"].to_pylist())
    assert found.shape == (3, 768)
    network: Any = judge.head
    with torch.inference_mode():
        scores = network.network(found.mean(0, keepdim=True))
    assert {axis: score.item() for axis, score in scores.items()} == pytest.approx(
        {axis: judge(song).scores[axis] for axis in judge.head.axes}, abs=1e-3
    )
    assert [row["segment_id"] for row in rows(tmp_path / "out")] == ["one_1", "one_2", "one_3"]


def _segments(song: Path, encoder: Any) -> tuple[np.ndarray, np.ndarray]:
    waveform = load_song(song)
    samples = resample(waveform.samples, waveform.rate, encoder.rate, encoder.resampling)
    cut = segments.cut(samples, encoder.segment_seconds * encoder.rate)
    return cut.samples, cut.valid


@pytest.mark.slow
def test_frames_of_both_encoders_are_hears_features(
    tmp_path: Path, panel_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = SAMPLE_RATE
    monkeypatch.setattr(conformer, "PIECE", piece)
    monkeypatch.setattr(encoders, "ROW_FRAMES", conformer.frames(piece))
    (tmp_path / "songs").mkdir()
    samples = synthetic(2.5, SAMPLE_RATE)
    soundfile.write(tmp_path / "songs" / "one.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    halves = {}
    for name in ("musicfm", "muq"):
        done(tmp_path / "songs", tmp_path / name, encoder=name, weights=panel_weights)
        column = table(tmp_path / name)["segment_frames"].to_pylist()
        assert [len(row) for row in column] == [25, 25, 13]
        local, whole = np.split(np.concatenate(column), 2, axis=1)
        halves[name] = local, whole
    found = [fetch(repository, panel_weights) for repository in hear.TRACK_2.repositories(settings())[:2]]
    models = [conformer.musicfm(found[0], hear.LAYER), conformer.muq(found[1], hear.LAYER)]
    with torch.inference_mode():
        expected = conformer.finish(hear._views(torch.from_numpy(samples), *models)).numpy()
    joined = np.concatenate([halves["musicfm"][0], halves["muq"][0], halves["musicfm"][1], halves["muq"][1]], 1)
    np.testing.assert_allclose(joined, expected, atol=1e-5)


def test_embeddings_in_the_cache_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APEX_CACHE_DIR", str(tmp_path / "cache"))
    song = write(tmp_path / "songs" / "one.wav", 1)
    loading.load_judge("pocket")(song)
    forget()
    monkeypatch.setattr(PocketEncoder, "__call__", lambda *_: pytest.fail("it was encoded again"))
    assert done(song.parent, tmp_path / "out").done == 1


# ---- the songs ---------------------------------------------------------------------------------------------------


def test_a_folder_and_a_zip_give_the_same_rows_without_labels(
    folder: Path, tmp_path: Path, trivial: type[Bytes]
) -> None:
    end = done(folder, tmp_path / "out")
    assert (end.total, end.done, end.failed, end.segments) == (4, 3, 1, 6)
    with ZipFile(tmp_path / "songs.zip", "w") as made:
        for path in folder.rglob("*.mp3"):
            made.write(path, path.relative_to(folder))
    done(tmp_path / "songs.zip", tmp_path / "of zip")
    found = rows(tmp_path / "out")
    assert found == rows(tmp_path / "of zip")
    assert [*found[0]] == [
        *("audio_id", "segment_id", "score_streams", "score_likes", "platform", "segment_embedding", "songeval_scores")
    ]
    assert {row["segment_id"]: row["segment_embedding"] for row in found if row["audio_id"] == "deep/a"} == {
        "deep/a_1": [97.0, 54.0, 0.0],
        "deep/a_2": [97.0, 54.0, 1.0],
    }
    assert all(row[label] is None for row in found for label in shards.LABELS)
    assert reasons(tmp_path / "out") == {"x": "TooShort: The sound lasts 0.1 s."}


@pytest.mark.parametrize("songeval", [FIVE, json.dumps(FIVE)], ids=["struct", "json"])
def test_labels_of_a_jsonl_are_passed_on(songeval: Any, folder: Path, tmp_path: Path, trivial: type[Bytes]) -> None:
    records = [
        {"id": "a", "score_streams": 12, "score_likes": 3.5, "platform": "udio", "songeval_scores": songeval},
        {"id": "b"},
        {"id": "not there", "score_streams": 1},
        {"id": "deep/a", "score_likes": "many"},
        {"id": "x", "songeval_scores": {"clarity": 1}},
    ]
    (tmp_path / "songs.jsonl").write_text("\n".join(map(json.dumps, records)))
    end = done(tmp_path / "songs.jsonl", tmp_path / "out", audio=folder)
    assert (end.done, end.failed) == (2, 3)
    first, _, other, _ = rows(tmp_path / "out")
    assert [first[label] for label in shards.LABELS] == [12.0, 3.5, "udio", FIVE]
    assert [other[label] for label in shards.LABELS] == [None] * 4
    assert {name: words in reasons(tmp_path / "out")[name] for name, words in {
        "not there": "no sound file of", "deep/a": "Its score_likes is 'many', not a number", "x": "is not a struct of",
    }.items()} == dict.fromkeys(("not there", "deep/a", "x"), True)  # fmt: skip


def test_a_reason_controls_no_terminal(tmp_path: Path, trivial: type[Bytes]) -> None:
    for ending in ("mp3", "wav"):
        (tmp_path / f"\x1b[31m.{ending}").write_text("two files fit")
    (tmp_path / "songs.jsonl").write_text(json.dumps({"id": "a", "file": "\x1b[31m"}))
    said = CliRunner().invoke(app, ["extract", str(tmp_path / "songs.jsonl"), "--out", str(tmp_path / "out")]).stderr
    assert "a: It may be \\x1b[31m.mp3 or \\x1b[31m.wav." in said
    assert "\x1b" not in said


def test_what_no_table_can_store_is_a_bad_row(folder: Path, tmp_path: Path, trivial: type[Bytes]) -> None:
    (folder / os.fsdecode(b"\xff.mp3")).write_text("ff")
    records = [
        {"id": "a"},
        {"id": "half \ud83c"},
        {"id": "b", "platform": "\ud83c"},
        {"id": "file", "file": "\ud83c"},
        {"id": "deep/a", "score_likes": 10**400},
    ]
    (tmp_path / "songs.jsonl").write_text("\n".join(map(json.dumps, records)))
    for _ in range(2):
        end = done(tmp_path / "songs.jsonl", tmp_path / "out", audio=folder)
        assert (end.earlier + end.done, end.failed) == (1, 4)
    assert [row["audio_id"] for row in rows(tmp_path / "out")] == ["a", "a"]
    assert reasons(tmp_path / "out").keys() == {r"half \ud83c", "b", "file", "deep/a"}
    assert done(folder, tmp_path / "of folder").done == 4


def test_a_csv_and_a_parquet_with_the_songs_in_it(folder: Path, tmp_path: Path, trivial: type[Bytes]) -> None:
    (folder / "songs.csv").write_text("track_id,file,score_streams\n7,a.mp3,1\n8,deep/a.mp3,\n")
    done(folder / "songs.csv", tmp_path / "of csv")
    assert [(row["segment_id"], row["score_streams"]) for row in rows(tmp_path / "of csv")] == [
        *(("7_1", 1.0), ("7_2", 1.0), ("8_1", None), ("8_2", None))
    ]
    sounds = [{"bytes": b"bb", "path": "b.mp3"}, {"bytes": None, "path": "a.mp3"}]
    parquet.write_table(pyarrow.table({"Audio": sounds}), folder / "songs.parquet")
    done(folder / "songs.parquet", tmp_path / "of parquet")
    assert [row["audio_id"] for row in rows(tmp_path / "of parquet")] == ["b", "b", "a", "a"]


def test_a_dataset_with_raters(tmp_path: Path, trivial: type[Bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    raters = [{name.capitalize(): score for name, score in FIVE.items()}] * 2
    found = [{"audio": {"bytes": b"ab", "path": "7.mp3"}, "annotation": raters}, {"id": "8", "audio": None}]
    monkeypatch.setattr(songs, "dataset_rows", lambda _: iter(found))
    end = done("owner/name", tmp_path / "out")
    assert (end.total, end.done, end.failed) == (None, 1, 1)
    assert [(row["audio_id"], row["songeval_scores"]) for row in rows(tmp_path / "out")] == [("7", FIVE)] * 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("songs.jsonl", '{"id": "a"}\n{"id": "b"}\n{"id": "a"}', "The id a is there twice"),
        ("songs.jsonl", '{"id": "a"}\n{"platform": "udio"}', "row 2 of songs.jsonl has no id"),
        ("songs.jsonl", '{"id": "a"', "cannot be read"),
        ("songs.csv", "id\n", "names no songs"),
        ("songs.txt", "a", "no song|not a sound file"),
        ("a.zip", "no zip", "damaged"),
        ("deep/b.mp3", "b1", "b"),
    ],
)
def test_no_work_is_begun_on_songs_that_cannot_be_told_apart(
    name: str, content: str, words: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "load", lambda *_: pytest.fail("the encoder was loaded"))
    (folder / name).write_text(content)
    if name == "deep/b.mp3":
        (folder / "deep" / "b.wav").write_text("b2")
        name = "."
    if name == "songs.txt":
        shutil.rmtree(folder)
        folder.mkdir()
        name = "."
    with pytest.raises((ExtractionError, BatchError), match=words):
        done(folder / name, tmp_path / "out")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"score_streams": 150}, "Its score_streams is 150, not a number from 0 to 100."),
        ({"score_likes": True}, "Its score_likes is True, not a number"),
        ({"score_likes": "9" * 1000}, "Its score_likes is '999999999999...9999999999999', not"),
        ({"songeval_scores": FIVE | {"clarity": 9}}, "Its clarity is 9, not a number from 1 to 5."),
        ({"annotation": [FIVE | {"clarity": 0}]}, "Its clarity is 0.0, not a number from 1 to 5."),
    ],
)
def test_a_label_that_training_would_refuse_is_told_before_it_is_hours_old(
    labels: dict[str, Any], words: str, folder: Path, tmp_path: Path, trivial: type[Bytes]
) -> None:
    (tmp_path / "songs.jsonl").write_text(json.dumps({"id": "a"} | labels))
    assert done(tmp_path / "songs.jsonl", tmp_path / "out", audio=folder).failed == 1
    assert words in reasons(tmp_path / "out")["a"]


def test_a_name_of_spaces_is_no_id(tmp_path: Path, trivial: type[Bytes]) -> None:
    (tmp_path / "songs").mkdir()
    for name in (" .mp3", "  .mp3", " a.mp3"):
        (tmp_path / "songs" / name).write_text("ab")
    assert done(tmp_path / "songs", tmp_path / "out").failed == 2
    assert {row["audio_id"] for row in rows(tmp_path / "out")} == {"a"}
    assert "nothing before the ending" in reasons(tmp_path / "out")["' .mp3'"]


def test_what_is_no_source(tmp_path: Path, trivial: type[Bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExtractionError, match="neither a folder"):
        done(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ExtractionError, match="neither a folder"):
        done("nowhere.jsonl", tmp_path / "out")
    with pytest.raises(ExtractionError, match="nowhere is no folder"):
        done(tmp_path, tmp_path / "out", audio=tmp_path / "nowhere")

    monkeypatch.setattr(sources, "unreachable", lambda seconds: "no network")
    with pytest.raises(PreferenceError, match=r"owner/name cannot be read \(no network\)"):
        done("owner/name", tmp_path / "out")

    def unreadable(_: str) -> Any:
        raise PreferenceError("The dataset cannot be read.")

    monkeypatch.setattr(songs, "dataset_rows", unreadable)
    with pytest.raises(PreferenceError):
        done("owner/name", tmp_path / "out")


# ---- the folder --------------------------------------------------------------------------------------------------


def test_a_run_killed_at_any_moment_goes_on_without_losing_or_doubling_a_song(
    tmp_path: Path, trivial: type[Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MAX_ROWS", 3)
    (tmp_path / "songs").mkdir()
    for name in "abxcde":
        (tmp_path / "songs" / f"{name}.mp3").write_text(name * 2)
    request = Request(str(tmp_path / "songs"), "pocket", tmp_path / "out")
    steps = enumerate(extract(request, tmp_path))
    for number, _ in steps:  # what a process that is killed now leaves behind
        shutil.copytree(tmp_path / "out", tmp_path / f"killed {number}")
    assert number == 6
    for number in range(7):
        out = tmp_path / f"killed {number}"
        before = {path.name: path.read_bytes() for path in out.glob("segments-*")}
        done(tmp_path / "songs", out)
        assert sorted(row["segment_id"] for row in rows(out)) == [f"{name}_{n}" for name in "abcde" for n in (1, 2)]
        assert before.items() <= {path.name: path.read_bytes() for path in out.glob("segments-*")}.items()
    assert len(list((tmp_path / "killed 0").glob("segments-*"))) == 3


def test_a_song_that_was_mended_is_no_error_any_more(folder: Path, tmp_path: Path, trivial: type[Bytes]) -> None:
    done(folder, tmp_path / "out")
    (folder / "x.mp3").write_text("mended")
    end = done(folder, tmp_path / "out")
    assert (end.earlier, end.done, end.failed) == (3, 1, 0)
    assert reasons(tmp_path / "out") == {}
    assert len(rows(tmp_path / "out")) == 8


def test_files_of_others_stay_and_numbers_go_on_past_them(folder: Path, tmp_path: Path, trivial: type[Bytes]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    foreign = {"notes.txt": b"mine", "segments-00007.parquet": b"mine too", "segments-1.parquet": b"mine"}
    for name, content in foreign.items():
        (out / name).write_bytes(content)
    parquet.write_table(pyarrow.table({"audio_id": ["a"]}), out / "segments-00003.parquet")
    done(folder, out)
    assert {name: (out / name).read_bytes() for name in foreign} == foreign
    (shard,) = (path for path in out.glob("segments-*") if shards._made_by(path))
    assert shard.name == "segments-00008.parquet"
    shard.unlink()
    assert done(folder, out).done == 3
    assert (out / "segments-00009.parquet").is_file()
    assert not shard.exists()


@pytest.mark.parametrize("name", [shards.MANIFEST, shards.ERRORS])
@pytest.mark.parametrize(
    "content", ["{}", "[]", "mine", '{"apex_space_extract": 1, "made_by": 3, "last_shard": 1, "runs": []}']
)
def test_files_of_others_with_our_names_are_not_overwritten(
    name: str, content: str, folder: Path, tmp_path: Path, trivial: type[Bytes]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(content)
    with pytest.raises(OutputRefused, match="not from here"):
        done(folder, tmp_path / "out")
    assert (tmp_path / "out" / name).read_text() == content


@pytest.mark.parametrize("field", ["encoder", "repository", "revision", "precision"])
@pytest.mark.parametrize("manifest", [True, False], ids=["with its manifest", "without"])
def test_rows_of_another_encoder_or_revision_are_not_mixed(
    field: str, manifest: bool, folder: Path, tmp_path: Path, trivial: type[Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    done(folder, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    if not manifest:
        (tmp_path / "out" / shards.MANIFEST).unlink()
    monkeypatch.setattr(Bytes, "made_by", replace(MADE_BY, **{field: "other"}))
    monkeypatch.setattr(Bytes, "__call__", lambda *_: pytest.fail("a song was encoded"))
    with pytest.raises(OutputRefused, match=f"rows of the {field} .*, not other"):
        done(folder, tmp_path / "out")
    after = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert after.items() <= before.items()


def test_a_second_run_at_the_same_time_is_refused(folder: Path, tmp_path: Path, trivial: type[Bytes]) -> None:
    with closing(extract(Request(str(folder), "pocket", tmp_path / "out"), tmp_path)) as steps:
        next(steps)
        with pytest.raises(OutputRefused, match="Another run"):
            done(folder, tmp_path / "out")


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(
    folder: Path, tmp_path: Path, trivial: type[Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MAX_ROWS", 2)
    real, calls = parquet.write_table, []

    def full(*given: Any, **options: Any) -> None:
        calls.append(real(*given, **options))
        if len(calls) > 1:
            raise OSError(ENOSPC, os.strerror(ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(shards.parquet, "write_table", full)
        with pytest.raises(OutputRefused, match="No space left"):
            done(folder, tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 2
    assert not list((tmp_path / "out").glob("*.part"))
    assert done(folder, tmp_path / "out").earlier == 1
    assert len({row["segment_id"] for row in rows(tmp_path / "out")}) == len(rows(tmp_path / "out")) == 6


@pytest.mark.parametrize("after", [shards.MANIFEST, "segments-00001.parquet", shards.ERRORS])
@pytest.mark.parametrize("stop", [OSError(ENOSPC, "full"), KeyboardInterrupt()], ids=["full", "interrupted"])
def test_rows_that_were_written_are_not_written_again(
    after: str, stop: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes right after a file is in its place."""
    opened = shards.Shards(tmp_path, MADE_BY, encoders.EMBEDDING)
    opened.add(shards.Outcome("bad", reason="It is bad."))
    opened.add(shards.Outcome("good", [np.zeros(3, np.float32)]))
    replacing = shards.replacing

    @contextmanager
    def stopping(path: Path) -> Iterator[Path]:
        with replacing(path) as part:
            yield part
        if path.name == after:
            raise stop

    with monkeypatch.context() as patch:
        patch.setattr(shards, "replacing", stopping)
        with pytest.raises((OutputRefused, KeyboardInterrupt)):
            opened.flush()
    opened.flush()
    assert [path.name for path in tmp_path.glob("segments-*")] == ["segments-00001.parquet"]
    assert [row["segment_id"] for row in rows(tmp_path)] == ["good_1"]
    assert reasons(tmp_path) == {"bad": ": It is bad."}


def test_a_file_is_no_folder_to_write_to(folder: Path, tmp_path: Path, trivial: type[Bytes]) -> None:
    with pytest.raises(OutputRefused, match="cannot be written to"):
        done(folder, folder / "a.mp3")


def test_a_shard_is_written_when_its_songs_get_old(
    folder: Path, tmp_path: Path, trivial: type[Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MAX_SECONDS", 0.0)
    done(folder, tmp_path / "out")
    assert len(list((tmp_path / "out").glob("segments-*"))) == 3


# ---- the command -------------------------------------------------------------------------------------------------


def test_the_command_says_what_failed_and_how_to_go_on(
    folder: Path, tmp_path: Path, trivial: type[Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("extract", folder, "--out", tmp_path / "out", "--encoder", "pocket")
    encode: Callable[[Any, Path], Any] = Bytes.__call__

    def interrupted(self: Any, song: Path) -> Any:
        if song.name == "b.mp3":
            raise KeyboardInterrupt
        return encode(self, song)

    with monkeypatch.context() as patch:
        patch.setattr(Bytes, "__call__", interrupted)
        first = run(*arguments)
    assert (first.returncode, first.stdout) == (130, "")
    assert "Run the same command again to go on" in first.stderr
    assert [row["audio_id"] for row in rows(tmp_path / "out")] == ["a", "a"]
    second = run(*arguments)
    assert second.returncode == 1
    assert "3 songs" in second.stdout
    assert "of which 2 are new" in second.stdout
    assert "x: The sound lasts" in second.stderr
    refused = run(*arguments[:-1], "muq")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1
    assert "rows of the encoder pocket, not muq" in refused.stderr


def test_ray_is_asked_for_and_may_be_missing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ("extract", folder, "--out", tmp_path / "out", "--encoder", "pocket")
    done = run(*arguments, "--engine", "ray")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "Ray is not installed" in done.stderr
    done = run(*arguments, "--workers", 2)
    assert (done.returncode, done.stdout) == (2, "")
    assert "are for --engine ray" in done.stderr


def test_few_songs_are_handed_out_one_by_one_and_frames_always() -> None:
    def sizes(singly: int | None) -> list[int]:
        listed = [songs.BadRow(str(number), "bad") for number in range(20)]
        return [len(piece) for piece in engines._pieces(lambda: listed, singly)]

    assert sizes(3) == [1, 1, 1, 8, 8, 1]
    assert sizes(None) == [1] * 20


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_said_at_once(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    arguments = ("extract", folder, "--out", tmp_path / "out", "--encoder", "pocket", "--engine", "ray")
    done = run(*arguments, "--address", f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "Ray cannot be reached" in done.stderr


def test_the_estimate_is_by_the_songs_of_this_run() -> None:
    progress = Progress(total=100, earlier=40, done=8, failed=2, seconds=5.0)
    assert (progress.rate, progress.left) == (2.0, 25.0)
    assert Progress(total=None, earlier=0, done=8, seconds=4.0).left is None
