"""The copy of the votes on the Hub: each vote once, whatever fails, and no vote waits for it."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from apex_space.core.errors import ArenaError
from apex_space.storage.hub_sync import VoteUploader
from apex_space.storage.records import Battle, Song, SongScores, Vote
from apex_space.storage.vote_rows import COLUMNS
from apex_space.storage.vote_store import VoteStore
from helpers.dataset_server import Datasets, serve
from helpers.forked import command
from helpers.wait import until

KILLED = 256 - signal.SIGKILL
"""The status of a forked program's client, where the program was killed."""
LAST_WORD = "end without warning"
CLIENT = f"""
import logging, os, signal, sys, time, warnings
warnings.simplefilter("error")
from pathlib import Path
from apex_space.storage.records import Battle, Song, Vote
from apex_space.storage.hub_sync import VoteUploader
from apex_space.storage.vote_store import VoteStore

logging.basicConfig(level="WARNING", format="%(message)s")
store = VoteStore(sys.argv[1])
store.after_vote = VoteUploader(store, "people/votes", Path(sys.argv[2]), minutes=0.01).start
for line in sys.stdin:
    if line.strip() == {LAST_WORD!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    battle = Battle(line.strip(), Song("a", "Title"), Song("b"), "pool", time.time())
    store.add_battle(battle)
    store.add_vote(Vote(battle, "a", time.time(), (5.0, 5.0), "voters-hash"))
    print(battle.id, flush=True)
"""


def copied(files: dict[str, bytes]) -> list[str]:
    """The battles whose votes are in parquet files, as often as they are there."""
    return sorted(battle for content in [*files.values()] for battle in pd.read_parquet(BytesIO(content))["battle"])


def cast(store: VoteStore, *ids: str) -> None:
    for id in ids:
        battle = Battle(id, Song("a", "Title"), Song("b"), "pool", 1.0)
        store.add_battle(battle, [SongScores("a", "apex", "r", {"clarity": 1.0})])
        store.add_vote(Vote(battle, "a", 2.0, (5.0, 5.0), f"voters-hash of {id}"))


