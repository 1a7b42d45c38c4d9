"""Reads and writes the files of preference heads: the shipped heads, and those that were fitted here."""

import os
from pathlib import Path
from typing import Any

from ..core.errors import PreferenceError
from ..core.files import replacing
from ..core.settings import settings
from ..judges.registry import DEFAULT, find
from .head import PreferenceHead

SHIPPED = Path(__file__).with_name("heads")


def fitted_path(judge: str) -> Path:
    """Return the path to which `fit-preference` writes a judge's head. Raises UnknownJudge."""
    find(judge)
    return settings().data / "preferences" / f"{judge}.json"


def load(judge: str) -> PreferenceHead:
    """Return the head fitted here for a judge, else the shipped head, else pocket's head.

    The head's `judge` tells whose head it is. Raises UnknownJudge and PreferenceError.
    """
    candidates = (fitted_path(judge), SHIPPED / f"{judge}.json", fitted_path(DEFAULT), SHIPPED / f"{DEFAULT}.json")
    return read(next((path for path in candidates if path.is_file()), candidates[-1]))


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
            part.chmod(0o644)
    except OSError as error:
        raise PreferenceError(
            "{path} cannot be written ({reason}). Choose another place.", path=path, reason=error.strerror
        ) from error
