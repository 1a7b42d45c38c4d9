"""The songs that battles are drawn from: the examples, a folder, or a dataset on the Hub."""

import logging
import os
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..audio.waveform import Waveform, load_song
from ..core import files
from ..core.errors import AudioError, BattleStale, PoolError
from ..storage.records import Battle, Side, Song
from .clips import Clip, encode_clip
from .pool_sources import Candidate, allows_copies, candidates

RETRY_SECONDS = 300
PATIENCE_SECONDS = 2
"""Maximum seconds that `close` waits for a song that is being prepared, or for a network that does not answer.

A server that ends waits for all in `close` only `server.CLOSE_SECONDS`.
"""
TRIES = 5
"""How often `close` deletes: a song that is still being prepared may write a file while others are deleted."""
PREFIX = "apex-arena-"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PoolProgress:
    """Number of songs that are ready, and of songs that were left out because their file could not be prepared.

    `trouble` says why the source cannot be read; it is "" if the source can be read. `complete` is true once every song
    was tried.
    """

    ready: int
    left_out: int
    trouble: str
    complete: bool


@dataclass(frozen=True)
class _Ready:
    song: Song
    original: Path
    copy: Clip
    licence: str


class Pool:
    """Keeps the songs that are ready to be played, and prepares them one after another. `start` returns at once.

    `source` is a folder or the name of a dataset on the Hub; None means the examples. The constructor reads the list of
    songs in a folder and raises PoolError.
    """

    def __init__(self, source: str | None = None) -> None:
        self._source = candidates(source)
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        files.mark_own(Path(self._folder.name))
        self._songs: dict[str, _Ready] = {}
        self._left_out = 0
        self._trouble = ""
        self._complete = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pool", daemon=True)

    def start(self) -> None:
        """Prepare the songs in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop preparing songs, and delete every clip."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)
        for _ in range(TRIES):
            self._folder.cleanup()

    def songs(self) -> tuple[Song, ...]:
        """Return the songs that are ready."""
        with self._lock:
            return tuple(ready.song for ready in self._songs.values())

    def copy(self, song: str) -> Clip:
        """Return the clip of the song with that id. Raises BattleStale."""
        return self._get(song).copy

    def file(self, song: str) -> Path:
        """Return the original file of the song with that id. Raises BattleStale."""
        return self._get(song).original

    def licences(self, battle: Battle) -> dict[Side, str]:
        """Return the licence of each side of a battle that visitors may download, because the pool says so."""
        sides: tuple[tuple[Side, Song], ...] = (("a", battle.a), ("b", battle.b))
        with self._lock:
            found = {side: self._songs.get(song.id) for side, song in sides}
        return {side: ready.licence for side, ready in found.items() if ready and allows_copies(ready.licence)}

    def waveform(self, song: str) -> Waveform:
        """Decode the song with that id again. Raises AudioError, and PoolError if its file was replaced."""
        waveform = load_song(self.file(song))
        if waveform.sha256 != song:
            raise PoolError("The file of a song in the arena's pool was replaced. Restart to take the new one.")
        return waveform

    def progress(self) -> PoolProgress:
        """Return the progress of the preparation."""
        with self._lock:
            return PoolProgress(len(self._songs), self._left_out, self._trouble, self._complete)

    def touch(self) -> None:
        """Mark the clips as in use: folders that nobody touched for an hour are deleted (see battles)."""
        with suppress(OSError):
            os.utime(self._folder.name)

    def _get(self, song: str) -> _Ready:
        with self._lock:
            if song not in self._songs:
                raise BattleStale("A song of this battle is not in the arena any more. Take the next battle.")
            return self._songs[song]

    def _run(self) -> None:
        lower_priority()
        while not self._fill() and not self._stop.wait(RETRY_SECONDS):
            pass

    def _fill(self) -> bool:
        """Prepare all songs. Return False if the source should be tried again later."""
        self._left_out = 0
        try:
            for candidate in self._source(Path(self._folder.name)):
                if self._stop.is_set():
                    return True
                self._prepare(candidate)
        except PoolError as error:
            self._trouble = str(error)
            logger.error("the arena's pool: %s", error)
            return False
        self._trouble, self._complete = "", True
        logger.info("the arena's pool: %d songs, %d left out", len(self._songs), self._left_out)
        return True

    def _prepare(self, candidate: Candidate) -> None:
        try:
            waveform = load_song(candidate.file)
            if waveform.sha256 in self._songs:
                logger.info("%s of the arena's pool was there before", candidate.row)
                self._discard(candidate)
                return
            copy = encode_clip(candidate.file, waveform, Path(self._folder.name))
        except Exception as error:  # libraries raise many errors; the other songs must still be prepared
            why = str(error) if isinstance(error, AudioError) else type(error).__name__
            logger.warning("%s of the arena's pool is left out: %s", candidate.row, why)
            with self._lock:
                self._left_out += 1
            self._discard(candidate)
            return
        song = Song(waveform.sha256, candidate.title, candidate.generator, candidate.prompt, candidate.kinds)
        with self._lock:
            self._songs[song.id] = _Ready(song, candidate.file, copy, candidate.licence)

    def _discard(self, candidate: Candidate) -> None:
        """Delete a dataset's file that is not kept: a dataset that breaks off is stored again at each try."""
        if candidate.file.parent == Path(self._folder.name):
            candidate.file.unlink(missing_ok=True)


def lower_priority() -> None:
    """Lower the priority of this thread, and of those it starts, below the threads that visitors wait for.

    Do nothing where the system does not support it.
    """
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
