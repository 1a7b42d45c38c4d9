"""Where a server keeps its uploads."""

import tempfile
from pathlib import Path

import pytest

from apex_space.ui.server import own_uploads


def test_each_server_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "new" / "uploads"))
    folders = {Path(own_uploads()) for _ in range(2)}
    assert {folder.parent for folder in folders} == {tmp_path / "new" / "uploads"}
    assert all(folder.is_dir() for folder in folders)
    assert len(folders) == 2


def test_another_users_gradio_folder_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gradio").touch()  # the administrator, who may be testing, could write into any folder
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert Path(own_uploads()).parent == tmp_path


@pytest.mark.parametrize("named", [True, False])
def test_where_nothing_can_be_written_it_says_what_to_do(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    if named:
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "file" / "uploads"))
    with pytest.raises(SystemExit, match=r"Not a directory.*Name a folder with GRADIO_TEMP_DIR"):
        own_uploads()
