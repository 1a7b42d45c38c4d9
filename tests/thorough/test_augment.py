"""Changed copies of songs for HEAR: the script of docs/training.md in an environment of its own, on real songs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.paths import ROOT
from helpers.songs import short

pytestmark = pytest.mark.timeout(600)
RATE = 24_000


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("augment")
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    (package,) = {line.split()[-1] for line in page.splitlines() if "augment/bin/pip install" in line}
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", package], check=True)
    return folder / "bin" / "python"


def copy(python: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [python, ROOT / "assets" / "augment_songs.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_copies_are_near_their_song_the_same_again_and_never_overwritten(python: Path, tmp_path: Path) -> None:
    songs, copies, again = (tmp_path / name for name in ("songs", "copies", "again"))
    (songs / "album").mkdir(parents=True)
    for song in ("bossa", "house", "folk"):
        (songs / "album" / f"{song}.ogg").write_bytes(short(f"{song}.ogg").read_bytes())
    (songs / "letter.mp3").write_text("Dear listener")
    (songs / "album" / "bossa_aug1.ogg").write_bytes(short("bossa.ogg").read_bytes())
    (tmp_path / "targets.jsonl").write_text(
        """{"id": "album/bossa", "split": "train"}\n{"id": "album/house", "split": "train"}
{"id": "album/folk", "split": "test"}\n{"id": "letter", "split": "train"}\n"""
    )
    (copies / "album").mkdir(parents=True)
    (copies / "album" / "house_aug2.wav").write_text("mine")
    done = copy(python, songs, copies, "--targets", tmp_path / "targets.jsonl")
    assert done.returncode == 1
    assert "letter.mp3: cannot be read" in done.stderr
    made = {f"{song}_aug{n}.wav" for song in ("bossa", "house") for n in (1, 2, 3)}
    assert {file.name for file in copies.rglob("*") if file.is_file()} == made
    assert (copies / "album" / "house_aug2.wav").read_text() == "mine"
    for song in ("bossa", "house"):
        are_near(songs / "album" / f"{song}.ogg", sorted(copies.rglob(f"{song}_aug[13].wav")))
    (songs / "letter.mp3").unlink()
    assert copy(python, songs, again, "--copies-of-each", 1).returncode == 0
    assert (again / "album" / "bossa_aug1.wav").read_bytes() == (copies / "album" / "bossa_aug1.wav").read_bytes()
    assert len([*again.rglob("*_aug1.wav")]) == 3


def are_near(song: Path, copies: list[Path]) -> None:
    """In form, length and level, but not the same."""
    intact, rate = soundfile.read(song)
    level = np.sqrt(np.square(intact.mean(1)).mean())
    found = [soundfile.read(file)[0] for file in copies]
    for file, samples in zip(copies, found, strict=True):
        told = soundfile.info(file)
        assert (told.samplerate, told.channels, told.subtype) == (RATE, 1, "PCM_24")
        assert len(samples) == pytest.approx(len(intact) / rate * RATE, abs=1)
        assert 0.6 < np.sqrt(np.square(samples).mean()) / level < 1.6
    assert not np.array_equal(found[0], found[1])
