"""A vote that was acknowledged is there after a crash: processes that vote are killed at random moments."""

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest

from apex_space.storage.records import Battle, Song
from apex_space.storage.vote_store import VoteStore
from helpers.database import KINDS, database
from helpers.votes import votes_counted

PROCESSES, ROUNDS, SHARED = 8, 3, 120
MAX_SECONDS = 1.5
"""Seconds that a process goes on voting after its first vote, at most."""

VOTERS = """
import os, sys, time
from dataclasses import replace
from itertools import count
from apex_space.storage.records import Battle, Song, Vote
from apex_space.storage.vote_store import VoteStore
from apex_space.core.errors import AlreadyVoted

url, name, processes, shared = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def vote_on_and_on():
    store, voter = VoteStore(url), f"{name}-{os.getpid()}"
    for number in count():
        own = Battle(f"{voter}-{number}", Song("a", "A"), Song("b", "B"), "pool", time.time())
        store.add_battle(own)
        for battle in (own, replace(own, id=f"shared-{number % shared}")):
            try:
                store.add_vote(Vote(battle, "a", time.time(), (5.0, 5.0), voter))
            except AlreadyVoted:
                continue
            os.write(1, f"{os.getpid()} {voter} {battle.id}\\n".encode())

for _ in range(processes):
    if os.fork() == 0:
        vote_on_and_on()
for _ in range(processes):
    os.write(1, f"ended {os.waitstatus_to_exitcode(os.wait()[1])}\\n".encode())
"""

Acknowledged = list[tuple[str, str]]
"""Battle and voter of each vote that a process was told is kept."""


def votes_until_killed(url: str, name: str, chance: random.Random) -> Acknowledged:
    told: Acknowledged = []
    ends: list[str] = []
    killers: dict[str, Timer] = {}
    command = [sys.executable, "-c", VOTERS, url, name, str(PROCESSES), str(SHARED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as nest:
        assert nest.stdout is not None
        for line in nest.stdout:
            process, *rest = line.split()
            if process == "ended":
                ends += rest
                continue
            told.append((rest[1], rest[0]))
            if process not in killers:
                killers[process] = Timer(chance.uniform(0, MAX_SECONDS), os.kill, (int(process), signal.SIGKILL))
                killers[process].start()
    assert ends == [str(-signal.SIGKILL)] * PROCESSES, "a process ended by itself"
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_every_acknowledged_vote_survives_the_kill_of_its_process_exactly_once(kind: str, tmp_path: Path) -> None:
    told: Acknowledged = []
    with database(kind, tmp_path) as url:
        with closing(VoteStore(url)) as store:
            for number in range(SHARED):
                store.add_battle(Battle(f"shared-{number}", Song("a"), Song("b"), "pool", 0.0))
        for number in range(1, ROUNDS + 1):
            told += votes_until_killed(url, str(number), random.Random())
            with closing(VoteStore(url)) as store:
                voters = {vote.battle.id: vote.voter for vote in store.votes()}
                assert len(voters) == votes_counted(store)
            assert [(battle, voters.get(battle)) for battle, _ in told] == told
            assert len(dict(told)) == len(told)
            assert len(told) <= len(voters) <= len(told) + number * PROCESSES, "each had one vote under way"
