"""Short sounds that differ, as files of any form, for tests of the arena."""

from pathlib import Path

import av
import numpy as np
import soundfile


def melody(seed: int, seconds: float = 1.5, rate: int = 44_100, channels: int = 2) -> np.ndarray:
    """Notes [n, channels] in (-1, 1), other ones for every seed and channel."""
    rng = np.random.default_rng(seed)
    times = np.arange(int(seconds * rate)) / rate
    notes = 220 * 2 ** (rng.integers(0, 24, (channels, int(seconds * 8) + 1)) / 12)
    phases = np.cumsum(notes[:, (times * 8).astype(int)], 1) / rate
    return (0.3 * np.sin(2 * np.pi * phases) * np.exp(-4 * (times * 8 % 1))).T


def write(path: Path, seed: int, **form: float) -> Path:
    """A melody as the kind of file that the path's ending says."""
    rate = int(form.get("rate", 44_100))
    channels = int(form.get("channels", 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, melody(seed, form.get("seconds", 1.5), rate, channels), rate)
    return path


def write_tagged(path: Path, seed: int, **tags: str) -> Path:
    """A melody as an mp3 that tells everything about itself."""
    with av.open(str(path), "w", format="mp3") as container:
        container.metadata.update(tags)
        stream = container.add_stream("libmp3lame", rate=44_100, layout="stereo")
        samples = np.ascontiguousarray(melody(seed).T.astype(np.float32))
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
        frame.sample_rate = 44_100
        for part in (frame, None):
            container.mux(stream.encode(part))
    return path


def write_noise(path: Path, seed: int) -> Path:
    """Four seconds of it, as a wav."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.3, 0.3, 4 * 22_050), 22_050)
    return path


def write_silence(path: Path) -> Path:
    """A song that no judge hears, as a wav."""
    soundfile.write(path, np.zeros(3 * 8000), 8000)
    return path
