"""Writes what a run of training leaves in its folder."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from errno import EACCES
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.errors import TrainingError
from ..core.files import check_own, replacing
from .loop import LAST
from .table import Split

CURVES, RESULTS, SETTINGS = "curves.csv", "results.csv", "settings.json"
CHALLENGE = "challenge.csv"
ABOUT = ("version", "device", "songs", "data", "settings")
"""What `settings.json` tells."""
PICTURE, LOCK = "curves.svg", ".apex-space-train.lock"


def prepare(folder: Path) -> Path:
    """Make a folder for results before any work, and return it. Raises TrainingError if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise TrainingError(f"{folder} cannot be written to ({error.strerror}). Choose another --out.") from error
    return folder


def write(path: Path, content: str) -> None:
    """Write a text completely or not at all. Raises TrainingError."""
    try:
        with replacing(path) as part:
            part.write_text(content, encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror}). Choose another --out.") from error


def begin(folder: Path, about: str, checkpoint: str, results: Sequence[str]) -> None:
    """Write what a new run is, as `settings_json` tells, and delete the `results` of the run that was there before.

    If a run goes on there, its own files stay, because training may find that it is another one. Raises TrainingError,
    and OutputRefused if a file of others has the name of one of ours.
    """
    check_run(folder, checkpoint, results)
    if not (folder / LAST).exists():
        for name in results:  # they must not be published beside the new checkpoint
            (folder / name).unlink(missing_ok=True)
        write(folder / SETTINGS, about)


def check_run(folder: Path, checkpoint: str, results: Sequence[str] = (RESULTS,)) -> None:
    """Raise OutputRefused if a file of others in the folder has the name of one of ours."""
    if not (folder / LAST).exists():
        names = SETTINGS, CURVES, PICTURE, checkpoint, *results
        check_own(folder, names, lambda text: {*ABOUT} <= json.loads(text).keys())


def check_table(folder: Path, names: Sequence[str], record: type) -> None:
    """Raise OutputRefused if there are files of others with these names.

    They are ours if the first one is a table with the columns of `record`, a dataclass.
    """
    columns = ",".join(field.name for field in fields(record))
    check_own(folder, names, lambda text: text.startswith(columns))


def settings_json(settings: Any, split: Split, device: str, data: Mapping[str, Any] | None = None) -> str:
    """Return JSON of what a run is: its settings, its numbers of songs, what these are, and what computes it."""
    songs = {part: len(each.keys()) for part, each in split.parts()}
    about = __version__, device, songs, data, asdict(settings)
    return json.dumps(dict(zip(ABOUT, about, strict=True)), indent=1) + "\n"


def rows_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return CSV with the columns of the first row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0]])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
