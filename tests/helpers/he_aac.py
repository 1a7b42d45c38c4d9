"""Makes HE-AAC with implicit signalling: the headers name plain AAC at half the rate, and only fill elements inside the
frames say that a decoder shall double the rate (ISO/IEC 14496-3, 4.4.1.1 and 4.5.2.8)."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

HEADER = 7
FILL, END, SBR = "110", "111", "1101"


def write(path: Path, samples: np.ndarray, rate: int, plain: int = 0) -> Path:
    """Write samples [C, T] at `rate` Hz as HE-AAC, which plays at twice the rate; the first `plain` frames are AAC."""
    frames = [frame if number < plain else _doubled(frame) for number, frame in enumerate(_encoded(samples, rate))]
    if path.suffix == ".aac":
        path.write_bytes(b"".join(frames))
        return path
    with av.open(io.BytesIO(b"".join(frames)), format="aac") as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return path


def _encoded(samples: np.ndarray, rate: int) -> Iterator[bytes]:
    """Yield the frames of an ADTS stream."""
    file = io.BytesIO()
    with av.open(file, "w", format="adts") as target:
        stream = target.add_stream("aac", rate=rate)
        stream.layout = ("mono", "stereo")[len(samples) - 1]
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), "fltp", stream.layout.name)
        frame.sample_rate = rate
        for given in (frame, None):
            target.mux(stream.encode(given))
    data = file.getvalue()
    while data:
        length = int.from_bytes(data[3:6]) >> 5 & 0x1FFF
        yield data[:length]
        data = data[length:]


def _doubled(frame: bytes) -> bytes:
    """Return the frame with spectral band replication that adds nothing: a fill element of two bytes before its end."""
    bits = "".join(f"{byte:08b}" for byte in frame[HEADER:])
    end = bits.rindex(END)
    bits = f"{bits[:end]}{FILL}{2:04b}{SBR:0<16}{END}"
    bits += "0" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8)
    length = HEADER + len(body)
    named = int.from_bytes(frame[3:6]) & ~(0x1FFF << 5) | length << 5
    return frame[:3] + named.to_bytes(3) + frame[6:HEADER] + body
