"""Files as they come from recorders, radios and other programs: whole ones are decoded whole, cut ones are refused."""

import io
import struct
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from apex_space.audio.containers import SUFFIXES, Part, find_sound
from apex_space.audio.waveform import Waveform, load
from apex_space.core.errors import AudioError, DamagedAudio, NotAudio
from helpers import he_aac
from helpers.sounds import SAMPLE_RATE, tone, write

Decode = Callable[[bytes], Waveform]
FRAME = 960
OPUS_RATE = 48_000


@cache
def encoded(kind: str, seconds: float = 3.0, rate: int = SAMPLE_RATE, channels: int = 2) -> bytes:
    buffer = io.BytesIO()
    write(buffer, tone(seconds, rate, channels), rate, kind)
    return buffer.getvalue()


@pytest.fixture
def decode(tmp_path: Path) -> Decode:
    """Decodes bytes as a file whose name says nothing."""

    def decode(data: bytes) -> Waveform:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return load(path)

    return decode


def tag(size: int, footer: bool = False) -> bytes:
    """An ID3v2 tag of that many bytes, with or without a footer."""
    sizes = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    flags = bytes([0x10 if footer else 0])
    return b"ID3\4\0" + flags + sizes + bytes(size) + (b"3DI\4\0" + flags + sizes if footer else b"")


