"""Compose and render the example songs: `python assets/examples/compose.py`.

A song is a score in `songs_*.py` (chord symbols, melodies in scale degrees, step patterns) played on `synth.py`. Every
random number comes from the song's own seed, so rendering twice gives the same samples. The code is Apache-2.0 as the
project; the songs are CC0-1.0.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import songs_band
import songs_dances
import songs_electronic
import songs_first
import songs_quiet
import soundfile
from scipy import signal
from songs import SONGS
from synth import SAMPLE_RATE, Rng, Wave, filtered, loudest, peaking

FAMILIES = (songs_first, songs_quiet, songs_electronic, songs_band, songs_dances)
ORDER = [name for family in FAMILIES for name, each in SONGS.items() if each.score.__module__ == family.__name__]
"""The songs as examples.json lists them: the pages offer the first ones."""
EXAMPLES = Path(__file__).resolve().parents[2] / "apex_space" / "arena" / "examples"

# ---------------------------------------------------------------- damage


def shuffled(x: Wave, rng: Rng) -> Wave:
    """Coherence: twelve pieces, cut off the beat, out of order, each at another speed and so in another key."""
    edges = np.linspace(0, len(x), 13).astype(int) + np.r_[0, rng.integers(-SAMPLE_RATE // 2, SAMPLE_RATE // 2, 11), 0]
    pieces = []
    for i, semitones in zip(rng.permutation(12), rng.permutation(np.r_[-5:-1, 1:5, -3, 0, 3, 6]), strict=True):
        piece = signal.resample_poly(x[edges[i] : edges[i + 1]], 1000, round(1000 * 2 ** (semitones / 12)), axis=0)
        n = np.arange(len(piece))
        pieces.append(piece * np.clip(np.minimum(n, n[::-1]) / 300, 0, 1)[:, None])
    return loudest(np.concatenate(pieces))


def buried(x: Wave, rng: Rng) -> Wave:
    """Clarity: treble lost, mud at 250 Hz, hard clipping, a bed of hiss and hum."""
    x = peaking(filtered(x, "low", 2600), 250, 9, 0.8)
    x = np.clip(x * 4 / np.abs(x).max(), -1, 1)
    hum = 0.03 * np.sin(2 * np.pi * 50 * np.arange(len(x)) / SAMPLE_RATE)[:, None]
    return loudest(x + hum + filtered(rng.normal(0, 0.09, x.shape), "low", 6000))


def crushed(x: Wave, rng: Rng) -> Wave:
    """Naturalness: phases mostly thrown away, 6 bits, every fourth sample held."""
    spectrum = signal.stft(x.T, nperseg=2048)[2]
    smear = np.exp(1j * rng.uniform(-0.8 * np.pi, 0.8 * np.pi, spectrum.shape[1:]))
    x = signal.istft(spectrum * smear, nperseg=2048)[1].T[: len(x)]
    x = np.round(x / np.abs(x).max() * 32) / 32
    return loudest(np.repeat(x[::4], 4, axis=0))


DAMAGES = {  # song: axis, damage, description
    "synthwave": ("coherence", shuffled, "Cut up off the beat and shuffled, with jumps of key and tempo."),
    "folk": ("clarity", buried, "Muffled, muddy and clipped, under hiss and hum."),
    "waltz": ("naturalness", crushed, "Phases smeared, crushed to 6 bits at 11 kHz."),
}

# ---------------------------------------------------------------- files


COMPRESSION = {"songs_first": 0.75}
"""The first songs are encoded less tightly. They must not change, since votes know a song by its samples."""


def write(path: Path, x: Wave, compression: float) -> None:
    """Ogg Vorbis, a second at a time: libsndfile overflows its stack on one long block."""
    form = dict(format="OGG", subtype="VORBIS", compression_level=compression)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 2, **form) as file:
        for at in range(0, len(x), SAMPLE_RATE):
            file.write(x[at : at + SAMPLE_RATE])


def rows(name: str) -> list[dict[str, str | float | None]]:
    """The song's row of examples.json, and that of its damaged version where there is one."""
    song, file = SONGS[name], f"{name}.ogg"
    row = {"file": file, "title": song.title, "style": song.style, "description": song.description, "key": song.key}
    row |= {"tempo": song.tempo, "damage": None, "good": None, "licence": "CC0-1.0"}
    if name not in DAMAGES:
        return [row]
    axis, _, description = DAMAGES[name]
    worse = {"file": f"{name}_damaged.ogg", "title": f"{song.title} (damaged)", "description": description}
    return [row, row | worse | {"damage": axis, "good": file}]


def produce(name: str, folder: Path) -> None:
    """Write the song and, where there is one, its damaged version."""
    song, wave = SONGS[name], SONGS[name].render()
    compression = COMPRESSION.get(song.score.__module__, 0.88)
    write(folder / f"{name}.ogg", wave, compression)
    if name in DAMAGES:
        worse = DAMAGES[name][1](wave, np.random.default_rng(song.seed))
        write(folder / f"{name}_damaged.ogg", worse, compression)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Compose and render the example songs, and list them in examples.json."
    )
    parser.add_argument("songs", nargs="*", help="songs to render (default: all)")
    parser.add_argument("--out", type=Path, default=EXAMPLES, help="folder (default: the package's)")
    given = parser.parse_args()
    for name in given.songs or SONGS:
        produce(name, given.out)
    listed = [row for name in ORDER for row in rows(name)]
    text = json.dumps(listed, indent=1, ensure_ascii=False)
    (given.out / "examples.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
