"""Measures how fast this machine is: `python -m apex_space bench`.

Speed does not depend on the weights' values, so the measurement uses random weights of the published shapes.
"""

import gc
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..audio import features
from ..audio.resample import resample
from ..audio.segments import SEGMENT_SECONDS, cut
from ..audio.waveform import load
from ..judges.embedding_cache import EmbeddingCache
from ..judges.loading import load_judge
from ..judges.registry import REGISTRY
from ..models import kernels, precision
from ..models.encoders.mert import MertEncoder
from ..models.heads.apex import DEPTHS, ApexNetwork
from ..models.kernels import DTYPES, linear
from . import networks
from .networks import SAMPLE_RATE, SEGMENT

SONG_SECONDS, SONG_RATE = 180, 44_100
LENGTHS = (30, 60, 120, 300, 600)


@dataclass(frozen=True)
class Timing:
    """Duration in seconds of each counted run of `what`."""

    what: str
    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def span(self) -> str:
        """Return the shortest and the longest duration as text."""
        return f"{min(self.runs):.3f}–{max(self.runs):.3f}"


@dataclass(frozen=True)
class Contest:
    """A network on `SEGMENT_SECONDS` of music, as it is shipped (the first of `timings`) and ours, run in turn.

    `flop` are the floating-point operations of the network's matrix products. `moved` is how far bfloat16 moves the
    mean over time of our network's output, as a share of its size. It is None if the processor has no bfloat16
    products.
    """

    network: str
    flop: float
    timings: tuple[Timing, ...]
    moved: float | None = None

    def ratio(self, timing: Timing) -> float:
        """Return how many times as fast as the plain network `timing` is: the median of the runs' ratios."""
        return statistics.median(a / b for a, b in zip(self.timings[0].runs, timing.runs, strict=True))

    def of_floor(self, timing: Timing, rates: dict[str, float]) -> float:
        """Return the time divided by the time that the matrix products alone take at this machine's rate.

        The rate is the one of the timing's precision.
        """
        rate = rates["bfloat16" if "bfloat16" in timing.what else "float32"]
        return timing.median / (self.flop / rate / 1e12)


@dataclass(frozen=True)
class Cost:
    """Cost of a judge in its own process: seconds for a song of `SONG_SECONDS` after a first one, and peak GB."""

    judge: str
    precision: str
    seconds: float
    gigabytes: float


@dataclass(frozen=True)
class Bench:
    """Results of one run of the benchmark.

    `rates` are the speeds of this machine's matrix products in TFLOP/s, by precision. `lengths` are the seconds to
    encode a song, by its length in seconds. `peaks` are APEX's peak memory in GB for the longest song, by precision.
    """

    machine: dict[str, str]
    rates: dict[str, float]
    contests: tuple[Contest, ...]
    stages: tuple[Timing, ...]
    lengths: dict[int, float]
    peaks: dict[str, float]
    costs: tuple[Cost, ...]


def run(rounds: int, say: Callable[[str], object]) -> Bench:
    """Measure everything. Call `say` with what is being measured.

    bfloat16 is left out if the processor has no instructions for it. It is then a hundred times slower, and no judge
    uses it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("making random weights, 3 GB")
        with torch.random.fork_rng(devices=[]):
            networks.make_weights(folder)
        used = tuple(DTYPES) if precision.native_bfloat16() else ("float32",)
        say("multiplying matrices")
        rates = {name: matrix_rate(name) for name in used}
        contests = tuple(time_networks(folder, used, rounds, say))
        say("decoding, resampling, measuring, scoring")
        stages = tuple(time_stages(folder, rounds))
        lengths = time_lengths(folder, used[-1], say)
        return Bench(
            machine=machine(),
            rates=rates,
            contests=contests,
            stages=stages,
            lengths=lengths,
            peaks=peaks(folder, used, say),
            costs=tuple(judges_costs(folder, used[-1], say)),
        )


def time_networks(
    folder: Path, precisions: tuple[str, ...], rounds: int, say: Callable[[str], object]
) -> Iterator[Contest]:
    """Yield the contests of MERT and of the conformer."""
    for name, flop, contenders in (
        ("MERT-v1-95M", networks.mert_flop, networks.mert_contenders),
        ("MuQ to its sixth layer", networks.conformer_flop, networks.conformer_contenders),
    ):
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            ready = contenders(folder, precisions)
            yield Contest(name, flop(), in_turn(name, ready, rounds, say), moved(ready))


def moved(contenders: dict[str, Callable[[], Any]]) -> float | None:
    """Return how far our network's mean over time in bfloat16 is from the mean in float32, relative to its size."""
    if "ours, bfloat16" not in contenders:
        return None
    exact, other = (torch.as_tensor(contenders[f"ours, {name}"]()).mean(0) for name in DTYPES)
    return float((other - exact).norm() / exact.norm())


