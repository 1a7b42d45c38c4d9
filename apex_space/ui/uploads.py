"""Deleting uploads once nobody needs them."""

import re
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from gradio.utils import get_upload_folder

UPLOADED = "/gradio_api/file="
"""What stands before an upload's path in its address."""
HASH = re.compile(r"[0-9a-f]{64}")


class Uploads:
    """Counts who still waits for each upload: Gradio keeps equal files of different visitors as one file.

    Only what Gradio puts into `folder` is deleted: files in subfolders that are named by a hash. A file goes
    `grace_seconds` after its last release, since an equal file may be on its way into the queue by then. One that was
    uploaded again since the last claim is left to that claim which is still to come, or else to Gradio's deletion of
    what was never claimed.
    """

    def __init__(self, folder: Path, grace_seconds: float) -> None:
        self._folder, self._grace = folder.resolve(), grace_seconds
        self._waiting: Counter[Path] = Counter()
        self._claimed: dict[Path, int | None] = {}
        self._lock = threading.Lock()

    def claim(self, path: str) -> None:
        """One more will hear this file."""
        with self._lock:
            self._waiting[Path(path)] += 1
            self._claimed[Path(path)] = _uploaded(Path(path))

    def release(self, path: str) -> None:
        """One less; after the last one the file is deleted."""
        with self._lock:
            self._waiting[Path(path)] -= 1
        timer = threading.Timer(self._grace, self._delete, [Path(path)])
        timer.daemon = True
        timer.start()

    def _delete(self, path: Path) -> None:
        with self._lock:
            if self._waiting[path] > 0:
                return
            del self._waiting[path]
            if self._claimed.pop(path, None) == _uploaded(path) and self._is_upload(file := path.resolve()):
                file.unlink(missing_ok=True)

    def _is_upload(self, file: Path) -> bool:
        return file.parent.parent == self._folder and bool(HASH.fullmatch(file.parent.name)) and file.is_file()


def _uploaded(path: Path) -> int | None:
    """When: Gradio moves each upload over an equal one."""
    with suppress(OSError):
        return path.stat().st_ctime_ns
    return None


def uploaded(url: str) -> str | None:
    """The path of an upload that is named by its address on this server; None for any other address. The host in it is
    not asked."""
    _, here, path = url.partition(UPLOADED)
    file = Path(unquote(path)).resolve()
    inside = file.is_relative_to(Path(get_upload_folder()).resolve())
    return str(file) if here and inside and file.is_file() else None
