"""Stores blind battles for friends: two clips and the votes on them, for a day at most.

All of it is in the database, so that a battle is there or gone as a whole, also after a crash, and at every replica.
The votes have nothing to do with those of the arena. An id cannot be guessed, and anyone with the id can hear the
clips. Anyone with the key can also delete the battle. Only the key's hash is stored.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe

from sqlalchemy import Connection, text

from ..core.errors import AlreadyVoted, LinkError, UnknownLink, VoteRefused, WrongKey
from ..core.settings import Settings
from .database import Database, Parameters, keep_other_writers_out, write
from .identity import Visitor
from .rate_limits import WIDER
from .shared_results import ID, ID_BYTES, DeletionKey, clean_title, is_key, key_hash

PART_BYTES = 250_000
"""Size of the parts of a clip in the database: 8 s of sound. A listener who jumps ahead needs only some of them."""
MAX_VOTES_OF_VISITOR = 10
"""Maximum number of votes from one address on a battle. Friends in one room share an address.

A /48 network has WIDER times as many.
"""
UNDECIDED = ""
"""The choice of a voter who cannot decide."""
UNKNOWN = (
    "There is no battle here: the link is incomplete, or the battle was deleted. Battles for friends are deleted after "
    "{hours:g} hours at the latest."
)
FULL = (
    "There are as many battles for friends as fit on this server. Try again later: each is deleted after {hours:g} "
    "hours."
)
FULL_FOR_VISITOR = (
    "You have as many battles for friends as one visitor may have: {most} battles or {megabytes:g} MB. Delete one "
    "first, or try again tomorrow."
)
TOO_LONG = "These songs are too long for this: together they may have {megabytes:g} MB as mp3. Choose shorter ones."

ADD = (
    "INSERT INTO friend_battles (id, key_hash, at, visitor, seconds, first, first_title, first_bytes, second,"
    " second_title, second_bytes) VALUES (:id, :key_hash, :at, :visitor, :seconds, :first, :first_title, :first_bytes,"
    " :second, :second_title, :second_bytes)"
)
ADD_PART = "INSERT INTO friend_parts (battle, clip, part, bytes) VALUES (:battle, :clip, :part, :bytes)"
ADD_VOTE = (
    "INSERT INTO friend_votes (battle, voter, visitor, network, choice)"
    " VALUES (:battle, :voter, :visitor, :network, :choice) ON CONFLICT DO NOTHING"
)
HELD = (
    "SELECT count(*), coalesce(sum(first_bytes + second_bytes), 0) FROM friend_battles"
    " WHERE at > :since AND :visitor IN ('', visitor)"
)
GET = (
    "SELECT key_hash, at, seconds, first, first_title, first_bytes, second, second_title, second_bytes"
    " FROM friend_battles WHERE id = :id AND at > :since"
)
PART = "SELECT bytes FROM friend_parts WHERE battle = :battle AND clip = :clip AND part = :part"
VOTES = "SELECT choice, count(*) FROM friend_votes WHERE battle = :battle GROUP BY choice"
VOTES_OF = "SELECT count(*) FROM friend_votes WHERE battle = :battle AND visitor = :visitor"
VOTES_OF_NETWORK = "SELECT count(*) FROM friend_votes WHERE battle = :battle AND network = :network AND network <> ''"
CHOICE = "SELECT choice FROM friend_votes WHERE battle = :battle AND voter = :voter"
DELETE = "DELETE FROM friend_battles WHERE id = :id"
OLD = "SELECT id FROM friend_battles WHERE at <= :since"


@dataclass(frozen=True)
class FriendClip:
    """A song of a battle. `id` is random. `title` is what the owner calls it; voters see it after their vote."""

    id: str
    title: str
    bytes: int


@dataclass(frozen=True)
class FriendBattle:
    """A battle for friends. Both clips have the same length in `seconds`. `until` is in seconds since 1970."""

    id: str
    clips: tuple[FriendClip, FriendClip]
    seconds: float
    until: float
    key_hash: str


@dataclass(frozen=True)
class FriendVotes:
    """How many votes there are for the first and the second clip, and how many voters could not decide."""

    first: int
    second: int
    undecided: int


class FriendBattleStore:
    """Keeps battles in the votes' database. It is safe to use from many threads.

    All methods raise StoreError. When a method returns, its change is on disk.
    """

    def __init__(self, database: Database, config: Settings, clock: Callable[[], float] = time.time) -> None:
        self._database, self.config, self._clock = database, config, clock

    def check_room(self, visitor: Visitor) -> None:
        """Raise LinkError if a battle of this visitor would not be taken, however small it is."""
        with self._database.transaction() as connection:
            self._check_room(connection, visitor, 0)

    def add(
        self, clips: Sequence[Path], titles: Sequence[str], seconds: float, visitor: Visitor, receipt: DeletionKey
    ) -> None:
        """Store the bytes of two clips of `seconds` under the id and the key of `receipt`. Raises LinkError."""
        (first, second), (first_title, second_title) = (clip.read_bytes() for clip in clips), map(clean_title, titles)
        ids = token_urlsafe(ID_BYTES), token_urlsafe(ID_BYTES)
        parts: list[Parameters] = [
            {"battle": receipt.id, "clip": id, "part": start // PART_BYTES, "bytes": sound[start : start + PART_BYTES]}
            for id, sound in zip(ids, (first, second), strict=True)
            for start in range(0, len(sound), PART_BYTES)
        ]
        row: Parameters = {
            "id": receipt.id,
            "key_hash": key_hash(receipt.key),
            "at": self._clock(),
            "visitor": visitor.widest,
            "seconds": seconds,
            "first": ids[0],
            "first_title": first_title,
            "first_bytes": len(first),
            "second": ids[1],
            "second_title": second_title,
            "second_bytes": len(second),
        }
        with self._writing() as connection:
            self._check_room(connection, visitor, len(first) + len(second))
            write(connection, ADD, [row])
            write(connection, ADD_PART, parts)

    def get(self, id: str) -> FriendBattle:
        """Return the battle `id`, which may be any text from outside. Raises UnknownLink."""
        with self._database.transaction() as connection:
            return self._get(connection, id)

    def part(self, battle: str, clip: str, part: int) -> bytes:
        """Return a part of a clip. It is empty if the battle was deleted meanwhile."""
        with self._database.transaction() as connection:
            found = connection.scalar(text(PART), {"battle": battle, "clip": clip, "part": part})
        return bytes(found or b"")

    def vote(self, id: str, voter: str, choice: str, visitor: Visitor) -> None:
        """Store the `choice` of a voter: the id of one of the battle's clips, or UNDECIDED.

        `voter` is a random text of the voter's browser, of which a hash is stored. Raises UnknownLink, VoteRefused and
        AlreadyVoted.
        """
        row = {"battle": id, "voter": _hash(voter), "choice": choice}
        row |= {"visitor": visitor.hash, "network": visitor.network}
        with self._writing() as connection:
            battle = self._get(connection, id)
            if choice not in (UNDECIDED, *(clip.id for clip in battle.clips)):
                raise VoteRefused("This vote is for no song of this battle. Reload the page.")
            if not write(connection, ADD_VOTE, [row]):
                raise AlreadyVoted("You have voted in this battle before. That vote stays.")
            for votes_of, most in ((VOTES_OF, MAX_VOTES_OF_VISITOR), (VOTES_OF_NETWORK, WIDER * MAX_VOTES_OF_VISITOR)):
                if connection.scalar(text(votes_of), row) > most:
                    raise VoteRefused(
                        "Too many votes came from your network. No more are taken from it in this battle."
                    )

    def votes(self, battle: FriendBattle) -> FriendVotes:
        """Count the votes so far."""
        with self._database.transaction() as connection:
            counts: dict[str, int] = dict(connection.execute(text(VOTES), {"battle": battle.id}).all())
        first, second = (counts.get(clip.id, 0) for clip in battle.clips)
        return FriendVotes(first, second, counts.get(UNDECIDED, 0))

    def choice(self, battle: FriendBattle, voter: str) -> str | None:
        """Return the choice of a voter, or None before the vote."""
        with self._database.transaction() as connection:
            return connection.scalar(text(CHOICE), {"battle": battle.id, "voter": _hash(voter)})

    def delete(self, id: str, key: str) -> None:
        """Delete the battle `id` with its clips and votes. Raises UnknownLink and WrongKey."""
        if not is_key(key, self.get(id).key_hash):
            raise WrongKey("This key does not belong to this battle. Nothing was deleted.")
        with self._writing() as connection:
            write(connection, DELETE, [{"id": id}])

    def sweep(self) -> None:
        """Delete the battles whose time is over, with their clips and votes.

        Each is deleted by itself, so that other writers need not wait until hundreds of megabytes are overwritten.
        """
        with self._database.transaction() as connection:
            old = connection.scalars(text(OLD), {"since": self._since()}).all()
        for id in old:
            with self._writing() as connection:
                write(connection, DELETE, [{"id": id}])

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Yield a connection for a change. One change is made after the other, so that bounds hold at all replicas."""
        with self._database.transaction(writing=True) as connection:
            keep_other_writers_out(connection, "friend_battles")
            yield connection

    def _get(self, connection: Connection, id: str) -> FriendBattle:
        found = None
        if ID.fullmatch(id):
            found = connection.execute(text(GET), {"id": id, "since": self._since()}).one_or_none()
        if found is None:
            raise UnknownLink(UNKNOWN, hours=self.config.friend_hours)
        hashed, at, seconds, *clips = found
        pair = FriendClip(*clips[:3]), FriendClip(*clips[3:])
        return FriendBattle(id, pair, seconds, at + self._lifetime, hashed)

    def _check_room(self, connection: Connection, visitor: Visitor, size: int) -> None:
        config, since = self.config, self._since()
        battles, held = connection.execute(text(HELD), {"visitor": "", "since": since}).one()
        if battles >= config.friend_battles or held + size > config.friend_megabytes * 1e6:
            raise LinkError(FULL, hours=config.friend_hours)
        most, megabytes = config.friend_visitor_battles, config.friend_visitor_megabytes
        if size > megabytes * 1e6:
            raise LinkError(TOO_LONG, megabytes=megabytes)
        battles, held = connection.execute(text(HELD), {"visitor": visitor.widest, "since": since}).one()
        if battles >= most or held + size > megabytes * 1e6:
            raise LinkError(FULL_FOR_VISITOR, most=most, megabytes=megabytes)

    @property
    def _lifetime(self) -> float:
        return self.config.friend_hours * 3600

    def _since(self) -> float:
        """Return when the oldest battle that is still there can have been made."""
        return self._clock() - self._lifetime


def _hash(voter: str) -> str:
    return sha256(voter.encode(errors="replace")).hexdigest()[:32]
