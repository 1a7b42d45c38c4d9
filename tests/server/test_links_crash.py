"""What results under links promise: kept as they were without the song, found by id alone, deleted by key alone."""

import os
import random
import signal
import subprocess
import sys
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import text

from apex_space.core.errors import UnknownLink
from apex_space.storage.identity import AddressHasher
from apex_space.storage.shared_results import SharedResults
from apex_space.storage.vote_store import VoteStore
from helpers.database import KINDS, database
from helpers.paths import ROOT


def count(store: VoteStore) -> int:
    with store.transaction() as connection:
        return connection.scalar(text("SELECT count(*) FROM links")) or 0


MAKER = """
import os, sys
sys.path.insert(0, sys.argv[2])
from helpers.results import HERE, report
from apex_space.storage.vote_store import VoteStore
from apex_space.storage.identity import AddressHasher
from apex_space.storage.shared_results import SharedResults

links = SharedResults(VoteStore(sys.argv[1]), AddressHasher("salt"), 1_000_000)
links._limiter.admit = lambda visitor, action: None
while True:
    kept, gone = (links.add([report()], "", HERE) for _ in range(2))
    links.delete(gone.id, gone.key)
    os.write(1, f"{kept.id} {gone.id}\\n".encode())
"""


@pytest.mark.parametrize("kind", KINDS)
def test_every_acknowledged_result_and_deletion_survives_the_kill_of_its_process(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as url:
        VoteStore(url).close()
        command = [sys.executable, "-c", MAKER, url, str(ROOT / "tests")]
        told = []
        with ExitStack() as stack:
            popen = partial(subprocess.Popen, command, stdout=subprocess.PIPE, text=True)
            makers = [stack.enter_context(popen()) for _ in range(3)]
            for maker in makers:
                assert maker.stdout is not None
                told.append(maker.stdout.readline().split())
                Timer(random.uniform(0, 1), os.kill, (maker.pid, signal.SIGKILL)).start()
            for maker in makers:
                assert maker.stdout is not None
                told += [line.split() for line in maker.stdout]
                assert maker.wait() == -signal.SIGKILL, "a process ended by itself"
        with closing(VoteStore(url)) as store:
            links = SharedResults(store, AddressHasher("salt"), 1)
            for kept, gone in told:
                assert links.get(kept).reports
                with pytest.raises(UnknownLink):
                    links.get(gone)
            assert len(told) <= count(store) <= len(told) + 2 * len(makers), "each had two results under way"
