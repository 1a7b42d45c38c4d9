"""Codecs run in processes of their own: whatever happens to one, the server goes on and the next song is decoded."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from apex_space.audio import isolated
from apex_space.audio.waveform import Limits, load
from apex_space.core.errors import AudioError, DamagedAudio, NotAudio, TooLong
from helpers.forked import command
from helpers.levels import levels
from helpers.sounds import SAMPLE_RATE, tone, write
from helpers.wait import until

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are watched through /proc")


@pytest.fixture(autouse=True)
def own_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Those of other tests are left alone."""
    monkeypatch.setattr(isolated, "_idle", defaultdict(list))
    yield
    isolated._end_all()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write(tmp_path / "song", tone(4))


@pytest.fixture
def sabotage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has `code` run in new processes, before they serve."""

    def sabotage(code: str) -> None:
        program = f"import ctypes, os, time\nfrom apex_space.audio import loudness, worker\n{code}\nworker.main()"
        monkeypatch.setattr(isolated, "COMMAND", command("-c", program))

    return sabotage


def idle() -> list[int]:
    """The processes that wait for a song."""
    return [worker._process.pid for workers in isolated._idle.values() for worker in workers]


def ended(process: int) -> bool:
    """Also if nobody has asked for its status yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


OPENING = "worker.open_stream = lambda file: "
ENDLESS = """
import numpy as np
from contextlib import contextmanager
@contextmanager
def endless(file):
    yield worker.Stream(8000, 1, None, (np.ones((1, 1), np.float32) for _ in iter(int, 1) if sum(range(100_000))))
worker.open_stream = endless
worker.CPU_SECONDS = 1
"""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (f"{OPENING} ctypes.string_at(0)", "crash"),
        (f"{OPENING} os.abort()", "crash"),
        (f"{OPENING} os._exit(0)", "crash"),
        (f"worker.CPU_SECONDS = 1\n{OPENING} ctypes.PyDLL(None).sleep(60)", "over 20 s"),  # and keeps the GIL
        (f"worker.CPU_SECONDS = 1\n{OPENING} any(False for _ in iter(int, 1))", "over 20 s"),
        (ENDLESS, "over 20 s"),
        (f"{OPENING} bytearray(10**9)", "memory"),
        (f"{OPENING} 1 / 0", "ZeroDivisionError"),
        ("worker.LoudnessMeter.loudness = lambda _: loudness.Loudness(float('nan'), None, ())", "crash"),
        ("worker.write = lambda answers, *_: (answers.write(b'nonsense\\n'), answers.flush())", "crash"),
        ("worker.Decoder._open = lambda *_: ({'rate': 44_100, 'channels': '2', 'announced': None}, None)", "crash"),
        ("worker.Decoder._next = lambda *_: ({'samples': 10**12}, None)", "crash"),
        ("worker.Decoder._open = lambda *_: ({'error': ['SystemExit', 'bye'], 'spent': False}, None)", "crash"),
        (
            "text = {'template': 'x', 'values': 5}\n"
            "worker.Decoder._open = lambda *_: ({'error': ['NotAudio', text], 'spent': False}, None)",
            "crash",
        ),
    ],
    ids=[
        *("segfault", "abort", "exit", "hang", "loop", "endless", "memory", "error", "untrue", "text", "type", "huge"),
        *("refusal", "reason"),
    ],
)
def test_what_a_codec_does_is_a_message_and_its_process_is_not_kept(
    song: Path, sabotage: Callable[[str], None], code: str, says: str
) -> None:
    sabotage(code)
    with pytest.raises(DamagedAudio, match=says) as caught:
        load(song)
    assert str(caught.value).endswith("again.")
    assert idle() == []