class Commits:
    """Stands in for `hub.commit_regularly`: the test says when there is a commit, and what comes of it."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.started = threading.Event()
        self.may_start = threading.Event()
        self.may_start.set()
        self.ended = 0
        self.hub: dict[str, bytes] = {}

    def __call__(
        self,
        repository: str,
        folder: Path,
        patterns: list[str],
        prepare: Callable[[], object],
        done: Callable[[list[Path]], object],
        minutes: float,
    ) -> Callable[[], None]:
        self.may_start.wait(30)
        if self.failures:
            raise self.failures.pop(0)
        self.folder, self.prepare, self.done = folder, prepare, done
        self.started.set()
        return self.end

    def end(self) -> None:
        self.ended += 1

    def commit(self) -> None:
        self.upload()
        self.done(sorted(self.folder.glob("*.parquet")))

    def upload(self) -> None:
        """A commit after which the process ends before it learns of it."""
        self.prepare()
        self.hub |= {file.name: file.read_bytes() for file in self.folder.glob("*.parquet")}


def copy_of(store: VoteStore, commits: Commits, folder: Path) -> VoteUploader:
    copy = VoteUploader(store, "people/votes", folder, commits, minutes=0.0005)
    store.after_vote = copy.start
    return copy


def test_nothing_is_started_before_the_first_vote_which_does_not_wait(store: VoteStore, tmp_path: Path) -> None:
    commits = Commits()
    commits.may_start.clear()
    copy = copy_of(store, commits, tmp_path / "shards")
    before = set(threading.enumerate())
    assert "copy of the votes" not in {thread.name for thread in before}
    cast(store, "1", "2")  # both return while the Hub has not answered yet
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["copy of the votes"]
    commits.may_start.set()
    assert commits.started.wait(30)
    copy.stop()
    assert commits.ended == 1


def test_each_vote_is_copied_once(store: VoteStore, tmp_path: Path) -> None:
    commits = Commits()
    copy_of(store, commits, tmp_path / "shards")
    cast(store, "1", "2")
    assert commits.started.wait(30)
    commits.commit()
    assert copied(commits.hub) == ["1", "2"]
    commits.commit()
    cast(store, "3")
    commits.commit()
    commits.commit()
    assert len(commits.hub) == 2
    assert copied(commits.hub) == ["1", "2", "3"]
    assert list((tmp_path / "shards").iterdir()) == []


def test_a_copy_has_all_of_a_vote_but_the_voter(store: VoteStore, tmp_path: Path) -> None:
    commits = Commits()
    copy_of(store, commits, tmp_path / "shards")
    cast(store, "1")
    assert commits.started.wait(30)
    commits.commit()
    (content,) = commits.hub.values()
    (row,) = pd.read_parquet(BytesIO(content)).to_dict("records")
    assert (row["winner"], row["a_title"], "clarity" in row["scores"]) == ("a", "Title", True)
    assert b"voters-hash" not in content


def test_a_vote_set_aside_after_it_was_copied_is_copied_again(store: VoteStore, tmp_path: Path) -> None:
    commits = Commits()
    copy_of(store, commits, tmp_path / "shards")
    cast(store, "1", "2")
    assert commits.started.wait(30)
    commits.commit()
    before = set(commits.hub)
    store.set_aside(["1"], "a robot")
    commits.commit()
    commits.commit()
    tables = [pd.read_parquet(BytesIO(commits.hub[name])) for name in (*before, *(set(commits.hub) - before))]
    assert [[*zip(table["battle"], table["suspicion"], strict=True)] for table in tables] == [
        [("1", ""), ("2", "")],
        [("1", "a robot")],
    ]
    assert list(tables[0].columns) == list(tables[1].columns) == list(COLUMNS)


def test_a_hub_that_is_away_is_tried_again_and_gets_everything(
    store: VoteStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commits = Commits(ConnectionError("no network"), RuntimeError("a library's own"), ConnectionError("no network"))
    copy_of(store, commits, tmp_path / "shards")
    cast(store, "1", "2")
    assert commits.started.wait(30)
    commits.commit()
    assert copied(commits.hub) == ["1", "2"]
    assert caplog.text.count("no network") == 2
    assert "HF_TOKEN" in caplog.text


def test_after_a_restart_what_is_not_copied_yet_goes_and_nothing_twice(store: VoteStore, tmp_path: Path) -> None:
    folder, before, after = tmp_path / "shards", Commits(), Commits()
    copy_of(store, before, folder)
    cast(store, "sent")
    assert before.started.wait(30)
    before.commit()
    cast(store, "in a file")
    before.prepare()
    cast(store, "in the database")
    copy_of(store, after, folder).start()
    assert after.started.wait(30)
    after.hub = before.hub
    after.commit()
    assert copied(after.hub) == ["in a file", "in the database", "sent"]


@pytest.mark.parametrize("lost", [False, True])
def test_a_commit_that_was_not_heard_of_is_repeated_under_its_name(
    lost: bool, store: VoteStore, tmp_path: Path
) -> None:
    before, after = Commits(), Commits()
    copy_of(store, before, tmp_path / "shards")
    cast(store, "1", "2")
    assert before.started.wait(30)
    before.upload()
    copy_of(store, after, tmp_path / "new disk" if lost else tmp_path / "shards")
    cast(store, "3")
    assert after.started.wait(30)
    after.hub = before.hub
    after.commit()
    assert copied(after.hub) == ["1", "2", "3"]
    assert store.unsent() == []


def test_replicas_share_the_work(store: VoteStore, tmp_path: Path) -> None:
    replicas = [Commits(), Commits()]
    for number, commits in enumerate(replicas):
        commits.hub = replicas[0].hub
        copy_of(store, commits, tmp_path / str(number)).start()
        assert commits.started.wait(30)
    for number in range(6):
        cast(store, str(number))
        replicas[number % 2].upload()
        replicas[(number + 1) % 2].commit()
    assert copied(replicas[0].hub) == ["0", "1", "2", "3", "4", "5"]


def test_votes_that_no_file_could_be_made_of_go_with_the_next_commit(store: VoteStore, tmp_path: Path) -> None:
    commits = Commits()
    copy_of(store, commits, tmp_path / "shards")
    (tmp_path / "shards").touch()
    cast(store, "1")
    assert commits.started.wait(30)
    with pytest.raises(ArenaError, match="cannot be written"):
        commits.commit()
    (tmp_path / "shards").unlink()
    commits.commit()
    assert copied(commits.hub) == ["1"]
    assert store.unsent() == []


@dataclass
class Process:
    """A process that votes as it is told and copies through the Hub's real client."""

    popen: subprocess.Popen[str]
    log: Path

    def vote(self, *ids: str) -> None:
        for id in ids:
            assert self._answer(id) == f"{id}\n"

    def kill(self) -> None:
        assert self._answer(LAST_WORD) == ""
        assert self.popen.wait(30) == KILLED

    def _answer(self, word: str) -> str:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        print(word, file=self.popen.stdin, flush=True)
        return self.popen.stdout.readline()

    def said(self) -> str:
        return self.log.read_text()


