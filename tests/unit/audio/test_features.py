"""librosa compiles functions when it is first imported: in one process at a time."""

import subprocess
import sys
import threading
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

from apex_space.audio import features
from helpers.paths import ROOT

MEASURE = """
import re
import sys
from pathlib import Path
import numpy as np
from apex_space.audio import features

def compiled():
    found = {name: module.__file__ for name, module in sys.modules.items() if name.startswith("librosa.")}
    decorated = re.compile(r"^@(numba\\.)?guvectorize\\(", re.MULTILINE)
    return {name for name, file in found.items() if decorated.search(Path(file).read_text(encoding="utf-8"))}

features.import_librosa()
first = compiled()
time = np.arange(10 * 22_050)
features.tempo(np.where(time % 11_025 < 500, np.sin(time / 7), 0).astype(np.float32), 22_050)
features.key(np.sin(time / 7).astype(np.float32), 22_050)
print(*sorted(first), "-", *sorted(compiled() - first))
"""


def test_no_process_imports_librosa_while_another_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: tmp_path)
    importing = threading.Thread(target=features.import_librosa.__wrapped__, daemon=True)
    with FileLock(tmp_path / "librosa.lock"):
        importing.start()
        importing.join(0.2)
        assert importing.is_alive()
    importing.join(60)
    assert not importing.is_alive()


def test_librosa_is_imported_where_no_lock_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: tmp_path / "missing")
    assert features.import_librosa.__wrapped__().stft


@pytest.mark.slow
def test_all_that_librosa_compiles_on_import_is_imported_under_the_lock() -> None:
    """In a new process, as other tests import librosa, too."""
    done = subprocess.run([sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["librosa.core.audio", "librosa.core.pitch", "librosa.util.utils", "-"]
