"""Who answers while the others load, and after they could not."""

import gc
import logging
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apex_space.audio.waveform import Levels, Waveform
from apex_space.core.axes import AESTHETICS, POPULARITY
from apex_space.core.errors import UnknownJudge, WeightsInvalid, WeightsMissing
from apex_space.core.settings import Settings
from apex_space.judges import lending
from apex_space.judges import manager as module
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.loading import load_judge
from apex_space.judges.manager import BEST, JudgeManager, LoadProgress, Outlook, hide_folders
from apex_space.judges.queueing import HEAVY, SongQueue
from apex_space.judges.registry import REGISTRY
from apex_space.models.encoders.encoder import Encoder
from apex_space.models.encoders.pocket import PocketEncoder
from apex_space.models.heads import hear, songeval
from apex_space.models.heads.banger import BangerHead
from apex_space.models.heads.tunejury import TuneJuryHead
from helpers.wait import until

NOISE = np.random.default_rng(0).standard_normal(3 * 22_050, dtype=np.float32) / 10
SONG = Waveform(NOISE, 22_050, "noise", Levels(1, 0.3, 0.0, None))


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What comes of each further try to load a judge: an exception, or the judge that stands in for it. No thread goes
    on when what it calls is no longer replaced."""
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
    monkeypatch.setattr(module, "download_size", lambda name, weights: 1_300_000_000)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    before = set(threading.enumerate())
    yield outcomes
    started = [thread for thread in set(threading.enumerate()) - before if thread.name == "judges"]
    until(lambda: not any(thread.is_alive() for thread in started))


def test_pocket_answers_before_anything_is_loaded() -> None:
    manager = JudgeManager()
    assert manager.best().name == "pocket"
    assert set(manager.waiting()) == {"apex"}
    with pytest.raises(WeightsMissing, match="APEX"):
        manager.get("apex")
    with pytest.raises(UnknownJudge, match="pocket"):
        manager.get("nobody")


def test_axes_are_those_of_a_loaded_judge_or_as_published(loading: list[Any]) -> None:
    manager = JudgeManager()
    published = {"apex": POPULARITY + AESTHETICS, "banger": BangerHead.axes, "songeval": songeval.AXES}
    published |= {
        "tunejury": TuneJuryHead.axes,
        "tunejury-whole": TuneJuryHead.axes,
        "hear-1": hear.TRACK_1.axes,
        "hear-2": hear.TRACK_2.axes,
        "pocket": load_judge("pocket").head.axes,
    }
    assert {name: set(manager.axes(name)) for name in REGISTRY} == {name: set(axes) for name, axes in published.items()}
    assert manager.axes(BEST) == manager.axes("pocket")
    loading.append(replace(load_judge("pocket"), name="apex"))
    manager.start()
    until(lambda: manager.waiting() == {})
    assert manager.axes(BEST) == manager.axes("apex") == manager.axes("pocket")


def test_a_judge_that_is_ready_takes_over_after_the_network_came_back(loading: list[Any]) -> None:
    apex = replace(load_judge("pocket"), name="apex")
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


def test_weights_that_cannot_be_had_are_known_before_anybody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", pytest.fail)
    manager = JudgeManager(tmp_path / "weights")
    assert set(manager.states().values()) == {"ready", "loading", "idle"}
    manager.start()
    until(lambda: set(manager.states().values()) == {"ready", "absent"})
    outlook = manager.outlook()
    assert (outlook["pocket"].state, outlook["pocket"].why) == ("ready", "")
    assert "MERT-v1-330M holds no" in outlook["banger"].why
    assert str(tmp_path) not in "".join(each.why for each in outlook.values())
    assert manager.settled  # nobody need ask every two seconds
    with pytest.raises(WeightsMissing, match="MERT-v1-330M"):  # who asks all the same is answered
        manager.get("banger")


def test_weights_are_looked_for_again_until_they_can_be_had(
    loading: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = [WeightsMissing("no network"), RuntimeError("a library's own"), 1_262_000_000]

    def download_size(name: str, weights: Any) -> int:
        answer = answers.pop(0) if name == "banger" and len(answers) > 1 else answers[-1]
        if isinstance(answer, Exception):
            seen.append(manager.outlook()["banger"].why)
            raise answer
        return int(answer)

    seen: list[str] = []
    loading.append(replace(load_judge("pocket"), name="apex"))
    monkeypatch.setattr(module, "download_size", download_size)
    manager = JudgeManager()
    assert manager.outlook()["banger"] == Outlook("idle")
    manager.start()
    until(lambda: manager.outlook()["banger"].download is not None)
    assert seen == ["", "is not available. no network"]
    outlook = manager.outlook()["banger"]
    assert (outlook.state, outlook.download, outlook.why) == ("idle", 1_262_000_000, "")
    assert outlook.seconds is None or outlook.seconds > 0  # None with a GPU


def test_a_more_trusted_judge_is_coming_until_it_is_ready(loading: list[Any]) -> None:
    manager = JudgeManager()
    assert (manager.coming("pocket"), manager.better("pocket")) == ("apex", None)
    assert (manager.coming("apex"), manager.better("apex")) == (None, None)
    loading.append(replace(load_judge("pocket"), name="apex"))
    manager.start()
    until(lambda: manager.better("pocket") == "apex")
    assert (manager.coming("pocket"), manager.better("apex")) == (None, None)


def test_a_judge_that_could_not_be_loaded_is_not_coming(loading: list[Any]) -> None:
    loading.append(WeightsInvalid("best_model.pt does not fit"))
    manager = JudgeManager()
    manager.start()
    until(lambda: manager.coming("pocket") is None)
    assert manager.better("pocket") is None


@dataclass
class Guests:
    """Judges that load on first use: pocket under other names. Downloads and loads stop where the test wants it."""

    fetched: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    load_on: threading.Event = field(default_factory=threading.Event)
    errors: dict[str, Exception] = field(default_factory=dict)
    """What goes wrong next, by the step."""
    alive: list[weakref.ref[Encoder]] = field(default_factory=list)
    most: int = 0
    cache: EmbeddingCache = field(default_factory=EmbeddingCache)

    def fetch(self, name: str, weights: Any = None, on_bytes: Any = None) -> None:
        self.fetched.append(name)
        on_bytes(120_000_000, 1_300_000_000)
        assert self.go_on.wait(30)
        on_bytes(1_300_000_000, 1_300_000_000)
        if "fetched" in self.errors:
            raise self.errors.pop("fetched")

    def load(self, name: str, weights: Any = None, on_bytes: Any = None, cached: bool = False) -> Any:
        if name == "pocket":
            return load_judge(name)
        assert cached
        self.begun.append(name)
        assert self.load_on.wait(30)
        if "begun" in self.errors:
            raise self.errors.pop("begun")
        made = replace(load_judge("pocket"), name=name, encoder=PocketEncoder(), queue=HEAVY, cache=self.cache)
        self.alive.append(weakref.ref(made.encoder))
        self.most = max(self.most, sum(encoder() is not None for encoder in self.alive))
        return made


@pytest.fixture
def guests(monkeypatch: pytest.MonkeyPatch) -> Guests:
    made = Guests()
    made.load_on.set()
    monkeypatch.setattr(module, "load_judge", made.load)
    monkeypatch.setattr(module, "fetch_weights", made.fetch)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(lending, "LOOK_SECONDS", 0.01)
    return made


def test_who_waits_for_a_judge_is_told_how_far_it_is(guests: Guests) -> None:
    loading = JudgeManager().load("banger")
    until(lambda: next(loading) == LoadProgress("banger", 120_000_000, 1_300_000_000))
    assert str(next(loading)) == "is downloading: 120 of 1300 MB"
    guests.load_on.clear()
    guests.go_on.set()
    until(lambda: next(loading) == LoadProgress("banger"))
    guests.load_on.set()
    *_, judge = loading
    assert not isinstance(judge, LoadProgress)
    assert str(LoadProgress("banger", 1_300_000_000, 1_300_000_000)) == str(LoadProgress("banger")) == "is loading"


def test_two_who_wait_for_a_judge_wait_for_one_download(guests: Guests) -> None:
    manager = JudgeManager()
    one, other = manager.load("banger"), manager.load("banger")
    assert isinstance(next(one), LoadProgress)
    assert isinstance(next(other), LoadProgress)
    guests.go_on.set()
    assert [*one][-1].name == [*other][-1].name == "banger"  # type: ignore[union-attr]
    assert manager.get("banger") is manager.get("banger")
    assert guests.fetched == guests.begun == ["banger"]
    assert manager.outlook()["banger"].download == 0


def test_who_stops_waiting_leaves_the_download_to_those_who_come_after(guests: Guests) -> None:
    manager = JudgeManager()
    given_up = manager.load("banger")
    next(given_up)
    given_up.close()
    assert manager.states()["banger"] == "loading"
    guests.go_on.set()
    assert manager.get("banger") is manager.loaded()[1]
    assert manager.states()["banger"] == "ready"
    assert guests.fetched == ["banger"]


def test_a_download_keeps_nobody_from_the_judge_in_memory(guests: Guests) -> None:
    guests.go_on.set()
    manager = JudgeManager(most=1)
    songeval = manager.get("songeval")
    guests.go_on.clear()
    banger = manager.load("banger")
    next(banger)
    assert songeval(SONG).judge == "songeval"
    assert guests.begun == ["songeval"]
    guests.go_on.set()
    assert not isinstance([*banger][-1], LoadProgress)


def test_as_many_guests_stay_as_are_wanted(guests: Guests) -> None:
    guests.go_on.set()
    manager = JudgeManager(most=2)
    for number, name in enumerate(("banger", "songeval", "banger", "hear-1")):
        manager.get(name)(replace(SONG, sha256=f"song {number}"))
    assert guests.begun == ["banger", "songeval", "hear-1"]
    assert {judge.name for judge in manager.loaded()} == {"pocket", "banger", "hear-1"}
    manager.get("banger")
    assert manager.states() == dict.fromkeys(("banger", "hear-1", "pocket"), "ready") | {
        "apex": "loading",
        "tunejury": "idle",
        "tunejury-whole": "idle",
        "songeval": "idle",
        "hear-2": "idle",
    }


@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 2])
def test_however_many_visitors_wait_for_however_many_judges_so_many_are_in_memory(most: int, guests: Guests) -> None:
    guests.go_on.set()
    manager = JudgeManager(most=most)
    names = ["banger", "songeval", "hear-1"] * 2

    def visit(name: str, seed: int) -> str:
        for step in manager.load(name):  # pages do the work while this generator waits
            if not isinstance(step, LoadProgress):
                return step(replace(SONG, sha256=f"{name} {seed}")).judge
        raise AssertionError(name)

    with ThreadPoolExecutor(len(names)) as threads:
        assert [*threads.map(visit, names, range(len(names)))] == names
    assert guests.most == most
    assert len(guests.begun) > most


def test_a_judge_stays_while_it_scores_and_the_next_one_waits(guests: Guests) -> None:
    guests.go_on.set()
    manager = JudgeManager(most=1)
    beside = replace(manager.get("banger"), queue=SongQueue())
    scoring = beside.score(SONG)
    until(lambda: next(scoring).duration > 0)
    songeval = manager.load("songeval")
    until(lambda: next(songeval) == LoadProgress("songeval") and manager.states()["songeval"] == "idle")
    assert guests.begun == ["banger"]
    *_, last = scoring
    assert last.done
    assert not isinstance([*songeval][-1], LoadProgress)
    assert guests.begun == ["banger", "songeval"]
    guests.load_on.clear()
    again = beside.score(replace(SONG, sha256="another"))
    until(lambda: next(again).loading)
    guests.load_on.set()
    assert [*again][-1].done
    assert guests.begun == ["banger", "songeval", "banger"]


def test_a_song_that_is_known_needs_no_networks(guests: Guests) -> None:
    guests.go_on.set()
    manager = JudgeManager(most=1)
    first = manager.get("banger")(SONG)
    manager.get("songeval")
    again = manager.get("banger")(SONG)
    assert replace(again, seconds=first.seconds) == first
    assert guests.begun == ["banger", "songeval"]


def test_a_visitor_who_leaves_while_a_judge_loads_for_the_song_frees_the_queue(guests: Guests) -> None:
    guests.go_on.set()
    manager = JudgeManager(most=1)
    banger, songeval = manager.get("banger"), manager.get("songeval")
    guests.load_on.clear()
    leaving = banger.score(SONG)
    until(lambda: next(leaving).loading)
    staying = songeval.score(SONG)
    assert next(staying).ahead == 1
    leaving.close()
    guests.load_on.set()
    assert [*staying][-1].done
    assert len(HEAVY) == 0


@pytest.mark.parametrize("step", ["fetched", "begun"])
def test_a_judge_that_could_not_be_loaded_is_tried_again_and_visitors_see_no_folder(
    step: str, guests: Guests, caplog: pytest.LogCaptureFixture
) -> None:
    guests.go_on.set()
    manager = JudgeManager()
    banger = manager.get("banger")
    if step == "fetched":
        manager._known.clear()
    manager.get("songeval")
    guests.errors[step] = WeightsMissing("/srv/weights/MERT-v1-330M holds no model.safetensors. Copy it there.")
    with caplog.at_level(logging.WARNING), pytest.raises(WeightsMissing) as refusal:
        manager.get("banger") if step == "fetched" else banger(SONG)
    assert str(refusal.value) == "MERT-v1-330M holds no model.safetensors. Copy it there."
    assert "/srv/weights" in caplog.text
    assert manager.get("banger")(SONG).judge == "banger"
    assert guests.fetched.count("banger") == (3 if step == "fetched" else 2)


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


@pytest.mark.slow
def test_a_guest_that_has_to_go_leaves_its_memory_to_the_next_one(panel_weights: Path) -> None:
    gc.disable()  # lest it comes by itself
    try:
        manager = JudgeManager(panel_weights)
        songeval = manager.get("songeval")  # as a waiting visitor holds it
        with manager._lender.lend("songeval") as lending:
            gone = [weakref.ref(judge.encoder) for judge in lending if judge is not None]
        manager.get("hear-1")
    finally:
        gc.enable()
    assert [encoder() for encoder in gone] == [None]
    assert songeval.head.axes
