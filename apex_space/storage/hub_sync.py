"""Copies the votes to a dataset on the Hub, in the background.

Each vote belongs to one shard for ever. The database keeps which one, so that replicas do not copy a vote twice. A
shard is a parquet file with a unique name. Until the Hub has the file, any replica that lacks it writes it again from
the database.

Copies on the Hub are not changed, either. A vote that is set aside, restored or explained by tags after it was copied
is copied again into a later shard: of several rows on one battle, the one in the file with the last time in its name
counts.

Shards of older versions lack some columns. The Hub's library loads files of different columns together only if the file
whose name comes first has all of them, so the names of shards with all columns come before the old ones. The old ones
lack the time when a vote was set aside or restored, so they are imported from the last name to the first.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.errors import ApexSpaceError
from ..core.settings import Settings
from ..models.hub import TIMEOUTS, explain
from .vote_io import save, write_parquet
from .vote_rows import COLUMNS, REQUIRED, Row, to_rows
from .vote_store import VoteStore

OLD_SHARDS = f"votes-{'[0-9]' * 8}T{'[0-9]' * 6}-{'[0-9a-f]' * 32}.parquet"
"""Pattern of the names of shards' files that only have the columns of all versions."""
SHARDS = [f"all-{OLD_SHARDS}", OLD_SHARDS]
"""Patterns of the names of all shards' files. No other file is sent or deleted."""
MINUTES = 5.0
"""Minutes between two commits, and between two attempts to reach the Hub."""
logger = logging.getLogger(__name__)


def commit_regularly(
    repository: str,
    folder: Path,
    patterns: list[str],
    prepare: Callable[[], object],
    done: Callable[[list[Path]], object],
    minutes: float = MINUTES,
) -> Callable[[], None]:
    """Commit the files of `folder` that match `patterns` to a dataset now, every `minutes` and at exit.

    Return a function that stops the commits. A thread calls `prepare` before each commit, to write files, and `done`
    after it, with the files that the Hub has now. A failed commit is tried again at the next time. A missing dataset is
    created as a private one. Raises the built-in ConnectionError where the Hub cannot be reached or refuses writing.
    """
    from huggingface_hub import CommitScheduler, constants

    class Commits(CommitScheduler):
        def push_to_hub(self) -> None:
            try:
                prepare()
                if files := sorted(path for pattern in patterns for path in folder.glob(pattern)):
                    _ask(repository)
                    super().push_to_hub()
                    done(files)
            except ApexSpaceError as error:
                logger.warning("nothing is committed to %s until the next time: %s", repository, error)
            except Exception as error:  # the network, the client and the disk each raise their own
                logger.warning("%s took no commit, it is tried again: %s", repository, explain(error, repository))

    constants.HF_HUB_DISABLE_TELEMETRY = True  # else the client first looks up who calls: 3 s on a dead network
    options: dict[str, Any] = {"repo_type": "dataset", "path_in_repo": "data", "private": True}
    try:
        _ask(repository)
        return Commits(repo_id=repository, folder_path=folder, every=minutes, allow_patterns=patterns, **options).stop
    except Exception as error:  # the network, the client and the answer's parser each raise their own
        raise ConnectionError(explain(error, repository)) from error


def upload_snapshot(folder: Path, name: str, card: str, repository: str) -> None:
    """Commit the files of `folder` to a dataset as the folder `name`, and make `card` the card of the dataset.

    A missing dataset is created as a private one. Raises the built-in ConnectionError, also if the dataset has a folder
    of that name.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError

    constants.HF_HUB_DISABLE_TELEMETRY = True
    files: dict[str, bytes] = {f"{name}/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}
    try:
        with suppress(RepositoryNotFoundError):
            known = HfApi().dataset_info(repository, timeout=TIMEOUTS).siblings or []
            if any(each.rfilename.startswith(f"{name}/") for each in known):
                raise ConnectionError(f"it has {name} already")
        HfApi().create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
        HfApi().create_commit(
            repository,
            [CommitOperationAdd(place, content) for place, content in (files | {"README.md": card.encode()}).items()],
            commit_message=f"Add {name}",
            repo_type="dataset",
        )
    except ConnectionError:
        raise
    except Exception as error:  # the network, the client and the answer's parser each raise their own
        raise ConnectionError(explain(error, repository)) from error


def _ask(dataset: str) -> None:
    """Fail within seconds where the Hub does not answer.

    The requests of the commits themselves would wait for an answer for ever.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    with suppress(RepositoryNotFoundError):  # the first commit creates it
        HfApi().dataset_info(dataset, timeout=TIMEOUTS)


def _write_shard(path: Path, rows: Iterable[Row]) -> None:
    """Write a shard. One that was named by an older version gets the columns that its name promises."""
    write_parquet(path, rows, REQUIRED if path.name.startswith("votes-") else COLUMNS)


def upload_votes(store: VoteStore, config: Settings) -> None:
    """Copy all present and later votes to the Hub if the settings name a dataset."""
    if config.votes_repo:
        copy = VoteUploader(store, config.votes_repo, config.data / "shards")
        store.after_vote = copy.start
        copy.start()


class VoteUploader:
    """Copies the votes of `store` to the dataset `repository`. Files that are not sent yet are in `folder`.

    While the Hub cannot be reached, votes stay in the database. `commits` is `commit_regularly` or a function with the
    same interface.
    """

    def __init__(
        self,
        store: VoteStore,
        repository: str,
        folder: Path,
        commits: Callable[..., Callable[[], None]] = commit_regularly,
        minutes: float = MINUTES,
    ) -> None:
        self._store, self._repository, self._folder = store, repository, folder
        self._commits, self._minutes = commits, minutes
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._end: Callable[[], None] | None = None

    def start(self) -> None:
        """Start the thread that copies, unless it was started before.

        The store calls this after each vote, so it returns at once and does not fail.
        """
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="copy of the votes", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # too many threads: the next vote tries again
                    logger.warning("votes are not copied yet: %s", error)
                else:
                    self._thread = thread

    def stop(self) -> None:
        """Stop copying. A commit in progress continues."""
        self._stopping.set()
        if self._end is not None:
            self._end()

    def _run(self) -> None:
        steps = self._gather, self._sent
        while not self._stopping.is_set():
            try:
                self._end = self._commits(self._repository, self._folder, SHARDS, *steps, self._minutes)
                return
            except ConnectionError as error:
                logger.warning(
                    "votes are not copied to %s yet: %s. They are kept, and the next try is in %g minutes. "
                    "HF_TOKEN must be that of someone who may write there.",
                    *(self._repository, error, self._minutes),
                )
            except Exception:  # the thread must not end silently, whatever a library raises
                logger.exception("votes are not copied to %s yet", self._repository)
            self._stopping.wait(60 * self._minutes)

    def _gather(self) -> None:
        """Put new votes into a shard, and write a file for each shard that the Hub does not have."""
        self._store.claim(f"all-votes-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex}")
        for shard in self._store.unsent():
            path = self._folder / f"{shard}.parquet"
            if not path.exists():
                save(path, _write_shard, to_rows(self._store.in_shard(shard), self._store.scored()))

    def _sent(self, files: Iterable[Path]) -> None:
        files = list(files)
        self._store.mark_sent(path.stem for path in files)
        for path in files:
            path.unlink(missing_ok=True)