def in_turn(
    name: str, contenders: dict[str, Callable[[], Any]], rounds: int, say: Callable[[str], object]
) -> tuple[Timing, ...]:
    """Run all contenders once in each round, so that other work of this machine affects all of them alike."""
    runs: dict[str, list[float]] = {what: [] for what in contenders}
    for round_ in range(rounds + 1):  # the first round warms up
        say(f"{name}, round {round_} of {rounds}")
        for what, contender in contenders.items():
            runs[what].append(timed(contender))
    return tuple(Timing(what, tuple(seconds[1:])) for what, seconds in runs.items())


def time_stages(folder: Path, rounds: int) -> Iterator[Timing]:
    """Time the other stages for a three-minute stereo mp3."""
    song = make_song(folder, SONG_SECONDS)
    waveform = load(song)
    samples = resample(waveform.samples, waveform.rate, SAMPLE_RATE)
    network = ApexNetwork(("streams", "likes"), max(DEPTHS)).eval()
    pocket = load_judge("pocket")

    known = replace(pocket, cache=EmbeddingCache())
    stages: dict[str, Callable[[], Any]] = {
        "decode, with levels": lambda: load(song),
        "resample to 24 kHz": lambda: resample(waveform.samples, waveform.rate, SAMPLE_RATE),
        "measure tempo, key, bandwidth": lambda: features.measure(waveform, samples, SAMPLE_RATE),
        "head, one song": lambda: network(torch.zeros(1, DEPTHS[2][0])),
        "pocket, from file to report": lambda: replace(pocket, cache=EmbeddingCache())(song),
        "the same song again": lambda: known(song),
    }
    for what, stage in stages.items():
        stage()
        yield Timing(what, tuple(timed(stage) for _ in range(rounds)))


def make_song(folder: Path, seconds: int) -> Path:
    """Write a stereo mp3 of tones, beats and noise."""
    import soundfile

    time_ = np.arange(seconds * SONG_RATE) / SONG_RATE
    beats = np.exp(-12 * (time_ % 0.5)) * np.random.default_rng(0).standard_normal(len(time_))
    left = 0.2 * np.sin(2 * np.pi * 220 * time_) + 0.1 * beats
    path = folder / f"{seconds}.mp3"
    soundfile.write(path, np.stack([left, 0.8 * left + 0.05 * beats], 1).astype(np.float32), SONG_RATE)
    return path


def time_lengths(folder: Path, chosen: str, say: Callable[[str], object]) -> dict[int, float]:
    """Return the seconds to encode a song, by its length in seconds."""
    ours = networks.mert_encoder(folder, chosen)
    found = {}
    for seconds in LENGTHS:
        say(f"a song of {seconds} s")
        noise = np.random.default_rng(0).standard_normal(seconds * SAMPLE_RATE, dtype=np.float32)
        found[seconds] = timed(partial(encode, ours, noise))
    return found


def encode(ours: MertEncoder, samples: np.ndarray) -> list[np.ndarray]:
    """Encode `samples` segment by segment, as the judge does."""
    segments = cut(samples, SEGMENT)
    return [ours(segments.samples[i : i + 1], segments.valid[i : i + 1]) for i in range(len(segments))]


def peaks(folder: Path, precisions: tuple[str, ...], say: Callable[[str], object]) -> dict[str, float]:
    """Return APEX's peak memory in GB for the longest song, by precision."""
    longest, found = make_song(folder, LENGTHS[-1]), {}
    for name in precisions:
        say(f"peak memory of a 10-minute song in {name}")
        found[name] = in_own_process(cost, "apex", folder, name, longest).gigabytes
    return found


def judges_costs(folder: Path, chosen: str, say: Callable[[str], object]) -> Iterator[Cost]:
    """Yield the cost of every judge."""
    first, song = make_song(folder, round(SEGMENT_SECONDS)), make_song(folder, SONG_SECONDS)
    for name in REGISTRY:
        say(f"a 3-minute song by {REGISTRY[name].title}")
        yield in_own_process(cost, name, folder, chosen, first, song)


def cost(name: str, folder: Path, chosen: str, *songs: Path) -> Cost:
    """Return the cost of the last of `songs`. Call this in a process of its own.

    The memory is the largest resident memory, including the loading of the judge.
    """
    judge = load_judge(name, folder, chosen)
    seconds = [judge(song).seconds for song in songs][-1]
    # After exec, getrusage still reports the parent's peak, so the peak is read from /proc.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return Cost(name, judge.encoder.precision, seconds, int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9)


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function` in a fresh Python process and return its result."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def matrix_rate(name: str) -> float:
    """Return TFLOP/s of a matrix product of the encoder's size.

    The result is the best of 11 tries of each of torch's two ways.
    """
    shape = 2249, networks.MERT_95M["hidden_size"], networks.MERT_95M["intermediate_size"]
    return kernels.flops_per_second(DTYPES[name], shape, tries=11, ways=(torch.nn.functional.linear, linear)) / 1e12


def timed(action: Callable[[], Any]) -> float:
    """Return the seconds that `action` takes."""
    gc.collect()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def machine() -> dict[str, str]:
    """Return the hardware and software on which the measurement runs."""
    name, instructions = precision.processor()
    return {
        "processor": name,
        "instructions": instructions,
        "threads": str(torch.get_num_threads()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "software": f"Python {platform.python_version()}, torch {torch.__version__}",
    }
