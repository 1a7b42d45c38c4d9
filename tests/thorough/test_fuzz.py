"""Hundreds of broken files through the decoder, and a coverage-guided search for more: `fuzz_decoder.py`."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.paths import ROOT
from server.test_fuzz import mutants, outcomes, songs  # noqa: F401


def test_all_broken_files_give_a_waveform_or_a_clear_message(
    songs: dict[str, bytes],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = list(mutants(songs))
    assert len(files) >= 500
    found = outcomes(files, tmp_path, monkeypatch)
    assert len(found) >= 7, found
    assert found["Waveform"] > 50, found


def test_searching_for_new_branches_of_the_decoder_finds_no_way_to_break_it(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    script = ROOT / "tests" / "thorough" / "fuzz_decoder.py"
    command = [sys.executable, script, "--runs", "2000", "--minutes", "1", "--found", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "NEW" in done.stderr
    assert not list(tmp_path.iterdir())
