"""The trainer of pocket's preference head from end to end."""

from pathlib import Path

import pytest

from apex_space.preference import head_files
from apex_space.training.pocket import preference as train
from thorough.test_pocket import write_data
from unit.preference.test_fitting import few_resamples  # noqa: F401


def test_pockets_head_comes_out_the_same_twice(
    tmp_path: Path,
    few_resamples: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_data(tmp_path / "data")
    for name in ("ROUNDS", "INNER", "FINAL"):
        monkeypatch.setattr(train, name, 2)
    written = []
    for name in ("first", "second"):
        train.main(["--data", str(tmp_path / "data"), "--out", str(tmp_path / name)])
        written.append((tmp_path / name / "pocket.json").read_bytes())
    assert written[0] == written[1]
    assert head_files.read(tmp_path / "first" / "pocket.json").songs <= 12
