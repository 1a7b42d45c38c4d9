"""Who answers while the others load, and after they could not."""

import time
from typing import Any

import pytest
from waiting import until

from apex_space import roster as module
from apex_space.errors import UnknownJudge, WeightsInvalid, WeightsMissing
from apex_space.judges import load_judge
from apex_space.roster import Roster


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What comes of each further try to load a judge: an exception, or the judge that stands in for it."""
    outcomes: list[Any] = []

    def load(name: str, weights: Any = None, on_bytes: Any = None) -> Any:
        if name == "pocket":
            return load_judge(name)
        on_bytes(1_000_000, 378_000_000)
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(module, "load_judge", load)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    return outcomes


def test_pocket_answers_before_anything_is_loaded() -> None:
    roster = Roster()
    assert roster.best().name == "pocket"
    assert set(roster.waiting()) == {"apex"}
    with pytest.raises(WeightsMissing, match="APEX"):
        roster.get("apex")
    with pytest.raises(UnknownJudge, match="pocket"):
        roster.get("nobody")


def test_a_judge_that_is_ready_takes_over_after_the_network_came_back(loading: list[Any]) -> None:
    apex = object()
    loading += [WeightsMissing("no network"), WeightsMissing("still none"), apex]
    roster = Roster()
    roster.start()
    until(lambda: roster.best() is apex)
    assert roster.get("apex") is apex
    assert roster.waiting() == {}


@pytest.mark.parametrize("error", [WeightsInvalid("best_model.pt does not fit"), RuntimeError("a library's own")])
def test_pocket_goes_on_where_another_trial_is_of_no_use(error: Exception, loading: list[Any]) -> None:
    loading += [error, AssertionError("tried again")]
    roster = Roster()
    roster.start()
    until(lambda: "is not available" in roster.waiting()["apex"])
    time.sleep(0.1)
    assert len(loading) == 1
    assert roster.best().name == "pocket"
    expected = str(error) if isinstance(error, WeightsInvalid) else "RuntimeError"
    assert expected in roster.waiting()["apex"]
