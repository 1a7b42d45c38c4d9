"""Files written whole or not at all; temporary folders of this program, told from others', so that only its own go."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path`, NAME.XXXXXXXX.part, to write to. It takes the place of `path` if nothing is raised, and
    is deleted if something is. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def mark_own(folder: Path) -> None:
    """Make a folder that was just made known as this program's."""
    _marker(folder).mkdir()


def is_own(folder: Path) -> bool:
    """Whether this program made it, as the same user; a link to such a folder is none."""
    try:
        state, marker = folder.lstat(), _marker(folder).lstat()
    except OSError:
        return False
    mine = state.st_uid == os.geteuid() if hasattr(os, "geteuid") else True  # Windows has no such number
    return mine and stat.S_ISDIR(state.st_mode) and stat.S_ISDIR(marker.st_mode)


def _marker(folder: Path) -> Path:
    """A folder in it that has its name, so that neither a copy nor a renamed folder passes for it."""
    return folder / f".{folder.name}"


def delete_own(folder: Path) -> None:
    """Delete it with all that is in it, if it is this program's. Links in it are not followed."""
    if is_own(folder):
        shutil.rmtree(folder, ignore_errors=True)


def delete_abandoned(prefix: str, seconds: float) -> None:
    """Delete those among the system's temporary files that nothing was made or touched in for so long."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if is_own(folder) and time.time() - folder.lstat().st_mtime > seconds:
            delete_own(folder)
