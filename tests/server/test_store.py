"""One database of votes, several processes."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from apex_space.storage.vote_store import VoteStore
from helpers.forked import command
from helpers.paths import ROOT
from helpers.votes import votes_counted
from unit.storage.test_database import battle, cast, open_and_vote, vote

OPENERS = """
import os, sys
from contextlib import closing
from apex_space.storage.records import Battle, Song, Vote
from apex_space.storage.vote_store import VoteStore

for number in range(4):
    if os.fork() == 0:
        battle = Battle(str(number), Song("a"), Song("b"), "pool", 1.0)
        with closing(VoteStore(sys.argv[1])) as store:
            store.add_battle(battle)
            store.add_vote(Vote(battle, "a", 2.0, (5.0, 5.0), f"voter {number}"))
        sys.exit()
sys.exit(any([os.wait()[1] for _ in range(4)]))
"""
OPENER = """
import sys
from apex_space.storage.vote_store import VoteStore

VoteStore(sys.argv[1], "delete")
"""


def test_several_processes_may_open_a_new_database_at_once(url: str) -> None:
    subprocess.run(command("-c", OPENERS, url), cwd=ROOT, check=True)
    with closing(VoteStore(url)) as store:
        assert votes_counted(store) == 4


def test_a_rollback_journal_is_for_one_process_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'votes'}"
    open_and_vote(url, 0)  # in WAL mode, which is left
    with closing(VoteStore(url, "delete")) as store:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: cast(store, vote(battle(str(number)))), range(1, 20)))
        assert votes_counted(store) == 20
        assert [file.name for file in tmp_path.iterdir() if "wal" in file.name] == []
        second = command("-c", OPENER, url)
        done = subprocess.run(second, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 1
        assert "database is locked" in done.stderr
    with closing(VoteStore(url)) as store:
        assert votes_counted(store) == 20
