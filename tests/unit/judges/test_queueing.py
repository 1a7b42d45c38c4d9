"""One song at a time on a device, in the order of arrival; who gives up holds up nobody."""

import threading
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from apex_space.audio import waveform
from apex_space.core.errors import Busy
from apex_space.judges import queueing
from apex_space.judges.embedding_cache import EmbeddingCache
from apex_space.judges.eta import ThroughputEstimator
from apex_space.judges.judge import Judge
from apex_space.judges.loading import load_judge
from apex_space.judges.queueing import HEAVY, LIGHT, SongQueue
from helpers.songs import short
from helpers.wait import until

EXAMPLE = "bossa.ogg"


def test_songs_are_heard_one_at_a_time_in_the_order_of_arrival() -> None:
    queue, heard, at_once = SongQueue(), [], []

    def come(number: int) -> None:
        with queue.slot() as waiting:
            arrived[number].set()
            list(waiting)
            at_once.append(sum(1 for _ in current))
            current.append(number)
            time.sleep(0.02)
            heard.append(number)
            current.pop()

    current: list[int] = []
    arrived = [threading.Event() for _ in range(8)]
    threads = [threading.Thread(target=come, args=(number,)) for number in range(8)]
    for thread, event in zip(threads, arrived, strict=True):
        thread.start()
        event.wait(5)
    for thread in threads:
        thread.join()
    assert heard == list(range(8))
    assert at_once == [0] * 8
    assert len(queue) == 0


@pytest.mark.slow
def test_who_waits_learns_how_many_are_before() -> None:
    queue = SongQueue()
    with queue.slot() as first, queue.slot() as second, queue.slot() as third:
        assert list(first) == []
        assert list(islice(second, 2)) == [1, 1]
        assert list(islice(third, 1)) == [2]


def test_who_gives_up_holds_up_nobody() -> None:
    queue = SongQueue()
    with queue.slot() as first:
        list(first)
        with pytest.raises(KeyboardInterrupt), queue.slot():
            raise KeyboardInterrupt
        with queue.slot() as last:
            assert list(islice(last, 1)) == [1]
    assert len(queue) == 0


def test_a_full_line_says_when_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, now = SongQueue(most=2), [0.0]
    monkeypatch.setattr(queueing, "monotonic", lambda: now[0])
    for _ in range(12):
        with queue.slot():
            now[0] += 4.0
    with queue.slot(), queue.slot():
        with pytest.raises(Busy, match=r"2 songs wait\. Try again in about 8 s"), queue.slot():
            pass
        assert len(queue) == 2
    with queue.slot():
        assert len(queue) == 1


def pocket(queue: SongQueue) -> Judge:
    return replace(load_judge(), cache=EmbeddingCache(), estimator=ThroughputEstimator(), queue=queue)


@pytest.mark.slow
def test_a_song_is_not_opened_before_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    load = waveform.load_song
    monkeypatch.setattr("apex_space.judges.judge.load_song", lambda path: opened.append(path) or load(path))
    judge = pocket(SongQueue())
    with judge.queue.slot():
        steps = judge.score(short(EXAMPLE))
        assert next(steps).ahead == 1
        assert opened == []
    *_, last = steps
    assert (len(opened), last.done, last.ahead) == (1, True, 0)
    assert len(judge.queue) == 0


def test_a_song_that_is_given_up_leaves_its_line() -> None:
    judge = pocket(SongQueue())
    steps = judge.score(short(EXAMPLE))
    assert next(steps).ahead == 0
    assert len(judge.queue) == 1
    del steps  # what becomes of an event whose visitor went away
    until(lambda: len(judge.queue) == 0, seconds=5)


def test_what_was_heard_before_waits_for_nobody() -> None:
    judge = pocket(SongQueue())
    judge(short(EXAMPLE))
    with judge.queue.slot():
        (only,) = judge.score(short(EXAMPLE))
    assert only.done


def test_the_shipped_judge_does_not_wait_for_networks() -> None:
    assert load_judge().queue is LIGHT
    with HEAVY.slot() as waiting:
        list(waiting)
        assert replace(load_judge(), cache=EmbeddingCache())(short(EXAMPLE)).judge == "pocket"


def test_networks_wait_for_each_other(panel_weights: Path) -> None:
    assert load_judge("songeval", panel_weights).queue is HEAVY
