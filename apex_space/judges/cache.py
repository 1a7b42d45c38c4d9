"""What was heard before: the embeddings and measurements of a song, by the hash of its samples.

Scores are not kept: a head makes them from embeddings in a millisecond, and always as it is now.
"""

import json
import logging
import os
import re
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from ..audio.features import AudioFeatures
from ..core import files

MAX_SONGS = 500
FOLDER = "apex-embeddings"
"""The subfolder that holds the files, so that no other file of the named folder is ever looked at."""
ENTRY = re.compile(r"[0-9a-f]{64}\.safetensors")
PART = re.compile(rf"{ENTRY.pattern}\.\w{{8}}\.part", re.ASCII)
PART_SECONDS = 3600.0
"""Age at which a file that is still being written belongs to a process that was killed."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedEmbeddings:
    """A whole song through one encoder: `embeddings` [S, ...], `start` and `valid` [S] in samples at `rate` Hz.

    `sha256` is of the decoded samples, `duration` in seconds.
    """

    embeddings: np.ndarray
    start: np.ndarray
    valid: np.ndarray
    rate: int
    duration: float
    sha256: str
    features: AudioFeatures


class EmbeddingCache:
    """Keeps the last songs in this process and, where `folder` is given, up to `megabytes` of them on disk.

    A key, 64 hexadecimal digits, names the samples, the encoder's weights and the precision. Files are in a subfolder
    FOLDER of `folder`. No file is counted, replaced or deleted unless its name is one that this class gives, and
    nothing that is a link or a folder. An entry appears whole or not at all; a damaged one is deleted and heard again.
    """

    def __init__(self, folder: Path | None = None, megabytes: float = 500.0) -> None:
        self._songs: OrderedDict[str, CachedEmbeddings] = OrderedDict()
        self._samples: OrderedDict[str, str] = OrderedDict()
        self._folder, self._bytes = folder and folder / FOLDER, int(megabytes * 1_000_000)
        self._lock = Lock()

    def get(self, key: str) -> CachedEmbeddings | None:
        """The song heard under `key`, if it is still known."""
        with self._lock:
            heard = self._songs.get(key) or self._read(key)
            if heard is not None:
                self._keep(key, heard)
            return heard

    def sample_hash(self, file: str | None) -> str | None:
        """The hash of the samples in the file with this hash, if it was decoded before."""
        with self._lock:
            if file is None or file not in self._samples:
                return None
            self._samples.move_to_end(file)
            return self._samples[file]

    def put(self, key: str, heard: CachedEmbeddings, file: str | None = None) -> None:
        """Remember a song, and forget those that were not asked for the longest. `file` is the hash of its file."""
        with self._lock:
            self._keep(key, heard)
            if file is not None:
                self._samples[file] = heard.sha256
            while len(self._samples) > MAX_SONGS:
                self._samples.popitem(last=False)
            self._write(key, heard)

    def _keep(self, key: str, heard: CachedEmbeddings) -> None:
        self._songs[key] = heard
        self._songs.move_to_end(key)
        while len(self._songs) > MAX_SONGS:
            self._songs.popitem(last=False)

    def _read(self, key: str) -> CachedEmbeddings | None:
        path = self._path(key)
        if path is None or not _is_own(path):
            return None
        try:
            heard = _unpack(path)
            os.utime(path)
        except OSError as error:  # unreadable now is not damaged
            logger.warning("not remembered from disk: %s", error)
            return None
        except Exception as error:  # whatever damage does to a file, the song can be heard again
            logger.warning("dropping a damaged memory, %s: %s", path.name, error)
            with suppress(OSError):
                path.unlink()
            return None
        return heard

    def _write(self, key: str, heard: CachedEmbeddings) -> None:
        path = self._path(key)
        if path is None or (os.path.lexists(path) and not _is_own(path)):
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with files.replacing(path) as part:
                part.write_bytes(_pack(heard))
            self._prune(path.parent)
        except OSError as error:  # a full or read-only disk must not cost the visitor the answer
            logger.warning("not remembered on disk: %s", error)

    def _path(self, key: str) -> Path | None:
        """Where the entry is, or None where nothing is kept on disk."""
        name = f"{key}.safetensors"
        if self._folder is not None and not ENTRY.fullmatch(name):
            raise ValueError(f"A key is 64 hexadecimal digits, not {key!r}.")
        return self._folder and self._folder / name

    def _prune(self, folder: Path) -> None:
        for path, state in [*_files(folder, PART)]:
            if time.time() - state.st_mtime > PART_SECONDS:
                path.unlink(missing_ok=True)
        entries = sorted(_files(folder, ENTRY), key=lambda entry: entry[1].st_mtime)
        total = sum(state.st_size for _, state in entries)
        for path, state in entries:
            if total <= self._bytes:
                break
            path.unlink(missing_ok=True)
            total -= state.st_size


def _is_own(path: Path) -> bool:
    """Whether what is at an entry's place can be ours: a file, and no link to one."""
    return path.is_file() and not path.is_symlink()


def _files(folder: Path, name: re.Pattern[str]) -> Iterator[tuple[Path, os.stat_result]]:
    """The files in `folder`, and no links, that are named so."""
    with os.scandir(folder) as found:
        for entry in found:
            with suppress(FileNotFoundError):  # another process deletes, too
                if name.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path), entry.stat(follow_symlinks=False)


def _pack(heard: CachedEmbeddings) -> bytes:
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(getattr(heard, name)) for name in ("embeddings", "start", "valid")}
    facts = {name: getattr(heard, name) for name in ("rate", "duration", "sha256")}
    return save(arrays, metadata={"facts": json.dumps(facts), "features": json.dumps(asdict(heard.features))})


def _unpack(path: Path) -> CachedEmbeddings:
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        about = file.metadata()
        arrays = {name: file.get_tensor(name) for name in ("embeddings", "start", "valid")}
    return CachedEmbeddings(
        **arrays, **json.loads(about["facts"]), features=AudioFeatures(**json.loads(about["features"]))
    )
