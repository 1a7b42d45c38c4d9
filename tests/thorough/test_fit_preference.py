"""Learning a preference: the fit, what is held out, where battles come from, and the command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apex_space import estimates, preference
from apex_space.settings import settings
from apex_space.train import preference as train
from thorough.test_pocket import write_data


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(estimates, "RESAMPLES", 60)
    estimates.draws.cache_clear()
    yield
    estimates.draws.cache_clear()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own."""
    monkeypatch.setenv("APEX_DATA", str(tmp_path / "data"))
    settings.cache_clear()
    yield tmp_path / "data"
    settings.cache_clear()


def test_pockets_head_comes_out_the_same_twice(
    tmp_path: Path, few_resamples: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(tmp_path / "data")
    for name in ("ROUNDS", "INNER", "FINAL"):
        monkeypatch.setattr(train, name, 2)
    written = []
    for name in ("first", "second"):
        train.main(["--data", str(tmp_path / "data"), "--out", str(tmp_path / name)])
        written.append((tmp_path / name / "pocket.json").read_bytes())
    assert written[0] == written[1]
    assert preference.read(tmp_path / "first" / "pocket.json").songs <= 12
