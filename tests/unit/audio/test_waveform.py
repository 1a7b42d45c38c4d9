import json
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from apex_space.audio.waveform import Limits, Waveform, load
from apex_space.core import errors
from helpers.levels import levels
from helpers.sounds import KINDS, SAMPLE_RATE, tone, write, write_video

OTHER_SAMPLES = ("wav-24", "wav-float", "wav-extensible", "aifc", "m4a-alac")
"""Kinds that tell their length as others do."""


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """The bytes of three seconds of stereo in a kind of file."""
    folder = tmp_path_factory.mktemp("songs")

    def song(kind: str) -> bytes:
        path = folder / kind
        if not path.exists():
            rate = 48000 if kind.startswith(("webm", "opus")) else SAMPLE_RATE
            write(path, tone(rate=rate), rate, kind)
        return path.read_bytes()

    return song


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes bytes to a file whose name says nothing."""

    def put(data: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return path

    return put


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


# What decodes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize(
    ("kind", "subtype", "bits"),
    [
        *[("wav", "PCM_U8", 8), ("wav", "PCM_16", 16), ("wav", "PCM_24", 24), ("wav", "PCM_32", 32)],
        *[("aiff", "PCM_S8", 8), ("aiff", "PCM_16", 16), ("aiff", "PCM_24", 24), ("aiff", "PCM_32", 32)],
        *[("flac", "PCM_16", 16), ("flac", "PCM_24", 24)],
    ],
)
def test_integers_come_out_exactly(tmp_path: Path, kind: str, subtype: str, bits: int, channels: int) -> None:
    rate = 8000  # few samples show as much
    source = np.random.default_rng(bits).integers(-(2**31), 2**31, (channels, rate)) >> (32 - bits) << (32 - bits)
    source[:, :2] = -(2**31), (2**31 - 1) >> (32 - bits) << (32 - bits)
    path = write(tmp_path / "file", source.astype(np.int32), rate, kind, subtype)
    waveform = load(path)
    planes = (source / 2**31).astype(np.float32)
    assert waveform.samples.dtype == np.float32
    assert (waveform.rate, waveform.levels.channels) == (rate, channels)
    if channels < 3:
        assert np.array_equal(waveform.samples, planes.mean(0))
    else:
        assert np.allclose(waveform.samples, planes.mean(0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floats_are_kept_beyond_full_scale(tmp_path: Path, subtype: str) -> None:
    source = 3 * tone(channels=1)
    waveform = load(write(tmp_path / "file", source, subtype=subtype))
    assert np.array_equal(waveform.samples, source[0])
    assert waveform.levels.peak == pytest.approx(20 * np.log10(np.abs(source).max()))
    assert waveform.levels.peak > 0


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44099, 88200, 96000, 192000])
@pytest.mark.parametrize("kind", ["wav", "flac", "aiff"])
def test_rates(tmp_path: Path, kind: str, rate: int) -> None:
    waveform = load(write(tmp_path / "file", tone(1.5, rate), rate, kind))
    assert (waveform.rate, waveform.duration) == (rate, int(1.5 * rate) / rate)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_sounds_like_its_source(
    songs: Callable[[str], bytes], put: Callable[[bytes], Path], kind: str
) -> None:
    waveform = load(put(songs(kind)))
    assert waveform.duration == pytest.approx(3, abs=0.1)
    assert waveform.levels.channels == 2
    assert waveform.levels.loudness == pytest.approx(levels(tone()).loudness, abs=0.5)
    inner = waveform.samples[waveform.rate // 2 : -waveform.rate // 2]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
    strongest = np.sort(spectrum.argsort()[-4:] * waveform.rate / len(inner))
    assert np.abs(strongest[:, None] - [220, 440]).min(1).max() < 3


@pytest.mark.parametrize("kind", ["ogg", "m4a", "webm"])
@pytest.mark.parametrize("channels", [1, 6, 8])
def test_channels(tmp_path: Path, kind: str, channels: int) -> None:
    waveform = load(write(tmp_path / "file", tone(2, 48000, channels), 48000, kind))
    assert waveform.levels.channels == channels
    assert waveform.duration == pytest.approx(2, abs=0.1)
    assert waveform.samples.std() == pytest.approx(tone(2, 48000, channels).mean(0).std(), rel=0.1)


@pytest.mark.parametrize("kind", ["mp3", "ogg", "opus", "flac", "aiff"])
def test_samples_are_those_of_soundfile(songs: Callable[[str], bytes], put: Callable[[bytes], Path], kind: str) -> None:
    path = put(songs(kind))
    want, rate = soundfile.read(path, dtype="float32", always_2d=True)
    waveform = load(path)
    assert waveform.rate == rate
    assert len(waveform.samples) == len(want)
    assert np.abs(waveform.samples - want.mean(1)).max() < 1e-5


@pytest.mark.slow
def test_songs_have_the_length_of_the_reference(shared: Path) -> None:
    golden = json.loads((shared / "reference" / "golden" / "apex_songs.json").read_text())["songs"]
    lengths = {path.name: load(path).duration for path in (shared / "audio").iterdir() if path.suffix != ".md"}
    assert lengths.keys() >= golden.keys()
    for name, song in golden.items():
        assert lengths[name] == pytest.approx(song["seconds_of_audio"], abs=1e-4)


def test_fingerprint_is_of_the_sound_and_the_rate(tmp_path: Path) -> None:
    source = (tone() * 32767).astype(np.int16)
    other = source.copy()
    other[0, -1] += 2
    wav = load(write(tmp_path / "a", source))
    assert wav.sha256 == load(write(tmp_path / "b", source, kind="flac")).sha256
    assert wav.sha256 != load(write(tmp_path / "c", other)).sha256
    assert wav.sha256 != load(write(tmp_path / "d", source, SAMPLE_RATE + 1)).sha256


@pytest.mark.slow
def test_memory_is_that_of_one_channel(tmp_path: Path) -> None:
    path = write(tmp_path / "file", np.tile(tone(1, 192_000, 8), 10), 192_000)
    load(write(tmp_path / "warm", tone(1)))
    tracemalloc.start()
    samples = load(path).samples
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < samples.nbytes + 40e6 < 8 * samples.nbytes


# Oddities that sound right --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xf0\xff\xff\xff", b"\x00\xf0\xff\x7f"])
def test_wav_written_to_a_pipe(songs: Callable[[str], bytes], put: Callable[[bytes], Path], size: bytes) -> None:
    data = songs("wav")
    piped = patched(patched(data, 4, size), data.index(b"data") + 4, size)
    assert load(put(piped)).sha256 == load(put(data)).sha256


def test_flac_written_to_a_pipe(songs: Callable[[str], bytes], put: Callable[[bytes], Path]) -> None:
    assert load(put(flac_announcing(songs("flac"), 0))).sha256 == load(put(songs("flac"))).sha256


def test_wav_with_tags_behind_the_sound(songs: Callable[[str], bytes], put: Callable[[bytes], Path]) -> None:
    assert load(put(songs("wav") + b"LIST\x04\0\0\0INFO")).duration == 3


@pytest.mark.parametrize("kind", ["mp3", "mp3-no-count"])
def test_mp3s_in_a_row(songs: Callable[[str], bytes], put: Callable[[bytes], Path], kind: str) -> None:
    assert load(put(songs(kind) * 3)).duration == pytest.approx(9, abs=0.3)


@pytest.mark.parametrize("kind", ["mp3", "aac", "flac"])
@pytest.mark.parametrize("size", [0, 100, 20_000])
def test_a_tag_before_the_sound(
    songs: Callable[[str], bytes], put: Callable[[bytes], Path], kind: str, size: int
) -> None:
    tag = b"ID3\x03\0\0" + bytes([0, size >> 14, size >> 7 & 127, size & 127]) + bytes(size)
    assert load(put(tag + songs(kind))).duration == pytest.approx(3, abs=0.1)


@pytest.mark.slow
def test_decoders_say_nothing(
    songs: Callable[[str], bytes], put: Callable[[bytes], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    comment = b"COMM\0\0\0\x05\0\0\x01eng\xff"  # libmpg123 complains of both, on stderr
    tag = b"ID3\x03\0\0\0\0\0" + bytes([len(comment)]) + comment
    load(put(tag + songs("mp3")))
    for kind in KINDS:
        data = songs(kind)
        for broken in (data[: len(data) * 3 // 5], patched(data, len(data) // 2, np.random.default_rng(0).bytes(200))):
            waveform_or_message(put(broken))
    assert capfd.readouterr() == ("", "")


# What is refused ------------------------------------------------------------------------------------------------------


def refused(path: Path, error: type[errors.AudioError], *says: str, limits: Limits = Limits()) -> None:  # noqa: B008
    with pytest.raises(errors.AudioError) as caught:
        load(path, limits)
    assert caught.type is error, caught.value
    message = str(caught.value)
    assert all(part in message for part in says), message
    assert message.endswith(".")
    assert str(path.parent) not in message


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", errors.EmptyAudio),
        (b"a song about nothing\n" * 500, errors.NotAudio),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(5000), errors.NotAudio),
        (b"\xff\xfeh\0e\0l\0l\0o\0" * 500, errors.NotAudio),  # UTF-16 begins as an mp3 frame may
        (b"#EXTM3U\n#EXTINF:10,\n/etc/hostname\n", errors.NotAudio),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", errors.NotAudio),
        (bytes(5000), errors.NotAudio),
        (np.random.default_rng(0).bytes(100_000), errors.NotAudio),
        (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(100), errors.NotAudio),
        (b"RIFF\x24\0\0\0WAVEfmt ", errors.DamagedAudio),
        (b"fLaC", errors.DamagedAudio),
        (b"OggS", errors.DamagedAudio),
        (b"ID3", errors.NotAudio),
    ],
)
def test_what_is_no_sound(put: Callable[[bytes], Path], data: bytes, error: type[errors.AudioError]) -> None:
    refused(put(data), error)


def test_missing_folder_and_locked(tmp_path: Path) -> None:
    refused(tmp_path, errors.NotAudio, "folder")
    refused(tmp_path / "missing", errors.NotAudio, "no such file")
    refused(Path(os.devnull), errors.NotAudio)


@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "ogg", "mp3"])
def test_no_samples(tmp_path: Path, kind: str) -> None:
    with pytest.raises((errors.EmptyAudio, errors.DamagedAudio, errors.TooShort)) as caught:
        load(write(tmp_path / "file", np.zeros((1, 0), np.float32), kind=kind))
    if kind in ("wav", "aiff", "flac"):
        assert caught.type is errors.EmptyAudio


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "m4a", "webm"])
def test_too_short(tmp_path: Path, kind: str) -> None:
    refused(write(tmp_path / "file", tone(0.5, 48000), 48000, kind), errors.TooShort, "0.5", "1 s")


def test_just_long_enough(tmp_path: Path) -> None:
    assert load(write(tmp_path / "file", tone(1.0))).duration == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OTHER_SAMPLES])
def test_too_long_by_header_or_by_sound(songs: Callable[[str], bytes], put: Callable[[bytes], Path], kind: str) -> None:
    refused(put(songs(kind)), errors.TooLong, "2.0 s", "Cut it", limits=Limits(max_seconds=2))


def test_too_long_though_no_header_says_so(songs: Callable[[str], bytes], put: Callable[[bytes], Path]) -> None:
    refused(put(flac_announcing(songs("flac"), 0)), errors.TooLong, limits=Limits(max_seconds=1))
    refused(put(flac_announcing(songs("flac"), 10 * SAMPLE_RATE)), errors.TooLong, limits=Limits(max_seconds=9))


@pytest.mark.slow
def test_a_song_of_many_samples_a_second_has_to_be_shorter(tmp_path: Path, put: Callable[[bytes], Path]) -> None:
    path = write(tmp_path / "file", tone(2, 192_000, 8), 192_000, "flac")
    assert load(path, Limits(max_seconds=8)).duration == 2
    many = "1.5 s are taken of 8 channels at 192 kHz"
    refused(path, errors.TooLong, many, limits=Limits(max_seconds=6))
    refused(put(flac_announcing(path.read_bytes(), 0)), errors.TooLong, many, limits=Limits(max_seconds=6))


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(50_000_001)
    refused(path, errors.TooLarge, "50 MB")


@pytest.mark.parametrize(
    ("rate", "channels", "says"), [(4000, 1, "4 kHz"), (200_000, 1, "200 kHz"), (SAMPLE_RATE, 9, "9 ch")]
)
def test_too_much_or_too_little(tmp_path: Path, rate: int, channels: int, says: str) -> None:
    refused(write(tmp_path / "file", tone(1.5, rate, channels), rate), errors.UnsupportedFormat, says)


@pytest.mark.parametrize("level", [0.0, 0.9e-4])
def test_silent(tmp_path: Path, level: float) -> None:
    path = write(tmp_path / "file", np.full((2, 2 * SAMPLE_RATE), level, np.float32), subtype="FLOAT")
    refused(path, errors.SilentAudio, "-80 dBFS")


def test_channels_that_cancel(tmp_path: Path) -> None:
    left = tone(channels=1)
    refused(write(tmp_path / "file", np.vstack([left, -left]), subtype="FLOAT"), errors.SilentAudio, "cancel")


@pytest.mark.parametrize(
    ("value", "at"), [(np.nan, 0), (np.nan, 2 * SAMPLE_RATE), (np.nan, -1), (np.inf, -1), (-np.inf, 0), (1e5, -1)]
)
def test_invalid_samples(tmp_path: Path, value: float, at: int) -> None:
    samples = tone()
    samples[1, at] = value
    refused(write(tmp_path / "file", samples, subtype="FLOAT"), errors.InvalidSamples, "NaN")


@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "mp3", "m4a", "m4a-fragments", "m4a-alac", "webm"])
def test_breaks_off(songs: Callable[[str], bytes], put: Callable[[bytes], Path], kind: str) -> None:
    data = songs(kind)
    kept = data.index(b"mdat") + (len(data) - data.index(b"mdat")) * 3 // 5 if b"mdat" in data else len(data) * 3 // 5
    path = put(data[:kept])
    if kind == "m4a-alac":
        refused(path, errors.DamagedAudio, "cut short")
    else:
        refused(path, errors.DamagedAudio, "breaks off after 1.", "of the 3.0 s")


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_the_sound_of_a_video(tmp_path: Path, container: str) -> None:
    waveform = load(write_video(tmp_path / "file", tone(), container))
    assert waveform.duration == pytest.approx(3, abs=0.1)
    alone = load(write(tmp_path / "alone", tone(), kind="m4a"))
    assert waveform.levels.peak == pytest.approx(alone.levels.peak, abs=0.2)


@pytest.mark.parametrize("kind", ["ogg", "opus", "m4a-index-last"])
def test_breaks_off_with_no_word_of_the_length(
    songs: Callable[[str], bytes], put: Callable[[bytes], Path], kind: str
) -> None:
    data = songs(kind)
    refused(put(data[: len(data) * 3 // 5]), errors.DamagedAudio)


@pytest.mark.parametrize(("rate", "channels"), [(48000, 2), (SAMPLE_RATE, 1)])
def test_a_form_that_changes_midway(tmp_path: Path, rate: int, channels: int) -> None:
    """Damage in an aac's packet headers does the same."""
    parts = [
        write(tmp_path / "a", tone(), SAMPLE_RATE, "aac"),
        write(tmp_path / "b", tone(3, rate, channels), rate, "aac"),
    ]
    (tmp_path / "c").write_bytes(b"".join(part.read_bytes() for part in parts))
    refused(tmp_path / "c", errors.DamagedAudio, "midway")


