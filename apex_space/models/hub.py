"""Finds a repository at a revision on this disk, downloads it, or commits to it. No other module does so for models."""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import WeightsInvalid, WeightsMissing
from ..core.text import message

OnBytes = Callable[[int, int], None]
"""Callback that gets the bytes of a repository received so far and the bytes expected. Download threads call it."""

CONNECT, ANSWER = 1.2, 4.0
"""Time limits in seconds: CONNECT to reach the Hub, and ANSWER until it answers a first question.

CONNECT leaves time for one lost packet, which is sent again after one second.
"""
REACH, ANY = 2.0, "m-a-p/MERT-v1-95M"
"""Time limit in seconds for finding out whether there is a Hub at all, and the repository to ask for."""
TIMEOUTS: Any = (CONNECT, ANSWER, ANSWER, ANSWER)
"""Time limits in seconds to connect, to read, to write and to get a connection from the client's pool."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Weights:
    """The source of a judge's weights: a repository (or folder) and its revision (or content hash)."""

    repository: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repository} ({self.revision})"


@dataclass(frozen=True)
class Repository:
    """A repository of the Hub at a revision. `needs` names the files that must be there."""

    id: str
    revision: str
    needs: tuple[str, ...]
    checkpoints: tuple[str, ...]
    """Possible names of the weights file, the preferred one first. One of these files must be there."""
    folder: Path | None = None
    """The folder of the repository on this disk. If it is None, `fetch` looks for the repository."""


@dataclass(frozen=True)
class Snapshot:
    """A repository on this disk: its folder, the checkpoint in it, and the source to name in a report."""

    folder: Path
    checkpoint: Path
    weights: Weights


def cache_folder() -> str:
    """Return the folder on this disk that keeps downloads."""
    from huggingface_hub import constants

    return constants.HF_HUB_CACHE


def fetch(
    repository: Repository, weights: Path | None = None, on_bytes: OnBytes | None = None, cached: bool = False
) -> Snapshot:
    """Find `repository` below the folder `weights`, or download what is not in the Hub's cache yet.

    With `cached`, nothing is downloaded. Raises WeightsMissing. Without a network, it raises at once.
    """
    if (folder := _given(repository, weights)) is not None:
        file = _checkpoint(repository, folder)
        return Snapshot(folder, file, Weights(repository.id, _file_revision(file)))
    candidates, trouble = (repository.checkpoints, "it is not on this machine") if cached else _offered(repository)
    candidates = candidates if trouble else candidates[:1]
    for checkpoint in candidates:
        folder = Path(_snapshot(repository, checkpoint, trouble, tqdm_class=_reporter(on_bytes)))
        if (folder / checkpoint).is_file():
            _require(repository, folder)
            return Snapshot(folder, folder / checkpoint, Weights(repository.id, folder.name))
    raise _missing(
        repository,
        message(
            "{trouble}, and {folder} holds no {candidates}",
            trouble=trouble,
            folder=folder,
            candidates=" or ".join(candidates),
        ),
    )


def _given(repository: Repository, weights: Path | None) -> Path | None:
    """Return the folder on this disk that must hold the repository; None if the Hub or its cache may have it."""
    return repository.folder or (weights and weights / repository.id.rsplit("/", 1)[-1])


def _checkpoint(repository: Repository, folder: Path) -> Path:
    found = [folder / name for name in repository.checkpoints if (folder / name).is_file()]
    if not found:
        raise WeightsMissing(
            "{folder} holds no {checkpoints}. Copy the files of {repository} there.",
            folder=folder,
            checkpoints=" or ".join(repository.checkpoints),
            repository=repository.id,
        )
    _require(repository, folder)
    return found[0]


def _file_revision(checkpoint: Path) -> str:
    with checkpoint.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return message("local file {name}, sha256 {digest}", name=checkpoint.name, digest=digest[:12])


def _require(repository: Repository, folder: Path) -> None:
    missing = [name for name in repository.needs if not (folder / name).is_file()]
    if missing:
        raise WeightsMissing(
            "{folder} lacks {missing} of {repository}. Fetch the repository again.",
            folder=folder,
            missing=", ".join(missing),
            repository=repository.id,
        )


def download_size(repository: Repository, weights: Path | None = None) -> int:
    """Return how many bytes `fetch` would still download.

    Raises WeightsMissing if the files are not on this disk and the Hub does not offer them.
    """
    if (folder := _given(repository, weights)) is not None:
        _checkpoint(repository, folder)
        return 0
    candidates, trouble = _offered(repository)
    if trouble is not None:
        with suppress(WeightsMissing):
            fetch(repository, cached=True)
            return 0
        raise _missing(repository, trouble)
    files = _snapshot(repository, candidates[0], None, tqdm_class=_reporter(None), dry_run=True)
    return sum(file.file_size for file in files if file.will_download)


