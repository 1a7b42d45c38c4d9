"""Caches the embeddings and audio features of songs, by the hash of their samples.

Scores are not cached: a head computes them from embeddings in a millisecond, so they always come from the current head.
"""

import json
import logging
import os
import re
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from ..audio.features import AudioFeatures
from ..core import files

MAX_SONGS = 500
ARRAYS = ("embeddings", "start", "valid", "parts")
FOLDER = "apex-embeddings"
"""Subfolder that holds the cache's files, so that other files of the given folder are never looked at."""
ENTRY = re.compile(r"[0-9a-f]{64}\.safetensors")
PART = re.compile(rf"{ENTRY.pattern}\.\w{{8}}\.part", re.ASCII)
PART_SECONDS = 3600.0
"""Age in seconds from which an unfinished file is assumed to be left by a killed process."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedEmbeddings:
    """Embeddings of a whole song by one encoder, and the song's audio features.

    `embeddings` is [S, ...], with one entry for each segment. `start` and `valid` [S] are in samples at `rate` Hz.
    `sha256` is the hash of the decoded samples. `duration` is in seconds. `parts` [S, P, ...] are the embeddings of
    every `part_seconds` of the segments; both are 0 and empty if the encoder gives none.
    """

    embeddings: np.ndarray
    start: np.ndarray
    valid: np.ndarray
    rate: int
    duration: float
    sha256: str
    features: AudioFeatures
    parts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    part_seconds: float = 0.0


class EmbeddingCache:
    """Keeps the last songs in this process and, if `folder` is given, up to `megabytes` of them on disk.

    A key of 64 hexadecimal digits stands for the samples, the weights, the precision and the versions of the code. The
    files are in the subfolder FOLDER of `folder`. A file is counted, replaced or deleted only if this class gives files
    such a name, and never if it is a link or a folder. An entry is written completely or not at all. A damaged entry is
    deleted, and its song is encoded again.
    """

    def __init__(self, folder: Path | None = None, megabytes: float = 500.0) -> None:
        self._songs: OrderedDict[str, CachedEmbeddings] = OrderedDict()
        self._samples: OrderedDict[str, str] = OrderedDict()
        self._folder, self._bytes = folder and folder / FOLDER, int(megabytes * 1_000_000)
        self._lock = Lock()

    def get(self, key: str) -> CachedEmbeddings | None:
        """Return the song cached under `key`, or None."""
        with self._lock:
            encoded = self._songs.get(key) or self._read(key)
            if encoded is not None:
                self._keep(key, encoded)
            return encoded

    def sample_hash(self, file: str | None) -> str | None:
        """Return the hash of the samples in the file with the hash `file`, or None if it was not decoded before."""
        with self._lock:
            if file is None or file not in self._samples:
                return None
            self._samples.move_to_end(file)
            return self._samples[file]

    def put(self, key: str, encoded: CachedEmbeddings, file: str | None = None) -> None:
        """Cache a song, and drop the songs that were not used for the longest time.

        `file` is the hash of the song's file.
        """
        with self._lock:
            self._keep(key, encoded)
            if file is not None:
                self._samples[file] = encoded.sha256
            while len(self._samples) > MAX_SONGS:
                self._samples.popitem(last=False)
            self._write(key, encoded)

    def _keep(self, key: str, encoded: CachedEmbeddings) -> None:
        self._songs[key] = encoded
        self._songs.move_to_end(key)
        while len(self._songs) > MAX_SONGS:
            self._songs.popitem(last=False)

    def _read(self, key: str) -> CachedEmbeddings | None:
        path = self._path(key)
        if path is None or not _is_own(path):
            return None
        try:
            encoded = _unpack(path)
            os.utime(path)
        except OSError as error:  # a file that cannot be read now is not damaged
            logger.warning("not remembered from disk: %s", error)
            return None
        except Exception as error:  # damage can raise anything, and the song can be encoded again
            logger.warning("dropping a damaged memory, %s: %s", path.name, error)
            with suppress(OSError):
                path.unlink()
            return None
        return encoded

    def _write(self, key: str, encoded: CachedEmbeddings) -> None:
        path = self._path(key)
        if path is None or (os.path.lexists(path) and not _is_own(path)):
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with files.replacing(path, mode=0o600) as part:
                part.write_bytes(_pack(encoded))
            self._prune(path.parent)
        except OSError as error:  # visitors get their scores even if the disk is full or read-only
            logger.warning("not remembered on disk: %s", error)

    def _path(self, key: str) -> Path | None:
        """Return the path of an entry, or None if nothing is kept on disk."""
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
    """Return whether the file at the path of an entry can be from this cache: a file, and not a link to one."""
    return path.is_file() and not path.is_symlink()


def _files(folder: Path, name: re.Pattern[str]) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the files in `folder` whose names match `name`, with their state. Links are left out."""
    with os.scandir(folder) as found:
        for entry in found:
            with suppress(FileNotFoundError):  # another process may delete files, too
                if name.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path), entry.stat(follow_symlinks=False)


def _pack(encoded: CachedEmbeddings) -> bytes:
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(getattr(encoded, name)) for name in ARRAYS}
    facts = {name: getattr(encoded, name) for name in ("rate", "duration", "sha256", "part_seconds")}
    return save(arrays, metadata={"facts": json.dumps(facts), "features": json.dumps(asdict(encoded.features))})


def _unpack(path: Path) -> CachedEmbeddings:
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        about = file.metadata()
        arrays = {name: file.get_tensor(name) for name in ARRAYS if name in file.keys()}  # noqa: SIM118
    return CachedEmbeddings(
        **arrays, **json.loads(about["facts"]), features=AudioFeatures.from_dict(json.loads(about["features"]))
    )
