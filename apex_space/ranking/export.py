"""Exports a ranking as csv or json, and the kept songs as files or a zip."""

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from ..audio.song_names import split_name
from ..core.axes import KEYS
from ..core.errors import BatchError
from ..core.text import escape_formula
from ..judges import report
from ..judges.report_csv import DETAILS, details
from .order import RankedSong, Ranking

COLUMNS = (
    *("rank", "kept", "file", "group", "by", "value", "low", "high", *KEYS, "same_as", "error"),
    *("undecided", "judge", "head", "level", "duration_s", *DETAILS, "best_start_s", "best_end_s"),
)
MAX_STEM_LENGTH = 120
"""Maximum number of bytes of a name without its ending. Most file systems take 255 bytes for a name, some take less."""
RESERVED = str.maketrans(dict.fromkeys('<>:"/\\|?*', "_"))
"""Replaces by underscores the characters that a file's name must not have on some operating system."""


def to_json(ranking: Ranking) -> str:
    """Return the whole ranking, including the complete report on each song."""
    return report.to_json(ranking.as_dict())


def to_csv(ranking: Ranking) -> str:
    """Return a row for each song. Texts that a spreadsheet would run as a formula get an apostrophe in front."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    rules = ranking.rules
    head = f"{rules.head.judge} {rules.head.revision_id}" if rules.head else ""
    same = {"by": rules.by, "judge": rules.judge, "head": head, "level": rules.level}
    for row in ranking.rows:
        texts = {"file": row.song.name, "group": row.song.group, "same_as": row.same_as, "error": row.error}
        figures = {name: getattr(row, name) for name in ("rank", "value", "low", "high")}
        figures |= {"kept": int(row.kept), "undecided": int(row.undecided)}
        scored = {"duration_s": row.report.duration, **row.report.scores, **details(row.report)} if row.report else {}
        if row.passage:
            figures |= {"best_start_s": row.passage.start, "best_end_s": row.passage.end}
        escaped = {key: escape_formula(value) for key, value in texts.items()}
        writer.writerow(report.rounded(same | figures | scored | escaped))
    return text.getvalue()


def named(ranking: Ranking) -> Iterator[tuple[str, RankedSong]]:
    """Yield each kept song with a safe file name that begins with its place: `01 name.wav`."""
    kept = ranking.kept
    width = max(2, len(str(len(kept))))
    for place, row in enumerate(kept, 1):
        stem, suffix = split_name(row.song.name)
        yield f"{place:0{width}} {_safe(stem)}{suffix.lower()}", row


def _safe(stem: str) -> str:
    """Return a name as a file's name. Of a long path, the end is kept."""
    return stem.translate(RESERVED).encode()[-MAX_STEM_LENGTH:].decode(errors="ignore").strip(". ") or "song"


def check_target(folder: Path) -> None:
    """Raise BatchError unless `folder` is new or empty.

    Nothing is ever overwritten, and songs are not mixed with those of an earlier ranking.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise BatchError(
                "{folder} is not empty. Name a new or an empty folder, so that nothing is overwritten.", folder=folder
            )
    except OSError as error:
        raise BatchError(
            "{folder} cannot be used ({reason}). Name another folder.", folder=folder, reason=error.strerror
        ) from error


def copy_kept(ranking: Ranking, folder: Path) -> int:
    """Copy the kept songs into a new or empty folder. Return how many were copied. Raises BatchError."""
    check_target(folder)
    copied = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, row in named(ranking):
            with row.song.path.open("rb") as source, (folder / name).open("xb") as target:
                shutil.copyfileobj(source, target)
            copied += 1
    except OSError as error:
        raise BatchError(
            "Only {copied} songs could be copied to {folder} ({reason}).",
            copied=copied,
            folder=folder,
            reason=error.strerror,
        ) from error
    return copied


def zip_kept(ranking: Ranking, file: Path) -> None:
    """Write the kept songs as a zip, without songs whose files are gone.

    The zip is not compressed, because sound files hardly shrink.
    """
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for name, row in named(ranking):
            if row.song.path.is_file():
                archive.write(row.song.path, name)