def fetch_files(
    repository: str, revision: str, names: Sequence[str], max_bytes: int, weights: Path | None = None
) -> tuple[Path, str]:
    """Find or download those of the files `names` that a repository has. Return their folder and its revision.

    Without a network, what an earlier call has downloaded is taken. Raises WeightsMissing, also if there is none of the
    files, and WeightsInvalid if one of the files on the Hub has more than `max_bytes`.
    """
    wanted = Repository(repository, revision, (), tuple(names))
    if (folder := _given(wanted, weights)) is not None:
        _checkpoint(wanted, folder)
        return folder, message("local folder {name}", name=folder.name)
    offered, trouble = _offered(wanted)
    wanted = replace(wanted, needs=offered)
    quiet = _reporter(None)
    if trouble is None:
        for file in _snapshot(wanted, offered[0], None, tqdm_class=quiet, dry_run=True):
            if file.file_size > max_bytes:
                raise WeightsInvalid(
                    "{file} of {repository} has more than {size} bytes; it is not downloaded.",
                    file=file.filename,
                    repository=repository,
                    size=max_bytes,
                )
    folder = Path(_snapshot(wanted, offered[0], trouble, tqdm_class=quiet))
    return folder, folder.name


def fetch_dataset(dataset: str, patterns: Sequence[str], max_bytes: int) -> tuple[Path, str]:
    """Download the files of a dataset whose names fit one of `patterns`. Return their folder and its revision.

    What is on this disk is not downloaded again; without a network, it is taken as it is. Raises the built-in
    ConnectionError, also if no file fits, or if those that fit have more than `max_bytes` together.
    """
    from huggingface_hub import HfApi, snapshot_download

    options: dict[str, Any] = {"allow_patterns": [*patterns], "tqdm_class": _reporter(None), "repo_type": "dataset"}
    try:
        try:
            revision = HfApi().dataset_info(dataset, timeout=TIMEOUTS).sha
            files: Any = snapshot_download(dataset, revision=revision, dry_run=True, **options)
        except Exception as error:  # the network, the client and the answer's parser each have their own exceptions
            with suppress(Exception):  # whatever it says, the first error is the one to tell
                folder = Path(snapshot_download(dataset, local_files_only=True, **options))
                return folder, folder.name
            raise error
        if not files:
            raise ConnectionError(f"it holds no {' or '.join(patterns)}")
        if (size := sum(file.file_size for file in files)) > max_bytes:
            raise ConnectionError(f"it has {size:,} bytes, more than expected")
        return Path(snapshot_download(dataset, revision=revision, **options)), str(revision)
    except ConnectionError:
        raise
    except Exception as error:  # as above
        raise ConnectionError(explain(error, "/".join(("datasets", dataset)))) from error


def unreachable(seconds: float = REACH) -> str | None:
    """Return why the Hub cannot be reached, or None if it answers, whatever it says.

    It takes at most `seconds`: looking up the Hub's name has no time limit of its own.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    constants.HF_HUB_DISABLE_TELEMETRY = True
    answer: list[str | None] = []

    def ask() -> None:
        try:
            HfApi().model_info(ANY, timeout=TIMEOUTS)
            answer.append(None)
        except HfHubHTTPError:
            answer.append(None)
        except Exception as error:  # the network, the client and the answer's parser each have their own exceptions
            answer.append(explain(error, ANY))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answer[0] if answer else f"the Hub did not answer within {seconds:g} s"


def files_of(repository: str) -> tuple[str, frozenset[str]] | None:
    """Return the newest commit of a model's repository and the names of its files, or None if there is no repository.

    Raises the built-in ConnectionError if the Hub does not tell.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = HfApi().model_info(repository, timeout=TIMEOUTS)
    except Exception as error:  # the network, the client and the answer's parser each have their own exceptions
        if isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError):
            return None
        raise ConnectionError(explain(error, repository)) from error
    return str(info.sha), frozenset(file.rfilename for file in info.siblings or ())


