"""Temporary files of others, whatever they are called, outlast this program's sweeps."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import pytest

from apex_space.arena.pool import PREFIX, Pool
from apex_space.core import files
from apex_space.ui import server
from apex_space.ui.uploads import Uploads
from helpers.wait import until

AGE = 3600.0
HASH = "a" * 64


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    return folder


def made(folder: Path, marked: bool = True) -> Path:
    """An old folder with a file in it."""
    folder.mkdir(parents=True)
    (folder / "song.mp3").write_bytes(b"song")
    if marked:
        files.mark_own(folder)
    return old(folder)


def old(path: Path) -> Path:
    os.utime(path, (0, 0), follow_symlinks=False)
    return path


def test_what_is_written_may_be_read_by_whom_the_system_lets(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    (tmp_path / "usual folder").mkdir()
    with files.replacing(tmp_path / "new") as part:
        part.write_text("new")
    with files.replacing(tmp_path / "private", mode=0o600) as part:
        part.write_text("private")
    with files.new_folder(tmp_path / "new folder") as folder:
        (folder / "file").touch()
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert (modes["new"], modes["new folder"]) == (modes["usual"], modes["usual folder"])
    assert modes["private"] == 0o600
    assert not [*tmp_path.glob("*.part")]


def test_a_new_folder_is_there_whole_or_not_at_all_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new"
    with files.new_folder(path) as part:
        (part / "file").write_text("whole")
        assert not path.exists()
    assert (path / "file").read_text() == "whole"
    with pytest.raises(FileExistsError), files.new_folder(path) as part:
        (part / "file").write_text("another")
    with pytest.raises(RuntimeError), files.new_folder(tmp_path / "other") as part:
        raise RuntimeError
    assert (path / "file").read_text() == "whole"
    assert {each.name for each in tmp_path.iterdir()} == {"new", "temporary"}


def foreign(temporary: Path, elsewhere: Path) -> list[Path]:
    """Files that no sweep may touch, in folders that are named like this program's."""
    unmarked = made(temporary / f"{PREFIX}12345678", marked=False)
    copied = old(shutil.copytree(made(elsewhere / "original"), temporary / f"{PREFIX}copied00"))
    renamed = old(made(elsewhere / "other").rename(temporary / f"{PREFIX}renamed0"))
    linked = temporary / f"{PREFIX}linked00"
    linked.symlink_to(made(elsewhere / linked.name))
    marked_by_link = made(temporary / f"{PREFIX}marker00", marked=False)
    (marked_by_link / f".{marked_by_link.name}").symlink_to(made(elsewhere / "marker"))
    (temporary / f"{PREFIX}file").touch()
    young = made(temporary / f"{PREFIX}young000")
    os.utime(young)
    folders = (unmarked, copied, renamed, linked, old(linked), old(marked_by_link), young)
    return [*(folder / "song.mp3" for folder in folders), old(temporary / f"{PREFIX}file")]


def test_a_sweep_takes_nothing_but_old_folders_of_its_own(temporary: Path, tmp_path: Path) -> None:
    others, own = foreign(temporary, tmp_path / "elsewhere"), made(temporary / f"{PREFIX}own00000")
    outside = tmp_path / "outside"
    outside.write_text("kept")
    (own / "link").symlink_to(outside)
    (own / "folder").symlink_to(made(tmp_path / "library"))
    old(own)
    files.delete_abandoned(PREFIX, AGE)
    assert not own.exists()
    assert all(file.exists() for file in others)
    assert outside.read_text() == "kept"
    assert (tmp_path / "library" / "song.mp3").is_file()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users have no numbers here")
def test_another_users_folder_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, me = made(temporary / f"{PREFIX}theirs00"), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    files.delete_abandoned(PREFIX, AGE)
    assert own.exists()


def test_a_pool_and_what_it_leaves_behind_are_known(temporary: Path) -> None:
    stranger = made(temporary / f"{PREFIX}12345678", marked=False)
    closed, killed = Pool(), Pool()
    closed.close()
    assert not Path(closed._folder.name).exists()
    old(Path(killed._folder.name))
    files.delete_abandoned(PREFIX, AGE)
    assert [*temporary.iterdir()] == [stranger]
    killed.close()


class Ended(BaseException):
    """Instead of the end of this process."""


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Serve, and be told to end."""

    def end(*_: object) -> None:
        raise Ended

    for name in ("configure", "adopt"):
        monkeypatch.setattr(server.json_logging, name, lambda *_: None)
    monkeypatch.setattr(server, "log_events", lambda _: None)
    monkeypatch.setattr(server.logging, "shutdown", lambda: None)
    monkeypatch.setattr(server, "signals_to_end", lambda: None)
    monkeypatch.setattr(server, "wait_for", lambda _: None)
    monkeypatch.setattr(server.os, "_exit", end)
    monkeypatch.setattr(server.sys, "stdout", server.sys.stdout)
    monkeypatch.setattr(gr.Blocks, "launch", lambda *_, **__: None)
    monkeypatch.setattr(gr.Blocks, "close", lambda *_, **__: None)

    def serve() -> None:
        with pytest.raises(Ended):
            server.run_server(gr.Blocks.__new__(gr.Blocks), {})
        server.sys.stdout.close()

    return serve


def test_a_server_deletes_its_uploads_and_nothing_beside_them(
    ending: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = made(tmp_path / "music")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(users))
    own = Path(server.own_uploads())
    (own / HASH).mkdir()
    (own / HASH / "upload.wav").touch()
    (own / "link").symlink_to(users)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(own))
    ending()
    assert not own.exists()
    assert (users / "song.mp3").is_file()


def test_a_server_whose_uploads_are_in_anothers_folder_deletes_nothing(
    ending: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = made(tmp_path / "music", marked=False)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(users))
    ending()
    assert (users / "song.mp3").is_file()


def test_only_what_gradio_uploaded_is_deleted(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "uploads", made(tmp_path / "music", marked=False)
    (folder / HASH).mkdir(parents=True)
    kept = [folder / "song.wav", folder / "album" / "song.wav", folder / HASH / "deep" / "song.wav"]
    for file in (*kept, folder / HASH / "upload.wav"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"song")
    (folder / HASH / "out.mp3").symlink_to(elsewhere / "song.mp3")
    (folder / ("b" * 64)).symlink_to(elsewhere)
    (elsewhere / "in.wav").symlink_to(folder / HASH / "upload.wav")
    links = [folder / HASH / "out.mp3", elsewhere / "in.wav", folder / ("b" * 64) / "song.mp3", folder / HASH]
    last = folder / ("c" * 64) / "last.wav"
    last.parent.mkdir()
    last.write_bytes(b"song")
    claims = Uploads(folder, 0)
    for file in (*kept, *links, elsewhere / "song.mp3", last):
        claims.claim(str(file))
        claims.release(str(file))
    until(lambda: not last.exists())  # they are dealt with in their order
    assert all(file.is_file() for file in (*kept, elsewhere / "song.mp3"))
    assert all(os.path.lexists(link) for link in links)
    assert not (folder / HASH / "upload.wav").exists()


def test_the_clock_of_a_sweep_is_the_folders_own(temporary: Path) -> None:
    """Pools touch theirs while they are in use."""
    pool = Pool()
    old(Path(pool._folder.name))
    pool.touch()
    files.delete_abandoned(PREFIX, AGE)
    assert time.time() - Path(pool._folder.name).stat().st_mtime < AGE
    pool.close()
