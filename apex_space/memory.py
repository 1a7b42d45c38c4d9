"""What was heard before: the embeddings and measurements of a song, by the hash of its samples.

Scores are not kept: a head makes them from embeddings in a millisecond, and always as it is now.
"""

import json
import logging
import os
import tempfile
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from .report import Measured

MOST_SONGS = 500
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heard:
    """A whole song through one encoder: `embeddings` [S, ...], `start` and `valid` [S] in samples at `rate` Hz.

    `sha256` is of the decoded samples, `duration` in seconds.
    """

    embeddings: np.ndarray
    start: np.ndarray
    valid: np.ndarray
    rate: int
    duration: float
    sha256: str
    measured: Measured


class Memory:
    """Keeps the last songs in this process and, where `folder` is given, up to `megabytes` of them on disk.

    A key names the samples, the encoder's weights and the precision. An entry on disk appears whole or not at all; one
    that cannot be read is deleted and heard again.
    """

    def __init__(self, folder: Path | None = None, megabytes: float = 500.0) -> None:
        self._songs: OrderedDict[str, Heard] = OrderedDict()
        self._samples: OrderedDict[str, str] = OrderedDict()
        self._folder, self._bytes = folder, int(megabytes * 1_000_000)
        self._lock = Lock()

    def get(self, key: str) -> Heard | None:
        """The song heard under `key`, if it is still known."""
        with self._lock:
            heard = self._songs.get(key) or self._read(key)
            if heard is not None:
                self._keep(key, heard)
            return heard

    def samples_of(self, file: str | None) -> str | None:
        """The hash of the samples in the file with this hash, if it was decoded before."""
        with self._lock:
            if file is None or file not in self._samples:
                return None
            self._samples.move_to_end(file)
            return self._samples[file]

    def put(self, key: str, heard: Heard, file: str | None = None) -> None:
        """Remember a song, and forget those that were not asked for the longest. `file` is the hash of its file."""
        with self._lock:
            self._keep(key, heard)
            if file is not None:
                self._samples[file] = heard.sha256
            while len(self._samples) > MOST_SONGS:
                self._samples.popitem(last=False)
            self._write(key, heard)

    def _keep(self, key: str, heard: Heard) -> None:
        self._songs[key] = heard
        self._songs.move_to_end(key)
        while len(self._songs) > MOST_SONGS:
            self._songs.popitem(last=False)

    def _read(self, key: str) -> Heard | None:
        if self._folder is None:
            return None
        path = self._folder / f"{key}.safetensors"
        try:
            heard = _unpack(path)
            os.utime(path)
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever damage does to a file, the song can be heard again
            logger.warning("dropping a damaged memory, %s: %s", path.name, error)
            path.unlink(missing_ok=True)
            return None
        return heard

    def _write(self, key: str, heard: Heard) -> None:
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as file:
                file.write(_pack(heard))
            os.replace(file.name, self._folder / f"{key}.safetensors")
            self._prune(self._folder)
        except OSError as error:  # a full or read-only disk must not cost the visitor the answer
            logger.warning("not remembered on disk: %s", error)

    def _prune(self, folder: Path) -> None:
        files = _by_age(folder)
        total = sum(size for _, size in files)
        for path, size in files:
            if total <= self._bytes:
                break
            path.unlink(missing_ok=True)
            total -= size


def _by_age(folder: Path) -> list[tuple[Path, int]]:
    """Entries and their sizes, the one unused the longest first."""
    found = []
    for entry in os.scandir(folder):
        state = entry.stat()
        found.append((state.st_mtime, Path(entry.path), state.st_size))
    return [(path, size) for _, path, size in sorted(found)]


def _pack(heard: Heard) -> bytes:
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(getattr(heard, name)) for name in ("embeddings", "start", "valid")}
    facts = {name: getattr(heard, name) for name in ("rate", "duration", "sha256")}
    return save(arrays, metadata={"facts": json.dumps(facts), "measured": json.dumps(asdict(heard.measured))})


def _unpack(path: Path) -> Heard:
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        about = file.metadata()
        arrays = {name: file.get_tensor(name) for name in ("embeddings", "start", "valid")}
    return Heard(**arrays, **json.loads(about["facts"]), measured=Measured(**json.loads(about["measured"])))
