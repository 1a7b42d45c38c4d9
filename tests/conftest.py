import os
from pathlib import Path

import pytest
import stand_in
import stand_in_panel
import torch

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of songs and reference figures that developers have beside the checkout."""
    folder = Path(os.environ.get("APEX_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder of reference material at {folder} (APEX_SHARED names another)")
    return folder


@pytest.fixture(scope="session")
def tiny_mert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MERT's published files, 4 MB. Not to be written to."""
    return stand_in.write_mert(tmp_path_factory.mktemp("weights") / "MERT", stand_in.TINY)


@pytest.fixture(scope="session")
def full_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `--weights` takes it, with stand-ins of APEX's two repositories at full size: 400 MB, seconds."""
    folder = tmp_path_factory.mktemp("full")
    stand_in.write_mert(folder / "MERT-v1-95M", stand_in.FULL_SIZE)
    (folder / "apex").mkdir()
    torch.save(stand_in.apex_checkpoint(), folder / "apex" / "best_model.pt")
    return folder


@pytest.fixture(scope="session")
def panel_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `--weights` takes it, with tiny stand-ins of all that SongEval and both HEARs need: 9 MB."""
    return stand_in_panel.write_panel(tmp_path_factory.mktemp("panel"), stand_in_panel.TINY)
