"""Deletes uploads when no request needs them any more."""

import logging
import queue
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import unquote

from gradio.utils import get_upload_folder

UPLOADED = "/gradio_api/file="
"""Part of an upload's address that comes before its path."""
HASH = re.compile(r"[0-9a-f]{64}")
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

    Only files that Gradio put into `folder` are deleted: files in subfolders that are named by a hash. A file is
    deleted `grace_seconds` after its last release, because an equal file may be on its way into the queue by then. A
    file that was uploaded again after its last claim is kept until its next claim is released. Without another claim,
    Gradio deletes it as an upload that was never claimed.
    """

    def __init__(self, folder: Path, grace_seconds: float) -> None:
        self._folder, self._grace = folder.resolve(), grace_seconds
        self._waiting: Counter[Path] = Counter()
        self._claimed: dict[Path, int | None] = {}
        self._last_release: dict[Path, object] = {}
        self._lock = threading.Lock()
        self._due: queue.SimpleQueue[tuple[float, Path, object]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

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
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
                self._thread.start()
        self._due.put((monotonic() + self._grace, Path(path), release))

    def _run(self) -> None:
        """Delete files when their time has come, which is in the order of their releases."""
        while True:
            due, path, release = self._due.get()
            sleep(max(0.0, due - monotonic()))
            try:
                self._delete(path, release)
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
