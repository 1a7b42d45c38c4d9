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

    def start(self) -> None:
        """Delete files in the background when their time has come. Does nothing if it was called before."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
                self._thread.start()

    def room(self) -> int:
        """Return how many more bytes the folder may hold: APEX_UPLOADS_GIGABYTES without what is there."""
        return int(settings().uploads_gigabytes * 1e9) - sum(_size(file) for file in _files(self._folder))

    def sweep(self) -> None:
        """Delete the files that nobody claims for LIFETIME, and tell other servers that this folder is in use."""
        if not self._own:
            return
        os.utime(self._folder)
        now = time()
        with self._lock:
            claimed = {path for path, waiting in self._waiting.items() if waiting > 0}
            for file in _files(self._folder):
                with suppress(OSError):
                    if now - file.lstat().st_ctime > LIFETIME and claimed.isdisjoint((file, *file.parents)):
                        file.unlink()
        for folder in self._folder.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.name != f".{self._folder.name}":
                with suppress(OSError):  # it is not empty
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
