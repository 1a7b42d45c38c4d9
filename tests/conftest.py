import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of songs and reference figures that developers have beside the checkout."""
    folder = Path(os.environ.get("APEX_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder of reference material at {folder} (APEX_SHARED names another)")
    return folder
