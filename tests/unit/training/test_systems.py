"""What is published of a run is what the judge looks for in the repository that the card's variable names."""

from pathlib import Path

import pytest

from apex_space.core.settings import Settings
from apex_space.judges import loading
from apex_space.training.systems import SYSTEMS, System, system_of


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.judge)
def test_the_judge_finds_the_checkpoint(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Settings().model_copy(update={system.variable.removeprefix("APEX_").lower(): "owner/name"})
    monkeypatch.setattr(loading, "settings", lambda: named)
    config, module = loading._module(system.judge, None)
    head = module.repositories(config)[-1]
    assert head.id == "owner/name"
    assert system.checkpoint in head.checkpoints
    assert system_of(tmp_path) is None
    (tmp_path / system.checkpoint).touch()
    assert system_of(tmp_path) is system
