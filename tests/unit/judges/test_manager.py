"""Who answers while the others load, and after they could not."""

import gc
import logging
import threading
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apex_space.core.errors import UnknownJudge, WeightsInvalid, WeightsMissing
from apex_space.core.settings import Settings
from apex_space.judges import manager as module
from apex_space.judges.loading import load_judge
from apex_space.judges.manager import JudgeManager, LoadProgress, hide_folders
from helpers.wait import until


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
    manager = JudgeManager()
    assert manager.best().name == "pocket"
    assert set(manager.waiting()) == {"apex"}
    with pytest.raises(WeightsMissing, match="APEX"):
        manager.get("apex")
    with pytest.raises(UnknownJudge, match="pocket"):
        manager.get("nobody")


def test_a_judge_that_is_ready_takes_over_after_the_network_came_back(loading: list[Any]) -> None:
    apex = object()
    loading += [WeightsMissing("no network"), WeightsMissing("still none"), apex]
    manager = JudgeManager()
    manager.start()
    until(lambda: manager.best() is apex)
    assert manager.get("apex") is apex
    assert manager.waiting() == {}


@pytest.mark.parametrize("error", [WeightsInvalid("best_model.pt does not fit"), RuntimeError("a library's own")])
def test_pocket_goes_on_where_another_trial_is_of_no_use(error: Exception, loading: list[Any]) -> None:
    loading += [error, AssertionError("tried again")]
    manager = JudgeManager()
    manager.start()
    until(lambda: "is not available" in manager.waiting()["apex"])
    time.sleep(0.1)
    assert len(loading) == 1
    assert manager.best().name == "pocket"
    expected = str(error) if isinstance(error, WeightsInvalid) else "RuntimeError"
    assert expected in manager.waiting()["apex"]


@dataclass
class Guests:
    """Judges that load on first use, as stand-ins; a load stops where the test wants it to."""

    begun: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    errors: dict[str, Exception] = field(default_factory=dict)

    def load(self, name: str, weights: Any = None, on_bytes: Any = None) -> Any:
        if name == "pocket":
            return load_judge(name)
        self.begun.append(name)
        on_bytes(120_000_000, 1_300_000_000)
        assert self.go_on.wait(30)
        on_bytes(1_300_000_000, 1_300_000_000)
        if name in self.errors:
            raise self.errors.pop(name)
        return object()


@pytest.fixture
def guests(monkeypatch: pytest.MonkeyPatch) -> Guests:
    made = Guests()
    monkeypatch.setattr(module, "load_judge", made.load)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    return made


def test_who_waits_for_a_judge_is_told_how_far_it_is(guests: Guests) -> None:
    loading = JudgeManager().load("banger")
    until(lambda: next(loading) == LoadProgress("banger", 120_000_000, 1_300_000_000))
    assert str(next(loading)) == "is downloading: 120 of 1300 MB"
    guests.go_on.set()
    *_, judge = loading
    assert not isinstance(judge, LoadProgress)
    assert str(LoadProgress("banger", 1_300_000_000, 1_300_000_000)) == str(LoadProgress("banger")) == "is loading"


def test_two_who_wait_for_a_judge_wait_for_one_load(guests: Guests) -> None:
    manager = JudgeManager()
    one, other = manager.load("banger"), manager.load("banger")
    assert isinstance(next(one), LoadProgress)
    assert isinstance(next(other), LoadProgress)
    guests.go_on.set()
    *_, first = one
    *_, second = other
    assert first is second is manager.get("banger")
    assert guests.begun == ["banger"]


def test_who_stops_waiting_leaves_the_load_to_those_who_come_after(guests: Guests) -> None:
    manager = JudgeManager()
    given_up = manager.load("banger")
    next(given_up)
    given_up.close()
    assert len(manager.loaded()) == 1
    guests.go_on.set()
    until(lambda: len(manager.loaded()) == 2)
    assert manager.get("banger") is manager.loaded()[1]
    assert guests.begun == ["banger"]


