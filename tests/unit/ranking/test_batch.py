"""Files, folders and hostile zips -> the songs of a batch; a ranking -> files that overwrite nothing."""

import csv
import io
import json
import stat
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apex_space.core.errors import ArchiveRefused, BatchError, TooManySongs
from apex_space.core.settings import settings
from apex_space.judges.report import rounded
from apex_space.ranking import archive
from apex_space.ranking.batch import Batch, gather, read_groups
from apex_space.ranking.export import COLUMNS, copy_kept, named, to_csv, to_json, zip_kept
from apex_space.ranking.order import Outcome, Ranking, Rules, order
from apex_space.ranking.songs import BatchSong
from helpers.melodies import write
from unit.ranking.test_rank import BY_HEAD, HEAD, outcome

MEGABYTES = settings().max_megabytes


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def zipped(path: Path, *entries: tuple[str | ZipInfo, bytes], kind: int = ZIP_DEFLATED) -> Path:
    with ZipFile(path, "w", kind) as made:
        for name, content in entries:
            made.writestr(name, content)
    return path


def unpacked(path: Path, scratch: Path, **options: int) -> Batch:
    return gather([path], scratch, **options)


def everything(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_zip_gives_its_songs_and_nothing_else(tmp_path: Path, scratch: Path) -> None:
    nested = zipped(tmp_path / "nested.zip", ("inside.wav", b"sound"))
    path = zipped(
        tmp_path / "songs.ZIP",
        *(("album/", b""), ("album/b.wav", b"B"), ("album/a.MP3", b"A"), ("cover.jpg", b"picture")),
        *(("__MACOSX/album/._b.wav", b"x"), (".hidden.wav", b"x"), ("nested.zip", nested.read_bytes())),
    )
    batch = unpacked(path, scratch)
    assert [(song.name, song.path.read_bytes(), song.error) for song in batch.songs] == [
        ("album/a.MP3", b"A", ""),
        ("album/b.wav", b"B", ""),
    ]
    assert batch.left_out == 2
    assert len(everything(scratch)) == 2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../evil.wav", "evil.wav"),
        ("/etc/evil.wav", "etc/evil.wav"),
        ("C:\\temp\\evil.wav", "C:/temp/evil.wav"),
        ("..\\evil.wav", "evil.wav"),
        ("a/../../../evil.wav", "a/evil.wav"),
        ("./evil.wav", "evil.wav"),
    ],
)
def test_no_name_in_a_zip_is_a_path(name: str, shown: str, tmp_path: Path, scratch: Path) -> None:
    before = set(everything(tmp_path))
    path = zipped(tmp_path / "songs.zip", (name, b"sound"))
    (song,) = unpacked(path, scratch).songs
    assert song.name == shown
    assert scratch in song.path.parents
    assert song.path.name == "00000.wav"
    assert set(everything(tmp_path)) - before == {path, song.path}


def test_names_of_a_zip_are_kept_apart_and_shown_as_text(tmp_path: Path, scratch: Path) -> None:
    names = ["a/x.wav", "b/x.wav", "x (2).wav", "esc\x1b[31m.wav", "right\u202eto.wav", "n" * 10_000 + ".wav"]
    songs = unpacked(zipped(tmp_path / "z.zip", *((name, name.encode()) for name in names)), scratch).songs
    shown = [song.name for song in songs]
    assert all(name.endswith(".wav") for name in shown)
    assert len(set(shown)) == len({song.path for song in songs}) == len(names)
    assert {"a/x.wav", "b/x.wav", "x (2).wav", "esc\\x1b[31m.wav", "right\\u202eto.wav"} <= set(shown)
    assert max(map(len, shown)) <= archive.MAX_NAME_LENGTH


def test_names_in_utf_8_without_the_flag_are_read_as_macos_means_them(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "z.zip", ("XXXXXXXXX.wav", b"sound"), ("YY.wav", b"sound"))
    content = path.read_bytes().replace(b"XXXXXXXXX", "Café ü!".encode()).replace(b"YY", b"\x81\x9a")
    path.write_bytes(content)
    assert [song.name for song in unpacked(path, scratch).songs] == ["Café ü!.wav", "üÜ.wav"]  # the second in CP 437


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(stat.S_IFLNK, "a link"), (stat.S_IFIFO, "no plain file"), (stat.S_IFCHR, "no plain file"), (stat.S_IFREG, "")],
)
def test_links_and_devices_are_not_made(kind: int, reason: str, tmp_path: Path, scratch: Path) -> None:
    entry = ZipInfo("x.wav")
    entry.external_attr = (kind | 0o644) << 16
    (song,) = unpacked(zipped(tmp_path / "z.zip", (entry, b"/etc/passwd")), scratch).songs
    assert reason in song.error
    assert bool(song.error) is not song.path.exists()
    assert not song.path.is_symlink()


