"""Blind battles between two songs of a visitor for friends, who get a link: makes the clips and takes the votes.

These votes count nowhere else. The battles of the arena are in battles.py.
"""

import re
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..core import files
from ..core.errors import StoreError, VoteRefused
from ..core.settings import Settings
from ..storage.database import Database
from ..storage.friend_battles import FriendBattle, FriendBattleStore, FriendVotes
from ..storage.identity import AddressHasher, open_hasher
from ..storage.rate_limits import RateLimiter
from ..storage.shared_results import DeletionKey, is_key, new_receipt
from .battles import SWEEP_SECONDS, check_heard, decode_two, listening_times
from .clips import encode_clip
from .pool import PREFIX

VOTER = re.compile(r"[\w-]{16,64}", re.ASCII)


@dataclass(frozen=True)
class FriendReveal:
    """The votes on a battle, for its owner or for somebody who has voted.

    `choice` is the viewer's own vote: the id of a clip, UNDECIDED, or None if the viewer has not voted.
    """

    battle: FriendBattle
    votes: FriendVotes
    choice: str | None


class FriendBattles:
    """Makes battles for friends and takes votes on them. It is safe to use from many threads."""

    def __init__(self, store: FriendBattleStore, hasher: AddressHasher) -> None:
        self.store, self._hash = store, hasher
        self._limiter = RateLimiter()
        self._sweeper = threading.Thread(target=self._run, name="friends", daemon=True)

    @property
    def most(self) -> int:
        """Return how many battles may be kept at once: 0 if none are made."""
        return self.store.config.friend_battles

    def start(self) -> None:
        """Delete battles in the background when their time is over."""
        self._sweeper.start()

    def make(self, first: Path, second: Path, titles: Sequence[str], address: str) -> DeletionKey:
        """Store clips of two songs as a battle with the `titles` that a visitor at `address` gave.

        Both clips are equally loud and as long as the shorter song, so that only the music tells them apart. Raises
        AudioError, LinkError, TooFast, StoreError, and ArenaError if both songs are the same.
        """
        visitor = self._hash(address)
        self._limiter.admit(visitor, "friends")
        self.store.check_room(visitor)
        waveforms = decode_two(first, second)
        seconds = min(waveform.duration for waveform in waveforms)
        with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
            files.mark_own(folder := Path(name))
            pairs = zip((first, second), waveforms, strict=True)
            clips = [encode_clip(song, waveform, folder, seconds).path for song, waveform in pairs]
            receipt = new_receipt()
            self.store.add(clips, titles, seconds, visitor, receipt)
        return receipt

    def vote(self, id: str, voter: str, key: str, choice: str, heard: Sequence[float], address: str) -> None:
        """Take a vote of the browser `voter`: the id of a clip, or UNDECIDED. It is on disk when this returns.

        `heard` are the seconds of A and of B that the browser counted. Owners, who have the `key`, do not vote. Raises
        UnknownLink, VoteRefused and TooFast.
        """
        visitor = self._hash(address)
        self._limiter.admit(visitor, "vote")
        if not VOTER.fullmatch(voter):
            raise VoteRefused("This vote is not valid. Reload the page.")
        battle = self.store.get(id)
        if is_key(key, battle.key_hash):
            raise VoteRefused("This is your own battle: your friends decide it.")
        check_heard(listening_times(heard), [battle.seconds] * 2)
        self.store.vote(id, voter, choice, visitor)

    def reveal(self, id: str, voter: str, key: str) -> FriendReveal | None:
        """Return the votes for somebody who has voted or has the key, and None for all others. Raises UnknownLink."""
        battle = self.store.get(id)
        choice = self.store.choice(battle, voter)
        if choice is None and not is_key(key, battle.key_hash):
            return None
        return FriendReveal(battle, self.store.votes(battle), choice)

    def _run(self) -> None:
        while True:
            with suppress(StoreError):  # it is logged, and the store may work again later
                self.store.sweep()
            time.sleep(SWEEP_SECONDS)


def open_friend_battles(config: Settings, database: Database) -> FriendBattles:
    """Open the battles for friends in the votes' database. Raises StoreError."""
    return FriendBattles(FriendBattleStore(database, config), open_hasher(config))
