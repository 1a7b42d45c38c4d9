"""Writes changed copies of songs, from which HEAR's heads learn, too: see docs/training.md.

    python3 -m venv augment && augment/bin/pip install audiomentations==0.43.1
    augment/bin/python assets/augment_songs.py SONGS COPIES

It needs an environment of its own, because audiomentations needs a soxr that this package cannot use. What is done to a
song, and how often, is as in HEAR's published training (EAR_HEAR, arXiv 2511.18869). Of the song ID there will be
ID_aug1.wav to ID_aug3.wav: 24 kHz, mono, 24 bits. Copies that are there already are left alone. The same song and
--seed give the same copies, in whatever order songs come.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import zlib
from pathlib import Path

import audiomentations
import librosa
import numpy as np
import soundfile

RATE = 24_000
ENDINGS = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff"}
COPY = re.compile(r"_aug\d+$")


def changes() -> audiomentations.Compose:
    """Return the published changes in their order. Each is made with its own probability `p`."""
    rolloff = dict(min_rolloff=12, max_rolloff=24)
    return audiomentations.Compose(
        [
            audiomentations.Gain(-2, 2, p=0.9),
            audiomentations.AddGaussianSNR(30, 50, p=0.25),
            audiomentations.PitchShift(-0.1, 0.1, p=0.5),
            audiomentations.TimeStretch(0.99, 1.01, leave_length_unchanged=True, p=0.4),
            audiomentations.Shift(-0.5, 0.5, shift_unit="seconds", rollover=True, fade_duration=0.005, p=0.4),
            audiomentations.HighPassFilter(80, 120, **rolloff, p=0.3),
            audiomentations.LowPassFilter(15_000, 18_000, **rolloff, p=0.3),
            audiomentations.SevenBandParametricEQ(-3, 3, p=0.3),
        ]
    )


def learned_from(targets: Path) -> set[str]:
    """Return the ids of the songs in the part `train` of a table (jsonl)."""
    rows = map(json.loads, targets.read_text(encoding="utf-8").splitlines())
    return {str(row["id"]) for row in rows if row["split"] == "train"}


def write_copy(samples: np.ndarray, seed: str, file: Path) -> None:
    """Write a copy of a song [n] to `file`, which is whole or not there at all."""
    number = zlib.crc32(seed.encode())
    random.seed(number)
    np.random.seed(number)  # audiomentations draws from both
    changed = changes()(samples, RATE)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".augment-") as folder:
        part = Path(folder) / file.name
        soundfile.write(part, changed, RATE, "PCM_24")
        part.replace(file)


def main() -> int:
    """Return 1 if a song could not be read, and 0 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("songs", type=Path, metavar="SONGS", help="a folder; a song's id is its path in it")
    parser.add_argument("copies", type=Path, metavar="COPIES", help="the folder to write to")
    parser.add_argument("--targets", type=Path, metavar="FILE.jsonl", help="copy its songs of the part train alone")
    parser.add_argument("--copies-of-each", type=int, default=3, metavar="N", help="default: 3")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    given = parser.parse_args()
    files = sorted(file for file in given.songs.rglob("*") if file.suffix.lower() in ENDINGS)
    songs = {file.relative_to(given.songs).with_suffix("").as_posix(): file for file in files}
    songs = {id: file for id, file in songs.items() if not COPY.search(id)}
    if given.targets:
        wanted = learned_from(given.targets)
        songs = {id: file for id, file in songs.items() if id in wanted}
    failed = 0
    for place, (id, file) in enumerate(songs.items(), 1):
        copies = {n: given.copies / f"{id}_aug{n}.wav" for n in range(1, given.copies_of_each + 1)}
        missing = {n: copy for n, copy in copies.items() if not copy.exists()}
        try:
            samples = librosa.load(file, sr=RATE, mono=True)[0] if missing else np.empty(0)
        except Exception as error:  # whatever a decoder raises, the other songs are copied
            print(f"{file}: cannot be read ({type(error).__name__}: {error})", file=sys.stderr)
            failed += 1
            continue
        for n, copy in missing.items():
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_copy(samples, f"{given.seed} {id} {n}", copy)
        print(f"{place} of {len(songs)} songs: {id}", file=sys.stderr)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