def patched(path: Path, offset: int, form: str, *values: int) -> Path:
    """Overwrite fields of the first entry in the table of contents."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, content.index(archive.ENTRY) + offset, *values)
    path.write_bytes(content)
    return path


def test_an_encrypted_song_has_its_reason(tmp_path: Path, scratch: Path) -> None:
    path = patched(zipped(tmp_path / "z.zip", ("x.wav", b"sound")), 8, "<H", 1)
    (song,) = unpacked(path, scratch).songs
    assert "encrypted" in song.error


@pytest.mark.parametrize("kind", [ZIP_BZIP2, ZIP_LZMA])
def test_compression_without_a_bound_is_not_unpacked(kind: int, tmp_path: Path, scratch: Path) -> None:
    (song,) = unpacked(zipped(tmp_path / "z.zip", ("x.wav", bytes(10_000)), kind=kind), scratch).songs
    assert "plain zip" in song.error
    assert not everything(scratch)


@pytest.mark.slow
@pytest.mark.parametrize("claimed", [None, 1_000, 4_000_000_000])
def test_a_bomb_is_put_out_whatever_its_header_claims(claimed: int | None, tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "z.zip", ("bomb.wav", bytes(int(3 * MEGABYTES * 1e6))), ("x.wav", b"sound"))
    if claimed is not None:
        patched(path, 24, "<I", claimed)
    tracemalloc.start()
    bomb, other = unpacked(path, scratch, most_bytes=int(MEGABYTES * 1e6) + 2_000_000).songs  # no more is read
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bomb.error
    assert not other.error
    assert [file.read_bytes() for file in everything(scratch)] == [b"sound"]
    assert peak < 20_000_000


def test_zips_have_a_limit_together_and_what_is_refused_is_deleted(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "z.zip", *((f"{i}.wav", bytes(100_000)) for i in range(6)))
    assert len(gather([path, path], scratch, most_bytes=1_200_000).songs) == 12
    with pytest.raises(ArchiveRefused, match="than there is room for"):
        gather([path, path], scratch, most_bytes=1_000_000)
    assert sum(file.stat().st_size for file in everything(scratch)) == 1_800_000  # of the three that were taken


def test_entries_that_share_their_bytes_have_the_same_limit(tmp_path: Path, scratch: Path) -> None:
    """A zip whose list names one entry a thousand times, as bombs of 42 kB for gigabytes do."""
    path = zipped(tmp_path / "z.zip", ("a.wav", bytes(1_000_000)))
    data = path.read_bytes()
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, tail = data[start:end], bytearray(data[end:])
    tail[8:16] = struct.pack("<HHI", 1000, 1000, 1000 * len(entry))
    path.write_bytes(data[:start] + 1000 * entry + tail)
    with pytest.raises(ArchiveRefused):
        unpacked(path, scratch, most_bytes=20_000_000)
    assert not everything(scratch)


def test_a_zip_of_countless_files_is_refused_before_it_is_parsed(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "CHUNK", 50)  # entries lie across the borders of what is read at a time
    monkeypatch.setattr(archive, "MAX_FILES", 100)
    assert unpacked(zipped(tmp_path / "most.zip", *((f"{i}.wav", b"x") for i in range(100))), scratch)
    monkeypatch.setattr(archive, "ZipFile", None)
    with pytest.raises(ArchiveRefused, match="more than 100 files"):
        unpacked(zipped(tmp_path / "more.zip", *((f"{i}.txt", b"x") for i in range(101))), scratch)


def test_too_many_songs_are_refused_before_any_is_unpacked(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "z.zip", *((f"{i}.wav", b"x") for i in range(5)))
    with pytest.raises(TooManySongs, match="There are more than 4"):
        unpacked(path, scratch, most=4)
    assert not everything(scratch)
    with pytest.raises(TooManySongs):
        gather([path, *[tmp_path / "a.wav"] * 3], scratch, most=7)


@given(st.data())
def test_damage_anywhere_is_an_error_or_a_reason(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damage")
    path = zipped(folder / "z.zip", ("x.wav", b"sound" * 50), ("y.wav", b"music" * 50))
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    (folder / "scratch").mkdir()
    try:
        songs = unpacked(path, folder / "scratch").songs
    except BatchError:
        return
    assert all(song.error or song.path.is_file() for song in songs)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_is_said_to_be_none(content: bytes, tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "z.zip").write_bytes(content)
    with pytest.raises(BatchError, match=r"damaged, or is none|no song"):
        unpacked(tmp_path / "z.zip", scratch)


def test_a_damaged_song_does_not_spoil_the_others(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "z.zip", ("a.wav", b"first" * 100), ("b.wav", b"second"), kind=ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[60:63] = b"\xff\xff\xff"
    path.write_bytes(content)
    first, second = unpacked(path, scratch).songs
    assert "damaged" in first.error
    assert second.path.read_bytes() == b"second"


def test_a_folder_gives_the_songs_in_it_by_their_place(tmp_path: Path, scratch: Path) -> None:
    for name in ("b.wav", "sub/a.mp3", "sub/a.txt", ".hidden.wav", ".git/x.wav", "zip.zip"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    batch = gather([tmp_path / "in", tmp_path / "letter.txt"], scratch)
    assert [song.name for song in batch.songs] == ["b.wav", "sub/a.mp3", "letter.txt"]
    assert batch.left_out == 2
    with pytest.raises(BatchError, match="no song"):
        gather([scratch], scratch)


def test_a_link_to_a_folder_is_followed_once(tmp_path: Path, scratch: Path) -> None:
    for name in ("in/real/a.wav", "elsewhere/b.wav"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "in" / "more").symlink_to("../elsewhere")
    (tmp_path / "in" / "again").symlink_to("../elsewhere")
    (tmp_path / "in" / "real" / "circle").symlink_to("..")
    assert [song.name for song in gather([tmp_path / "in"], scratch).songs] == ["again/b.wav", "real/a.wav"]


def test_songs_of_the_same_name_are_told_apart_by_folder_or_zip(tmp_path: Path, scratch: Path) -> None:
    for name in ("one/x.wav", "two/x.wav", "two/y.wav", "deep/one/x.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    made = zipped(tmp_path / "z.zip", ("x.wav", b"x"))
    sources = [tmp_path / "one", tmp_path / "two", made, tmp_path / "deep" / "one" / "x.wav"]
    names = [song.name for song in gather(sources, scratch).songs]
    assert names == ["one/x.wav", "two/x.wav", "y.wav", "z.zip/x.wav", "one/x (2).wav"]


def test_names_are_kept_whole_and_are_those_on_the_disk(tmp_path: Path, scratch: Path) -> None:
    names = [
        "shaky \U0001fae8 song.wav",
        "mix:100:final.wav",
        "Cafe\u0301.wav",
        f"{'a' * 90}/{'b' * 90}/03 Night.wav",
        "caf\udce9.wav",
    ]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    shown = {song.name for song in gather([tmp_path / "in"], scratch).songs}
    assert shown == {*names[:4], "caf\\xe9.wav"}


def test_a_table_puts_songs_into_groups_by_their_files_names(tmp_path: Path, scratch: Path) -> None:
    table = tmp_path / "groups.csv"
    table.write_text("\ufefffile,group,more\nanywhere/a.wav,First,1\nb.wav, =Second\x07 ,2\nc.wav\n", encoding="utf-8")
    groups = read_groups(table)
    assert groups == [("anywhere/a.wav", "First"), ("b.wav", "=Second"), ("c.wav", "")]
    path = zipped(tmp_path / "z.zip", ("a.wav", b"A"), ("d.wav", b"D"))
    batch = gather([path, Path("b.wav")], scratch, groups)
    assert [song.group for song in batch.songs] == ["First", "", "=Second"]
    assert batch.without_song == ("c.wav",)


def test_folders_belong_to_the_names_in_a_table_of_groups(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "z.zip", *((f"{model}/1.wav", b"x") for model in ("a", "b", "Cafe\u0301")))
    groups = [("a/1.wav", "A"), ("b\\1", "B"), ("Café/1.wav", "C")]
    assert [song.group for song in gather([path], scratch, groups).songs] == ["C", "A", "B"]
    with pytest.raises(BatchError, match=r"1\.wav may mean .*/1\.wav or .*/1\.wav. Write the folder"):
        gather([path], scratch, [("1.wav", "A")])


@pytest.mark.parametrize(
    "content", [b"", b"file,title\na,b\n", b"\xff\xfe\x00", b"file,group\n\xe9,x\n", b'file,group\n"' + b"x" * 200_000]
)
def test_what_is_no_table_of_groups_is_refused(content: bytes, tmp_path: Path) -> None:
    table = tmp_path / "groups.csv"
    table.write_bytes(content)
    with pytest.raises(BatchError, match="table of groups"):
        read_groups(table)
    with pytest.raises(BatchError, match="must be a csv"):
        read_groups(tmp_path / "groups.parquet")


def test_a_large_table_of_groups_is_refused_before_it_is_read(tmp_path: Path) -> None:
    table = tmp_path / "groups.csv"
    table.write_bytes(b"file,group\n" + b"a.wav,x\n" * 300_000)
    with pytest.raises(BatchError, match="more than 2 MB"):
        read_groups(table)


def ranked(folder: Path, *names: str) -> Ranking:
    """Songs under these names, the first the best, and a failure."""
    made = []
    for place, name in enumerate(names):
        path = write(folder / f"{place}.wav", place)
        made.append(
            Outcome(BatchSong(path, name), *[outcome(str(place), coherence=5 - place / 9, musicality=3.0).report] * 2)
        )
    return order([*made, Outcome(BatchSong(folder / "bad", "=bad.wav"), error="+no sound")], BY_HEAD)


def test_csv_has_a_row_for_each_song_and_no_formula(tmp_path: Path) -> None:
    found = ranked(tmp_path, "=1+1.wav", "b.wav", "c.wav")
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["rank"], row["kept"], row["file"]) for row in rows] == [
        *(("1", "1", "'=1+1.wav"), ("2", "1", "b.wav"), ("3", "0", "c.wav"), ("", "0", "'=bad.wav")),
    ]
    assert [float(row["value"]) for row in rows[:3]] == pytest.approx([row.value for row in found.rows[:3]], rel=1e-4)
    assert rows[3]["error"] == "'+no sound"
    assert (rows[0]["judge"], rows[0]["head"], rows[0]["level"]) == ("pocket", f"pocket {HEAD.revision_id}", "0.95")
    assert (rows[0]["loudness_lufs"], rows[0]["duration_s"], rows[3]["loudness_lufs"]) == ("-12.0", "30.0", "")
    assert max(len(row["value"]) for row in rows) < 10
    plain = json.loads(to_json(found))
    assert plain == rounded(found.as_dict())
    assert plain["scale"] == {"low": 0, "high": 1, "unit": "probability"}


def test_a_ranking_was_made_when_its_last_report_was() -> None:
    times = "2026-01-02T03:04:05+00:00", "2026-01-02T03:05:05+00:00", ""
    made = [
        replace(one, report=replace(one.report, made=at, version="0.1.0"))
        for at in times
        for one in [outcome(f"song {at}", coherence=3.0)]
    ]
    plain = order(made, Rules("pocket", "coherence", 1)).as_dict()
    assert (plain["made"], plain["version"], plain["level"]) == (times[1], "0.1.0", 0.8)
    assert plain["scale"] == {"low": 1, "high": 5, "unit": "points"}
    assert order([], BY_HEAD).as_dict()["made"] == ""


UGLY = [
    "../../up.wav",
    'a<b>:"|?*.wav',
    "é" * 200 + ".wav",
    "...",
    "b.wav",
    "c.wav",
    "d.wav",
    "e.wav",
    "f.wav",
    "g.wav",
]


def test_kept_files_have_safe_names_with_their_place(tmp_path: Path) -> None:
    found = ranked(tmp_path, *UGLY)
    names = [name for name, _ in named(order_all(found))]
    assert names[:4] == ["01 _.._up.wav", "02 a_b______.wav", f"03 {'é' * 60}.wav", "04 song"]
    assert names[-1] == "10 g.wav"


def order_all(found: Ranking) -> Ranking:
    """The same with every song kept."""
    from dataclasses import replace

    return replace(found, rows=tuple(replace(row, kept=row.rank is not None) for row in found.rows))


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
@example("ö" * 200)
def test_any_name_makes_one_file_in_its_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("kept")
    (song,) = gather([Path(name + ".wav")], folder).songs
    found = order([replace(outcome("x", coherence=3.0, musicality=3.0), song=song)], BY_HEAD)
    ((made, _),) = named(found)
    (folder / made).write_bytes(b"x")
    assert [path.name for path in folder.iterdir()] == [made]


def test_copies_go_into_an_empty_folder_alone(tmp_path: Path) -> None:
    found = ranked(tmp_path / "songs", "a.wav", "b.wav", "c.wav")
    target = tmp_path / "new" / "kept"
    assert copy_kept(found, target) == 2
    copies = {path.name: path.read_bytes() for path in target.iterdir()}
    assert copies == {f"0{i + 1} {'ab'[i]}.wav": (tmp_path / "songs" / f"{i}.wav").read_bytes() for i in range(2)}
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "05 older choice.wav").write_bytes(b"x")
    for folder, why in (
        (target, "not empty"),
        (tmp_path / "used", "not empty"),
        (tmp_path / "songs" / "0.wav", "cannot"),
    ):
        with pytest.raises(BatchError, match=why):
            copy_kept(found, folder)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == copies
    assert len(list((tmp_path / "used").iterdir())) == 1


def test_the_zip_of_kept_songs_holds_them_as_they_are(tmp_path: Path) -> None:
    found = ranked(tmp_path, "a.wav", "b.wav", "c.wav")
    (tmp_path / "1.wav").unlink()
    zip_kept(found, tmp_path / "kept.zip")
    with ZipFile(tmp_path / "kept.zip") as made:
        assert {name: made.read(name) for name in made.namelist()} == {"01 a.wav": (tmp_path / "0.wav").read_bytes()}
        assert made.testzip() is None
