"""Results under links of their own: what judges made of a song, kept without the song, until its maker deletes it.

An id cannot be guessed, and whoever has it can see the result. Whoever has the key can delete it, too; only the key's
hash is kept. Results stay for ever, but no more than `most`: beyond that the oldest goes.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import text

from ..audio.features import AudioFeatures
from ..core.axes import KEYS
from ..core.errors import LinkError, UnknownLink, WrongKey
from ..core.settings import Settings
from ..core.text import sanitize
from ..judges.registry import find
from ..judges.report import Report, Scores, Segment
from ..models.hub import Weights
from .database import Database, Parameters, write
from .identity import AddressHasher, open_hasher
from .rate_limits import RateLimiter

ID = re.compile(r"[\w-]{22}", re.ASCII)
ID_BYTES, KEY_BYTES = 16, 24
TITLE_LENGTH = 100
MAX_CHARACTERS = 500_000
"""Of the reports' JSON: six judges on an hour of music."""

ADD = "INSERT INTO links (id, key_hash, at, title, reports) VALUES (:id, :key_hash, :at, :title, :reports)"
DROP_OLDEST = (
    "DELETE FROM links WHERE at < (SELECT min(at) FROM (SELECT at FROM links ORDER BY at DESC LIMIT :most) AS newest)"
)
GET = "SELECT key_hash, at, title, reports FROM links WHERE id = :id"
DELETE = "DELETE FROM links WHERE id = :id"
UNKNOWN = "There is no result here: the link is not whole, or the result was deleted."


@dataclass(frozen=True)
class SharedResult:
    """What one judge or several made of a song, and since when (seconds since 1970) it is kept.

    `title` is what its maker called it, or empty. The reports have no file name, no hash of the samples, no audio.
    """

    title: str
    reports: tuple[Report, ...]
    at: float


@dataclass(frozen=True)
class DeletionKey:
    """The id of a result, which is its link, and the key that deletes it. The key is kept nowhere else."""

    id: str
    key: str


class SharedResults:
    """Keeps results in the votes' database; safe to use from many threads.

    All methods raise StoreError. What is said to be kept, or deleted, is so on disk.
    """

    def __init__(
        self, database: Database, hasher: AddressHasher, most: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._hash, self.most, self._clock = database, hasher, most, clock
        self._limiter = RateLimiter()

    def add(self, reports: Sequence[Report], title: str, address: str) -> DeletionKey:
        """Keep the reports on a song, which its maker at `address` calls `title`. Raises LinkError and TooFast."""
        if not reports:
            raise LinkError("There is no result yet. Score a song first.")
        if not self.most:
            raise LinkError("No results are kept here.")
        written = json.dumps([_anonymous(report).as_dict() for report in reports], allow_nan=False)
        if len(written) > MAX_CHARACTERS:
            raise LinkError("This result is too long to be kept. Score a shorter song, or ask one judge alone.")
        self._limiter.admit(self._hash(address), "link")
        receipt = DeletionKey(token_urlsafe(ID_BYTES), token_urlsafe(KEY_BYTES))
        row: Parameters = {
            "id": receipt.id,
            "key_hash": _key_hash(receipt.key),
            "at": self._clock(),
            "title": sanitize(" ".join(title.split()), TITLE_LENGTH),
            "reports": written,
        }
        with self._database.transaction(writing=True) as connection:
            write(connection, ADD, [row])
            write(connection, DROP_OLDEST, [{"most": self.most}])
        return receipt

    def get(self, id: str) -> SharedResult:
        """The result of that id, which may be any text from outside. Raises UnknownLink, and UnknownJudge where a
        judge of it is no longer known."""
        _, at, title, reports = self._row(id)
        return SharedResult(title, tuple(map(_report, json.loads(reports))), at)

    def delete(self, id: str, key: str) -> None:
        """Delete the result of that id. Raises UnknownLink and WrongKey."""
        key_hash, *_ = self._row(id)
        if not compare_digest(key_hash, _key_hash(key)):
            raise WrongKey("This key does not belong to this result. Nothing was deleted.")
        with self._database.transaction(writing=True) as connection:
            write(connection, DELETE, [{"id": id}])

    def _row(self, id: str) -> Sequence[Any]:
        found = None
        if ID.fullmatch(id):
            with self._database.transaction() as connection:
                found = connection.execute(text(GET), {"id": id}).one_or_none()
        if found is None:
            raise UnknownLink(UNKNOWN)
        return found


def open_shared_results(config: Settings, database: Database) -> SharedResults:
    """The results that the settings ask for, in the votes' database. Raises StoreError."""
    return SharedResults(database, open_hasher(config, database), config.links)


def _key_hash(key: str) -> str:
    """A key is as random as a hash is long, so that no salt is needed."""
    return sha256(key.encode(errors="replace")).hexdigest()


def _anonymous(report: Report) -> Report:
    return replace(report, file="", sha256="")


def _report(fields: dict[str, Any]) -> Report:
    """From a report's own JSON, of this version or an earlier one. Raises UnknownJudge."""
    find(fields["judge"])
    features = fields.pop("features", None) or fields.pop("measured")  # the name in version 0.1.0
    segments = tuple(Segment(part["start"], part["end"], _scores(part)) for part in fields["segments"])
    return Report(
        **fields
        | {
            "scores": _scores(fields["scores"]),
            "segments": segments,
            "features": AudioFeatures(**features),
            "weights": tuple(Weights(**weights) for weights in fields["weights"]),
        }
    )


def _scores(stored: Mapping[str, float | None]) -> Scores:
    """An axis that came after the result was stored has no score in it."""
    return {key: stored.get(key) for key in KEYS}
