"""What `import app` does: nothing."""

import subprocess
import sys
from pathlib import Path

import app

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
