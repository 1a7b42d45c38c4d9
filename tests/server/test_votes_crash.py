"""A vote that was acknowledged is there after a crash: processes that vote are killed at random moments."""

from contextlib import closing
from pathlib import Path

import pytest

from apex_space.storage.records import Battle, Song
from apex_space.storage.vote_store import VoteStore
from helpers.database import KINDS, database
from helpers.killed import said_until_killed
from helpers.votes import votes_counted

PROCESSES, SHARED = 8, 120
VOTER = """
import time
from dataclasses import replace
from itertools import count
from apex_space.storage.records import Battle, Song, Vote
from apex_space.storage.vote_store import VoteStore
from apex_space.core.errors import AlreadyVoted

def work(url, name, shared):
    store, voter = VoteStore(url), f"{name}-{os.getpid()}"
    for number in count():
        own = Battle(f"{voter}-{number}", Song("a", "A"), Song("b", "B"), "pool", time.time())
        store.add_battle(own)
        for battle in (own, replace(own, id=f"shared-{number % int(shared)}")):
            try:
                store.add_vote(Vote(battle, "a", time.time(), (5.0, 5.0), voter))
            except AlreadyVoted:
                continue
            os.write(1, f"{os.getpid()} {voter} {battle.id}\\n".encode())
"""


def every_vote_survives(kind: str, folder: Path, rounds: int, seconds: float) -> None:
    """Have processes vote and be killed, `rounds` times; they go on voting for at most so many `seconds`."""
    told: list[tuple[str, str]] = []
    with database(kind, folder) as url:
        with closing(VoteStore(url)) as store:
            for number in range(SHARED):
                store.add_battle(Battle(f"shared-{number}", Song("a"), Song("b"), "pool", 0.0))
        for number in range(1, rounds + 1):
            said = said_until_killed(VOTER, url, str(number), str(SHARED), processes=PROCESSES, seconds=seconds)
            told += [(battle, voter) for voter, battle in said]
            with closing(VoteStore(url)) as store:
                voters = {vote.battle.id: vote.voter for vote in store.votes()}
                assert len(voters) == votes_counted(store)
            assert [(battle, voters.get(battle)) for battle, _ in told] == told
            assert len(dict(told)) == len(told)
            assert len(told) <= len(voters) <= len(told) + number * PROCESSES, "each had one vote under way"


@pytest.mark.parametrize("kind", KINDS)
def test_every_acknowledged_vote_survives_the_kill_of_its_process_exactly_once(kind: str, tmp_path: Path) -> None:
    every_vote_survives(kind, tmp_path, rounds=1, seconds=0.5)