def flac_announcing(data: bytes, frames: int) -> bytes:
    """With that count in STREAMINFO, 36 bits from the low half of byte 21 on."""
    return patched(data, 21, bytes([data[21] & 0xF0 | frames >> 32]) + struct.pack(">I", frames & 0xFFFFFFFF))


def wav_announcing(data: bytes, frames: int) -> bytes:
    return patched(data, data.index(b"data") + 4, struct.pack("<I", 4 * frames))


def aiff_announcing(data: bytes, frames: int) -> bytes:
    return patched(data, data.index(b"COMM") + 10, struct.pack(">I", frames))


def mp3_announcing(data: bytes, frames: int) -> bytes:
    return patched(data, max(data.find(b"Xing"), data.find(b"Info")) + 8, struct.pack(">I", frames // 1152))


@pytest.mark.parametrize("announcing", [flac_announcing, wav_announcing, aiff_announcing, mp3_announcing])
def test_a_header_that_lies(
    songs: Callable[[str], bytes], put: Callable[[bytes], Path], announcing: Callable[[bytes, int], bytes]
) -> None:
    data = songs(announcing.__name__.partition("_")[0])
    refused(put(announcing(data, 2 * SAMPLE_RATE)), errors.DamagedAudio, "3.0 s", "announces")
    refused(put(announcing(data, 8 * SAMPLE_RATE)), errors.DamagedAudio, "3.0 s", "announces")
    refused(put(announcing(data, 500_000_000)), errors.DamagedAudio, "3.0 s", limits=Limits(max_seconds=1e9))


@pytest.mark.parametrize(("kind", "frames", "says"), [("flac", 2**32 - 1, "27 hours"), ("aiff", 2**31 - 1, "14 hours")])
def test_a_header_of_four_billion_samples(
    songs: Callable[[str], bytes], put: Callable[[bytes], Path], kind: str, frames: int, says: str
) -> None:
    announcing = {"flac": flac_announcing, "aiff": aiff_announcing}[kind]
    refused(put(announcing(songs(kind), frames)), errors.TooLong, says, "10.0 minutes")


def waveform_or_message(path: Path) -> Waveform | str:
    try:
        return load(path)
    except errors.AudioError as error:
        return str(error)


# Levels ---------------------------------------------------------------------------------------------------------------


def swell(seconds: float, rate: int, channels: int) -> np.ndarray:
    """Noise between -60 and -10 dBFS, so that the gates have work to do."""
    noise = np.random.default_rng(1).standard_normal((channels, int(seconds * rate)))
    envelope = 10 ** np.linspace(-3, -0.5, noise.shape[1])
    return (0.2 * noise * envelope).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("signal", [lambda *form: tone(*form), swell])
def test_loudness_is_that_of_pyloudnorm(rate: int, channels: int, signal: Callable[..., np.ndarray]) -> None:
    """Low rates are compared at 48 kHz, for which BS.1770 gives its filters; resamplers differ at the upper edge."""
    samples = signal(5.04 if rate < 100_000 else 2.04, rate, channels)
    heard, measured = samples.T.astype(float), rate if rate >= 44_100 else 48_000
    if measured != rate:
        heard = soxr.resample(heard, rate, measured)
    want = pyloudnorm.Meter(measured).integrated_loudness(heard)
    assert levels(samples, rate).loudness == pytest.approx(want, abs=0.05 if measured == rate else 0.15)


def test_loudness_of_the_reference_sine() -> None:
    """BS.1770-4: 0 dBFS of 997 Hz in one front channel is -3.01 LKFS."""
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * 48000) / 48000).astype(np.float32)[None]
    assert levels(sine, 48000).loudness == pytest.approx(-3.01, abs=0.05)
    surround = np.zeros((6, sine.shape[1]), np.float32)
    surround[3] = sine
    assert levels(surround, 48000).loudness is None
    surround[4] = sine
    assert levels(surround, 48000).loudness == pytest.approx(-3.01 + 10 * np.log10(1.41), abs=0.05)