@contextmanager
def process(url: str, folder: Path, hub: Datasets) -> Iterator[Process]:
    log = folder / "log"
    names = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "home"), "HF_TOKEN": "token-of-ours"}
    program = command("-c", CLIENT, url, str(folder / "shards"))
    pipe = subprocess.PIPE
    with (
        log.open("a") as errors,
        subprocess.Popen(program, env=os.environ | names, stdin=pipe, stdout=pipe, stderr=errors, text=True) as popen,
    ):
        yield Process(popen, log)
    assert popen.returncode in (0, KILLED)


@pytest.fixture
def hub() -> Iterator[Datasets]:
    with serve() as running:
        yield running


def test_the_hubs_client_makes_a_private_dataset_and_commits_what_never_reached_the_hub_too(
    hub: Datasets, url: str, tmp_path: Path
) -> None:
    hub.status = {"/people/votes": 503}
    with process(url, tmp_path, hub) as first:
        first.vote("1", "2")
    hub.status = {}
    first.log.unlink()
    with process(url, tmp_path, hub) as second:
        second.vote("3")
        until(lambda: copied(hub.files) == ["1", "2", "3"])
        assert second.said() == ""
        second.vote("4", "5")
    assert copied(hub.files) == ["1", "2", "3", "4", "5"], "the rest is committed at the end"
    assert hub.made_with == {"name": "votes", "organization": "people", "visibility": "private", "type": "dataset"}
    assert all(path.startswith("data/all-votes-") and path.endswith(".parquet") for path in hub.files)
    assert sorted(hub.files) == sorted(path for commit in hub.commits for path in commit)
    assert hub.tokens == {"Bearer token-of-ours"}


def test_votes_wait_for_a_hub_that_fails_or_refuses_and_then_go(hub: Datasets, url: str, tmp_path: Path) -> None:
    hub.status = {"/people/votes": 500}
    with process(url, tmp_path, hub) as voter:
        voter.vote("1")
        until(lambda: "the Hub answered 500" in voter.said())
        hub.status = {"/create": 403}
        until(lambda: "the Hub answered 403" in voter.said())
        hub.status = {"/commit/main": 401}
        until(lambda: "people/votes took no commit" in voter.said())
        voter.vote("2")
        hub.status = {}
        until(lambda: copied(hub.files) == ["1", "2"])
    assert "token-of-ours" not in voter.said()


def test_a_process_killed_while_it_commits_loses_and_doubles_nothing(hub: Datasets, url: str, tmp_path: Path) -> None:
    hub.keeps_and_is_silent = True
    with process(url, tmp_path, hub) as first:
        first.vote("1", "2")
        until(lambda: hub.commits)
        first.vote("3")
        first.kill()
    hub.keeps_and_is_silent = False
    with process(url, tmp_path, hub) as second:
        second.vote("4")
        until(lambda: copied(hub.files) == ["1", "2", "3", "4"])
