"""Writes what a run of training leaves in its folder."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from errno import EACCES
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.errors import TrainingError
from ..core.files import replacing
from .table import Split

CURVES, RESULTS, SETTINGS = "curves.csv", "results.csv", "settings.json"


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


def settings_json(settings: Any, split: Split, device: str) -> str:
    """Return JSON of what a run is: its settings, its numbers of songs, and what computes it."""
    songs = {part: len(each.keys()) for part, each in split.parts()}
    about = {"version": __version__, "device": device, "songs": songs, "settings": asdict(settings)}
    return json.dumps(about, indent=1) + "\n"


def rows_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return CSV with the columns of the first row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0]])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
