"""Writes files completely or not at all, and touches files and folders of others as little as they may be touched.

No two runs write to one folder, a file is replaced only if it is ours, and a temporary folder is deleted only then.
"""

import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EEXIST
from pathlib import Path

from .errors import OutputRefused


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yield a new file beside `path`, NAME.XXXXXXXX.part, to write to. `mode` is what the umask allows of it.

    The new file replaces `path` if the block succeeds, and is deleted if the block raises. Raises OSError.
    """
    part = _part(path)
    part.touch(mode, exist_ok=False)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`, NAME.XXXXXXXX.part, to write files to.

    The new folder becomes `path` if the block succeeds, and is deleted if the block raises. Raises OSError, also if
    there is something at `path` by then.
    """
    part = _part(path)
    part.mkdir()
    try:
        yield part
        for file in part.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        if os.path.lexists(path):
            raise FileExistsError(EEXIST, os.strerror(EEXIST))
        part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")


@contextmanager
def claimed(folder: Path, lock: str) -> Iterator[None]:
    """Make the folder, and let no other run write to it that claims it by a file of the same name `lock`.

    Raises OutputRefused.
    """
    from filelock import FileLock, Timeout  # slow to import, and few commands need it

    claim = FileLock(folder / lock, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim.acquire()
    except Timeout as error:
        raise OutputRefused(f"Another run writes to {folder}. Wait for its end, or choose another --out.") from error
    except OSError as error:
        raise OutputRefused(f"{folder} cannot be written to ({error.strerror}). Choose another --out.") from error
    try:
        yield
    finally:
        claim.release()


def check_own(folder: Path, names: Sequence[str], is_own: Callable[[str], bool]) -> None:
    """Raise OutputRefused if there are files of these names in `folder`, unless the text of the first is our own.

    `is_own` may raise what reading JSON raises.
    """
    there = [path for path in (folder / name for name in names) if os.path.lexists(path)]
    try:
        if not there or is_own((folder / names[0]).read_text(encoding="utf-8")):
            return
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        pass
    raise OutputRefused(f"{there[0]} is there and not from here. Choose another --out.")


def mark_own(folder: Path) -> None:
    """Mark a new folder as made by this program."""
    _marker(folder).mkdir()


def is_own(folder: Path) -> bool:
    """Return whether this program made `folder` as the same user. A link to such a folder does not count."""
    try:
        state, marker = folder.lstat(), _marker(folder).lstat()
    except OSError:
        return False
    mine = state.st_uid == os.geteuid() if hasattr(os, "geteuid") else True  # Windows has no user id
    return mine and stat.S_ISDIR(state.st_mode) and stat.S_ISDIR(marker.st_mode)


def _marker(folder: Path) -> Path:
    """Return the marker, a subfolder with the same name: it does not fit a copied or renamed folder."""
    return folder / f".{folder.name}"


def delete_own(folder: Path) -> None:
    """Delete `folder` and its content if this program made it. Links in it are not followed."""
    if is_own(folder):
        shutil.rmtree(folder, ignore_errors=True)


def delete_abandoned(prefix: str, seconds: float, place: str | None = None) -> None:
    """Delete this program's folders named `prefix`... whose last change is more than `seconds` ago.

    They are in the folder `place`, or else in the system's folder for temporary files.
    """
    for folder in Path(place or tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(FileNotFoundError):  # another server deletes it, too
            if is_own(folder) and time.time() - folder.lstat().st_mtime > seconds:
                delete_own(folder)
