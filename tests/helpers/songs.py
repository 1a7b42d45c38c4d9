"""The beginnings of the examples: what a page does with a song seldom takes half a minute of one."""

import csv
import tempfile
from functools import cache
from pathlib import Path

import soundfile

from apex_space.arena.pool_sources import from_examples
from helpers.paths import EXAMPLES

SECONDS, IN_POOL = 12, 8
MARKUP = " <img src=x onerror=document.title='owned'>"
_FOLDER = tempfile.TemporaryDirectory(prefix="apex-tests-")


@cache
def short(name: str) -> Path:
    """A file of the same name with the first SECONDS of an example."""
    return _beginning(name, SECONDS, Path(_FOLDER.name))


def _beginning(name: str, seconds: int, folder: Path) -> Path:
    with soundfile.SoundFile(EXAMPLES / name) as song:
        soundfile.write(folder / name, song.read(seconds * song.samplerate), song.samplerate)
    return folder / name


@cache
def pool() -> Path:
    """A folder for the arena with four examples, the first seconds of each: every server prepares them. Whoever wrote
    its table is hostile."""
    folder = Path(_FOLDER.name) / "pool"
    folder.mkdir()
    with (folder / "songs.csv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(("file", "title", "generator", "prompt", "license"))
        for song in from_examples(damaged=True, offered=True)[-4:]:
            _beginning(song.file.name, IN_POOL, folder)
            writer.writerow((song.file.name, song.title, song.generator + MARKUP, song.prompt + MARKUP, "CC0 1.0"))
    return folder