def test_after_a_crash_the_next_song_is_decoded(
    song: Path, sabotage: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = isolated.COMMAND
    sabotage(f"{OPENING} ctypes.string_at(0)")
    with pytest.raises(DamagedAudio):
        load(song)
    monkeypatch.setattr(isolated, "COMMAND", usual)
    assert load(song).duration == 4


def test_a_codec_can_write_no_file(song: Path, tmp_path: Path, sabotage: Callable[[str], None]) -> None:
    left = tmp_path / "left"
    sabotage(f"{OPENING} open({str(left)!r}, 'wb', 0).write(b'content')")
    with pytest.raises(NotAudio):
        load(song)
    assert left.read_bytes() == b""


def test_a_process_is_kept_for_the_next_song_also_after_a_refused_one(song: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no song")
    (tmp_path / "cut").write_bytes(song.read_bytes()[: song.stat().st_size // 2])
    load(song)
    (process,) = idle()
    assert load(song).duration == 4
    assert idle() == [process]
    with pytest.raises(NotAudio, match="not a sound file"):
        load(tmp_path / "text")
    with pytest.raises(DamagedAudio):
        load(tmp_path / "cut")
    assert idle() == [process]
    assert not [link for link in Path(f"/proc/{process}/fd").iterdir() if str(tmp_path) in os.readlink(link)]
    assert load(song).duration == 4
    assert idle() == [process]


def test_a_song_that_is_left_early_is_closed(song: Path) -> None:
    others = children() - {str(process) for process in idle()}
    with pytest.raises(TooLong):
        load(song, Limits(max_seconds=2))
    blocks = left_early(song)
    assert next(blocks).shape[0] == 2
    blocks.close()
    assert idle() == []
    assert children() <= others


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def left_early(song: Path) -> Generator[np.ndarray, None, None]:
    with isolated.open_stream(song) as stream:
        yield from stream.blocks


def test_a_process_that_ended_while_it_waited_is_replaced(song: Path) -> None:
    load(song)
    ((worker,),) = isolated._idle.values()
    worker._process.kill()
    until(lambda: worker._process.poll() is not None)
    assert load(song).duration == 4
    assert idle() != [worker._process.pid]


def test_threads_get_their_own_songs(tmp_path: Path) -> None:
    songs = [write(tmp_path / str(number), tone(1 + number / 4)) for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        assert [waveform.duration for waveform in pool.map(load, songs)] == [1 + number / 4 for number in range(12)]
    assert 1 <= len(idle()) <= isolated.MAX_WORKERS


def test_an_interrupted_song_leaves_no_process_behind(song: Path, sabotage: Callable[[str], None]) -> None:
    sabotage(f"{OPENING} time.sleep(60)")
    worker = isolated._Worker()
    isolated._idle[isolated._whose()].append(worker)
    main = threading.main_thread().ident or 0
    threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        load(song)
    assert idle() == []
    assert worker._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("busy", [False, True])
def test_processes_end_with_the_one_that_started_them(song: Path, busy: bool) -> None:
    code = f"""
import os, signal
from pathlib import Path
from apex_space.audio import isolated
with isolated.open_stream(Path({str(song)!r})) as stream:
    busy = {busy} and next(stream.blocks) is not None
    if busy:
        children = Path(f"/proc/self/task/{{os.getpid()}}/children").read_text()
        print(children, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    [*stream.blocks]
(worker,) = isolated._idle.popitem()[1]
print(worker._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    until(lambda: ended(int(done.stdout)), 10)


def test_no_codec_is_loaded_where_songs_are_asked_for_and_nothing_is_said_at_the_end(song: Path) -> None:
    code = "import sys, json; from apex_space.audio.waveform import load; load(sys.argv[1]); "
    code += "print(json.dumps(sorted(sys.modules)))"
    program = [sys.executable, "-W", "error", "-c", code, str(song)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert {"av", "soundfile"}.isdisjoint(json.loads(done.stdout))
    assert done.stderr == ""


def test_an_installation_that_cannot_decode_is_no_fault_of_the_song(
    song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "COMMAND", [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(RuntimeError, match="did not start"):
        load(song)


NAMES = (
    "<img src=x onerror=alert(1)>",
    'two\nlines "quoted"\t\x1b[31m',
    "--help",
    "\u202e3pm.exe",
    os.fsdecode(b"\xff\xfe\x80"),
    "*;$(true)|&",
)


def test_any_name_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write(tmp_path / "before", tone(1.2))
    load(before)
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        before = before.rename(tmp_path / name)
        assert load(name).duration == pytest.approx(1.2), name


@pytest.mark.parametrize("name", ["x" * 10_000, "a\0b", "../" * 50 + "nothing", "\ud800"])
def test_a_name_that_no_file_has_is_refused_without_being_repeated(name: str) -> None:
    with pytest.raises(AudioError) as caught:
        load(name)
    assert len(str(caught.value)) < 100


def test_samples_and_loudness_are_those_of_the_decoder(song: Path) -> None:
    with isolated.open_stream(song) as stream:
        blocks = np.hstack(list(stream.blocks))
    assert stream.rate == SAMPLE_RATE
    assert np.allclose(blocks, tone(4), rtol=0, atol=2**-15)
    assert stream.loudness().integrated == pytest.approx(levels(blocks).loudness)
    assert stream.loudness().short_term == levels(blocks).short_term != ()
