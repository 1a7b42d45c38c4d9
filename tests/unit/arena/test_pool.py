"""What gets into the pool and what is refused, and that the copies to listen to tell nothing but the sound."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import av
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
from fsspec import get_filesystem_class, register_implementation
from fsspec.implementations.memory import MemoryFileSystem

from apex_space.arena import clips, pool_sources
from apex_space.arena import pool as module
from apex_space.arena.kinds import MAX_VALUES
from apex_space.arena.pool import Pool
from apex_space.arena.pool_sources import EXAMPLES, candidates, from_dataset, from_examples, from_folder
from apex_space.audio.waveform import Waveform, load
from apex_space.core.errors import BattleStale, DamagedAudio, PoolError
from apex_space.storage.records import Battle, Song
from apex_space.ui.server import CLOSE_SECONDS
from helpers import melodies
from helpers.wait import until


@pytest.fixture
def opened() -> Iterator[Callable[..., Pool]]:
    """Opens a pool and waits until every song was looked at."""
    pools: list[Pool] = []

    def open_pool(source: str | Path) -> Pool:
        pools.append(Pool(str(source)))
        pools[-1].start()
        until(lambda: pools[-1].progress().complete)
        return pools[-1]

    yield open_pool
    for pool in pools:
        pool.close()


ROWS = [
    {"file": "one.flac", "title": "One", "generator": "left hand", "prompt": "=cmd|calm"},
    {"file": "in/two.wav", "title": "Two, or: “more”", "generator": "right hand", "prompt": ""},
]


def write_table(folder: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    path = folder / f"songs.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        table = [list(rows[0]), *(list(row.values()) for row in rows)]
        quoted = (",".join('"' + str(cell).replace('"', '""') + '"' for cell in row) for row in table)
        path.write_text("\n".join(quoted), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "pool"
    melodies.write(inside / "one.flac", 1)
    melodies.write(inside / "in" / "two.wav", 2, channels=1)
    return inside


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_table_names_the_songs(kind: str, folder: Path, opened: Callable[..., Pool]) -> None:
    write_table(folder, kind, ROWS)
    songs = opened(folder).songs()
    assert [(s.title, s.generator, s.prompt) for s in songs] == [
        (row["title"], row["generator"], row["prompt"]) for row in ROWS
    ]
    assert [s.id for s in songs] == [load(folder / row["file"]).sha256 for row in ROWS]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_further_columns_of_a_table_tell_kinds_of_songs(kind: str, folder: Path, opened: Callable[..., Pool]) -> None:
    given = [{"Genre": "rock", "name": "x", "mood": " so\tcalm "}, {"Genre": "rock", "name": "", "mood": "so calm"}]
    write_table(folder, kind, [row | more for row, more in zip(ROWS, given, strict=True)])
    assert [s.kinds for s in opened(folder).songs()] == [{"genre": "rock", "mood": "so calm"}] * 2


@pytest.mark.parametrize("n", [2, MAX_VALUES + 1])
def test_a_column_with_as_many_values_as_songs_tells_no_kinds(n: int, folder: Path) -> None:
    write_table(folder, "jsonl", [{"file": "one.flac", "isrc": number, "genre": "rock"} for number in range(n)])
    assert [each.kinds for each in from_folder(folder)] == [{"genre": "rock"}] * n


@pytest.mark.parametrize(
    ("column", "licence", "free"),
    [
        *(("licence", text, True) for text in ("CC0-1.0", "cc0", "CC BY 4.0", "cc-by-sa-4.0", "Public Domain")),
        *(("licence", text, False) for text in ("", "CC BY-NC 4.0", "CC-BY-ND-4.0", "all rights reserved", "not CC0")),
        *(("license", text, text == "CC0-1.0") for text in ("CC0-1.0", "not CC0")),
    ],
)
def test_a_song_may_be_downloaded_only_under_a_licence_that_allows_it(
    column: str, licence: str, free: bool, folder: Path, opened: Callable[..., Pool]
) -> None:
    write_table(folder, "csv", [{"file": "one.flac", column: licence}])
    pool = opened(folder)
    (song,) = pool.songs()
    battle = Battle("id", song, Song("an upload"), "pool", 0.0)
    assert pool.licences(battle) == ({"a": licence} if free else {})


def test_without_a_table_names_of_files_and_folders_do(folder: Path, opened: Callable[..., Pool]) -> None:
    (folder / "notes.txt").write_text("not a song")
    assert {(s.title, s.generator) for s in opened(folder).songs()} == {("one", ""), ("two", "in")}


@pytest.mark.parametrize(
    "file", ["../outside.wav", "{outside}", "link.wav", "linked/outside.wav", "in/../../outside.wav"]
)
def test_a_file_elsewhere_is_refused_by_its_row(file: str, folder: Path) -> None:
    outside = melodies.write(folder.parent / "outside.wav", 3)
    (folder / "link.wav").symlink_to(outside)
    (folder / "linked").symlink_to(folder.parent)
    write_table(folder, "csv", [*ROWS, ROWS[0] | {"file": file.format(outside=outside)}])
    with pytest.raises(PoolError, match=r"Row 3 of songs\.csv.*not inside"):
        Pool(str(folder))


def test_a_link_out_of_a_folder_without_a_table_is_refused(folder: Path) -> None:
    (folder / "z.wav").symlink_to(melodies.write(folder.parent / "outside.wav", 3))
    with pytest.raises(PoolError, match=r"File 3.*z\.wav.*not inside"):
        Pool(str(folder))


@pytest.mark.parametrize("file", ["none.wav", "in", "in/two.wav/", "\0", "x" * 5000, 7])
def test_a_file_that_is_not_there_is_refused_by_its_row(file: str | int, folder: Path) -> None:
    write_table(folder, "jsonl", [*ROWS, {"file": file}])
    if file == "in/two.wav/":
        (folder / "in" / "two.wav").unlink()
    with pytest.raises(PoolError, match=r"Row [23] of songs\.jsonl.*not there"):
        Pool(str(folder))


@pytest.mark.parametrize(
    "row", [{"title": "a"}, {"title": "a", "file": " "}, {"title": "a", "file": None}, {"file": ["one.flac"]}]
)
def test_a_row_without_a_file_is_refused(row: dict[str, Any], folder: Path) -> None:
    write_table(folder, "jsonl", [row])
    with pytest.raises(PoolError, match=r"Row 1 of songs\.jsonl has no file"):
        Pool(str(folder))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("songs.parquet", b"PAR1 garbage"),
        ("songs.jsonl", b'{"file": '),
        ("songs.jsonl", b"[1, 2]"),
        ("songs.csv", b"file\n\xff\xfe\xfd"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(name: str, content: bytes, folder: Path) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(PoolError, match=name):
        Pool(str(folder))


def test_two_tables_are_refused(folder: Path) -> None:
    write_table(folder, "csv", ROWS)
    write_table(folder, "jsonl", ROWS)
    with pytest.raises(PoolError, match=r"songs\.csv and songs\.jsonl"):
        Pool(str(folder))


def test_an_empty_pool_and_none_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="empty"):
        Pool(str(tmp_path))
    for source in (str(tmp_path / "gone"), "nothing", "a/b/c", "../up", ""):
        with pytest.raises(PoolError, match="neither"):
            Pool(source)


def test_numbers_are_texts_and_blank_rows_are_ignored(folder: Path) -> None:
    rows = [{"file": "one.flac", "Title ": 1999, "generator": 0}, {"file": None, "title": " "}]
    write_table(folder, "jsonl", rows)
    (candidate,) = from_folder(folder)
    assert (candidate.title, candidate.generator) == ("1999", "0")


def test_a_file_without_its_ending_is_found_unless_two_fit(folder: Path) -> None:
    write_table(folder, "jsonl", [{"file": "one"}])
    (candidate,) = from_folder(folder)
    assert candidate.file == folder / "one.flac"
    (folder / "one.wav").write_bytes((folder / "one.flac").read_bytes())
    with pytest.raises(PoolError, match=r"may be one\.flac or one\.wav"):
        from_folder(folder)


def test_texts_are_made_fit_to_show(folder: Path) -> None:
    hostile = {"file": "one.flac", "title": "a\0b\u202e\n\tc  d", "generator": "g" * 999, "prompt": ["not", "text"]}
    write_table(folder, "jsonl", [hostile])
    (candidate,) = from_folder(folder)
    assert candidate.title == "ab c d"
    assert candidate.generator == "g" * 99 + "…"
    assert candidate.prompt == ""


def test_what_cannot_be_heard_is_left_out_and_counted_by_its_row(
    folder: Path, opened: Callable[..., Pool], caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "secret name.wav").write_bytes(b"not sound at all")
    soundfile.write(folder / "in" / "silent.wav", np.zeros(44_100), 44_100)
    with caplog.at_level(logging.INFO):
        progress = opened(folder).progress()
    assert (progress.ready, progress.left_out, progress.trouble) == (2, 2, "")
    assert "File 4 of the folder" in caplog.text
    assert "not a sound file" in caplog.text
    assert "secret name" not in caplog.text


def test_the_same_samples_are_one_song(folder: Path, opened: Callable[..., Pool]) -> None:
    (folder / "again.flac").write_bytes((folder / "one.flac").read_bytes())
    pool = opened(folder)
    assert sorted(song.title for song in pool.songs()) == ["again", "two"]
    assert pool.progress().left_out == 0
    assert len(list(pool.copy(pool.songs()[0].id).path.parent.glob("*.mp3"))) == 2


def test_a_song_that_was_replaced_is_not_taken_for_the_old_one(folder: Path, opened: Callable[..., Pool]) -> None:
    pool = opened(folder)
    song = next(s for s in pool.songs() if s.title == "one")
    assert pool.waveform(song.id).sha256 == song.id
    melodies.write(folder / "one.flac", 9)
    with pytest.raises(PoolError, match="replaced"):
        pool.waveform(song.id)
    with pytest.raises(BattleStale):
        pool.copy("no such song")


def test_copies_are_private_and_gone_after_closing(folder: Path) -> None:
    pool = Pool(str(folder))
    pool.start()
    until(lambda: pool.progress().complete)
    copies = [pool.copy(song.id).path for song in pool.songs()]
    assert all(copy.is_file() for copy in copies)
    assert copies[0].parent.stat().st_mode & 0o077 == 0
    pool.close()
    assert not copies[0].parent.exists()


def test_a_song_that_takes_long_to_prepare_does_not_keep_the_copies(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine, a server that was told to end left them."""
    assert module.PATIENCE_SECONDS < CLOSE_SECONDS
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    begun, go_on = Event(), Event()

    def encode(song: Path, waveform: object, copies: Path) -> None:
        (copies / "half.mp3").touch()
        begun.set()
        assert go_on.wait(30)

    monkeypatch.setattr(module, "encode_clip", encode)
    pool = Pool(str(folder))
    pool.start()
    assert begun.wait(30)
    pool.close()
    copies = Path(pool._folder.name)
    assert not copies.exists()
    go_on.set()
    pool._thread.join(30)
    assert not copies.exists()


