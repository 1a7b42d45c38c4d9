"""The copy of the votes to a dataset on the Hub, in the background.

Each vote is put into one shard, for good and in the database, so that replicas do not copy it twice. A shard is a
parquet file with a unique name; until the Hub has it, it is made again from the database wherever it is missing.
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
from .vote_io import rows, save, write_parquet
from .votes import VoteStore

SHARDS = f"votes-{'[0-9]' * 8}T{'[0-9]' * 6}-{'[0-9a-f]' * 32}.parquet"
"""The names of shards' files: no other file is sent or deleted."""
MINUTES = 5.0
"""Between two commits, and between two tries to reach the Hub."""
logger = logging.getLogger(__name__)


def commit_regularly(
    repository: str,
    folder: Path,
    pattern: str,
    prepare: Callable[[], object],
    done: Callable[[list[Path]], object],
    minutes: float = 5,
) -> Callable[[], None]:
    """Commit the files of `folder` that match `pattern` to a dataset now, every `minutes` and at exit; returns what
    ends it.

    In a thread, `prepare` is called before each commit, to write files, and `done` after it with the files that the Hub
    has now; a commit that failed is tried again at the next time. A dataset that is not there is made, a private one.
    Raises ConnectionError, the built-in one, where the Hub cannot be reached or does not let us write.
    """
    from huggingface_hub import CommitScheduler, constants

    class Commits(CommitScheduler):
        def push_to_hub(self) -> None:
            try:
                prepare()
                if files := sorted(folder.glob(pattern)):
                    _ask(repository)
                    super().push_to_hub()
                    done(files)
            except ApexSpaceError as error:
                logger.warning("nothing is committed to %s until the next time: %s", repository, error)
            except Exception as error:  # the network, the client and the disk each have their own
                logger.warning("%s took no commit, it is tried again: %s", repository, explain(error, repository))

    constants.HF_HUB_DISABLE_TELEMETRY = True  # as above
    options: dict[str, Any] = {"repo_type": "dataset", "path_in_repo": "data", "private": True}
    try:
        _ask(repository)
        return Commits(repo_id=repository, folder_path=folder, every=minutes, allow_patterns=pattern, **options).stop
    except Exception as error:  # the network, the client and the answer's parser each have their own
        raise ConnectionError(explain(error, repository)) from error


def _ask(dataset: str) -> None:
    """Fails in seconds where the Hub is away: the commits' own requests would wait for an answer without end."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    with suppress(RepositoryNotFoundError):  # not yet: it will be made
        HfApi().dataset_info(dataset, timeout=TIMEOUTS)


def upload_votes(store: VoteStore, config: Settings) -> None:
    """Copy the votes that are there and every later one, where the settings name a dataset."""
    if config.votes_repo:
        copy = VoteUploader(store, config.votes_repo, config.data / "shards")
        store.after_vote = copy.start
        copy.start()


class VoteUploader:
    """Copies the votes of `store` to the dataset `repository`. Files on their way there lie in `folder`.

    While the Hub is away, votes wait in the database. `commits` is `hub.commit_regularly`, or works as it does.
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
        """Begin to copy, unless that was done; to be called at each vote. Returns at once and does not fail."""
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
        """Copy nothing more. A commit that has begun goes on."""
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
        """Put new votes into a shard, and write a file for each shard that the Hub lacks."""
        self._store.claim(f"votes-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex}")
        for shard in self._store.unsent():
            path = self._folder / f"{shard}.parquet"
            if not path.exists():
                save(path, write_parquet, rows(self._store.in_shard(shard), self._store.scored()))

    def _sent(self, files: Iterable[Path]) -> None:
        files = list(files)
        self._store.mark_sent(path.stem for path in files)
        for path in files:
            path.unlink(missing_ok=True)
