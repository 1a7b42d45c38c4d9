"""Stores the results of judges under links, without the song, until the person who shared them deletes them.

An id cannot be guessed, and anyone with the id can see the result. Anyone with the key can also delete it. Only the
key's hash is stored. Results have no time limit, but at most `most` of them are kept. Then a visitor who shared many in
a day loses the oldest of them, before others lose theirs.
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
from ..core.text import Message, sanitize
from ..judges.registry import find
from ..judges.report import Report, Scores, Segment
from ..judges.windows import Windows
from ..models.hub import Weights
from .database import Database, Parameters, write
from .identity import AddressHasher, open_hasher
from .rate_limits import RateLimiter

ID = re.compile(r"[\w-]{22}", re.ASCII)
ID_BYTES, KEY_BYTES = 16, 24
TITLE_LENGTH = 100
MAX_CHARACTERS = 500_000
"""Maximum length of the reports' JSON in characters: enough for seven judges on an hour of music."""

ADD = (
    "INSERT INTO links (id, key_hash, at, title, reports, visitor)"
    " VALUES (:id, :key_hash, :at, :title, :reports, :visitor)"
)
COUNT = "SELECT count(*) FROM links"
DROP = (
    "DELETE FROM links WHERE id IN (SELECT id FROM (SELECT id, at, row_number()"
    " OVER (PARTITION BY coalesce(visitor, id) ORDER BY at DESC) AS nth FROM links) AS numbered"
    f" ORDER BY nth, at DESC LIMIT {2**31 - 1} OFFSET :most)"
)
"""Keeps the `most` results that come first in this order: each visitor's newest, then each visitor's second newest."""
GET = "SELECT key_hash, at, title, reports FROM links WHERE id = :id"
DELETE = "DELETE FROM links WHERE id = :id"
UNKNOWN = "There is no result here: the link is incomplete, or the result was deleted."


@dataclass(frozen=True)
class SharedResult:
    """The reports of one or more judges on a song, stored `at` seconds since 1970.

    `title` is the title that the sharing person gave, or empty. The reports hold no file name, no hash of the samples
    and no audio.
    """

    title: str
    reports: tuple[Report, ...]
    at: float


@dataclass(frozen=True)
class DeletionKey:
    """The id of what is shared, which is its link, and the key that deletes it. The key is stored nowhere else."""

    id: str
    key: str


class SharedResults:
    """Keeps results in the votes' database. It is safe to use from many threads.

    All methods raise StoreError. When `add` or `delete` returns, the change is on disk.
    """

    def __init__(
        self, database: Database, hasher: AddressHasher, most: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._hash, self.most, self._clock = database, hasher, most, clock
        self._limiter = RateLimiter()

    def add(self, reports: Sequence[Report], title: str, address: str) -> DeletionKey:
        """Store reports on a song under the `title` that a visitor at `address` gave. Raises LinkError and TooFast."""
        if not reports:
            raise LinkError("There is no result yet. Score a song first.")
        if not self.most:
            raise LinkError("No results are kept here.")
        written = json.dumps([_storable(_anonymous(report).as_record()) for report in reports], allow_nan=False)
        if len(written) > MAX_CHARACTERS:
            raise LinkError("This result is too long to be kept. Score a shorter song, or ask one judge alone.")
        visitor = self._hash(address)
        self._limiter.admit(visitor, "link")
        receipt = new_receipt()
        row: Parameters = {
            "id": receipt.id,
            "key_hash": key_hash(receipt.key),
            "at": self._clock(),
            "title": clean_title(title),
            "reports": written,
            "visitor": visitor.widest,
        }
        with self._database.transaction(writing=True) as connection:
            write(connection, ADD, [row])
            if connection.scalar(text(COUNT)) > self.most:
                write(connection, DROP, [{"most": self.most - self.most // 100}])  # the next ones cost nothing
        return receipt

    def get(self, id: str) -> SharedResult:
        """Return the result `id`, which may be any text from outside.

        Raises UnknownLink, and UnknownJudge where one of the result's judges no longer exists.
        """
        _, at, title, reports = self._row(id)
        return SharedResult(title, tuple(map(_report, json.loads(reports, object_hook=_restored))), at)

    def delete(self, id: str, key: str) -> None:
        """Delete the result `id`. Raises UnknownLink and WrongKey."""
        expected, *_ = self._row(id)
        if not is_key(key, expected):
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
    """Open the shared results in the votes' database, limited as the settings say. Raises StoreError."""
    return SharedResults(database, open_hasher(config), config.shared_results)


def new_receipt() -> DeletionKey:
    """Return a new id, which cannot be guessed, and a new key."""
    return DeletionKey(token_urlsafe(ID_BYTES), token_urlsafe(KEY_BYTES))


def key_hash(key: str) -> str:
    """Hash a key. It needs no salt, because keys are long random texts."""
    return sha256(key.encode(errors="replace")).hexdigest()


def is_key(key: str, expected: str) -> bool:
    """Return whether `expected` is the hash of this key."""
    return compare_digest(expected, key_hash(key))


def clean_title(title: str) -> str:
    """Reduce a title that a visitor gave to one line of visible characters. It is not safe as HTML."""
    return sanitize(" ".join(title.split()), TITLE_LENGTH)


def _anonymous(report: Report) -> Report:
    return replace(report, file="", sha256="")


def _storable(value: Any) -> Any:
    """Return plain values in which messages keep their templates, so that they can be shown in other languages."""
    if isinstance(value, Message):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {name: _storable(part) for name, part in value.items()}
    return [_storable(part) for part in value] if isinstance(value, list | tuple) else value


def _restored(fields: dict[str, Any]) -> Any:
    """Return the message that `_storable` took apart, and any other object as it is."""
    return Message(fields["template"], fields["values"]) if fields.keys() == {"template", "values"} else fields


def _report(fields: dict[str, Any]) -> Report:
    """Make a report from its JSON, which this version or an earlier one wrote. Raises UnknownJudge."""
    find(fields["judge"])
    features = fields.pop("features", None) or fields.pop("measured")  # the name in version 0.1.0
    segments = tuple(
        Segment(part["start"], part["end"], _scores(part), part.get("counts", True), part.get("lift", {}))
        for part in fields["segments"]
    )
    return Report(
        **fields
        | {
            "scores": _scores(fields["scores"]),
            "segments": segments,
            "features": AudioFeatures.from_dict(features),
            "weights": tuple(Weights(**weights) for weights in fields["weights"]),
            "windows": Windows.from_dict(windows) if (windows := fields.get("windows")) else None,
        }
    )


def _scores(stored: Mapping[str, float | None]) -> Scores:
    """Return the scores of all axes: None for an axis that was added after the result was stored."""
    return {key: stored.get(key) for key in KEYS}