def copy_of(song: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return clips.encode_clip(song, load(song), folder).path


def test_a_copy_tells_nothing_but_the_sound(tmp_path: Path) -> None:
    tags = dict(title="Telltale title", artist="Telltale artist", comment="Telltale comment")
    song = melodies.write_tagged(tmp_path / "telltale.mp3", 1, **tags)
    assert b"Telltale title" in song.read_bytes()
    copy = copy_of(song, tmp_path / "copies")
    content = copy.read_bytes()
    for trace in (b"telltale", b"id3", b"tag", b"apetagex", os.fsencode(tmp_path.name).lower()):
        assert trace not in content.lower()
    assert "telltale" not in str(copy.relative_to(tmp_path))
    with av.open(str(copy)) as container:
        assert container.metadata == {}
        (stream,) = container.streams
        assert set(stream.metadata) <= {"encoder"}


FORMS = {
    "mono.wav": dict(channels=1, rate=8_000),
    "stereo.flac": dict(rate=48_000),
    "surround.wav": dict(channels=6),
    "high.wav": dict(rate=192_000),
    "stereo.ogg": {},
}


@pytest.mark.slow
def test_all_copies_have_one_form(tmp_path: Path) -> None:
    forms = set()
    for number, (name, form) in enumerate(FORMS.items()):
        song = melodies.write(tmp_path / name, number, **form)
        copy = copy_of(song, tmp_path / "copies")
        with av.open(str(copy)) as container:
            stream = container.streams.audio[0]
            forms.add((stream.codec.name, stream.rate, stream.layout.name, stream.bit_rate, *stream.metadata.items()))
        assert load(copy).duration == pytest.approx(load(song).duration, abs=0.03)
    assert len(forms) == 1
    assert forms.pop()[1:4] == (44_100, "stereo", 256_000)


@pytest.mark.parametrize("gain", [0.01, 0.1, 3.0])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_copies_are_equally_loud(gain: float, channels: int, tmp_path: Path) -> None:
    samples = gain * melodies.melody(1, 3.0, channels=channels)
    soundfile.write(tmp_path / "song.wav", samples, 44_100, subtype="FLOAT")
    levels = load(copy_of(tmp_path / "song.wav", tmp_path / "copies")).levels
    assert levels.loudness == pytest.approx(clips.LOUDNESS, abs=0.2)


def test_what_is_too_quiet_to_be_measured_is_not_made_the_loudest(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "song.wav", 1e-3 * melodies.melody(1, 3.0), 44_100, subtype="FLOAT")
    song = load(tmp_path / "song.wav")
    assert song.levels.loudness is None
    copied = load(copy_of(tmp_path / "song.wav", tmp_path / "copies")).levels.loudness
    assert copied is not None
    assert clips.LOUDNESS - 20 < copied < clips.LOUDNESS


def test_a_copy_never_clips(tmp_path: Path) -> None:
    samples = 0.003 * melodies.melody(1, 4.0)
    samples[::22_050] = 0.9
    soundfile.write(tmp_path / "clicks.wav", samples, 44_100, subtype="FLOAT")
    levels = load(copy_of(tmp_path / "clicks.wav", tmp_path / "copies")).levels
    assert levels.loudness is not None
    assert levels.loudness < clips.LOUDNESS - 3
    assert levels.peak < 0


def test_stereo_stays_stereo(tmp_path: Path) -> None:
    samples = melodies.melody(1, 2.0)
    samples[:, 1] = 0
    soundfile.write(tmp_path / "left.wav", samples, 44_100)
    left, right = soundfile.read(copy_of(tmp_path / "left.wav", tmp_path / "copies"))[0].T
    assert np.abs(left).max() > 0.1
    assert np.abs(right).max() < 1e-3


def test_a_copy_that_fails_midway_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(song: Path, waveform: Waveform) -> Iterator[np.ndarray]:
        yield np.zeros((2, 44_100), np.float32)
        assert len(list((tmp_path / "copies").iterdir())) == 1
        raise DamagedAudio("The file breaks off.")

    song = melodies.write(tmp_path / "song.wav", 1)
    monkeypatch.setattr(clips, "_blocks", break_off)
    with pytest.raises(DamagedAudio):
        copy_of(song, tmp_path / "copies")
    assert not list((tmp_path / "copies").iterdir())


def test_the_examples_are_two_kinds_of_songs() -> None:
    found = from_examples(damaged=True)
    assert len(found) == len(from_examples()) + 3
    assert all(song.file.parent == EXAMPLES and song.file.is_file() for song in found)
    generators = [song.generator for song in found]
    assert generators.count("Synthesised") == len(from_examples()) >= 30
    assert {song.kinds["key"] for song in found} == {"major", "minor"}
    assert {"Synthesised, clarity damaged", "Synthesised, coherence damaged"} <= set(generators)


def test_damaged_copies_are_offered_only_on_request(tmp_path: Path) -> None:
    songs = [song for song in from_examples(damaged=True) if song.generator == "Synthesised"]
    assert from_examples() == candidates(None)(tmp_path) == songs


def test_the_pages_offer_the_first_six_songs() -> None:
    offered = from_examples(offered=True)
    assert [song.file.stem for song in offered] == ["house", "lofi", "folk", "waltz", "synthwave", "bossa"]
    assert offered == from_examples()[:6]
    assert len(from_examples(damaged=True, offered=True)) == 9


def rows(sounds: list[dict[str, Any]], **columns: list[Any]) -> Any:
    """Rows with sound as the library streams them from a parquet file."""
    import datasets  # here, and not in each process that collects tests: it takes seconds

    table = datasets.Dataset.from_dict({"take": sounds, **columns})
    return table.cast_column("take", datasets.Audio(decode=False)).to_iterable_dataset()


def sound(tmp_path: Path, seed: int) -> dict[str, Any]:
    return {"bytes": melodies.write(tmp_path / f"{seed}.flac", seed).read_bytes(), "path": f"{seed}.flac"}


def test_a_dataset_is_read_under_its_own_names(tmp_path: Path) -> None:
    stream = rows([sound(tmp_path, 1), sound(tmp_path, 2)], model=["m1", "m2"], caption=["c", None], name=["x", "y"])
    (tmp_path / "files").mkdir()
    one, two = from_dataset("some/one", [stream], tmp_path / "files")
    assert (one.title, one.generator, one.prompt) == ("x", "m1", "c")
    assert (two.title, two.generator, two.prompt) == ("y", "m2", "")
    assert load(one.file).sha256 == load(tmp_path / "1.flac").sha256


def test_further_columns_of_a_dataset_tell_kinds_of_songs(tmp_path: Path) -> None:
    import datasets

    (tmp_path / "files").mkdir()
    sounds, numbers = [sound(tmp_path, 1)] * (MAX_VALUES + 2), range(MAX_VALUES + 2)
    labels, seeds = [0, 1, 0, *[-1] * (MAX_VALUES - 1)], [0, *numbers[:-1]]
    stream = rows(sounds, genre=labels, seed=seeds, email=[*numbers], vocals=[n % 2 == 0 for n in numbers])
    stream = stream.cast_column("genre", datasets.ClassLabel(names=["rock", "jazz"]))
    one, two, *_, last = from_dataset("some/one", [stream], tmp_path / "files")
    assert one.kinds == {"genre": "rock", "vocals": "True"}, "the first rows do not decide"
    assert two.kinds == {"genre": "jazz", "vocals": "False"}
    assert last.kinds == {"vocals": "False"}, "the library writes -1 where there is no label"


def test_a_dataset_that_breaks_off_gives_the_songs_until_then(tmp_path: Path) -> None:
    stream = rows([sound(tmp_path, 1), sound(tmp_path, 2)])

    def parts() -> Iterator[Any]:
        yield stream
        raise ConnectionError("no network")

    found = from_dataset("some/one", parts(), tmp_path)
    assert [next(found).row, next(found).row] == ["Row 1 of some/one", "Row 2 of some/one"]
    with pytest.raises(PoolError, match="no network"):
        next(found)


def test_a_dataset_that_breaks_off_again_and_again_takes_no_more_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = rows([sound(tmp_path, 1), {"bytes": b"no sound", "path": "2.flac"}])

    def open_dataset(name: str) -> Iterator[Any]:
        yield stream
        raise ConnectionError("no network")

    monkeypatch.setattr(pool_sources, "_open_dataset", open_dataset)
    pool = Pool("some/one")
    try:
        for _ in range(2):
            assert not pool._fill()
            assert (pool.progress().ready, pool.progress().left_out) == (1, 1)
            original, clip = pool.file(pool.songs()[0].id), pool.copy(pool.songs()[0].id).path
            assert {path for path in original.parent.iterdir() if path.is_file()} == {original, clip}
    finally:
        pool.close()


def test_a_dataset_may_lack_labels() -> None:
    import datasets

    stream = rows([{"bytes": b"", "path": ""}] * 3, genre=[0, None, -1])
    stream = stream.cast_column("genre", datasets.ClassLabel(names=["rock", "jazz"]))
    assert [row["genre"] for _, row in pool_sources._undecoded(stream, "some/one")] == ["rock", None, None]


def test_a_dataset_cannot_name_files_of_this_machine(tmp_path: Path) -> None:
    song = str(melodies.write(tmp_path / "private.wav", 1))
    elsewhere = [song, f"file://{song}", "hf://datasets/other/one/x.wav", f"hf://datasets/some/one/../..{song}"]
    stream = rows([{"bytes": None, "path": path} for path in elsewhere])
    (tmp_path / "files").mkdir()
    found = list(from_dataset("some/one", [stream], tmp_path / "files"))
    assert [candidate.file.read_bytes() for candidate in found] == [b""] * 4


def test_a_dataset_of_plain_files_needs_no_codec(tmp_path: Path) -> None:
    import datasets

    for seed in (1, 2):
        melodies.write(tmp_path / "set" / f"{seed}.flac", seed)
    stream = datasets.load_dataset(
        "audiofolder", data_dir=str(tmp_path / "set"), streaming=True, split="train", cache_dir=str(tmp_path / "cache")
    )
    paths = [Path(found["path"]) for found, _ in pool_sources._undecoded(stream, "some/one")]
    assert paths == [tmp_path / "set" / "1.flac", tmp_path / "set" / "2.flac"]


def test_a_dataset_may_name_its_own_files(tmp_path: Path) -> None:
    class Hub(MemoryFileSystem):
        protocol = "hf"

    content = sound(tmp_path, 1)["bytes"]
    before = get_filesystem_class("hf")
    register_implementation("hf", Hub, clobber=True)
    try:
        Hub().pipe_file("hf://datasets/some/one@main/1.flac", content)
        found = pool_sources._content({"bytes": None, "path": "hf://datasets/some/one@main/1.flac"}, "some/one")
    finally:
        register_implementation("hf", before, clobber=True)
    assert found == content


def test_a_dataset_is_taken_up_to_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = rows([sound(tmp_path, seed) for seed in range(5)])
    (tmp_path / "files").mkdir()
    monkeypatch.setattr(pool_sources, "MAX_ROWS", 4)
    assert len(list(from_dataset("some/one", [stream], tmp_path / "files"))) == 4
    monkeypatch.setattr(pool_sources, "MAX_BYTES", 2 * len(sound(tmp_path, 0)["bytes"]) + 1_000)
    assert len(list(from_dataset("some/one", [stream], tmp_path / "files"))) == 2


def test_a_dataset_without_sound_is_refused(tmp_path: Path) -> None:
    import datasets

    stream = datasets.Dataset.from_dict({"text": ["no sound"]}).to_iterable_dataset()
    with pytest.raises(PoolError, match="no column of the type Audio, but text"):
        next(from_dataset("some/one", [stream], tmp_path))


@pytest.mark.slow
def test_a_dataset_out_of_reach_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = rows([sound(tmp_path, 1), sound(tmp_path, 2)])
    outcomes: list[Any] = [ConnectionError("no network"), stream]

    def open_dataset(name: str) -> Iterator[Any]:
        outcome = outcomes.pop(0)
        if isinstance(outcome, ConnectionError):
            raise outcome
        yield outcome

    monkeypatch.setattr(pool_sources, "_open_dataset", open_dataset)
    monkeypatch.setattr(module, "RETRY_SECONDS", 1.0)
    pool = Pool("some/one")
    pool.start()
    until(lambda: bool(pool.progress().trouble))
    assert "some/one cannot be read (ConnectionError: no network)" in pool.progress().trouble
    until(lambda: pool.progress().complete)
    assert (pool.progress().ready, pool.progress().trouble) == (2, "")
    pool.close()