def commit_files(repository: str, contents: Mapping[str, str | Path], title: str, parent: str | None) -> str:
    """Write these files to a model's repository in one commit, and return the commit's address.

    A file's content is a text, or that of a file on this disk.

    `parent` is the commit that they are for: if there is a newer one, nothing is written. Without it, the repository is
    created as a private one. Other files stay as they are. Raises the built-in ConnectionError.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    try:
        if parent is None:
            api.create_repo(repository, private=True)
        added = [CommitOperationAdd(n, c.encode() if isinstance(c, str) else c) for n, c in contents.items()]
        return str(api.create_commit(repository, added, commit_message=title, parent_commit=parent).commit_url)
    except Exception as error:  # the network, the client and the answer's parser each have their own exceptions
        refused = type(error) is ValueError  # the Hub has read the card, and says what is wrong with it
        raise ConnectionError(str(error) if refused else explain(error, repository)) from error


def _offered(repository: Repository) -> tuple[tuple[str, ...], str | None]:
    """Return the checkpoints there and None, or all possible ones and why the Hub does not serve `repository`.

    `snapshot_download` asks the Hub the same question, but without a time limit. A Hub that accepts the connection
    and never answers would block it.
    """
    from huggingface_hub import HfApi, constants

    constants.HF_HUB_DISABLE_TELEMETRY = True  # otherwise the client first looks up who calls: 3 s on a dead network
    try:
        info = HfApi().model_info(repository.id, revision=repository.revision, timeout=TIMEOUTS)
    except Exception as error:  # the network, the client and the answer's parser each have their own exceptions
        return repository.checkpoints, explain(error, repository.id)
    names = {file.rfilename for file in info.siblings or ()}
    candidates = tuple(name for name in repository.checkpoints if name in names)
    if not candidates:
        raise _missing(
            repository, message("it holds no {checkpoints}", checkpoints=" or ".join(repository.checkpoints))
        )
    return candidates, None


def _snapshot(repository: Repository, checkpoint: str, trouble: str | None, **options: Any) -> Any:
    """Call `snapshot_download` for the files needed. If there is `trouble` with the Hub, use its cache alone."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # its warnings about retries and fallbacks would interrupt the progress display
    options |= {"revision": repository.revision, "local_files_only": trouble is not None}
    try:
        return snapshot_download(repository.id, allow_patterns=[*repository.needs, checkpoint], **options)
    except IncompleteSnapshotError as error:
        raise _missing(
            repository,
            message(
                "{trouble}; an earlier download is incomplete ({folder})", trouble=trouble, folder=error.snapshot_path
            ),
        ) from error
    except Exception as error:  # the network, the client, its storage and the disk each have their own exceptions
        raise _missing(
            repository, trouble or message("the download broke off, {reason}", reason=explain(error, repository.id))
        ) from error


def _missing(repository: Repository, reason: str) -> WeightsMissing:
    return WeightsMissing(
        "No weights of {repository} at {revision}: {reason}. Fix this and retry, or copy the repository to "
        "DIR/{folder} and pass --weights DIR or set APEX_WEIGHTS.",
        repository=repository.id,
        revision=repository.revision,
        reason=reason,
        folder=repository.id.rsplit("/", 1)[-1],
    )


def explain(error: BaseException, repository: str) -> str:
    """Explain to a user what went wrong when the Hub was asked for `repository`."""
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{repository}"
    match error:
        case errors.LocalEntryNotFoundError(__cause__=BaseException() as cause):
            return explain(cause, repository)
        case errors.GatedRepoError():
            return message(
                "it is gated: accept the terms on {page} and set HF_TOKEN to a token of the account that did so",
                page=page,
            )
        case errors.HfHubHTTPError(response=response) if response.status_code in (401, 403):
            return message(
                "the Hub answered {status}: there is no such repository, or it is private or gated (if it is gated, "
                "accept the terms on {page}; set HF_TOKEN to a token that has access)",
                status=response.status_code,
                page=page,
            )
        case errors.RepositoryNotFoundError():
            return "the Hub has no such repository, or it is private"
        case errors.RevisionNotFoundError():
            return "the repository has no such revision"
        case errors.HfHubHTTPError(response=response):
            return message("the Hub answered {status}", status=response.status_code)
        case errors.HFValidationError():
            return "that is not a repository's name"
        case errors.OfflineModeIsEnabled():
            return "HF_HUB_OFFLINE forbids the network"
        case OSError():
            return (error.strerror or str(error)).splitlines()[0]
        case _:
            return message("the Hub cannot be reached ({kind})", kind=type(error).__name__)


def _reporter(on_bytes: OnBytes | None) -> type:
    """Return a progress bar class that shows nothing and passes the bytes it counts to `on_bytes`."""
    from huggingface_hub.utils.tqdm import tqdm

    class Reporter(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            # The client keeps two bars: one for the bytes received, which xet compresses, one for the bytes written.
            self._written = str(kwargs.get("desc", "")).startswith("Reconstructing")
            super().__init__(*args, **kwargs | {"disable": True})

        def update(self, n: float | None = 1) -> None:
            with self.get_lock():  # each file has its own thread
                self.n += n or 0
                if self._written and on_bytes is not None:
                    on_bytes(int(self.n), int(self.total or 0))

    return Reporter
