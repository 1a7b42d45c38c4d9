"""Banger at full size: the scores that the published code gave for these weights."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_space import load_judge
from apex_space.judges.judge import Judge
from helpers import fake_weights
from unit.models.test_banger import head_state, write_head

MERT_330M = fake_weights.Mert(1024, 24, 16, 4096, stable=True)


@pytest.fixture(scope="module")
def full_size() -> Iterator[Judge]:
    """From stand-ins of both repositories: 1.3 GB, not kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fake_weights.write_mert(folder / "MERT-v1-330M", MERT_330M)
        (folder / "banger-scorer").mkdir()
        write_head(head_state(), folder / "banger-scorer")
        yield load_judge("banger", folder, "float32")


@pytest.mark.parametrize("name", ["libri.ogg", "vibeace_24k_mono.wav", "vibeace.ogg", "ace_step_2015.mp3"])
def test_songs(name: str, full_size: Judge, shared: Path) -> None:
    golden = json.loads((shared / "reference" / "golden" / "banger_songs.json").read_text())[name]
    report = next(full_size.steps(shared / "audio" / name))
    assert report.scores["banger"] == pytest.approx(golden["score"], abs=1e-4)
    assert [w.repository for w in report.weights] == ["m-a-p/MERT-v1-330M", "treadon/banger-scorer"]
