"""The process that decodes for `isolated`: `python -m apex_space.audio.worker`.

Each request is a line of JSON on stdin. Each answer is a line of JSON on stdout, followed by the samples if it
announces some:

    ["open", PATH]  ->  {"rate": Hz, "channels": C, "announced": seconds or null}
    ["next"]        ->  {"samples": n} and [C, n] float32
                        or at the end {"samples": 0, "loudness": the whole song's Loudness}
    ["begin", CHAIN, Hz, C]           ->  {}, and then the samples of a sound are filtered:
    ["push", [C, n]] and the samples  ->  {"samples": m} and [C, m] float32
    ["rest"]                          ->  {"samples": m} and [C, m] float32, until m is 0
    ["passage", PATH, START, END]     ->  {"bytes": n} and an mp3 of what is from START to END seconds
    any             ->  {"error": [name of an AudioError, message], "spent": whether to use the process no more}

The process ends when its stdin ends, that is, when the process that started it ends. (Linux's parent-death signal
would end it with the thread that started it.)
"""

import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..core.errors import AudioError, DamagedAudio, NotAudio
from ..core.text import Message
from .decode import Stream, open_stream
from .filters import Chain, Filter, open_filter
from .isolated import CPU_SECONDS, TOO_SLOW
from .loudness import LoudnessMeter
from .mp3 import encode_passage

LONG_SONG_SECONDS = 600.0
MAX_BYTES = 256_000_000
"""Maximum number of bytes of memory that decoding may take."""
Reply = tuple[dict[str, Any], np.ndarray | None]


class Decoder:
    """Decoder that answers requests on one song at a time."""

    def __init__(self) -> None:
        self._song = ExitStack()
        self._stream: Stream
        self._meter: LoudnessMeter
        self._filter: Filter
        self._left: Iterator[np.ndarray] | None
        self._rate = 1
        self._began = self._seconds = 0.0

    def answer(self, request: str, *given: Any) -> Reply:
        """Answer a request. End the process if the song exceeds its CPU time."""
        if request in ("open", "begin", "passage"):
            self._began, self._seconds = time.process_time(), given[-1] if request == "passage" else 0.0
        allowed = CPU_SECONDS * max(1.0, self._seconds / LONG_SONG_SECONDS)
        left = allowed - (time.process_time() - self._began)
        if left <= 0:
            os._exit(TOO_SLOW)
        faulthandler.dump_traceback_later(left, exit=True)
        try:
            return getattr(self, f"_{request}")(*given)
        except AudioError as error:
            self._song.close()
            return _refusal(error)
        except MemoryError:
            text = "Decoding the file takes more memory than a song can need. Export it again."
            return _refusal(DamagedAudio(text), spent=True)
        except OSError:
            return _refusal(NotAudio("The file cannot be read. Check that you may open it."))
        except Exception as error:  # whatever a library raises for this file, the next file must be decoded
            what = type(error).__name__
            text = "The file cannot be decoded ({what}). Export or download it again."
            return _refusal(DamagedAudio(text, what=what), spent=True)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _open(self, path: str) -> Reply:
        self._song.close()
        self._stream = stream = self._song.enter_context(_decoding(path))
        self._meter = LoudnessMeter(stream.rate, stream.channels)
        return {"rate": stream.rate, "channels": stream.channels, "announced": stream.announced}, None

    def _next(self) -> Reply:
        block = next(self._stream.blocks, None)
        if block is None:
            self._song.close()
            return {"samples": 0, "loudness": asdict(self._meter.loudness())}, None
        self._meter.add(block)
        self._seconds += block.shape[1] / self._stream.rate
        return {"samples": block.shape[1]}, np.ascontiguousarray(block)

    def _begin(self, chain: Chain, rate: int, channels: int) -> Reply:
        self._filter, self._left, self._rate = open_filter(chain, rate, channels), None, rate
        return {}, None

    def _push(self, block: np.ndarray) -> Reply:
        self._seconds += block.shape[1] / self._rate
        return _block(self._filter.push(block))

    def _rest(self) -> Reply:
        self._left = self._left or self._filter.rest()
        return _block(next(self._left, None))

    def _passage(self, path: str, start: float, end: float) -> Reply:
        with _decoding(path) as stream:
            mp3 = encode_passage(stream, start, end)
        return {"bytes": len(mp3)}, np.frombuffer(mp3, np.uint8)


@contextmanager
def _decoding(path: str) -> Iterator[Stream]:
    with open(path, "rb") as file, open_stream(file) as stream:
        yield stream


def _block(block: np.ndarray | None) -> Reply:
    return ({"samples": 0}, None) if block is None else ({"samples": block.shape[1]}, np.ascontiguousarray(block))


def _refusal(error: AudioError, spent: bool = False) -> Reply:
    text = str(error)
    written = [type(error).__name__, text.as_dict() if isinstance(text, Message) else text]
    return {"error": written, "spent": spent}, None


def main() -> None:
    """Answer requests until stdin ends."""
    requests, answers = sys.stdin.buffer, take_output()
    confine()
    limit_memory()
    decoder = Decoder()
    write(answers, {})
    for line in requests:
        request, *given = json.loads(line)
        if request == "push":
            given = [_read(requests, *given[0])]
        write(answers, *decoder.answer(request, *given))


def _read(requests: BinaryIO, channels: int, count: int) -> np.ndarray:
    samples = np.frombuffer(requests.read(4 * channels * count), np.float32)
    return samples.reshape(channels, count)


def write(answers: BinaryIO, answer: dict[str, Any], block: np.ndarray | None = None) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    if block is not None:
        answers.write(block.data)
    answers.flush()


def take_output() -> BinaryIO:
    """Return stdout for the answers. Discard what codecs write to stdout or stderr."""
    output = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:
        for channel in (1, 2):
            os.dup2(nowhere.fileno(), channel)
    return output


def confine() -> None:
    """Load the codecs, then forbid the process to write files.

    Ignore interruptions: the process that started this one handles them.
    """
    import av  # noqa: F401
    import soundfile  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(ImportError):  # Windows
        import resource

        for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
            resource.setrlimit(kind, (0, 0))


def limit_memory() -> None:
    """Allow the process to take `MAX_BYTES` more memory than now, where the system supports such a limit.

    A file of 2 KB may request gigabytes.
    """
    with suppress(ImportError, OSError, ValueError):  # Windows; no /proc; an existing lower limit
        import resource

        data_pages = int(Path("/proc/self/statm").read_text().split()[5])
        most = data_pages * resource.getpagesize() + MAX_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


if __name__ == "__main__":
    main()
