"""Runs `decode.open_stream` in a separate process (`worker`), so that no file can harm the calling process.

A bad file could otherwise crash it, block it or fill its memory. A worker process is kept for the next song, also after
a song that is refused: a process takes 0.3 s to start. After an error that nobody expected it is not kept, nor after a
lack of memory: codecs that ran out of memory sometimes crashed at the next file.
"""

import atexit
import json
import math
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, cast

import numpy as np

from ..core import errors
from ..core.text import Message, message
from .decode import BLOCK, Stream
from .filters import Chain
from .loudness import Loudness, checked
from .mp3 import BITS_PER_SECOND

COMMAND = [sys.executable, "-m", "apex_space.audio.worker"]
PACKAGES = Path(__file__).resolve().parents[2]
MAX_WORKERS = 4
"""Maximum number of songs decoded at a time; further ones wait. A worker process takes 50 MB."""
CPU_SECONDS = 20.0
"""Maximum CPU seconds for decoding a song of up to ten minutes; a longer one may take more, in proportion."""
MAX_ANSWER, MAX_BLOCK = 1_000_000, 16_000_000
"""Maximum size of an answer's line in bytes and of a block in samples: a codec may be in a song's hands."""
MAX_PASSAGE_SECONDS = 60.0
"""Maximum length of a passage that is cut from a song."""
TOO_SLOW = 1
"""Exit status of a worker process that exceeded its CPU seconds."""
REFUSALS = {kind.__name__: kind for kind in errors.AudioError.__subclasses__()}
"""Errors that an answer may name."""


@dataclass(frozen=True)
class MeasuredStream(Stream):
    """A sound that is decoded and measured block by block. `loudness` returns its loudness after the last block."""

    loudness: Callable[[], Loudness]


@contextmanager
def open_stream(path: Path) -> Iterator[MeasuredStream]:
    """Open the sound in the file at `path`; each block is decoded on request.

    Raises AudioError, and so do the blocks. If the decoder crashes or takes too long, the error is DamagedAudio.
    """
    with _lent_worker() as worker:
        yield worker.open(path)


def filtered(samples: np.ndarray, rate: int, chain: Chain) -> np.ndarray:
    """Return `samples` [C, n] float32 at `rate` Hz after the filters of `chain`, as `filters` describes it: [C, m].

    Raises CannotChange if FFmpeg refuses or takes too long.
    """
    try:
        with _lent_worker() as worker:
            return worker.filter(samples, rate, chain)
    except errors.DamagedAudio as error:  # what is known of the song is that it could be decoded
        raise errors.CannotChange("FFmpeg did not manage it for this song, or took too long.") from error


def cut_passage(path: Path, start: float, end: float) -> bytes:
    """Return the sound in the file at `path` from `start` to `end` seconds as an mp3 with fades, see `mp3`.

    Raises AudioError, and ValueError if there is no such passage, or it is longer than MAX_PASSAGE_SECONDS.
    """
    if not 0 <= start < end <= start + MAX_PASSAGE_SECONDS < math.inf:
        raise ValueError(f"no passage is from {start} to {end} s")
    with _lent_worker() as worker:
        return worker.passage(path, start, end)


@contextmanager
def _lent_worker() -> "Iterator[_Worker]":
    with _turns:
        worker = _take()
        try:
            yield worker
        finally:
            if worker.ready:  # also after a song that was refused for a known reason
                _idle[_whose()].append(worker)
            else:
                worker.end()


