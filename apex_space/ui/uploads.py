"""Deletes uploads when no request needs them any more."""

import logging
import os
import queue
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic, sleep, time
from urllib.parse import unquote

from gradio.utils import get_upload_folder

from ..core import files
from ..core.settings import settings

UPLOADED = "/gradio_api/file="
"""Part of an upload's address that comes before its path."""
HASH = re.compile(r"[0-9a-f]{64}")
LIFETIME = 3600.0
"""Seconds after which a file is deleted that no request has claimed."""
SWEEP_SECONDS = 60.0
MEASURE_SECONDS = 1.0
"""Age from which the measured sizes of visitors' files are measured again."""
logger = logging.getLogger(__name__)


_releases: ContextVar["list[Callable[[], None]] | None"] = ContextVar("releases", default=None)


@contextmanager
def collect_claims() -> Iterator[list[Callable[[], None]]]:
    """Collect a release for each upload that is claimed within the block, in this task and in the threads it calls."""
    collected: list[Callable[[], None]] = []
    before = _releases.set(collected)
    try:
        yield collected
    finally:
        _releases.reset(before)


class Uploads:
    """Counts the requests that need each upload, because Gradio stores equal files of different visitors as one file.

    After a release, only files that Gradio put into `folder` are deleted: in subfolders named by a hash. A file is
    deleted `grace_seconds` after its last release, because an equal file may be on its way into the queue by then. A
    file that was uploaded again after its last claim is kept until its next claim is released. If this program made
    the folder, `start` also deletes all files in it that nobody claims for LIFETIME. Gradio's own deletion forgets
    uploads that break off, and ends if two deletions meet.
    """

    def __init__(self, folder: Path, grace_seconds: float) -> None:
        self._folder, self._grace = folder.resolve(), grace_seconds
        self._waiting: Counter[Path] = Counter()
        self._claimed: dict[Path, int | None] = {}
        self._last_release: dict[Path, object] = {}
        self._lock = threading.Lock()
        self._due: queue.SimpleQueue[tuple[float, Path, object]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._own = files.is_own(folder)
        self._senders: dict[Path, str] = {}
        self._coming: dict[object, tuple[str, int]] = {}
        self._held: Counter[str] = Counter()
        self._measured = -inf

    def start(self) -> None:
        """Delete files in the background when their time has come. Does nothing if it was called before."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
                self._thread.start()

    def room(self, sender: str) -> int:
        """Return how many more bytes `sender` may bring: of APEX_UPLOADS_GIGABYTES and of APEX_VISITOR_GIGABYTES.

        What is on its way counts. Until it has arrived, its files count once more for all visitors together.
        """
        if monotonic() - self._measured > MEASURE_SECONDS:
            self._measured = monotonic()
            self._held = self._measure()
        with self._lock:
            coming = sum(received for _, received in self._coming.values())
            own_coming = sum(received for by, received in self._coming.values() if by == sender)
        everything = int(settings().uploads_gigabytes * 1e9) - sum(self._held.values()) - coming
        return min(everything, int(settings().visitor_gigabytes * 1e9) - self._held[sender] - own_coming)

    def _measure(self) -> Counter[str]:
        """Count the bytes of each sender. Unpacked songs belong to the sender of their folder."""
        held: Counter[str] = Counter()
        for file in _files(self._folder):
            top = self._folder / file.relative_to(self._folder).parts[0]
            held[self._senders.get(file) or self._senders.get(top) or ""] += _size(file)
        return held

    def coming(self, upload: object, sender: str, received: int) -> int:
        """Note that `received` bytes of an upload of `sender` have come. Return the room for the rest."""
        with self._lock:
            self._coming[upload] = sender, received
        return self.room(sender)

    def arrived(self, upload: object, *paths: str) -> None:
        """Note that an upload has ended and that these files came with it."""
        with self._lock:
            sender, _ = self._coming.pop(upload, ("", 0))  # it may have ended before it was counted
            self._senders |= {Path(path).resolve(): sender for path in paths}
            self._measured = -inf

    def own(self, path: str, sender: str) -> None:
        """Count a file or folder as brought by `sender`."""
        with self._lock:
            self._senders[Path(path).resolve()] = sender

    def sweep(self) -> None:
        """Delete the files that nobody claims for LIFETIME, and tell other servers that this folder is in use."""
        if not self._own:
            return
        os.utime(self._folder)
        now = time()
        with self._lock:
            self._senders = {path: sender for path, sender in self._senders.items() if path.exists()}
            claimed = {path for path, waiting in self._waiting.items() if waiting > 0}
            for file in _files(self._folder):
                with suppress(OSError):
                    if now - file.lstat().st_ctime > LIFETIME and claimed.isdisjoint((file, *file.parents)):
                        file.unlink()
        for folder in self._folder.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.name != f".{self._folder.name}":
                with suppress(OSError):  # it is not empty
                    if now - folder.stat().st_mtime > LIFETIME and folder not in claimed:
                        folder.rmdir()

    def claim(self, path: str) -> None:
        """Count one more request that needs this file."""
        with self._lock:
            self._waiting[Path(path)] += 1
            self._claimed[Path(path)] = _uploaded(Path(path))
        if (collected := _releases.get()) is not None:
            collected.append(partial(self.release, path))

    def release(self, path: str) -> None:
        """Count one request less. The file is deleted after the last one."""
        release = object()
        with self._lock:
            self._waiting[Path(path)] = max(0, self._waiting[Path(path)] - 1)
            self._last_release[Path(path)] = release
        self.start()
        self._due.put((monotonic() + self._grace, Path(path), release))

    def _run(self) -> None:
        """Delete files when their time has come, which is in the order of their releases. Sweep now and then."""
        swept = monotonic()
        while True:
            try:
                with suppress(queue.Empty):
                    due, path, release = self._due.get(timeout=SWEEP_SECONDS)
                    sleep(max(0.0, due - monotonic()))
                    self._delete(path, release)
                if monotonic() - swept > SWEEP_SECONDS:
                    swept = monotonic()
                    self.sweep()
            except Exception:  # the thread must not end
                logger.exception("an upload could not be deleted")

    def _delete(self, path: Path, release: object) -> None:
        with self._lock:
            if self._waiting[path] > 0 or self._last_release.get(path) is not release:
                return
            del self._waiting[path], self._last_release[path]
            if self._claimed.pop(path, None) == _uploaded(path) and self._is_upload(file := path.resolve()):
                file.unlink(missing_ok=True)

    def _is_upload(self, file: Path) -> bool:
        return file.parent.parent == self._folder and bool(HASH.fullmatch(file.parent.name)) and file.is_file()


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, without following links to folders."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.lstat().st_size
    return 0


def _uploaded(path: Path) -> int | None:
    """Return when the file was uploaded, in nanoseconds, or None if there is no file.

    Gradio moves each upload over an equal one.
    """
    with suppress(OSError):
        return path.stat().st_ctime_ns
    return None


def uploaded(url: str) -> str | None:
    """Return the path of an upload from its address on this server, or None for any other address.

    The host in the address is ignored.
    """
    _, here, path = url.partition(UPLOADED)
    file = Path(unquote(path)).resolve()
    inside = file.is_relative_to(Path(get_upload_folder()).resolve())
    return str(file) if here and inside and file.is_file() else None
