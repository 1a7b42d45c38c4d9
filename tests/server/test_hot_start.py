"""`gradio app.py`: Gradio's command line starts app.py with these variables and watches its folder."""

import signal
import time
from pathlib import Path
from urllib.request import urlopen

from helpers.paths import ROOT
from helpers.server import running


def test_the_pages_are_served_on_after_a_change(tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / "part.py").touch()
    watching = {"GRADIO_WATCH_DIRS": f"{watched},{ROOT}", "GRADIO_WATCH_DEMO_PATH": str(ROOT / "app.py")}
    with running(tmp_path, "app.py", **watching) as server:
        (watched / "part.py").write_text("changed = True")
        time.sleep(0.5)  # ten times as long as a watcher waits between two looks
        with urlopen(f"{server.url}/healthz", timeout=10) as answer:
            assert answer.status == 200
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0
    assert "Watching demo: demo" in server.log
    assert "KeyError" not in server.log
    assert "ValueError" not in server.log