def test_one_judge_is_loaded_at_a_time_and_another_goes_before(guests: Guests) -> None:
    manager = JudgeManager(most=1)
    one, other = manager.load("banger"), manager.load("songeval")
    next(one)
    until(lambda: guests.begun == ["banger"])
    assert next(other) == next(other) == LoadProgress("songeval")
    assert guests.begun == ["banger"]
    guests.go_on.set()
    *_, banger = one
    *_, songeval = other
    assert guests.begun == ["banger", "songeval"]
    assert manager.loaded()[1:] == (songeval,)
    assert manager.get("banger") is not banger


def test_as_many_guests_stay_as_are_wanted(guests: Guests) -> None:
    guests.go_on.set()
    manager = JudgeManager(most=2)
    for name in ("banger", "songeval", "banger", "hear-1"):
        manager.get(name)
    assert guests.begun == ["banger", "songeval", "hear-1"]
    assert len(manager.loaded()) == 3
    manager.get("banger")
    assert guests.begun == ["banger", "songeval", "hear-1"]


def test_a_judge_that_could_not_be_loaded_is_tried_again_and_visitors_see_no_folder(
    guests: Guests, caplog: pytest.LogCaptureFixture
) -> None:
    guests.go_on.set()
    guests.errors["banger"] = WeightsMissing("/srv/weights/MERT-v1-330M holds no model.safetensors. Copy it there.")
    manager = JudgeManager()
    with caplog.at_level(logging.WARNING), pytest.raises(WeightsMissing) as refusal:
        manager.get("banger")
    assert str(refusal.value) == "MERT-v1-330M holds no model.safetensors. Copy it there."
    assert "/srv/weights" in caplog.text
    assert not isinstance(manager.get("banger"), LoadProgress)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("/srv/w/MERT holds no a.bin or b.bin. Copy a-b/c there.", "MERT holds no a.bin or b.bin. Copy a-b/c there."),
        ("x.pt does not fit. Check /home/me/x.pt.", "x.pt does not fit. Check x.pt."),
        ("an earlier one is incomplete (/root/.cache/hub/snap)", "an earlier one is incomplete (snap)"),
        (
            "name DIR/MERT with --weights, or see https://a.b/c/d",
            "name DIR/MERT with --weights, or see https://a.b/c/d",
        ),
    ],
)
def test_folders_of_this_machine_are_left_out(message: str, shown: str) -> None:
    assert hide_folders(message) == shown


@pytest.mark.parametrize("name", ["my weights", 'it\'s "mine", (all)', "a, b. C"])
def test_known_folders_are_left_out_whatever_their_names_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, cache = tmp_path / f"head {name}" / "model.pt", tmp_path / f"cache {name}"
    monkeypatch.setattr("apex_space.judges.manager.settings", lambda: Settings(songeval_file=head))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    for folder in (tmp_path / name, cache, head.parent):
        message = f"{folder}/MERT/snapshots lacks a.json of a/b ({folder}/x.pt). Look into {folder}."
        assert hide_folders(message, tmp_path / name) == "snapshots lacks a.json of a/b (x.pt). Look into /DIR."


@pytest.mark.parametrize("name", ["weights", 'my "own" weights'])
def test_a_missing_folder_of_weights_is_not_shown_while_apex_waits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    manager = JudgeManager(Path(name))
    manager.start()
    until(lambda: "is not available" in manager.waiting()["apex"])
    assert "MERT-v1-95M holds no" in manager.waiting()["apex"]
    assert name not in manager.waiting()["apex"]
    assert str(tmp_path) not in manager.waiting()["apex"]


def test_a_guest_that_has_to_go_leaves_its_memory_to_the_next_one(panel_weights: Path) -> None:
    gc.disable()  # lest it comes by itself
    try:
        manager = JudgeManager(panel_weights)
        gone = weakref.ref(manager.get("songeval").encoder)
        manager.get("hear-1")
    finally:
        gc.enable()
    assert gone() is None
