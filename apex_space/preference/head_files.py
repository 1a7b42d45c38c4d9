"""Reads and writes the files of preference heads: those fitted here, those shared on the Hub, and the shipped ones."""

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ..core.errors import PreferenceError, WeightsError
from ..core.files import replacing
from ..core.settings import settings
from ..judges.registry import DEFAULT, REGISTRY, find
from ..models.hub import fetch_files
from .head import PreferenceHead

SHIPPED = Path(__file__).with_name("heads")
MAX_BYTES = 200_000
"""Maximum size of a head's file on the Hub."""
logger = logging.getLogger(__name__)
_fetching = threading.Lock()


def fitted_path(judge: str) -> Path:
    """Return the path to which `fit-preference` writes a judge's head. Raises UnknownJudge."""
    find(judge)
    return settings().data / "preferences" / file_name(judge)


def file_name(judge: str) -> str:
    """Return the name of a judge's head in a folder or repository of heads."""
    return f"{judge}.json"


def load(judge: str) -> PreferenceHead:
    """Return the head fitted here for a judge, else the shared one, else the shipped one, else pocket's head.

    The head's `judge` tells whose head it is. Raises UnknownJudge and PreferenceError.
    """
    for name in (judge, DEFAULT):
        if (path := fitted_path(name)).is_file():
            break
        if name in shared():
            return shared()[name]
        if (path := SHIPPED / file_name(name)).is_file():
            break
    return read(path)


def shared() -> Mapping[str, PreferenceHead]:
    """Return the heads, by judge, of the repository that the settings name.

    It is asked once. What is wrong with it is logged, and then it is as if it did not have the heads.
    """
    config = settings()
    if not config.preference_repo:
        return {}
    with _fetching:
        return _fetched(config.preference_repo, config.preference_revision, config.weights)


@cache
def _fetched(repository: str, revision: str, weights: Path | None) -> Mapping[str, PreferenceHead]:
    try:
        folder, found = fetch_files(repository, revision, [*map(file_name, REGISTRY)], MAX_BYTES, weights)
    except WeightsError as error:
        logger.warning("APEX_PREFERENCE_REPO is not used, but the shipped preference heads: %s", error)
        return {}
    heads = {}
    for judge in REGISTRY:
        try:
            if (path := folder / file_name(judge)).is_file():
                heads[judge] = replace(read_shared(path, judge), source=f"{repository} ({found})")
        except PreferenceError as error:
            logger.warning("a preference head of %s is not used: %s", repository, error)
    return heads


def read_shared(path: Path, judge: str) -> PreferenceHead:
    """Return the head of this judge in a file that others wrote. Raises PreferenceError."""
    if path.stat().st_size > MAX_BYTES:
        raise PreferenceError("{file} has more than {size} bytes.", file=path.name, size=MAX_BYTES)
    head = read(path)
    if head.judge != judge:
        raise PreferenceError("{file} is the head of {judge}.", file=path.name, judge=head.judge)
    return head


def read(path: Path) -> PreferenceHead:
    """Return the head in a file that holds the text of `PreferenceHead.to_json`. Raises PreferenceError."""
    try:
        return PreferenceHead.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error  # an OSError's text has the path, and visitors see this text
        raise PreferenceError(
            "{file} is not a preference head ({kind}: {reason}). Delete it, or fit it again with `python -m "
            "apex_space fit-preference`.",
            file=path.name,
            kind=type(error).__name__,
            reason=reason,
        ) from error


def check_target(path: Path) -> None:
    """Raise PreferenceError if `path` exists and is not a head, because it would be overwritten."""
    try:
        if os.path.lexists(path):
            read(path)
    except PreferenceError as error:
        raise PreferenceError(
            "{path} is there and no preference head. Choose another place for it.", path=path
        ) from error


def save(head: PreferenceHead, path: Path, **more: Any) -> None:
    """Write a head completely or not at all, with `more` added for people. Raises PreferenceError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_text(head.to_json(**more), encoding="utf-8")
    except OSError as error:
        raise PreferenceError(
            "{path} cannot be written ({reason}). Choose another place.", path=path, reason=error.strerror
        ) from error
