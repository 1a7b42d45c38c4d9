"""Scoring through gradio's client."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from gradio_client import handle_file

from apex_space.core.axes import KEYS
from helpers.server import Running
from helpers.songs import short
from helpers.wait import until

SONG = "bossa.ogg"


def test_the_client_gets_the_command_lines_report(client: Any) -> None:
    report = client.predict(handle_file(short(SONG)), "pocket", api_name="/score")
    assert tuple(report["scores"]) == KEYS
    assert report["judge"] == "pocket"


@pytest.mark.parametrize(
    ("name", "content", "judge", "words"),
    [
        ("text.mp3", b"not a song", "best", "not a sound file"),
        ("x.wav", b"", "best", "empty"),
        (None, b"", "apex", "APEX"),
    ],
)
def test_the_client_gets_reasons(
    client: Any, tmp_path: Path, name: str | None, content: bytes, judge: str, words: str
) -> None:
    song = tmp_path / name if name else short(SONG)
    if name:
        song.write_bytes(content)
    with pytest.raises(Exception, match=words):
        client.predict(handle_file(song), judge, api_name="/score")


def test_uploads_are_deleted_after_scoring(client: Any, server: Running, tmp_path: Path) -> None:
    song = Path(shutil.copy(short(SONG), tmp_path / "deleted.ogg"))
    asked = client.submit(handle_file(song), "best", api_name="/score")
    until(lambda: server.uploads("deleted"), seconds=10)
    asked.result()
    until(lambda: not server.uploads("deleted"), seconds=10)
