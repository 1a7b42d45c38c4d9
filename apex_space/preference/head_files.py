"""The files of preference heads: the shipped ones, and those that were fitted here."""

import os
from pathlib import Path
from typing import Any

from ..core.errors import PreferenceError, UnknownJudge
from ..core.files import replacing
from ..core.settings import settings
from ..judges.registry import DEFAULT, REGISTRY
from .head import PreferenceHead

SHIPPED = Path(__file__).with_name("heads")


def fitted_path(judge: str) -> Path:
    """Where `fit-preference` writes a judge's head. Raises UnknownJudge."""
    if judge not in REGISTRY:
        raise UnknownJudge(f"There is no judge {judge!r}. The judges are: {', '.join(REGISTRY)}.")
    return settings().data / "preferences" / f"{judge}.json"


def load(judge: str) -> PreferenceHead:
    """The head fitted here for a judge, else the shipped one, else pocket's, whose `judge` then tells so.

    Raises UnknownJudge and PreferenceError.
    """
    candidates = (fitted_path(judge), SHIPPED / f"{judge}.json", fitted_path(DEFAULT), SHIPPED / f"{DEFAULT}.json")
    return read(next((path for path in candidates if path.is_file()), candidates[-1]))


def read(path: Path) -> PreferenceHead:
    """The head in a file written from `Head.to_json`. Raises PreferenceError."""
    try:
        return PreferenceHead.from_json(path.read_text(encoding="utf-8"))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error  # an OSError's text has its path, and visitors see this one
        raise PreferenceError(
            f"{path.name} is not a preference head ({type(error).__name__}: {reason}). "
            "Delete it, or fit it again with `python -m apex_space fit-preference`."
        ) from error


def check_target(path: Path) -> None:
    """Raises PreferenceError if what is there is no head: it would be overwritten."""
    try:
        if os.path.lexists(path):
            read(path)
    except PreferenceError as error:
        raise PreferenceError(f"{path} is there and no preference head. Choose another place for it.") from error


def save(head: PreferenceHead, path: Path, **more: Any) -> None:
    """Write a head, with `more` for people, whole or not at all. Raises PreferenceError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_text(head.to_json(**more), encoding="utf-8")
            part.chmod(0o644)
    except OSError as error:
        raise PreferenceError(f"{path} cannot be written ({error.strerror}). Choose another place.") from error
