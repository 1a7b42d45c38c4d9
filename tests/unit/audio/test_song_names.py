"""Which song is meant by a name."""

import unicodedata
from pathlib import Path

import pytest

from apex_space.audio.song_names import SongFolder, SongNames, walk

SONGS = ["a/1.wav", "b/1.wav", "b/2.wav", "suno_v3.wav", "suno_v3.5.wav", "take.wav", "take.mp3", "Cafe\u0301/x.ogg"]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("a/1.wav", [0]),
        ("a/1", [0]),
        ("./a/1.flac", [0]),
        ("b\\1.wav", [1]),
        ("1", [0, 1]),
        ("2", [2]),
        ("c/2", []),
        ("set/b/2.wav", [2]),
        ("suno_v3", [3]),
        ("suno_v3.5", [4]),
        ("somewhere/suno_v3", [3]),
        ("take.wav", [5]),
        ("take.MP3", [5, 6]),
        ("take", [5, 6]),
        ("take.jpg", []),
        ("Café/x", [7]),
        ("x", [7]),
        ("", []),
        ("/", []),
    ],
)
def test_names_find_songs(name: str, numbers: list[int]) -> None:
    assert SongNames(SONGS).find(name) == numbers


def test_a_song_that_is_listed_twice_is_one_song() -> None:
    names = SongNames(["1", "1", "a/1"])
    assert not names.differ(names.find("1"))
    assert names.differ([0, 2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "a.jpg", "b.wav", "b.mp3", "v3.wav", "v3.5.wav", "bare", "sub/c.wav", "sub.wav/d.wav"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    (tmp_path / "in" / unicodedata.normalize("NFD", "é")).mkdir()
    (tmp_path / "in" / unicodedata.normalize("NFD", "é/ü.wav")).write_bytes(b"x")
    (tmp_path / "outside.wav").write_bytes(b"x")
    (tmp_path / "in" / "link.wav").symlink_to("../outside.wav")
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a", ["a.wav"]),
        ("a.wav", ["a.wav"]),
        ("a.mp3", ["a.wav"]),
        ("b", ["b.mp3", "b.wav"]),
        ("b.wav", ["b.wav"]),
        ("v3", ["v3.wav"]),
        ("bare", ["bare"]),
        ("sub/c", ["c.wav"]),
        ("c", []),
        ("sub", []),
        ("é/ü", [unicodedata.normalize("NFD", "ü.wav")]),
        ("nothing/a", []),
        ("../outside", []),
        ("link.wav", []),
        ("link", []),
        ("a\0", []),
        ("x" * 5000, []),
        ("*", []),
    ],
)
def test_files_are_found_by_name(name: str, found: list[str], folder: Path) -> None:
    assert [path.name for path in SongFolder(folder).find(name)] == found


def test_a_walk_sees_each_folder_once(folder: Path) -> None:
    (folder / "sub" / "circle").symlink_to("..")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.wav").write_bytes(b"x")
    names = [path.relative_to(folder).as_posix() for path in walk(folder)]
    assert len(names) == len(set(names)) == 11
    assert "sub/c.wav" in names


def test_links_that_lead_to_each_other_are_no_song(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to("a.wav")
    assert SongFolder(tmp_path).find("a.wav") == SongFolder(tmp_path).find("a") == []
