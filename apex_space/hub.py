"""Repository and revision -> a folder on this disk. The only module that touches the network for models."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import WeightsMissing
from .report import Weights

OnBytes = Callable[[int, int], None]
"""Called with the bytes received so far and the bytes expected."""


@dataclass(frozen=True)
class Repository:
    """A repository of the Hub at a revision; `needs` are its files that must be there."""

    id: str
    revision: str
    needs: tuple[str, ...]
    checkpoints: tuple[str, ...]
    """Names of the weights file, the preferred one first; one of them must be there."""


@dataclass(frozen=True)
class Snapshot:
    """A repository on this disk: its folder, the checkpoint in it and what to write in a report."""

    folder: Path
    checkpoint: Path
    weights: Weights


def fetch(repository: Repository, weights: Path | None = None, on_bytes: OnBytes | None = None) -> Snapshot:
    """Find `repository` below the folder `weights`, or download what is not in the Hub's cache yet.

    Raises WeightsMissing, at once where there is no network.
    """
    if weights is not None:
        return _local(repository, weights / repository.id.rsplit("/", 1)[-1])
    for checkpoint in repository.checkpoints:
        folder = _download(repository, checkpoint, on_bytes)
        if (folder / checkpoint).is_file():
            _require(repository, folder)
            return Snapshot(folder, folder / checkpoint, Weights(repository.id, folder.name))
    raise WeightsMissing(
        f"{repository.id} at {repository.revision} holds no {' or '.join(repository.checkpoints)}. "
        "Check the repository and revision in the settings."
    )


def _local(repository: Repository, folder: Path) -> Snapshot:
    found = [folder / name for name in repository.checkpoints if (folder / name).is_file()]
    if not found:
        raise WeightsMissing(
            f"{folder} holds no {' or '.join(repository.checkpoints)}. Copy the files of {repository.id} there."
        )
    _require(repository, folder)
    with found[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Snapshot(folder, found[0], Weights(repository.id, f"local file {found[0].name}, sha256 {digest[:12]}"))


def _require(repository: Repository, folder: Path) -> None:
    missing = [name for name in repository.needs if not (folder / name).is_file()]
    if missing:
        raise WeightsMissing(f"{folder} lacks {', '.join(missing)} of {repository.id}. Fetch the repository again.")


def _download(repository: Repository, checkpoint: str, on_bytes: OnBytes | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, IncompleteSnapshotError

    try:
        return Path(
            snapshot_download(
                repository.id,
                revision=repository.revision,
                allow_patterns=["config.json", *repository.needs, checkpoint],
                tqdm_class=_reporter(on_bytes),
            )
        )
    except IncompleteSnapshotError as error:
        reason = f"only part of it was downloaded ({error.snapshot_path} is incomplete) and the Hub cannot be reached"
    except HfHubHTTPError as error:
        reason = f"the Hub answered {error.response.status_code}"
    except HFValidationError:
        reason = "that is not a repository's name"
    except OSError as error:
        reason = f"the Hub cannot be reached ({type(error.__cause__ or error).__name__})"
    raise WeightsMissing(
        f"No weights of {repository.id} at {repository.revision}: {reason}. Connect to the network and start again, "
        f"or copy the repository to DIR/{repository.id.rsplit('/', 1)[-1]} and name DIR with --weights or APEX_WEIGHTS."
    )


def _reporter(on_bytes: OnBytes | None) -> type:
    """A silent progress bar class that hands the bytes it counts to `on_bytes`."""
    from huggingface_hub.utils import tqdm

    class Reporter(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._written = str(kwargs.get("desc", "")).startswith("Reconstructing")
            super().__init__(*args, **kwargs | {"file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            if self._written and on_bytes is not None:
                on_bytes(int(self.n), int(self.total or 0))
            return shown

    return Reporter