def clocked(container: str, codec: str, at: Callable[[int], int]) -> bytes:
    """Eight seconds whose n-th frame has the time stamp `at(n)`, in samples."""
    buffer = io.BytesIO()
    samples = tone(8, OPUS_RATE, 1)
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=OPUS_RATE, layout="mono")
        for n in range(samples.shape[1] // FRAME):
            frame = av.AudioFrame.from_ndarray(samples[:, n * FRAME : (n + 1) * FRAME].copy(), "fltp", "mono")
            frame.sample_rate, frame.time_base, frame.pts = OPUS_RATE, Fraction(1, OPUS_RATE), at(n)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return buffer.getvalue()


CLOCKS = {
    "a pause": lambda n: FRAME * n + (n >= 200) * 2 * OPUS_RATE,
    "a late start": lambda n: FRAME * n + 3 * OPUS_RATE,
    "a fast clock": lambda n: FRAME * n + 20 * n,
}
CONTAINERS = [("webm", "libopus"), ("matroska", "aac"), ("ipod", "aac")]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(("container", "codec"), CONTAINERS)
def test_time_stamps_do_not_say_how_much_sound_there_is(container: str, codec: str, clock: str, decode: Decode) -> None:
    assert decode(clocked(container, codec, CLOCKS[clock])).duration == pytest.approx(8, abs=0.1)


def test_a_duration_that_is_too_long_by_the_clock(decode: Decode) -> None:
    data = clocked("webm", "libopus", CLOCKS["a pause"])
    at = data.index(b"\x44\x89\x88") + 3
    (told,) = struct.unpack(">d", data[at : at + 8])
    assert decode(data[:at] + struct.pack(">d", told + 5000) + data[at + 8 :]).duration == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize(("container", "codec"), CONTAINERS)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_cut_file_with_a_pause_is_refused(container: str, codec: str, share: float, decode: Decode) -> None:
    data = clocked(container, codec, CLOCKS["a pause"])
    with pytest.raises(DamagedAudio):
        decode(data[: int(share * len(data))])


def test_packets_that_cannot_be_decoded_are_not_left_out_silently(decode: Decode) -> None:
    data = bytearray(clocked("matroska", "aac", lambda n: FRAME * n))
    middle = len(data) // 2
    data[middle : middle + len(data) // 8] = b"\xaa" * (len(data) // 8)
    with pytest.raises(DamagedAudio, match=r"about 1\.\d s of its sound"):
        decode(bytes(data))


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_all_links_of_a_chain_are_decoded(kind: str, decode: Decode) -> None:
    rate = OPUS_RATE if kind == "opus" else SAMPLE_RATE
    links = [encoded(kind, length, rate) for length in (3, 1, 2)]
    whole, chained = decode(links[0]), decode(b"".join(links))
    assert chained.duration == pytest.approx(6, abs=0.01)
    np.testing.assert_array_equal(chained.samples[: len(whole.samples)], whole.samples)


def test_links_of_different_form_and_cut_chains_are_refused(decode: Decode) -> None:
    mono, stereo = encoded("ogg", channels=1), encoded("ogg")
    for data, says in ((mono + stereo, "midway"), ((stereo + stereo)[:-2000], "breaks off")):
        with pytest.raises(DamagedAudio, match=says):
            decode(data)
    assert decode(stereo + bytes(9)).duration == 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mp3", "mp3-no-count", "aac"])
@pytest.mark.parametrize(
    "before",
    [
        b"ICY 200 OK\r\nicy-name:Radio\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n",
        bytes(10_000),
        bytes(100_000),
        tag(500) + bytes(10_000),
        b"\xff\xfb\x90\x00" + bytes(50),  # looks like a frame that no other follows
    ],
    ids=["icy", "http", "zeros", "many zeros", "tag and zeros", "a lone header"],
)
def test_frames_are_found_behind_other_bytes(kind: str, before: bytes, decode: Decode) -> None:
    assert decode(before + encoded(kind, 1.2)).duration == pytest.approx(1.2, abs=0.1)


@pytest.mark.parametrize("kind", ["mp3", "aac"])
def test_a_start_in_mid_frame(kind: str, decode: Decode) -> None:
    assert decode(encoded(kind)[1000:]).duration == pytest.approx(2.95, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "ogg", "mp3", "aac", "m4a-index-last", "webm"])
@pytest.mark.parametrize("tags", [tag(3000), tag(3000) + tag(500), tag(300, footer=True), tag(0) + tag(9, footer=True)])
def test_tags_before_every_kind(kind: str, tags: bytes, decode: Decode) -> None:
    rate = OPUS_RATE if kind == "webm" else SAMPLE_RATE
    data = encoded(kind, 1.2, rate)
    assert decode(tags + data).duration == decode(data).duration


@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "ogg"])
def test_a_cut_file_behind_a_tag_is_refused(kind: str, decode: Decode) -> None:
    data = encoded(kind)
    with pytest.raises(DamagedAudio):
        decode(tag(3000) + data[: len(data) // 2])


def test_an_mp3_that_counts_no_frames(decode: Decode) -> None:
    data = encoded("mp3")
    at = max(data.find(b"Xing"), data.find(b"Info")) + 8
    assert decode(data[:at] + bytes(4) + data[at + 4 :]).duration == pytest.approx(3, abs=0.1)


def long_wav(name: bytes = b"RF64") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(3, channels=1).T, SAMPLE_RATE, format="RF64", subtype="PCM_16")
    data = buffer.getvalue()
    assert data.startswith(b"RF64")
    return name + data[4:]


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
def test_long_wavs(name: bytes, decode: Decode) -> None:
    assert decode(long_wav(name)).duration == 3
    with pytest.raises(DamagedAudio, match=r"breaks off after 1\.5 s of the 3\.0 s"):
        decode(long_wav(name)[: len(long_wav()) // 2])


@pytest.mark.parametrize(("form", "name"), [("CAF", "CAF"), ("AU", "AU"), ("W64", "Wave64")])
def test_kinds_that_are_not_taken_are_named(form: str, name: str, decode: Decode) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(1.5).T, SAMPLE_RATE, format=form, subtype="PCM_16")
    with pytest.raises(NotAudio, match=f"kind {name}. Convert it to one of these: wav"):
        decode(buffer.getvalue())


@pytest.mark.parametrize("container", ["avi", "flv", "mpeg"])
def test_videos_are_not_taken_for_the_frames_in_them(container: str, decode: Decode) -> None:
    buffer, codec = io.BytesIO(), {"avi": "mp2", "mpeg": "mp2", "flv": "aac"}[container]
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        stream.format = stream.codec_context.codec.audio_formats[0]
        frame = av.AudioFrame.from_ndarray(tone(3, channels=1), "fltp", "mono")
        frame.sample_rate = SAMPLE_RATE
        size = stream.codec_context.frame_size or 1024
        convert = av.AudioResampler(stream.format, "mono", SAMPLE_RATE, size)
        for part in [*convert.resample(frame), *convert.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    with pytest.raises(NotAudio, match="This is a file of the kind"):
        decode(buffer.getvalue())


@pytest.mark.parametrize("suffix", [".aac", ".m4a"])
@pytest.mark.parametrize("channels", [1, 2])
def test_he_aac_whose_header_names_half_its_rate(channels: int, suffix: str, tmp_path: Path) -> None:
    """Mono comes out in stereo, because parametric stereo need not be announced either."""
    path = he_aac.write(tmp_path / f"song{suffix}", tone(3, 24_000, channels), 24_000)
    sound = load(path)
    assert (sound.rate, sound.levels.channels) == (48_000, 2)
    assert sound.duration == pytest.approx(3, abs=0.1)
    plain = load(he_aac.write(tmp_path / f"plain{suffix}", tone(3, 24_000, channels), 24_000, plain=1_000))
    assert (plain.rate, plain.levels.channels) == (24_000, channels)
    assert plain.duration == pytest.approx(sound.duration, abs=0.01)
    assert peak_frequency(sound) == pytest.approx(peak_frequency(plain), abs=1)


def test_he_aac_that_begins_as_aac_is_not_half_heard(tmp_path: Path) -> None:
    with pytest.raises(DamagedAudio, match="change midway"):
        load(he_aac.write(tmp_path / "song.aac", tone(3, 24_000), 24_000, plain=20))
    assert load(he_aac.write(tmp_path / "song.m4a", tone(3, 24_000), 24_000, plain=20)).rate == 24_000


def peak_frequency(sound: Waveform) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(sound.samples * np.hanning(len(sound.samples))))
    return float(np.argmax(spectrum)) * sound.rate / len(sound.samples)


def test_noise_is_not_taken_for_frames() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        with pytest.raises(AudioError):
            find_sound(io.BytesIO(b"\0noise" + rng.bytes(300_000)))
    with pytest.raises(NotAudio):
        find_sound(io.BytesIO(b"\xff" * 300_000))


def test_a_part_is_read_as_a_file() -> None:
    part = io.BufferedReader(Part(io.BytesIO(bytes(range(100))), 10, 60))
    assert part.read(2) == bytes([10, 11])
    assert (part.seek(-1, 2), part.read(), part.read(), part.tell()) == (49, bytes([59]), b"", 50)
    assert (part.seek(5), part.seek(5, 1), part.read(1)) == (5, 10, bytes([20]))


def test_suffixes_are_lower_case() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)
