"""Coverage-guided fuzzing of the decoder, in one process: `python tests/thorough/fuzz_decoder.py --minutes 10`.

Inputs that reach new branches of `apex_space.audio` are kept and changed further, from short files of every kind on. It
stops with another status than 0 at a crash, an error that is none of ours, or 20 s without an answer; the input is then
in the folder `--found`. Memory is limited less than in `apex_space.audio.worker`, which is not used again after a bad
file: here all inputs share one process.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]
DICTIONARY = (
    *("RIFF", "RIFX", "WAVE", "fmt ", "data", "LIST", "fact", "FORM", "AIFF", "AIFC", "COMM", "SSND", "fLaC", "ID3"),
    *("TAG", "Xing", "Info", "OggS", "OpusHead", "OpusTags", "ftyp", "moov", "trak", "mdia", "stsd", "mdat", "moof"),
)
HANG_SECONDS, MAX_MEGABYTES = 20, 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--runs", type=int, default=-1, help="inputs to try at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path, default=Path(), help="folder for the input that something was found with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dictionary").write_text("".join(f'"{word}"\n' for word in DICTIONARY))
        (folder / "corpus").mkdir()
        write_seeds(folder / "corpus")
        flags = {
            "seed": options.seed,
            "runs": options.runs,
            "max_total_time": int(60 * options.minutes),
            "timeout": HANG_SECONDS,
            "rss_limit_mb": MAX_MEGABYTES,
            "reduce_inputs": 0,
            "len_control": 0,
            "dict": folder / "dictionary",
            "artifact_prefix": f"{options.found.resolve()}{os.sep}",
        }
        command = [sys.executable, __file__, "fuzz", *(f"-{flag}={value}" for flag, value in flags.items())]
        sys.exit(subprocess.run([*command, str(folder / "corpus")]).returncode)  # it exits without cleaning up


def write_seeds(folder: Path) -> None:
    from helpers.sounds import KINDS, tone, write

    for kind in KINDS:
        rate = 48_000 if kind.startswith(("webm", "opus")) else 16_000
        write(folder / kind, tone(0.3, rate, 1), rate, kind)


def fuzz() -> None:
    import atheris

    with atheris.instrument_imports(include=["apex_space.audio"]):
        from apex_space.audio import decode, isolated, loudness, waveform
        from apex_space.core import errors

    file = os.fdopen(os.memfd_create("song"), "w+b")

    @contextmanager
    def in_this_process(_: Path) -> Iterator[isolated.MeasuredStream]:
        with decode.open_stream(file) as stream:
            unmeasured = loudness.Loudness(None, None, ())
            yield isolated.MeasuredStream(**vars(stream), loudness=lambda: unmeasured)

    def try_one(data: bytes) -> None:
        file.seek(0)
        file.truncate()
        file.write(data)
        file.flush()
        try:
            waveform._decode(Path(), waveform.Limits(min_seconds=0.1))
        except errors.AudioError as error:
            if not str(error).endswith("."):
                raise RuntimeError("no message") from error

    waveform.open_stream = in_this_process
    atheris.Setup([sys.argv[0], *sys.argv[2:]], try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz() if sys.argv[1:2] == ["fuzz"] else main()
