"""Sound files of every kind that is taken."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

SAMPLE_RATE = 44100
SOUNDFILE = {  # kind: format and subtype of soundfile's encoder
    "wav": ("WAV", "PCM_16"),
    "wav-24": ("WAV", "PCM_24"),
    "wav-float": ("WAV", "FLOAT"),
    "wav-extensible": ("WAVEX", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "aifc": ("AIFF", "FLOAT"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
PYAV = {  # kind: container and codec of PyAV's encoder, and options of the container
    "m4a": ("ipod", "aac", {"movflags": "faststart"}),
    "m4a-index-last": ("ipod", "aac", {}),
    "m4a-fragments": ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    "m4a-alac": ("ipod", "alac", {}),
    "aac": ("adts", "aac", {}),
    "webm": ("webm", "libopus", {}),
    "webm-live": ("webm", "libopus", {"live": "1"}),
    "mp3-in-wav": ("wav", "libmp3lame", {}),
    "mp3-no-count": ("mp3", "libmp3lame", {"write_xing": "0"}),
}
KINDS = [*SOUNDFILE, *PYAV]


def tone(seconds: float = 3.0, rate: int = SAMPLE_RATE, channels: int = 2) -> np.ndarray:
    """[C, n] float32: a sine of its own per channel, and a little noise."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal((channels, len(time)))
    sines = [np.sin(2 * np.pi * 220 * (channel + 1) * time) for channel in range(channels)]
    return (0.4 * np.array(sines) + 0.02 * noise).astype(np.float32)


def write(
    path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE, kind: str = "wav", subtype: str | None = None
) -> Path:
    """Encode `samples` [C, n]."""
    if kind in PYAV:
        return write_pyav(path, samples, rate, kind)
    container, usual = SOUNDFILE[kind]
    with soundfile.SoundFile(path, "w", rate, len(samples), subtype or usual, format=container) as file:
        for at in range(0, samples.shape[1], rate):  # libsndfile's vorbis encoder overflows its stack on long arrays
            file.write(samples.T[at : at + rate])
    return path


def write_video(path: Path, samples: np.ndarray, container: str = "mp4") -> Path:
    """Encode `samples` [C, n], as AAC, and a grey picture of each tenth of a second."""
    rate, layout = SAMPLE_RATE, {1: "mono", 2: "stereo"}[len(samples)]
    with av.open(path, "w", format=container) as file:
        picture: Any = file.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p")
        sound: Any = file.add_stream("aac", rate=rate, layout=layout)
        grey = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 128, np.uint8), format="rgb24")
        for _ in range(samples.shape[1] * 10 // rate):
            file.mux(picture.encode(grey))
        file.mux(picture.encode(None))
        for at in range(0, samples.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, at : at + 1024]), "fltp", layout)
            frame.sample_rate = rate
            file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    return path


def write_pyav(path: Path, samples: np.ndarray, rate: int, kind: str) -> Path:
    container, codec, options = PYAV[kind]
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(samples)]
    with av.open(path, "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        sample_format = stream.codec_context.codec.audio_formats[0]
        stream.format = sample_format
        frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or 1024
        convert = av.AudioResampler(format=sample_format, layout=layout, rate=rate, frame_size=size)
        for part in [*convert.resample(frame), *convert.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path