class _Worker:
    """One worker process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(COMMAND, cwd=PACKAGES, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._requests = cast(BufferedWriter, self._process.stdin)
        self._answers = cast(BufferedReader, self._process.stdout)
        self._busy = False
        self._loudness: Loudness
        if not self._answers.readline():
            self.end()
            raise RuntimeError("The process that decodes songs did not start. What it wrote to stderr says why.")

    @property
    def ready(self) -> bool:
        """Return whether the process waits for a song, and may have another one."""
        return not self._busy and self._process.poll() is None

    def open(self, path: Path) -> MeasuredStream:
        """Open a song. Raises AudioError, and so do the stream's blocks."""
        self._busy = True
        self._ask("open", str(path.absolute()))
        header, _ = self._answer()
        match header:
            case {"rate": int(rate), "channels": int(channels), "announced": None | int() | float() as announced}:
                if rate > 0 and channels > 0:
                    blocks = self._blocks(rate, channels)
                    return MeasuredStream(rate, channels, announced, blocks, lambda: self._loudness)
        raise self._dead()

    def filter(self, samples: np.ndarray, rate: int, chain: Chain) -> np.ndarray:
        """Filter a sound [C, n]. Raises AudioError."""
        self._busy, channels = True, len(samples)
        self._ask("begin", chain, rate, channels)
        self._answer()
        found = []
        for start in range(0, samples.shape[1], BLOCK):
            block = np.ascontiguousarray(samples[:, start : start + BLOCK])
            self._ask("push", block.shape, payload=block)
            found.append(self._answer(channels)[1])
        while (rest := self._rest(channels)).size:
            found.append(rest)
            if sum(block.shape[1] for block in found) > samples.shape[1] + rate:  # no filter of ours adds a second
                raise self._dead()
        changed = np.hstack(found)
        if not np.isfinite(changed).all():
            raise self._dead()
        self._busy = False
        return changed

    def _rest(self, channels: int) -> np.ndarray:
        self._ask("rest")
        return self._answer(channels)[1]

    def passage(self, path: Path, start: float, end: float) -> bytes:
        """Cut a passage from a song. Raises AudioError."""
        self._busy = True
        self._ask("passage", str(path.absolute()), start, end)
        answer, _ = self._answer()
        size = answer.get("bytes")
        if not isinstance(size, int) or not 0 < size <= MAX_PASSAGE_SECONDS * BITS_PER_SECOND / 4:  # twice an mp3's
            raise self._dead()
        mp3 = self._answers.read(size)
        if len(mp3) < size:
            raise self._dead()
        self._busy = False
        return mp3

    def end(self) -> None:
        """Kill the process at once."""
        self._process.kill()
        self._process.communicate()

    def _blocks(self, rate: int, channels: int) -> Iterator[np.ndarray]:
        """Yield the song's blocks. While one is in use, the next one is decoded."""
        count = 0
        self._ask("next")
        while (found := self._answer(channels))[1].size:
            self._ask("next")
            count += found[1].shape[1]
            yield found[1]
        try:
            self._loudness = checked(found[0].get("loudness"), count / rate)
        except ValueError:
            raise self._dead() from None
        self._busy = False

    def _ask(self, *request: Any, payload: np.ndarray | None = None) -> None:
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            if payload is not None:
                self._requests.write(payload.data)
            self._requests.flush()
        except OSError:
            raise self._dead() from None

    def _answer(self, channels: int = 0) -> tuple[dict[str, Any], np.ndarray]:
        """Return the process's answer and its block [C, n], with n = 0 if there is none. Raises AudioError."""
        try:
            answer = json.loads(self._answers.readline(MAX_ANSWER))
            samples = answer.get("samples", 0)
            if not 0 <= channels * samples <= MAX_BLOCK:
                raise ValueError
            block = np.empty((channels, samples), np.float32)
            if self._answers.readinto(block.reshape(-1).view(np.uint8).data) < block.nbytes:
                raise EOFError
        except (OSError, ValueError, EOFError, AttributeError, TypeError):
            raise self._dead() from None
        if "error" in answer:
            raise self._refusal(answer)
        return answer, block

    def _refusal(self, answer: dict[str, Any]) -> errors.AudioError:
        """Return the error that an answer names."""
        match answer:
            case {"error": [str(name), str() | dict() as text], "spent": bool(spent)} if name in REFUSALS:
                with suppress(ValueError, LookupError, TypeError, AttributeError):
                    error = REFUSALS[name](Message.from_dict(text) if isinstance(text, dict) else text)
                    self._busy = spent
                    return error
        return self._dead()

    def _dead(self) -> errors.DamagedAudio:
        """End the process, and return the error for a song that ended it or caused an invalid answer."""
        self.end()
        slow = message("Decoding the file took over {seconds:g} s, far more than a song needs", seconds=CPU_SECONDS)
        what = slow if self._process.returncode == TOO_SLOW else "Decoding the file made the decoder crash"
        return errors.DamagedAudio("{what}; it is damaged. Export or download it again.", what=what)


_turns = BoundedSemaphore(MAX_WORKERS)
_idle: defaultdict[tuple[int, int], list[_Worker]] = defaultdict(list)
"""Idle workers by the process and the priority of the thread that started them.

A forked child must not share its parent's workers, and a worker inherits the priority of the thread that started it.
"""


def _whose() -> tuple[int, int]:
    return os.getpid(), os.nice(0) if hasattr(os, "nice") else 0


def _take() -> _Worker:
    mine = _idle[_whose()]
    while mine:
        with suppress(IndexError):  # another thread took the last one
            worker = mine.pop()
            if worker.ready:
                return worker
            worker.end()
    return _Worker()


@atexit.register
def _end_all() -> None:
    for started_by, priority in list(_idle):
        for worker in _idle[started_by, priority] if started_by == os.getpid() else ():
            worker.end()