def test_loudness_follows_gain_and_ignores_pauses() -> None:
    samples = tone(5)
    loud = levels(samples).loudness
    assert loud is not None
    assert levels(samples / 2).loudness == pytest.approx(loud - 6.02, abs=0.01)
    assert levels(np.hstack([samples, np.zeros_like(samples)])).loudness == pytest.approx(loud, abs=0.2)
    assert levels(samples * 1e-4).loudness is None
    assert levels(samples[:, : SAMPLE_RATE // 3]).loudness is None


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(7, 30_000), st.sampled_from([8000, 11025]))
def test_levels_do_not_depend_on_the_blocks(block: int, rate: int) -> None:
    samples = (3 * tone(1, rate)).clip(-1, 1)
    whole, parts = levels(samples, rate, rate), levels(samples, rate, block)
    assert (parts.peak, parts.clipped) == (whole.peak, whole.clipped)
    assert parts.loudness == pytest.approx(whole.loudness)


def test_clipped_counts_flat_tops() -> None:
    quiet = tone(2)
    assert levels(quiet).clipped == 0
    flat = quiet.copy()
    flat[0, 100:110] = 1
    flat[1, 200:203] = -1
    flat[1, 300:302] = 1  # two in a row may be music
    flat[0, 400:410] = 0.9  # below full scale
    assert levels(flat).clipped == 13 / flat.size
    flat[0, 500:504] = 1.1, 1.3, 1.2, 1.05  # beyond full scale a player cuts
    assert levels(flat).clipped == 17 / flat.size
    assert levels(np.ones((1, 7), np.float32)).clipped == 1
    assert levels(np.ones((1, 2), np.float32)).clipped == 0


def test_clipped_survives_a_file(tmp_path: Path) -> None:
    waveform = load(write(tmp_path / "file", (4 * tone()).clip(-1, 1)))
    assert 0.3 < waveform.levels.clipped < 0.9
    assert waveform.levels.peak == pytest.approx(0, abs=1e-3)


def test_peak_of_silence_is_a_number() -> None:
    assert levels(np.zeros((2, SAMPLE_RATE), np.float32)).peak == -200
