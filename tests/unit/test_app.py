"""What starts the pages, and what does not: `import app` does nothing."""

import subprocess
import sys
from pathlib import Path

import gradio
import pytest
from typer.testing import CliRunner

import app
from apex_space import cli
from apex_space.core.errors import PoolError
from apex_space.ui import server

EFFECTS = """
import sys, threading
import app
print(threading.active_count(), *{"apex_space", "gradio", "sqlalchemy", "torch"} & sys.modules.keys())
"""


def test_importing_the_app_has_no_effect(tmp_path: Path) -> None:
    """No folder, no thread, and not even a library that could open a database."""
    environment = {"PYTHONPATH": str(Path(app.__file__).parent), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", EFFECTS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]
    assert list(tmp_path.iterdir()) == []


def test_a_change_of_a_file_starts_no_second_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """`gradio app.py` runs the file again in a thread of its own, which ends without a trace."""
    monkeypatch.setattr(gradio, "NO_RELOAD", False)
    monkeypatch.setattr(server, "open_site", lambda: pytest.fail("a second server was made"))
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code is None


def test_the_command_says_why_it_cannot_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PoolError("The folder of songs is not there.")

    monkeypatch.setattr(server, "open_site", refuse)
    done = CliRunner().invoke(cli.app, ["serve"])
    assert done.exit_code == 2
    assert "The folder of songs is not there." in done.output
