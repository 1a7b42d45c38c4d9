"""`rank` as a process that is interrupted."""

import json
import os
import signal
from pathlib import Path

from apex_space.judges.embedding_cache import FOLDER
from helpers.forked import Program
from helpers.melodies import write
from helpers.wait import until


def test_an_interruption_keeps_what_is_done(tmp_path: Path) -> None:
    for i in range(40):
        write(tmp_path / "songs" / f"{i:02}.wav", i, seconds=20, rate=22_050, channels=1)
    env = os.environ | {"APEX_DATA": str(tmp_path / "data")}
    code = f"from apex_space.cli import app; app({['rank', str(tmp_path / 'songs'), '--format', 'json']!r})"
    process = Program(("-c", code), env, tmp_path / "log")

    def said() -> str:
        return (tmp_path / "log").read_text(encoding="utf-8")

    def two_are_done() -> bool:
        assert process.poll() is None, said()
        return "\n2 of 40" in said()

    until(two_are_done)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, said()
    assert "Traceback" not in said()
    ranking, _ = json.JSONDecoder().raw_decode(said(), said().index("\n{") + 1)
    assert 2 <= len(ranking["rows"]) < 40
    assert len(list((tmp_path / "data" / "embeddings" / FOLDER).iterdir())) >= len(ranking["rows"])
