"""What results under links promise: kept as they were without the song, found by id alone, deleted by key alone."""

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from apex_space.core.errors import UnknownLink
from apex_space.storage.identity import AddressHasher
from apex_space.storage.shared_results import SharedResults
from apex_space.storage.vote_store import VoteStore
from helpers.database import KINDS, database
from helpers.killed import said_until_killed


def count(store: VoteStore) -> int:
    with store.transaction() as connection:
        return connection.scalar(text("SELECT count(*) FROM links")) or 0


PROCESSES = 3
MAKER = """
from helpers.results import HERE, report
from apex_space.storage.vote_store import VoteStore
from apex_space.storage.identity import AddressHasher
from apex_space.storage.shared_results import SharedResults

def work(url):
    links = SharedResults(VoteStore(url), AddressHasher("salt"), 1_000_000)
    links._limiter.admit = lambda visitor, action: None
    while True:
        kept, gone = (links.add([report()], "", HERE) for _ in range(2))
        links.delete(gone.id, gone.key)
        os.write(1, f"{os.getpid()} {kept.id} {gone.id}\\n".encode())
"""


@pytest.mark.parametrize("kind", KINDS)
def test_every_acknowledged_result_and_deletion_survives_the_kill_of_its_process(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as url:
        VoteStore(url).close()
        told = said_until_killed(MAKER, url, processes=PROCESSES, seconds=0.5)
        with closing(VoteStore(url)) as store:
            links = SharedResults(store, AddressHasher("salt"), 1)
            for kept, gone in told:
                assert links.get(kept).reports
                with pytest.raises(UnknownLink):
                    links.get(gone)
            assert len(told) <= count(store) <= len(told) + 2 * PROCESSES, "each had two results under way"
